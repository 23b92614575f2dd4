import { createCipheriv, createDecipheriv, randomBytes, type DecipherGCM } from 'node:crypto';

/**
 * Sealing of credentials, cursors and guest data: AES-256-GCM (NIST SP 800-38D), one random
 * 96-bit nonce per seal. Envelope: version (1 byte) ‖ key id length (1) ‖ key id ‖ nonce (12) ‖
 * tag (16) ‖ ciphertext. The place a value belongs to (tenant, table, row) is associated data, so a
 * value moved to another row does not open.
 */
export interface Keyring {
  /** Seals new values. */
  currentId: string;
  keys: ReadonlyMap<string, Uint8Array>;
}

export interface Vault {
  seal(place: Place, plain: string): Buffer;
  open(place: Place, sealed: Uint8Array): string;
  /** True when the value was sealed with an older key and should be sealed again. */
  isStale(sealed: Uint8Array): boolean;
}

export type Place = readonly [tenantId: string, table: string, rowId: string];

const VERSION = 1;

/** Parses `id:base64,id:base64`; the first key seals, every key opens. */
export function parseKeyring(text: string): Keyring {
  const keys = new Map<string, Uint8Array>();
  for (const entry of text.split(',')) {
    const [id = '', encoded = ''] = entry.trim().split(':', 2);
    const key = Buffer.from(encoded, 'base64');
    if (!/^[A-Za-z0-9_-]{1,32}$/.test(id) || key.length !== 32)
      throw new TypeError('each key must be `id:` followed by the base64 of 32 bytes');
    if (keys.has(id)) throw new TypeError(`the key id ${id} is there twice`);
    keys.set(id, key);
  }
  const [currentId] = keys.keys();
  if (currentId === undefined) throw new TypeError('needs at least one key');
  return { currentId, keys };
}

export function createVault(keyring: Keyring): Vault {
  return {
    seal(place, plain) {
      const nonce = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', keyOf(keyring, keyring.currentId), nonce);
      cipher.setAAD(associated(place));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      const id = Buffer.from(keyring.currentId);
      const head = Buffer.from([VERSION, id.length]);
      return Buffer.concat([head, id, nonce, cipher.getAuthTag(), body]);
    },
    open(place, sealed) {
      const { keyId, bodyAt, bytes } = readEnvelope(sealed);
      const nonce = bytes.subarray(bodyAt, bodyAt + 12);
      const decipher = createDecipheriv('aes-256-gcm', keyOf(keyring, keyId), nonce);
      decipher.setAAD(associated(place));
      decipher.setAuthTag(bytes.subarray(bodyAt + 12, bodyAt + 28));
      const body = decipher.update(bytes.subarray(bodyAt + 28));
      return Buffer.concat([body, authenticated(decipher)]).toString('utf8');
    },
    isStale: (sealed) => readEnvelope(sealed).keyId !== keyring.currentId,
  };
}

function authenticated(decipher: DecipherGCM): Buffer {
  try {
    return decipher.final();
  } catch (cause) {
    throw new Error(
      'A sealed value does not open: it was changed, moved from another row, or sealed with ' +
        'another key of the same id. Check HOLDFAST_KEYRING.',
      { cause },
    );
  }
}

const associated = (place: Place): Buffer => Buffer.from(JSON.stringify(place));

function keyOf(keyring: Keyring, id: string): Uint8Array {
  const key = keyring.keys.get(id);
  if (!key) throw new Error(`No sealing key "${id}": add it to HOLDFAST_KEYRING.`);
  return key;
}

function readEnvelope(sealed: Uint8Array): { keyId: string; bodyAt: number; bytes: Buffer } {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const idLength = bytes[1];
  if (bytes[0] !== VERSION || idLength === undefined || bytes.length < 2 + idLength + 28)
    throw new Error('Not a sealed value of this version.');
  const bodyAt = 2 + idLength;
  return { keyId: bytes.toString('utf8', 2, bodyAt), bodyAt, bytes };
}
