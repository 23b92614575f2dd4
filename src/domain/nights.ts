import type { AvailabilityFacts, Zones } from './availability.ts';
import type { Refusal } from './booking.ts';
import type { Interval } from './interval.ts';
import { dayOf, instantOn, lastNaming, secondsOf, weekdayOf } from './local-days.ts';
import type { NightRules, NightSeason, ResourceSettings } from './resource.ts';

/**
 * Nights are local dates: a stay is from an arrival day to a later departure day, however many hours
 * a clock change puts between them.
 */
export interface Stay {
  arrivalDay: number;
  departureDay: number;
}

type Rules = Pick<AvailabilityFacts, 'timeZone' | 'settings'>;

/** Seconds of the local day at which guests come and go, as outside whole days are read by. */
export const nightSecondsOf = ({
  checkIn,
  checkOut,
}: Pick<NightRules, 'checkIn' | 'checkOut'>) => ({
  arrivalSeconds: secondsOf(checkIn),
  departureSeconds: secondsOf(checkOut),
});

/** Null for what is sold otherwise. */
export const nightRulesOf = (settings: Pick<ResourceSettings, 'soldBy' | 'nights'>) =>
  settings.soldBy === 'night' ? settings.nights : null;

/** From check-in on the arrival day to check-out on the day of departure. */
export function spanOfStay(
  stay: Stay,
  nights: Pick<NightRules, 'checkIn' | 'checkOut'>,
  place: { timeZone: string; zones: Zones },
): Interval {
  return {
    startAt: instantOn(stay.arrivalDay, nights.checkIn, place),
    endAt: instantOn(stay.departureDay, nights.checkOut, place),
  };
}

/** The days that a span lies between, and whether it begins at check-in and ends at check-out. */
export function stayOf(
  span: Interval,
  nights: NightRules,
  place: { timeZone: string; zones: Zones },
): Stay & { isExact: boolean } {
  const stay = { arrivalDay: dayOf(span.startAt, place), departureDay: dayOf(span.endAt, place) };
  const exact = spanOfStay(stay, nights, place);
  const isExact =
    stay.arrivalDay < stay.departureDay &&
    exact.startAt === span.startAt &&
    exact.endAt === span.endAt;
  return { ...stay, isExact };
}

/** What holds on a day, for arrivals and for departures: the last season that names it counts. */
export function nightRulesOn(nights: NightRules, day: number): NightRules {
  const season = lastNaming(nights.seasons, day);
  return season ? { ...nights, ...stated(season) } : nights;
}

const stated = (season: NightSeason): Partial<NightRules> => {
  const { minNights, maxNights, closedToArrival, closedToDeparture } = season;
  return {
    ...(minNights !== undefined && { minNights }),
    ...(maxNights !== undefined && { maxNights }),
    ...(closedToArrival && { closedToArrival }),
    ...(closedToDeparture && { closedToDeparture }),
  };
};

export const mayArriveOn = (nights: NightRules, day: number): boolean =>
  !nightRulesOn(nights, day).closedToArrival.includes(weekdayOf(day));

export const mayDepartOn = (nights: NightRules, day: number): boolean =>
  !nightRulesOn(nights, day).closedToDeparture.includes(weekdayOf(day));

/** Why no stay has this length; the season of the arrival counts. */
export function lengthRefusal(nights: NightRules, stay: Stay): Refusal | null {
  const { minNights, maxNights } = nightRulesOn(nights, stay.arrivalDay);
  const count = stay.departureDay - stay.arrivalDay;
  if (count < minNights) return 'too-short';
  return count > maxNights ? 'too-long' : null;
}

/** Why no stay begins or ends on these days. */
export function daysRefusal(nights: NightRules, stay: Stay): Refusal | null {
  if (!mayArriveOn(nights, stay.arrivalDay)) return 'closed-to-arrival';
  return mayDepartOn(nights, stay.departureDay) ? null : 'closed-to-departure';
}

/** Nights that an exception closes, each from its check-in to the check-out after it. */
export function closedNights(
  { timeZone, settings }: Rules,
  { window, zones }: { window: Interval; zones: Zones },
): Interval[] {
  const nights = nightRulesOf(settings);
  if (!nights || settings.exceptions.length === 0) return [];
  const place = { timeZone, zones };
  const closed: Interval[] = [];
  for (let day = dayOf(window.startAt, place) - 1; day <= dayOf(window.endAt, place); day += 1) {
    if (lastNaming(settings.exceptions, day)?.open.length === 0)
      closed.push(spanOfStay({ arrivalDay: day, departureDay: day + 1 }, nights, place));
  }
  return closed;
}
