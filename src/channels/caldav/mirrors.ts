import { createHash } from 'node:crypto';
import { createObject, deleteObject, updateObject } from 'tsdav';
import { instantOf } from '../../calendar/zones.ts';
import { composeEvent } from '../../calendar/write.ts';
import type { NeutralEvent } from '../../domain/event.ts';
import { Failure } from '../../domain/failure.ts';
import { subjectOfMarker } from '../../domain/mirror.ts';
import type { ChannelProvider, MirrorEvent, Written } from '../channel-provider.ts';
import { invalid, nowOf, openDav, refused } from './dav.ts';
import type { CaldavSettings, Dav, DavAnswer } from './dav.ts';
import { collectionUrl, memberUrl } from './hrefs.ts';
import { mainOf, mapResource } from './mapping.ts';
import { readMember } from './resources.ts';
import { transportOf } from './transport.ts';

type Input<K extends 'write' | 'remove' | 'read'> = Parameters<ChannelProvider[K]>[0];

/** One of our resources in its collection. */
interface Place {
  dav: Dav;
  collection: URL;
  /** The member's id, which is its native id. */
  nativeId: string;
  zone: string;
}

const conflict = (code: string): Failure => new Failure({ kind: 'conflict', code });

/** RFC 9562 §5.8: some servers take only a UUID for the name of a resource, and for its UID. */
export function uidOf(id: string, generation: number): string {
  const hex = createHash('sha256').update(`${id}:${generation}`).digest('hex');
  const variant = ((Number.parseInt(hex[16]!, 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}

export const nativeIdOf = (id: string, generation: number): string =>
  `${uidOf(id, generation)}.ics`;

/**
 * PUT under a name of our own: `If-None-Match: *` makes a repeated create fail instead of doubling,
 * `If-Match` makes an update meet the version it was made for (RFC 4791 §5.3.2). Throws `conflict`:
 * `conditionNotMet` when the entry changed meanwhile, `id-spent` when it is gone or its UID lives on
 * under another name, `id-taken` when it is not ours.
 */
export async function write(settings: CaldavSettings, input: Input<'write'>): Promise<Written> {
  const place = placeOf(settings, { ...input, nativeId: nativeIdOf(input.id, input.generation) });
  if (input.ifMatch !== null) return update(place, input, input.ifMatch);
  const transport = transportOf(place.dav);
  await createObject({
    url: memberUrl(place.nativeId, place.collection).href,
    data: bodyOf(input, nowOf(settings)),
    headers: { 'If-None-Match': '*', 'Content-Type': 'text/calendar; charset=utf-8' },
    fetch: transport.fetch,
  });
  const answer = transport.last();
  if (isDone(answer)) return written(place);
  const failure = refused(place.dav, answer);
  if (failure.kind === 'conflict') return takeOver(place, input);
  throw failure;
}

/** The name or the UID exists: a create of ours whose answer was lost, or something else. */
async function takeOver(place: Place, input: Input<'write'>): Promise<Written> {
  const there = await find(place);
  if (!there) throw conflict('id-spent');
  const isOurs =
    there.uid === uidOf(input.id, input.generation) &&
    there.marker !== null &&
    subjectOfMarker(there.marker) === subjectOfMarker(input.event.marker);
  if (!isOurs) throw conflict('id-taken');
  if (says(there, input.event)) return { nativeId: place.nativeId, etag: there.etag };
  // Without an etag the update cannot be conditional, and might undo somebody's edit.
  if (there.etag === null) throw conflict('conditionNotMet');
  return update(place, input, there.etag);
}

async function update(place: Place, input: Input<'write'>, ifMatch: string): Promise<Written> {
  const transport = transportOf(place.dav);
  await updateObject({
    url: memberUrl(place.nativeId, place.collection).href,
    data: bodyOf(input, nowOf(place.dav.settings)),
    etag: ifMatch,
    headers: { 'Content-Type': 'text/calendar; charset=utf-8' },
    fetch: transport.fetch,
  });
  const answer = transport.last();
  if (isDone(answer)) return written(place);
  const failure = refused(place.dav, answer);
  if (failure.kind !== 'conflict' && failure.kind !== 'not-found') throw failure;
  // An update whose answer was lost meets its own work.
  const there = await find(place);
  if (!there) throw conflict('id-spent');
  if (there.marker === input.event.marker && says(there, input.event))
    return { nativeId: place.nativeId, etag: there.etag };
  throw conflict('conditionNotMet');
}

/** Whether an entry is what we would write. */
function says(there: NeutralEvent, event: MirrorEvent): boolean {
  if (!there.start || !there.end) return false;
  return (
    instantOf(there.start, 'UTC') === Date.parse(event.startAt) &&
    instantOf(there.end, 'UTC') === Date.parse(event.endAt) &&
    there.status === event.status &&
    there.transparency === 'opaque'
  );
}

const isDone = ({ status }: DavAnswer): boolean => [200, 201, 204].includes(status);

/**
 * The etag is read back: a server that stored something else than it was sent gives none, or an old
 * one (RFC 4791 §5.3.4). What cannot be read back now has none either, and no harm is done: the next
 * write then finds the entry by its name.
 */
async function written(place: Place): Promise<Written> {
  const { nativeId } = place;
  try {
    return { nativeId, etag: (await find(place))?.etag ?? null };
  } catch (error) {
    if (error instanceof Failure) return { nativeId, etag: null };
    throw error;
  }
}

const bodyOf = (
  { id, generation, event }: Pick<Input<'write'>, 'id' | 'generation' | 'event'>,
  stampedAt: number,
): string =>
  composeEvent({
    uid: uidOf(id, generation),
    sequence: 0,
    start: { kind: 'utc', at: event.startAt },
    end: { kind: 'utc', at: event.endAt },
    status: event.status,
    summary: event.summary,
    marker: event.marker,
    stampedAt,
  });

/** DELETE; 404 is done. Throws `conflict`: `conditionNotMet` when it changed meanwhile. */
export async function remove(settings: CaldavSettings, input: Input<'remove'>): Promise<void> {
  const nativeId = input.nativeId ?? nativeIdOf(input.id, input.generation);
  const place = placeOf(settings, { ...input, nativeId });
  const transport = transportOf(place.dav);
  await deleteObject({
    url: memberUrl(nativeId, place.collection).href,
    ...(input.ifMatch === null ? {} : { etag: input.ifMatch }),
    fetch: transport.fetch,
  });
  const answer = transport.last();
  if (isDone(answer) || answer.status === 202) return;
  if (answer.status === 404 || answer.status === 410) return;
  // A condition on what is not there fails as well (RFC 9110 §13.1.1), and gone is what was asked for.
  if (answer.status === 412 && input.ifMatch !== null && !(await find(place))) return;
  throw refused(place.dav, answer);
}

/** Null when the entry is not there any more. Throws `invalid` when it cannot be understood. */
export const read = async (
  settings: CaldavSettings,
  input: Input<'read'>,
): Promise<NeutralEvent | null> => find(placeOf(settings, input));

async function find({ dav, collection, nativeId, zone }: Place): Promise<NeutralEvent | null> {
  const [id = '', occurrence] = nativeId.split('#');
  const resource = await readMember(dav, collection, id);
  if (resource === 'refused') throw new Failure({ kind: 'unauthorized', code: 'need-privileges' });
  if (resource === null) return null;
  const mapped = mapResource(resource, { zone, replaces: false });
  const found =
    occurrence === undefined
      ? mainOf(mapped)
      : mapped.changes
          .flatMap((one) => (one.kind === 'upsert' ? [one.event] : []))
          .find((event) => event.nativeId === nativeId);
  if (found) return found;
  const flaw = mapped.withheld[0];
  if (flaw) throw invalid(flaw.reason);
  return null;
}

function placeOf(
  settings: CaldavSettings,
  input: Pick<Input<'read'>, 'access' | 'calendar' | 'nativeId'>,
): Place {
  const { access, calendar, nativeId } = input;
  if (!URL.canParse(calendar.id)) throw invalid('calendar-id');
  const collection = collectionUrl(new URL(calendar.id));
  return { dav: openDav(settings, access), collection, nativeId, zone: calendar.timeZone };
}
