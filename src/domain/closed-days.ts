import type { Zones } from './availability.ts';
import type { Interval } from './interval.ts';
import { dayOf, dayOfText, instantOn, lastNaming } from './local-days.ts';
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
  const closed = new Set<number>();
  for (const { fromDay, toDay, open } of settings.exceptions)
    for (
      let day = Math.max(first, dayOfText(fromDay));
      open.length === 0 && day <= Math.min(last, dayOfText(toDay));
      day += 1
    )
      if (lastNaming(settings.exceptions, day)?.open.length === 0) closed.add(day);
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
