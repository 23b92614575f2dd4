import type { ChannelProvider, MirrorEvent, Written } from '../channel-provider.ts';
import type { NeutralEvent } from '../../domain/event.ts';
import { Failure } from '../../domain/failure.ts';
import { subjectOfMarker } from '../../domain/mirror.ts';
import { addressOf, asked, bodyOf, calendarPath, isFine, nowOf, send, valueOf } from './client.ts';
import type { GraphAnswer, MicrosoftSettings } from './client.ts';
import { failureFrom, readError, saysCode } from './failures.ts';
import { ITEM_FIELDS } from './item.ts';
import type { Item } from './item.ts';
import { mapItem } from './mapping.ts';
import {
  EXPAND_MARKER,
  filterByKey,
  markerOf,
  mirrorKey,
  propertiesOf,
  transactionIdOf,
} from './marker.ts';
import { findItem, found } from './series.ts';

type Input<K extends 'write' | 'remove' | 'read'> = Parameters<ChannelProvider[K]>[0];

/**
 * Graph names events itself, so the one of a mirror is looked for by our property first: create
 * where it is not, update where it is, under `If-Match` both. A create whose answer was lost and
 * that is not found yet is refused by its `transactionId`. Throws `conflict`: `conditionNotMet` when
 * the event changed meanwhile, `id-spent` when it was deleted, `id-taken` when it is not ours.
 */
export async function write(settings: MicrosoftSettings, input: Input<'write'>): Promise<Written> {
  const there = await findMirror(settings, input);
  if (there) return update(settings, input, there);
  if (input.ifMatch !== null) throw new Failure({ kind: 'conflict', code: 'id-spent' });
  const { event, generation } = input;
  const answer = await send(settings, input.access, {
    method: 'POST',
    url: addressOf(settings, `${calendarPath(input.calendar.id)}/events`),
    body: {
      ...bodyFor(input),
      transactionId: transactionIdOf(input.calendar.id, event.marker, generation),
    },
  });
  if (isFine(answer)) return written(bodyOf(answer));
  const error = readError(answer);
  if (!saysCode(error, 'errorduplicatetransactionid')) throw failureFrom(error, nowOf(settings));
  const first = await findFirst(settings, input, answer);
  if (!first) throw new Failure({ kind: 'conflict', code: 'id-spent' });
  return update(settings, input, first);
}

/** The event that an earlier request under this `transactionId` made; null when it is gone. */
async function findFirst(
  settings: MicrosoftSettings,
  input: Input<'write'>,
  refusal: GraphAnswer,
): Promise<Item | null> {
  const { event, generation } = input;
  const error = refusal.data?.['error'] as Record<string, unknown> | undefined;
  const named = error?.['@event.existingEventId'];
  const byName =
    typeof named === 'string'
      ? await findItem(settings, input, { nativeId: named, fields: ITEM_FIELDS, ...WITH_MARKER })
      : null;
  if (byName) return byName;
  const byKey = await findMirror(settings, input);
  if (byKey) return byKey;
  const url = addressOf(settings, `${calendarPath(input.calendar.id)}/calendarView`, {
    startDateTime: event.startAt,
    endDateTime: event.endAt,
    $top: 200,
    $select: ITEM_FIELDS,
  });
  const listed = valueOf<Item>(await asked(settings, input.access, { url }));
  const wanted = transactionIdOf(input.calendar.id, event.marker, generation);
  return listed.find(({ transactionId }) => transactionId === wanted) ?? null;
}

const WITH_MARKER = { expand: EXPAND_MARKER };

async function findMirror(
  settings: MicrosoftSettings,
  {
    access,
    calendar,
    id,
    generation,
  }: Pick<Input<'write'>, 'access' | 'calendar' | 'id' | 'generation'>,
): Promise<Item | null> {
  const url = addressOf(settings, `${calendarPath(calendar.id)}/events`, {
    $filter: filterByKey(mirrorKey(id, generation)),
    $expand: EXPAND_MARKER,
    $select: ITEM_FIELDS,
  });
  return valueOf<Item>(await asked(settings, access, { url }))[0] ?? null;
}

async function update(
  settings: MicrosoftSettings,
  input: Input<'write'>,
  there: Item,
): Promise<Written> {
  if (typeof there.id !== 'string') throw new Failure(UNREADABLE);
  const marker = markerOf(there);
  if (marker === null || subjectOfMarker(marker) !== subjectOfMarker(input.event.marker))
    throw new Failure({ kind: 'conflict', code: 'id-taken' });
  const path = `${calendarPath(input.calendar.id)}/events/${encodeURIComponent(there.id)}`;
  const body = await asked(settings, input.access, {
    method: 'PATCH',
    url: addressOf(settings, path),
    ifMatch: input.ifMatch ?? there['@odata.etag'] ?? null,
    body: bodyFor(input),
  });
  return written(body);
}

const UNREADABLE = { kind: 'unavailable', code: 'unreadable-answer' } as const;

function written({ id, ...body }: Record<string, unknown>): Written {
  if (typeof id !== 'string') throw new Failure(UNREADABLE);
  const etag = body['@odata.etag'];
  return { nativeId: id, etag: typeof etag === 'string' ? etag : null };
}

function bodyFor({ id, generation, event }: Input<'write'>): Record<string, unknown> {
  return {
    subject: event.summary,
    start: { dateTime: wallIn(event.startAt), timeZone: 'UTC' },
    end: { dateTime: wallIn(event.endAt), timeZone: 'UTC' },
    showAs: event.status === 'tentative' ? 'tentative' : 'busy',
    isAllDay: false,
    isReminderOn: false,
    singleValueExtendedProperties: propertiesOf(event.marker, mirrorKey(id, generation)),
  };
}

const wallIn = (at: MirrorEvent['startAt']): string => new Date(at).toISOString().slice(0, -1);

export async function remove(settings: MicrosoftSettings, input: Input<'remove'>): Promise<void> {
  const nativeId = input.nativeId ?? (await findMirror(settings, input))?.id;
  if (nativeId === undefined) return;
  const path = `${calendarPath(input.calendar.id)}/events/${encodeURIComponent(nativeId)}`;
  // 404: gone is what was asked for.
  await found(
    asked(settings, input.access, {
      method: 'DELETE',
      url: addressOf(settings, path),
      ifMatch: input.ifMatch,
    }),
  );
}

/** Null when the event is not there any more. Throws `invalid` when it cannot be understood. */
export async function read(
  settings: MicrosoftSettings,
  input: Input<'read'>,
): Promise<NeutralEvent | null> {
  const item = await findItem(settings, input, {
    nativeId: input.nativeId,
    fields: ITEM_FIELDS,
    ...WITH_MARKER,
  });
  if (!item) return null;
  const mapped = mapItem(item, { zone: input.calendar.timeZone, frames: new Map() });
  if (!('kind' in mapped)) throw new Failure({ kind: 'invalid', code: mapped.reason });
  return mapped.kind === 'upsert' ? mapped.event : null;
}
