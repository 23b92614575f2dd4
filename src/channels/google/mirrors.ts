import { createHash } from 'node:crypto';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/v3.js';
import type { ChannelProvider, MirrorEvent, Written } from '../channel-provider.ts';
import type { NeutralEvent } from '../../domain/event.ts';
import { Failure } from '../../domain/failure.ts';
import { subjectOfMarker } from '../../domain/mirror.ts';
import { asked, googleClient } from './client.ts';
import type { GoogleSettings } from './client.ts';
import { EVENT_FIELDS, mapItem, MARKER_PROPERTY } from './mapping.ts';

type Input<K extends 'write' | 'remove' | 'read'> = Parameters<ChannelProvider[K]>[0];

const isKind = (error: unknown, kind: Failure['kind']): boolean =>
  error instanceof Failure && error.kind === kind;

/**
 * Insert under an id of our own, so that a repeated insert is refused as a duplicate, not doubled;
 * update under `If-Match`. Throws `conflict`: `conditionNotMet` when the event changed meanwhile,
 * `id-spent` when an event of this id was deleted, `id-taken` when it is not ours.
 */
export async function write(settings: GoogleSettings, input: Input<'write'>): Promise<Written> {
  const eventId = nativeIdOf(input.id, input.generation);
  if (input.ifMatch !== null) return update(settings, input, { eventId, ifMatch: input.ifMatch });
  try {
    const data = await asked(
      settings,
      googleClient(settings, input.access).events.insert({
        calendarId: input.calendar.id,
        sendUpdates: 'none',
        fields: 'id,etag',
        requestBody: { id: eventId, ...bodyOf(input.event) },
      }),
    );
    return { nativeId: eventId, etag: data.etag ?? null };
  } catch (error) {
    if (isKind(error, 'conflict')) return takeOver(settings, input, eventId);
    throw error;
  }
}

/** Lower-case hex is within the letters Google allows in an id (events resource, `id`). */
export const nativeIdOf = (id: string, generation: number): string =>
  createHash('sha256').update(`${id}:${generation}`).digest('hex');

/** The id exists: an insert of ours whose answer was lost, or one that was deleted since. */
async function takeOver(
  settings: GoogleSettings,
  input: Input<'write'>,
  eventId: string,
): Promise<Written> {
  const there = await find(settings, { ...input, nativeId: eventId });
  if (!there || there.status === 'cancelled')
    throw new Failure({ kind: 'conflict', code: 'id-spent' });
  const marker = there.extendedProperties?.private?.[MARKER_PROPERTY];
  if (!marker || subjectOfMarker(marker) !== subjectOfMarker(input.event.marker))
    throw new Failure({ kind: 'conflict', code: 'id-taken' });
  return update(settings, input, { eventId, ifMatch: there.etag ?? null });
}

async function update(
  settings: GoogleSettings,
  input: Input<'write'>,
  { eventId, ifMatch }: { eventId: string; ifMatch: string | null },
): Promise<Written> {
  const data = await asked(
    settings,
    googleClient(settings, input.access).events.update(
      {
        calendarId: input.calendar.id,
        eventId,
        sendUpdates: 'none',
        fields: 'id,etag',
        requestBody: bodyOf(input.event),
      },
      ifMatch === null ? {} : { headers: { 'If-Match': ifMatch } },
    ),
  );
  return { nativeId: eventId, etag: data.etag ?? null };
}

function bodyOf(event: MirrorEvent): calendar_v3.Schema$Event {
  return {
    summary: event.summary,
    start: { dateTime: event.startAt },
    end: { dateTime: event.endAt },
    status: event.status,
    transparency: 'opaque',
    extendedProperties: { private: { [MARKER_PROPERTY]: event.marker } },
  };
}

export async function remove(settings: GoogleSettings, input: Input<'remove'>): Promise<void> {
  const eventId = input.nativeId ?? nativeIdOf(input.id, input.generation);
  try {
    await asked(
      settings,
      googleClient(settings, input.access).events.delete(
        { calendarId: input.calendar.id, eventId, sendUpdates: 'none' },
        input.ifMatch === null ? {} : { headers: { 'If-Match': input.ifMatch } },
      ),
    );
  } catch (error) {
    // 404, and 410 `deleted`: gone is what was asked for.
    if (!isKind(error, 'not-found')) throw error;
  }
}

/** Null when the event is not there any more. Throws `invalid` when it cannot be understood. */
export async function read(
  settings: GoogleSettings,
  input: Input<'read'>,
): Promise<NeutralEvent | null> {
  const item = await find(settings, input);
  if (!item) return null;
  const mapped = mapItem(item, input.calendar.timeZone);
  if (!('kind' in mapped)) throw new Failure({ kind: 'invalid', code: mapped.reason });
  return mapped.kind === 'upsert' ? mapped.event : null;
}

async function find(
  settings: GoogleSettings,
  { access, calendar, nativeId }: Input<'read'>,
): Promise<calendar_v3.Schema$Event | null> {
  try {
    const data = await asked(
      settings,
      googleClient(settings, access).events.get({
        calendarId: calendar.id,
        eventId: nativeId,
        fields: EVENT_FIELDS,
      }),
    );
    return data;
  } catch (error) {
    if (isKind(error, 'not-found')) return null;
    throw error;
  }
}
