import { createHash } from 'node:crypto';
import type { Calendar } from '../channel-provider.ts';
import type { Member } from './listing.ts';

/** Where the last complete pass ended at a server that keeps sync tokens (RFC 6578). */
export interface TokenCursor {
  kind: 'token';
  token: string;
  /** It has answered 507, so it can be asked for less. */
  limits: boolean;
  /** A lower bound of how many members the collection has: tells a whole listing from a change. */
  members: number;
  /** When the token was made, in epoch milliseconds. */
  madeAt: number;
  /** See owner.ts; as the last whole listing found them. */
  owner: string[];
}

/** Where it ended at a server without: what the collection looked like. */
export interface DigestCursor {
  kind: 'digest';
  ctag: string | null;
  /** Of every href with its etag; null where a member has no etag, so that nothing is believed. */
  digest: string | null;
  /** When the members were last listed, in epoch milliseconds. */
  listedAt: number;
}

export type Cursor = TokenCursor | DigestCursor;

/** A pass between two pages. */
export interface Checkpoint {
  /** Absence counts in this pass. */
  isWhole: boolean;
  /** The listing under way is asked with this token; empty for everything, null for an etag listing. */
  ask: string | null;
  /** What its members were when it was first answered; null before that. */
  listing: { digest: string; isTruncated: boolean } | null;
  /** The last member read. */
  after: string | null;
  /** Where the pass ends, as the first answer said; a later one may tell less. */
  next: Cursor | null;
  limits: boolean;
  /** Members that earlier listings of this pass had. */
  members: number;
  /** IANA; the calendar's own, read once a whole pass. */
  zone: string | null;
  /** See owner.ts. */
  owner: string[];
}

/** Raised when the same resource would be read differently, so that every calendar is read anew. */
const READING_VERSION = 2;

/** A position is worth nothing at another calendar. */
const shapeOf = ({ id }: Calendar): string =>
  createHash('sha256').update(`${READING_VERSION} ${id}`).digest('base64url').slice(0, 16);

export const writePosition = (calendar: Calendar, position: Cursor | Checkpoint): string =>
  JSON.stringify({ shape: shapeOf(calendar), ...position });

/** Null when it was not written for this calendar by this version of the reading. */
export function readCursor(text: string, calendar: Calendar): Cursor | null {
  const fields = fieldsOf(text, calendar);
  return fields && isCursor(fields) ? fields : null;
}

export function readCheckpoint(text: string, calendar: Calendar): Checkpoint | null {
  const fields = fieldsOf(text, calendar);
  if (!fields || typeof fields['isWhole'] !== 'boolean') return null;
  return 'ask' in fields && 'after' in fields && 'next' in fields
    ? (fields as unknown as Checkpoint)
    : null;
}

const isCursor = (fields: Record<string, unknown>): fields is Record<string, unknown> & Cursor =>
  fields['kind'] === 'digest' ||
  (fields['kind'] === 'token' && typeof fields['token'] === 'string');

function fieldsOf(text: string, calendar: Calendar): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const fields = { ...value } as Record<string, unknown>;
    return fields['shape'] === shapeOf(calendar) ? fields : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export const digestOf = (lines: readonly string[]): string =>
  createHash('sha256').update(lines.join('\n')).digest('base64url').slice(0, 22);

/** Which members a listing has, whatever they hold. */
export const namesDigest = (members: readonly Member[]): string =>
  digestOf(members.map(({ id, isGone }) => (isGone ? `-${id}` : `+${id}`)));

/** What the members are; null when one of them has no etag. */
export const contentDigest = (members: readonly Member[]): string | null =>
  members.every(({ etag }) => etag !== null)
    ? digestOf(members.map(({ id, etag }) => `${id} ${etag}`))
    : null;
