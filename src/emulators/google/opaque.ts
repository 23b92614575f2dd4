import { createHash } from 'node:crypto';

/**
 * Tokens that look like Google's: base64 of numbered variable-length integers. Clients must not look
 * inside; we keep what a token is bound to there, so that minting one stores nothing.
 */
export function sealNumbers(fields: readonly number[]): string {
  const bytes: number[] = [];
  fields.forEach((value, index) => {
    bytes.push((index + 1) << 3);
    let rest = BigInt(value);
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
  });
  return Buffer.from(bytes).toString('base64');
}

/** The numbers of a token, or undefined when it is not exactly one that we could have sealed. */
export function openNumbers(token: string): number[] | undefined {
  const bytes = Buffer.from(token.replaceAll('-', '+').replaceAll('_', '/'), 'base64');
  const fields: number[] = [];
  let position = 0;
  while (position < bytes.length) {
    if (bytes[position] !== (fields.length + 1) << 3) return undefined;
    position += 1;
    let value = 0n;
    for (let shift = 0n; position < bytes.length; shift += 7n) {
      const byte = bytes[position]!;
      position += 1;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    fields.push(Number(value));
  }
  const canonical = fields.every(Number.isSafeInteger) ? sealNumbers(fields) : undefined;
  return canonical?.replaceAll('=', '') === token.replaceAll('=', '') ? fields : undefined;
}

/** 32 bits that stand for a text inside a token. */
export function fingerprint(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** `length` letters that stand for a text: the same for the same text. */
export function spellOpaque(text: string, length: number): string {
  const digest = createHash('sha512').update(text).digest();
  return Array.from({ length }, (_, at) => letters[digest[at % 64]! % 64]!).join('');
}
