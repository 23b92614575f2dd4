import type { NeutralEvent } from '../domain/event.ts';
import { union, type Interval } from '../domain/interval.ts';
import { blocks, type Reading } from '../domain/sync-plan.ts';
import { takenSpans } from './recurrence.ts';
import type { Nights } from './shape.ts';

/** A marker is ours when the own occupancy of its booking blocks its time. */
export interface BusyOptions extends Reading {
  /** Epoch milliseconds, half-open. */
  window: { fromAt: number; untilAt: number };
  /** Where floating times are. */
  calendarZone: string;
  /** Where whole days are: the resource's zone; the calendar's unless given. */
  dayZone?: string;
  /** For a resource sold by the night: whole days take the nights between them. */
  nights?: Nights | null;
  /** More spans than this are not made; 10,000 unless given. */
  maxSpans?: number;
}

const MAX_SPANS = 10_000;

/**
 * All time that one series takes: its master with every exception, or the exceptions alone where the
 * master is unknown. An exception that takes no time still removes its occurrence. A series with
 * more than a limit allows takes all time from DTSTART to UNTIL: too much, never too little.
 * `occurrences` counts what takes it, where touching ones are one span.
 */
export function busySpans(
  members: readonly NeutralEvent[],
  options: BusyOptions,
): { spans: Interval[]; occurrences: number; withheld: string | null } {
  const series = members.find((one) => one.seriesId === null);
  const master = series?.isListed ? undefined : series;
  const exceptions = members
    .filter((one) => one.seriesId !== null)
    .map((one) => (one.inherits && series ? { ...one, ...natureOf(series) } : one));
  const parts =
    master && blocks(master, options)
      ? [
          {
            master: taking(master),
            exceptions: exceptions.map((one) => (blocks(one, options) ? taking(one) : gone(one))),
          },
        ]
      : exceptions
          .filter((one) => blocks(one, options))
          .map((one) => ({ master: taking(one), exceptions: [] }));
  const { window } = options;
  const { calendarZone, dayZone = calendarZone, nights = null } = options;
  const frame = { defaultZone: calendarZone, dayZone, nights };
  const results = parts.map((part) => takenSpans({ ...part, window, ...frame }));
  const spans = union([
    ...results.flatMap(({ spans: all }) => all),
    ...results.flatMap(({ overLimits }) => overLimits ?? []),
  ]);
  const maxSpans = Math.max(options.maxSpans ?? MAX_SPANS, 1);
  const isCut = spans.length > maxSpans || results.some((result) => result.truncated);
  return {
    spans: spans.length > maxSpans ? cutTo(spans, maxSpans, window.untilAt) : spans,
    occurrences: results.reduce((sum, result) => sum + result.spans.length, 0),
    withheld:
      results.find((result) => result.withheld)?.withheld ??
      (isCut ? 'too-many-occurrences' : null),
  };
}

/** The first spans, and one in place of all others. */
function cutTo(spans: readonly Interval[], count: number, untilAt: number): Interval[] {
  const kept = spans.slice(0, count - 1);
  const { startAt } = spans[count - 1]!;
  return [...kept, { startAt, endAt: Math.max(spans.at(-1)!.endAt, untilAt) }];
}

/** An occurrence whose series is not known yet keeps its own, which takes time. */
const natureOf = ({ status, transparency, kind, marker }: NeutralEvent) => ({
  status,
  transparency,
  kind,
  marker,
});

/** What takes time by the connection's word, whatever its channel shows it as. */
const taking = (event: NeutralEvent): NeutralEvent => ({ ...event, transparency: 'opaque' });

const gone = (event: NeutralEvent): NeutralEvent => ({ ...event, status: 'cancelled' });
