import type { Zones } from './availability.ts';
import type { Interval } from './interval.ts';
import { dayOf, dayOfText, instantOn } from './local-days.ts';
import { nightRulesOf, spanOfStay } from './nights.ts';
import type { ResourceSettings } from './resource.ts';

export interface ClosedBy {
  timeZone: string;
  settings: Pick<ResourceSettings, 'soldBy' | 'nights' | 'exceptions'>;
}

/**
 * Whole days, or nights, that exceptions close, those that follow one another as one span; by start.
 * Sessions take place whatever the exceptions.
 */
export function closedDays(
  { timeZone, settings }: ClosedBy,
  { within, zones }: { within: Interval; zones: Zones },
): Interval[] {
  if (settings.soldBy === 'session') return [];
  const place = { timeZone, zones };
  const [first, last] = [dayOf(within.startAt, place), dayOf(within.endAt, place)];
  const named = new Set<number>();
  const closed = new Set<number>();
  // The last one that names a day counts.
  for (const { fromDay, toDay, open } of settings.exceptions.toReversed()) {
    const until = Math.min(last, dayOfText(toDay));
    for (let day = Math.max(first, dayOfText(fromDay)); day <= until; day += 1) {
      if (open.length === 0 && !named.has(day)) closed.add(day);
      named.add(day);
    }
  }
  const nights = nightRulesOf(settings);
  return [...closed]
    .filter((day) => !closed.has(day - 1))
    .toSorted((a, b) => a - b)
    .map((from) => {
      let until = from + 1;
      while (closed.has(until)) until += 1;
      return nights
        ? spanOfStay({ arrivalDay: from, departureDay: until }, nights, place)
        : { startAt: instantOn(from, '00:00', place), endAt: instantOn(until, '00:00', place) };
    });
}
