import { createHash } from 'node:crypto';
import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/v3.js';
import { localText, readWall } from '../../calendar/civil.ts';
import { instantOf, instantToWall, zoneIsKnown } from '../../calendar/zones.ts';
import type { Change, NeutralEvent, WallTime, WithheldItem } from '../../domain/event.ts';
import { storableChange, storableWithheld } from '../../domain/storable.ts';

/** The private extended property that carries our marker. */
export const MARKER_PROPERTY = 'holdfast';

/** What of an event is asked for: what blocks time and what tells versions apart, no more. */
export const EVENT_FIELDS = [
  'id,etag,status,updated,start,end,recurrence,recurringEventId,originalStartTime',
  'iCalUID,sequence,eventType,transparency,extendedProperties/private',
  'attendees(self,responseStatus)',
].join(',');

type Item = calendar_v3.Schema$Event;

/** Google's events as changes; what cannot be understood is withheld. `zone` is the calendar's. */
export function mapItems(
  items: readonly Item[],
  zone: string,
): { changes: Change[]; withheld: WithheldItem[] } {
  const changes: Change[] = [];
  const withheld: WithheldItem[] = [];
  for (const item of items) {
    const mapped = mapItem(item, zone);
    if ('kind' in mapped) changes.push(storableChange(mapped, digest));
    else withheld.push(storableWithheld(mapped, digest));
  }
  return { changes, withheld };
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * A cancelled exception of a series stays an entry, since it takes its occurrence out; any other
 * cancelled event is gone (events resource, `status`: only its id is certain then).
 */
export function mapItem(item: Item, zone: string): Change | WithheldItem {
  if (!item.id) return { nativeId: standInId(item), reason: 'no-id', event: null };
  if (item.status === 'cancelled') return mapCancelled(item, item.id, zone);
  const event: NeutralEvent = { ...identityOf(item, item.id, zone), recurrence: rulesOf(item) };
  const reason = flawOf(item, event);
  if (!reason) return { kind: 'upsert', event };
  return { nativeId: item.id, reason, event: understoodPart(event) };
}

function mapCancelled(item: Item, nativeId: string, zone: string): Change | WithheldItem {
  if (!item.recurringEventId) return { kind: 'removed', nativeId };
  const event = { ...identityOf(item, nativeId, zone), start: null, end: null };
  if (event.originalStart) return { kind: 'upsert', event };
  return { nativeId, reason: 'bad-original-start', event: null };
}

function identityOf(item: Item, nativeId: string, zone: string): NeutralEvent {
  const expands = (item.recurrence ?? []).length > 0;
  return {
    nativeId,
    uid: item.iCalUID ?? null,
    seriesId: item.recurringEventId ?? null,
    originalStart: wallTime(item.originalStartTime, { zone, expands: false }),
    status: statusOf(item.status),
    transparency: takesTime(item) ? 'opaque' : 'transparent',
    kind: kindOf(item),
    start: wallTime(item.start, { zone, expands }),
    end: wallTime(item.end, { zone, expands }),
    recurrence: [],
    thisAndFuture: false,
    sequence: item.sequence ?? 0,
    etag: item.etag ?? null,
    updatedAt: item.updated ?? null,
    marker: item.extendedProperties?.private?.[MARKER_PROPERTY] ?? null,
  };
}

/** An unknown status takes time: an error on that side cannot sell a place twice. */
const statusOf = (status: string | null | undefined): NeutralEvent['status'] =>
  status === 'cancelled' || status === 'tentative' ? status : 'confirmed';

function kindOf(item: Item): NeutralEvent['kind'] {
  if (isNotTaken(item)) return 'not-taken';
  if (item.eventType === 'outOfOffice') return 'out-of-office';
  return item.eventType === 'workingLocation' ? 'working-elsewhere' : 'default';
}

/** An invitation that the calendar's owner declined stays in the calendar; a birthday is a note. */
const isNotTaken = (item: Item): boolean =>
  item.eventType === 'birthday' ||
  (item.attendees?.some((one) => one.self && one.responseStatus === 'declined') ?? false);

/** Where a person works says nothing about time taken, unless a connection's settings say so. */
const takesTime = (item: Item): boolean =>
  item.transparency !== 'transparent' && !isNotTaken(item) && item.eventType !== 'workingLocation';

/**
 * A date, or an instant with the zone the event is kept in. Rules expand in that zone. Google writes
 * `dateTime` with the offset of the zone the request asked for, so the instant is read first.
 */
function wallTime(
  time: calendar_v3.Schema$EventDateTime | null | undefined,
  { zone, expands }: { zone: string; expands: boolean },
): WallTime | null {
  if (time?.date) return readWall(time.date)?.hasTime === false ? dateOf(time.date) : null;
  const at = time?.dateTime ? instantIn(time.dateTime) : null;
  if (at === null) return null;
  const utc = { kind: 'utc', at: new Date(at).toISOString() } as const;
  const name = time?.timeZone ?? zone;
  if (!zoneIsKnown(name)) return utc;
  const zoned = { kind: 'zoned', local: localText(instantToWall(at, name)), zone: name } as const;
  // The second pass of a repeated hour has no zoned spelling of its own.
  return expands || instantOf(zoned, zone) === at ? zoned : utc;
}

const dateOf = (date: string): WallTime => ({ kind: 'date', date });

/** RFC 3339 with an offset, in epoch milliseconds; null for anything else. */
function instantIn(text: string): number | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  if (!match || !readWall(match[1]!)) return null;
  const at = Date.parse(text);
  return Number.isFinite(at) ? at : null;
}

const RULE_LINE = /^(RRULE|EXRULE|RDATE|EXDATE)[;:]\S+$/i;

const rulesOf = (item: Item): string[] =>
  (item.recurrence ?? []).filter((line) => RULE_LINE.test(line));

function flawOf(item: Item, event: NeutralEvent): string | null {
  if (!event.start) return 'bad-start';
  if (!event.end) return 'bad-end';
  if ((event.start.kind === 'date') !== (event.end.kind === 'date')) return 'mixed-start-and-end';
  if (instantOf(event.end, 'UTC') < instantOf(event.start, 'UTC')) return 'end-before-start';
  if (
    event.start.kind === 'date' &&
    event.end.kind === 'date' &&
    event.start.date === event.end.date
  )
    return 'end-before-start';
  if (event.recurrence.length !== (item.recurrence ?? []).length) return 'bad-rule';
  if (event.recurrence.length > 0 && event.start.kind === 'utc') return 'unknown-zone';
  if (event.seriesId !== null && event.originalStart === null) return 'bad-original-start';
  return null;
}

/** Keeps what can be placed: the first occurrence, or a first day whose end makes no sense. */
function understoodPart(event: NeutralEvent): NeutralEvent | null {
  const { start, end } = event;
  if (!start) return null;
  const whole = end !== null && start.kind !== 'date' && end.kind !== 'date';
  const days = end?.kind === 'date' && start.kind === 'date' && start.date < end.date;
  if ((whole && instantOf(start, 'UTC') < instantOf(end, 'UTC')) || days) return event;
  return start.kind === 'date' ? { ...event, end: dayAfter(start.date) } : { ...event, end: start };
}

const dayAfter = (date: string): WallTime =>
  dateOf(new Date(Date.parse(date) + 86_400_000).toISOString().slice(0, 10));

const standInId = (item: Item): string => `unnamed-${digest(JSON.stringify(item)).slice(0, 32)}`;
