import type { NeutralEvent } from '../domain/event.ts';
import { union, type Interval } from '../domain/interval.ts';
import { blocks } from '../domain/sync-plan.ts';
import { expand } from './recurrence.ts';

export interface BusyOptions {
  /** Epoch milliseconds, half-open. */
  window: { fromAt: number; untilAt: number };
  calendarZone: string;
  tentative: 'busy' | 'free';
}

/**
 * All time that one series takes: its master with every exception, or the exceptions alone where the
 * master is unknown. An exception that takes no time still removes its occurrence.
 */
export function busySpans(
  members: readonly NeutralEvent[],
  options: BusyOptions,
): { spans: Interval[]; withheld: string | null } {
  const master = members.find((one) => one.seriesId === null);
  const exceptions = members.filter((one) => one.seriesId !== null);
  const parts =
    master && blocks(master, options)
      ? [{ master, exceptions: exceptions.map((one) => (blocks(one, options) ? one : gone(one))) }]
      : exceptions
          .filter((one) => blocks(one, options))
          .map((one) => ({ master: one, exceptions: [] }));
  const results = parts.map((part) =>
    expand({ ...part, window: options.window, defaultZone: options.calendarZone }),
  );
  return {
    spans: union(results.flatMap((result) => result.spans)),
    withheld:
      results.find((result) => result.withheld)?.withheld ??
      (results.some((result) => result.truncated) ? 'too-many-occurrences' : null),
  };
}

const gone = (event: NeutralEvent): NeutralEvent => ({ ...event, status: 'cancelled' });
