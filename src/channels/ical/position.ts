import { createHash } from 'node:crypto';

/** What a host gave to ask with next time (RFC 9110 §8.8). */
export interface Validators {
  etag: string | null;
  lastModified: string | null;
}

/** Where the last complete pass ended. */
export interface Cursor extends Validators {
  /** Fingerprint of the address: validators of one address mean nothing at another. */
  feed: string;
  contentHash: string;
  /** Of the file's bytes without its stamps: equal means that nothing need be read at all. */
  textHash: string;
}

/** Where a pass stands in one content of the file; another content has other pages. */
export interface Checkpoint {
  feed: string;
  contentHash: string;
  offset: number;
}

/** Raised when the same file would be read differently, so that every feed is read anew. */
const READING_VERSION = 3;

/** Tells one address from another without telling the address, whose secret is in it. */
export const fingerprintOf = (url: string): string =>
  createHash('sha256').update(url).digest('base64url').slice(0, 22);

export const writePosition = (position: Cursor | Checkpoint): string =>
  JSON.stringify({ version: READING_VERSION, ...position });

const STAMP = Buffer.from('\nDTSTAMP');
const LINE_END = 0x0a;

/**
 * Of a file as it came, read in a zone, with its DTSTAMP lines left out: many hosts put the time of
 * the download there (RFC 5545 §3.8.7.2), and nothing we keep depends on it.
 */
export function textHashOf(body: Uint8Array, zone: string): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const kept = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let from = 0;
  for (let at = bytes.indexOf(STAMP); at >= 0; at = bytes.indexOf(STAMP, from)) {
    length += bytes.copy(kept, length, from, at + 1);
    const end = bytes.indexOf(LINE_END, at + 1);
    from = end < 0 ? bytes.length : end;
    if (end < 0) break;
  }
  length += bytes.copy(kept, length, from);
  const hash = createHash('sha256').update(zone).update('\n');
  return hash.update(kept.subarray(0, length)).digest('base64url');
}

/** Null when it was not written by this version of the reading. */
export function readCursor(text: string): Cursor | null {
  const { feed, contentHash, textHash, etag, lastModified } = fieldsOf(text);
  if (typeof feed !== 'string' || typeof contentHash !== 'string') return null;
  if (typeof textHash !== 'string') return null;
  const validators = { etag: textOrNull(etag), lastModified: textOrNull(lastModified) };
  return { feed, contentHash, textHash, ...validators };
}

export function readCheckpoint(text: string): Checkpoint | null {
  const { feed, contentHash, offset } = fieldsOf(text);
  if (typeof feed !== 'string' || typeof contentHash !== 'string') return null;
  return Number.isSafeInteger(offset) ? { feed, contentHash, offset: Number(offset) } : null;
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

type Fields = Partial<Record<'version' | keyof Cursor | keyof Checkpoint, unknown>>;

function fieldsOf(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    const fields: Fields = typeof value === 'object' && value !== null ? value : {};
    return fields.version === READING_VERSION ? fields : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
