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
}

/** Where a pass stands in one content of the file; another content has other pages. */
export interface Checkpoint {
  feed: string;
  contentHash: string;
  offset: number;
}

/** Raised when the same file would be read differently, so that every feed is read anew. */
const READING_VERSION = 2;

/** Tells one address from another without telling the address, whose secret is in it. */
export const fingerprintOf = (url: string): string =>
  createHash('sha256').update(url).digest('base64url').slice(0, 22);

export const writePosition = (position: Cursor | Checkpoint): string =>
  JSON.stringify({ version: READING_VERSION, ...position });

/** Null when it was not written by this version of the reading. */
export function readCursor(text: string): Cursor | null {
  const { feed, contentHash, etag, lastModified } = fieldsOf(text);
  if (typeof feed !== 'string' || typeof contentHash !== 'string') return null;
  return { feed, contentHash, etag: textOrNull(etag), lastModified: textOrNull(lastModified) };
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
