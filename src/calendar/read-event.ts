import type { EventStatus, NeutralEvent, WallTime } from '../domain/event.ts';
import { instantText, readWall } from './civil.ts';
import { isDeclined } from './attendees.ts';
import type { Component } from './components.ts';
import type { ContentLine } from './content-lines.ts';
import { readText } from './content-lines.ts';
import { readDuration } from './duration.ts';
import { anonymousId, unreadableId } from './identity.ts';
import { MARKER_PROPERTY } from './marker.ts';
import { normalizeRecurrence } from './read-recurrence.ts';
import type { ReadContext } from './read-time.ts';
import { endAfter, leastEnd, readTime, reconciled } from './read-time.ts';
import { longestSeconds, shapeOf } from './shape.ts';
import { instantOf } from './zones.ts';

export interface EventReading {
  nativeId: string;
  /** What was understood; null when not even a start could be read. */
  event: NeutralEvent | null;
  /** Why the entry is withheld; null when all of it was understood. */
  reason: string | null;
}

/** Reads one VEVENT (RFC 5545 §3.6.1). The first of a property given twice counts. */
export function readEvent(entry: Component, context: ReadContext): EventReading {
  const first = new Map<string, ContentLine>();
  for (const line of entry.lines) if (!first.has(line.name)) first.set(line.name, line);
  const uid = readText(first.get('UID')?.value ?? '') || null;
  const status = statusOf(first);
  const start = readTime(first.get('DTSTART'), context);
  const isLost = !start.time && !(status === 'cancelled' && uid !== null);
  if (isLost) {
    const nativeId = uid ?? unreadableId(entry.lines);
    return { nativeId, event: null, reason: start.flaw ?? 'bad-start' };
  }
  const original = readTime(first.get('RECURRENCE-ID'), context);
  const isException = first.has('RECURRENCE-ID');
  const end = readEnd(first, start.time, context);
  const recurrence = normalizeRecurrence(entry.lines, context);
  const thisAndFuture =
    first.get('RECURRENCE-ID')?.params.get('RANGE')?.toUpperCase() === 'THISANDFUTURE';
  const repeats = thisAndFuture || (!isException && recurrence.lines.length > 0);
  const event: NeutralEvent = {
    nativeId: uid ?? '',
    uid,
    seriesId: isException ? uid : null,
    originalStart: original.time,
    status,
    transparency: transparencyOf(first),
    kind: isDeclined(entry.lines, context.owner) ? 'not-taken' : kindOf(first),
    start: start.time,
    end: end.time,
    ...(repeats && end.nominalDays > 0 ? { nominalDays: end.nominalDays } : {}),
    recurrence: isException ? [] : recurrence.lines,
    thisAndFuture,
    sequence: sequenceOf(first),
    etag: null,
    updatedAt: updatedAtOf(first),
    marker: readText(first.get(MARKER_PROPERTY)?.value ?? '') || null,
  };
  event.nativeId = nativeIdOf(event, entry, context);
  const reason =
    start.flaw ??
    original.flaw ??
    end.flaw ??
    recurrence.flaw ??
    (isException && recurrence.lines.length > 0 ? 'exception-with-rule' : null) ??
    (entry.isClosed ? null : 'cut-off');
  return { nativeId: event.nativeId, event, reason };
}

interface EndReading {
  time: WallTime | null;
  /** Of a timed entry's DURATION, the days. */
  nominalDays: number;
  flaw: string | null;
}

/** DTEND, else DURATION, else a whole day or no time at all (RFC 5545 §3.6.1). */
function readEnd(
  first: ReadonlyMap<string, ContentLine>,
  start: WallTime | null,
  context: ReadContext,
): EndReading {
  const nothing = { time: null, nominalDays: 0, flaw: null };
  if (!start) return nothing;
  const least = leastEnd(start);
  const line = first.get('DTEND');
  const duration = line ? null : first.get('DURATION');
  if (!line && !duration) return { ...nothing, time: least };
  const read = line
    ? readTime(line, context)
    : { time: endAfter(start, duration!.value, context.defaultZone), flaw: null };
  if (!read.time) return { ...nothing, time: least, flaw: read.flaw ?? 'bad-end' };
  const end = reconciled(read.time, start, context.defaultZone);
  if (!isLonger(start, end, context.defaultZone))
    return { ...nothing, time: least, flaw: 'end-before-start' };
  const isNominal = duration && (start.kind === 'zoned' || start.kind === 'floating');
  const nominalDays = isNominal ? (readDuration(duration.value)?.days ?? 0) : 0;
  return { time: end, nominalDays, flaw: read.flaw };
}

function isLonger(start: WallTime, end: WallTime, zone: string): boolean {
  const shape = shapeOf({ start, end }, { zone, dayZone: zone, nights: null });
  return shape !== null && longestSeconds(shape) > 0;
}

function nativeIdOf(event: NeutralEvent, entry: Component, context: ReadContext): string {
  if (event.uid === null) return anonymousId(event);
  if (event.seriesId === null) return event.uid;
  const original = event.originalStart;
  if (!original) return `${event.uid}#${unreadableId(entry.lines)}`;
  const place =
    original.kind === 'date'
      ? original.date
      : instantText(instantOf(original, context.defaultZone));
  return `${event.uid}#${place}`;
}

function statusOf(first: ReadonlyMap<string, ContentLine>): EventStatus {
  const status = first.get('STATUS')?.value.toUpperCase();
  if (status === 'CANCELLED' || status === 'CANCELED') return 'cancelled';
  return status === 'TENTATIVE' ? 'tentative' : 'confirmed';
}

/** Outlook's own property speaks where TRANSP is missing. */
function transparencyOf(first: ReadonlyMap<string, ContentLine>): 'opaque' | 'transparent' {
  const said = first.get('TRANSP')?.value.toUpperCase();
  const isFree = said ? said === 'TRANSPARENT' : busyStatusOf(first) === 'FREE';
  return isFree ? 'transparent' : 'opaque';
}

function kindOf(first: ReadonlyMap<string, ContentLine>): NeutralEvent['kind'] {
  const busy = busyStatusOf(first);
  if (busy === 'OOF') return 'out-of-office';
  return busy === 'WORKINGELSEWHERE' ? 'working-elsewhere' : 'default';
}

const busyStatusOf = (first: ReadonlyMap<string, ContentLine>): string | undefined =>
  first.get('X-MICROSOFT-CDO-BUSYSTATUS')?.value.toUpperCase();

function sequenceOf(first: ReadonlyMap<string, ContentLine>): number {
  const text = first.get('SEQUENCE')?.value ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/** DTSTAMP is no help: feeds put the time of the download there. */
function updatedAtOf(first: ReadonlyMap<string, ContentLine>): string | null {
  const reading = readWall(first.get('LAST-MODIFIED')?.value ?? '');
  return reading && instantText(reading.wall * 1000);
}
