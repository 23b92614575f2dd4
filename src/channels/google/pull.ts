import { createHash } from 'node:crypto';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/v3.js';
import type { PullInput, Pulled } from '../channel-provider.ts';
import { Failure } from '../../domain/failure.ts';
import { failureFrom, readError } from './failures.ts';
import type { GoogleError } from './failures.ts';
import { bodyOf, googleClient, nowOf } from './client.ts';
import type { GoogleSettings } from './client.ts';
import { EVENT_FIELDS, mapItems } from './mapping.ts';

/**
 * What every list request of a feed has in common: Google binds a sync token to it. Series stay
 * whole (`singleEvents=false`): expanded, one touched series comes back as hundreds of instances.
 * `showDeleted` is left out: a first pass needs no tombstones, later ones carry them regardless.
 */
const SHAPE = {
  singleEvents: false,
  maxResults: 500,
  // Of those invited, only the calendar's owner where there are more: nobody else concerns us.
  maxAttendees: 1,
  fields: `nextPageToken,nextSyncToken,timeZone,items(${EVENT_FIELDS})`,
} as const;

/**
 * `timeMin` hides an exception that ends before it, and its series would then show the occurrence at
 * its old place. So a pass reaches back further than asked: an occurrence is seldom moved this far.
 */
const REACH_BACK_MS = 32 * 86_400_000;

/** A cursor has no page token; a checkpoint has one, and a sync token unless it is a first pass's. */
interface Position {
  /** Of the request shape and the calendar; a position is worth nothing to another request. */
  shape: string;
  /** RFC 3339; how far back the feed's first pass reached. */
  timeMin: string;
  syncToken: string | null;
  pageToken: string | null;
}

/**
 * One page of `events.list` (Calendar API guide "Synchronize resources efficiently"). A page may be
 * empty and not the last. Throws `Failure`; a position Google no longer takes is an answer.
 */
export async function pull(settings: GoogleSettings, input: PullInput): Promise<Pulled> {
  const from = startOf(input);
  if ('kind' in from) return from;
  try {
    const client = googleClient(settings, input.access);
    const answer = await client.events.list(requestOf(input, from), { signal: input.signal });
    const page = pageOf(bodyOf(answer), { from, zone: input.calendar.timeZone });
    return { ...page, ageMs: ageOf(answer.headers['age']) };
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    const error = readError(thrown);
    const lost = lostPosition(error, from);
    if (lost) return { kind: 'cursor-lost', what: lost };
    throw failureFrom(error, nowOf(settings));
  }
}

function startOf(input: PullInput): Position | Extract<Pulled, { kind: 'cursor-lost' }> {
  const shape = shapeOf(input.calendar.id);
  const lost = (what: 'checkpoint' | 'cursor') => ({ kind: 'cursor-lost', what }) as const;
  if (input.checkpoint !== null) {
    const at = readPosition(input.checkpoint);
    return at?.shape === shape && at.pageToken !== null ? at : lost('checkpoint');
  }
  if (input.cursor !== null) {
    const at = readPosition(input.cursor);
    const fits = at?.shape === shape && at.syncToken !== null && at.pageToken === null;
    // A window that now reaches back further holds events that this feed never listed.
    return fits && Date.parse(at.timeMin) <= input.window.startAt ? at : lost('cursor');
  }
  const timeMin = new Date(input.window.startAt - REACH_BACK_MS).toISOString();
  return { shape, timeMin, syncToken: null, pageToken: null };
}

function requestOf(input: PullInput, from: Position): calendar_v3.Params$Resource$Events$List {
  return {
    calendarId: input.calendar.id,
    ...SHAPE,
    // The two exclude each other: an incremental list takes no bounds.
    ...(from.syncToken === null ? { timeMin: from.timeMin } : { syncToken: from.syncToken }),
    ...(from.pageToken === null ? {} : { pageToken: from.pageToken }),
  };
}

function pageOf(
  data: calendar_v3.Schema$Events,
  { from, zone }: { from: Position; zone: string },
): Omit<Exclude<Pulled, { kind: 'cursor-lost' }>, 'ageMs'> {
  const { nextPageToken, nextSyncToken, timeZone } = data;
  // A pass that ends without a sync token is no base for a later one, so none is claimed.
  const end = nextSyncToken ? { ...from, syncToken: nextSyncToken, pageToken: null } : null;
  const kind = from.syncToken === null ? 'snapshot' : 'delta';
  return {
    kind: nextPageToken || end ? kind : 'partial',
    ...mapItems(data.items ?? [], timeZone ?? zone),
    nextCursor: nextPageToken || !end ? null : JSON.stringify(end),
    checkpoint: nextPageToken ? JSON.stringify({ ...from, pageToken: nextPageToken }) : null,
    more: Boolean(nextPageToken),
    ...(timeZone ? { timeZone } : {}),
  };
}

/**
 * 410 means that the sync token is spent, with or without a reason; some refusals of it are a 400
 * that names it. Any 400 to a page token is the token's: the same request passed without it.
 */
function lostPosition(error: GoogleError, from: Position): 'checkpoint' | 'cursor' | null {
  const spent = error.status === 410 && error.location !== 'pageToken';
  const refused =
    error.status === 400 && error.location === 'syncToken' && error.reason === 'invalid';
  if ((spent || refused) && from.syncToken !== null) return 'cursor';
  const ofPage = error.status === 400 || error.status === 410;
  return ofPage && from.pageToken !== null ? 'checkpoint' : null;
}

const shapeOf = (calendarId: string): string =>
  createHash('sha256')
    .update(JSON.stringify([calendarId, SHAPE]))
    .digest('hex')
    .slice(0, 16);

/** Null for what is no position of ours, such as one that an older version wrote. */
function readPosition(text: string): Position | null {
  try {
    const value = JSON.parse(text) as Partial<Record<keyof Position, unknown>> | null;
    if (!value || typeof value.shape !== 'string' || typeof value.timeMin !== 'string') return null;
    const { shape, timeMin, syncToken, pageToken } = value;
    return { shape, timeMin, syncToken: tokenOf(syncToken), pageToken: tokenOf(pageToken) };
  } catch {
    return null;
  }
}

const tokenOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** RFC 9111 §5.1: whole seconds. */
const ageOf = (header: string | undefined): number =>
  header !== undefined && /^\d+$/.test(header) ? Number(header) * 1000 : 0;
