import { createHash } from 'node:crypto';
import type { Change, NeutralEvent, WithheldItem } from '../../domain/event.ts';
import { storableChange, storableWithheld } from '../../domain/storable.ts';
import type { Item } from './item.ts';
import { markerOf } from './marker.ts';
import { daysIn, instantIn, isDaysLong, timedIn, zoneNamed } from './times.ts';
import type { Span } from './times.ts';

/** How the days of a series are read; its occurrences do not tell themselves. */
export interface Frame {
  isAllDay: boolean;
  zone: string | null;
}

export interface Reading {
  /** The calendar's own. */
  zone: string;
  frames: ReadonlyMap<string, Frame>;
  /** Set where occurrences come without their series, so that each speaks for itself. */
  wholeOccurrences?: boolean;
}

/** Graph's events as changes; what cannot be understood is withheld. */
export function mapItems(
  items: readonly Item[],
  reading: Reading,
): { changes: Change[]; withheld: WithheldItem[] } {
  const changes: Change[] = [];
  const withheld: WithheldItem[] = [];
  for (const item of items) {
    const mapped = mapItem(item, reading);
    if ('kind' in mapped) changes.push(storableChange(mapped, digest));
    else withheld.push(storableWithheld(mapped, digest));
  }
  return { changes, withheld };
}

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * `@removed` says that an entry is gone or lies outside the window now: for our copy of the window
 * both are the same. A cancelled meeting stays in the calendar until its owner removes it.
 */
export function mapItem(item: Item, reading: Reading): Change | WithheldItem {
  if (typeof item.id !== 'string' || item.id === '')
    return { nativeId: standInId(item), reason: 'no-id', event: null };
  if (item['@removed']) return { kind: 'removed', nativeId: item.id };
  const [startAt, endAt] = [instantIn(item.start), instantIn(item.end)];
  const bare = { ...factsOf(item, item.id, reading), start: null, end: null };
  if (startAt === null) return { nativeId: item.id, reason: 'bad-start', event: null };
  const known = { startAt, endAt: endAt ?? startAt };
  const event = { ...bare, ...timesOf(item, known, reading) };
  if (endAt !== null && endAt >= startAt) return { kind: 'upsert', event };
  const reason = endAt === null ? 'bad-end' : 'end-before-start';
  return { nativeId: item.id, reason, event: { ...event, end: event.start } };
}

/**
 * Whole days are read as days. A bare occurrence says only instants: unless its series is known to be
 * timed, they are days where they begin and end at the calendar's own midnight, or at its series'.
 */
function timesOf(
  item: Item,
  span: Span,
  { zone, frames }: Reading,
): Pick<NeutralEvent, 'start' | 'end'> {
  const own = zoneNamed(item.originalStartTimeZone);
  if (item.type !== 'occurrence') {
    const days = item.isAllDay === true ? daysIn(span, [own, zone, 'UTC']) : null;
    const [start, end] = days ?? timedIn(span, own);
    return { start, end };
  }
  const frame =
    item.isAllDay === undefined
      ? frames.get(item.seriesMasterId ?? '')
      : { isAllDay: item.isAllDay, zone: own };
  const mayBeDays = frame?.isAllDay !== false && isDaysLong(span);
  const zones = [zone, ...(frame ? [frame.zone, 'UTC'] : [])];
  const [start, end] = (mayBeDays ? daysIn(span, zones) : null) ?? timedIn(span, null);
  return { start, end };
}

function factsOf(
  item: Item,
  nativeId: string,
  { wholeOccurrences }: Reading,
): Omit<NeutralEvent, 'start' | 'end'> {
  const isOccurrence = item.type === 'occurrence';
  const isMember = isOccurrence || item.type === 'exception';
  // Skeletal members say when they are and nothing else.
  const inherits = isMember && (item.showAs === undefined || (isOccurrence && !wholeOccurrences));
  return {
    nativeId,
    uid: isMember ? null : (item.iCalUId ?? null),
    seriesId: isMember ? (item.seriesMasterId ?? null) : null,
    originalStart: item.type === 'exception' ? instantText(item.originalStart) : null,
    ...(inherits ? OPAQUE : natureOf(item)),
    recurrence: [],
    thisAndFuture: false,
    sequence: 0,
    etag: item['@odata.etag'] ?? null,
    updatedAt: isoOf(item.lastModifiedDateTime),
    ...(item.type === 'seriesMaster' ? { isListed: true as const } : {}),
    ...(inherits ? { inherits: true as const } : {}),
    marker: markerOf(item),
  };
}

type Nature = Pick<NeutralEvent, 'status' | 'transparency' | 'kind'>;

const OPAQUE: Nature = { status: 'confirmed', transparency: 'opaque', kind: 'default' };

/** An unknown `showAs` takes time: an error on that side cannot sell a place twice. */
function natureOf(item: Item): Nature {
  const isDeclined = item.responseStatus?.response === 'declined';
  return {
    status: item.isCancelled
      ? 'cancelled'
      : item.showAs === 'tentative'
        ? 'tentative'
        : 'confirmed',
    transparency: isDeclined || item.showAs === 'free' ? 'transparent' : 'opaque',
    kind: isDeclined ? 'not-taken' : kindOf(item.showAs),
  };
}

function kindOf(showAs: Item['showAs']): NeutralEvent['kind'] {
  if (showAs === 'oof') return 'out-of-office';
  return showAs === 'workingElsewhere' ? 'working-elsewhere' : 'default';
}

function isoOf(text: string | null | undefined): string | null {
  const at = Date.parse(text ?? '');
  return Number.isFinite(at) ? new Date(at).toISOString() : null;
}

function instantText(text: string | null | undefined): NeutralEvent['originalStart'] {
  const at = isoOf(text);
  return at === null ? null : { kind: 'utc', at };
}

const standInId = (item: Item): string => `unnamed-${digest(JSON.stringify(item)).slice(0, 32)}`;
