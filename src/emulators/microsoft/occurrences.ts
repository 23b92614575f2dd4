import { overlaps, spanOf } from './event.ts';
import type { Entry, StoredEvent, Window, ZonedTime } from './event.ts';
import { seriesDays } from './recurrence.ts';
import type { MicrosoftSwitches } from './switches.ts';

const dayMs = 86_400_000;

export const itemKinds = ['singleInstance', 'seriesMaster', 'occurrence', 'exception'] as const;

/** One thing that a view of a calendar shows: of a series its master, occurrences and exceptions. */
export interface Item {
  type: (typeof itemKinds)[number];
  entry: Entry;
  /** The event itself; for an occurrence its series, with the occurrence's times. */
  event: StoredEvent;
  /** An occurrence's or exception's start in the pattern. */
  wallMs?: number;
}

/** What of an entry lies in the window. A series with nothing there has no master there either. */
export function itemsIn(entry: Entry, window: Window, switches: MicrosoftSwitches): Item[] {
  const { event } = entry;
  if (entry.deleted) return [];
  if (event.recurrence === undefined) {
    return overlaps(spanOf(event), window) ? [{ type: 'singleInstance', entry, event }] : [];
  }
  const items = instancesIn(entry, window, switches);
  return items.length === 0 ? [] : [{ type: 'seriesMaster', entry, event }, ...items];
}

/** Occurrences and exceptions of a series in the window, by their start in the pattern. */
export function instancesIn(entry: Entry, window: Window, switches: MicrosoftSwitches): Item[] {
  const items: Item[] = Object.entries(entry.exceptions)
    .map(([wall, event]) => ({ type: 'exception', entry, event, wallMs: Number(wall) }) as const)
    .filter(({ event }) => overlaps(spanOf(event), window));
  for (const wallMs of patternStarts(entry, window.endMs, switches)) {
    if (entry.exceptions[wallMs] !== undefined || entry.cancelled.includes(wallMs)) continue;
    const event = occurrenceAt(entry.event, wallMs);
    if (overlaps(spanOf(event), window)) items.push({ type: 'occurrence', entry, event, wallMs });
  }
  return items.toSorted((a, b) => a.wallMs! - b.wallMs!);
}

/** The item that an id names; undefined when the series has no such occurrence. */
export function itemAt(
  entry: Entry,
  wallMs: number | undefined,
  switches: MicrosoftSwitches,
): Item | undefined {
  const { event } = entry;
  if (entry.deleted) return undefined;
  if (wallMs === undefined) {
    return {
      type: event.recurrence === undefined ? 'singleInstance' : 'seriesMaster',
      entry,
      event,
    };
  }
  const exception = entry.exceptions[wallMs];
  if (exception !== undefined) return { type: 'exception', entry, event: exception, wallMs };
  if (entry.cancelled.includes(wallMs)) return undefined;
  const known = [...patternStarts(entry, wallMs + 2 * dayMs, switches)].includes(wallMs);
  return known
    ? { type: 'occurrence', entry, event: occurrenceAt(event, wallMs), wallMs }
    : undefined;
}

/** Starts that the pattern gives, on the series' wall clock. `untilMs` is an instant. */
function* patternStarts(
  { event }: Entry,
  untilMs: number,
  switches: MicrosoftSwitches,
): Iterable<number> {
  if (event.recurrence === undefined) return;
  const timeOfDayMs = timeOfDay(event.start);
  const skip = switches.shortMonths === 'skip';
  for (const day of seriesDays(event.recurrence, untilMs + dayMs, skip)) yield day + timeOfDayMs;
}

function timeOfDay({ wallMs }: ZonedTime): number {
  return ((wallMs % dayMs) + dayMs) % dayMs;
}

function occurrenceAt(event: StoredEvent, wallMs: number): StoredEvent {
  const { recurrence: _, ...own } = event;
  const lengthMs = event.end.wallMs - event.start.wallMs;
  return {
    ...own,
    start: { ...event.start, wallMs },
    end: { ...event.start, wallMs: wallMs + lengthMs },
  };
}

/** A series whose start is moved to the first day that fits its pattern. */
export function startedOnPattern(event: StoredEvent, switches: MicrosoftSwitches): StoredEvent {
  const { recurrence, start, end } = event;
  if (recurrence === undefined) return event;
  const skip = switches.shortMonths === 'skip';
  const [first] = seriesDays(recurrence, Number.MAX_SAFE_INTEGER, skip);
  if (first === undefined) return event;
  const wallMs = first + timeOfDay(start);
  return {
    ...event,
    start: { ...start, wallMs },
    end: { ...start, wallMs: wallMs + (end.wallMs - start.wallMs) },
  };
}
