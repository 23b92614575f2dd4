import type { WallTime } from '../domain/event.ts';
import { dateText, DAY_SECONDS, localText, readWall } from './civil.ts';
import type { ContentLine } from './content-lines.ts';
import { readDuration } from './duration.ts';
import { wallOf } from './shape.ts';
import type { EmbeddedZone } from './vtimezone.ts';
import { frameOf, instantOf, instantToWall, resolveZone, wallToInstant } from './zones.ts';

export interface ReadContext {
  embedded: ReadonlyMap<string, EmbeddedZone>;
  defaultZone: string;
  /** See attendees.ts. */
  owner?: ReadonlySet<string>;
}

export interface TimeReading {
  time: WallTime | null;
  flaw: string | null;
}

const TIME_FLAWS: Readonly<Record<string, string>> = {
  DTSTART: 'bad-start',
  DTEND: 'bad-end',
  'RECURRENCE-ID': 'bad-recurrence-id',
};

/** A DATE or DATE-TIME property. With a TZID that means nothing it is read as a floating time. */
export function readTime(line: ContentLine | undefined, context: ReadContext): TimeReading {
  if (!line) return { time: null, flaw: null };
  const reading = readWall(line.value);
  if (!reading) return { time: null, flaw: TIME_FLAWS[line.name] ?? 'bad-date' };
  const isDate = !reading.hasTime || line.params.get('VALUE')?.toUpperCase() === 'DATE';
  if (isDate) return { time: { kind: 'date', date: dateText(reading.wall) }, flaw: null };
  const local = localText(reading.wall);
  if (reading.isUtc) return { time: { kind: 'utc', at: `${local}Z` }, flaw: null };
  const tzid = line.params.get('TZID');
  if (!tzid) return { time: { kind: 'floating', local }, flaw: null };
  const zone = resolveZone(tzid, context.embedded);
  return zone === null
    ? { time: { kind: 'floating', local }, flaw: 'unknown-zone' }
    : { time: { kind: 'zoned', local, zone }, flaw: null };
}

/** The end of an entry that says none: the next day, or its own start. */
export function leastEnd(start: WallTime): WallTime {
  if (start.kind !== 'date') return start;
  return { kind: 'date', date: dateText(wallOf(start) + DAY_SECONDS) };
}

/** Days go by the clock on the wall, the rest elapses (RFC 5545 §3.3.6). Null when unreadable. */
export function endAfter(start: WallTime, text: string, defaultZone: string): WallTime | null {
  const duration = readDuration(text);
  if (!duration) return null;
  const shifted = wallOf(start) + duration.days * DAY_SECONDS;
  if (start.kind === 'date') {
    const seconds = Math.ceil(duration.seconds / DAY_SECONDS) * DAY_SECONDS;
    return { kind: 'date', date: dateText(shifted + seconds) };
  }
  const zone = frameOf(start, defaultZone);
  const from = wallToInstant(shifted, zone);
  const at = from + duration.seconds * 1000;
  const wall = instantToWall(at, zone);
  // The later pass of a repeated hour has no name on the wall, and from within a skipped hour the
  // wall shows too much; only the instant tells them.
  const isSkipped = instantToWall(from, zone) !== shifted;
  if (start.kind === 'utc' || isSkipped || wallToInstant(wall, zone) !== at) {
    return { kind: 'utc', at: `${localText(at / 1000)}Z` };
  }
  const local = localText(wall);
  return start.kind === 'floating' ? { kind: 'floating', local } : { ...start, local };
}

/** Makes an end of the other kind fit its start: both whole days, or both times. */
export function reconciled(end: WallTime, start: WallTime, defaultZone: string): WallTime {
  if (start.kind === 'date' && end.kind !== 'date') {
    const wall = instantToWall(instantOf(end, defaultZone), defaultZone);
    return { kind: 'date', date: dateText(Math.ceil(wall / DAY_SECONDS) * DAY_SECONDS) };
  }
  if (start.kind === 'date' || end.kind !== 'date') return end;
  const local = `${end.date}T00:00:00`;
  if (start.kind === 'utc') return { kind: 'utc', at: `${local}Z` };
  return start.kind === 'floating' ? { kind: 'floating', local } : { ...start, local };
}
