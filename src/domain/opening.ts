import type { AvailabilityFacts, Zones } from './availability.ts';
import type { Interval } from './interval.ts';
import { union } from './interval.ts';
import { dayOf, instantOn, lastNaming, weekdayOf } from './local-days.ts';
import type { ResourceSettings } from './resource.ts';

type Rules = Pick<AvailabilityFacts, 'timeZone' | 'settings'>;
interface Ask {
  window: Interval;
  zones: Zones;
}

/** Each opening of each local day that touches the window, by day, then in order of its rules. */
export function openWindows({ timeZone, settings }: Rules, { window, zones }: Ask): Interval[] {
  const place = { timeZone, zones };
  const windows: Interval[] = [];
  for (let day = dayOf(window.startAt, place) - 1; day <= dayOf(window.endAt, place); day += 1) {
    for (const open of openOn(settings, day)) {
      const startAt = instantOn(day, open.from, place);
      const endAt = instantOn(day, open.to, place);
      if (startAt < endAt && endAt > window.startAt && startAt < window.endAt)
        windows.push({ startAt, endAt });
    }
  }
  return windows;
}

/** Null where a resource is never closed. */
export const openSpans = (rules: Rules, ask: Ask): Interval[] | null =>
  rules.settings.opening.length === 0 && rules.settings.exceptions.length === 0
    ? null
    : union(openWindows(rules, ask));

function openOn({ opening, exceptions }: ResourceSettings, day: number) {
  const exception = lastNaming(exceptions, day);
  if (exception) return exception.open;
  return opening.length === 0
    ? WHOLE_DAY
    : opening.filter((rule) => rule.days.includes(weekdayOf(day)));
}

const WHOLE_DAY = [{ from: '00:00', to: '24:00' }];
