import { createHash } from 'node:crypto';

/** A version 5 UUID (RFC 9562 §5.5). `namespace` is a UUID, or any text hashed into one. */
export function uuidV5(namespace: string, name: string): string {
  const space = /^[0-9a-f-]{36}$/.test(namespace)
    ? Buffer.from(namespace.replaceAll('-', ''), 'hex')
    : Buffer.from(uuidV5(HOLDFAST_SPACE, namespace).replaceAll('-', ''), 'hex');
  const bytes = createHash('sha1').update(space).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Fixed for ever: booking ids follow from it. */
const HOLDFAST_SPACE = '5f0c1b8e-6d0f-4d27-9a53-2f6f7f1e9c44';

/** The same key of one tenant is always the same booking. */
export const bookingIdOf = (tenantId: string, key: string): string =>
  uuidV5(`tenant/${tenantId}`, key);

/** Keys sorted at every depth, so that two spellings of one object are one text. */
export const canonicalJson = (value: unknown): string =>
  JSON.stringify(value, (_key, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  ) ?? '';
