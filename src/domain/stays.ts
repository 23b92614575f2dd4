import type { Ask, AvailabilityFacts } from './availability.ts';
import { bookableSpans } from './bookable.ts';
import type { Interval } from './interval.ts';
import { dayOf } from './local-days.ts';
import type { Stay } from './nights.ts';
import { mayArriveOn, mayDepartOn, nightRulesOn, nightRulesOf, spanOfStay } from './nights.ts';
import type { NightRules } from './resource.ts';
import { startable } from './rules.ts';

/** A local day of a resource that is sold by the night. */
export interface NightOfDay {
  day: number;
  /** The night that follows the day can be slept there. */
  isFree: boolean;
  /** A stay may begin, or end, on it; one that may begin has a length that can be booked. */
  mayArrive: boolean;
  mayDepart: boolean;
  /** Of stays that begin on it. */
  minNights: number;
  maxNights: number;
}

/** Local days from the first to the last, both included; the window reaches past the last stay. */
type AskDays = Ask & { fromDay: number; toDay: number };

/** Each day, with what can be booked there. */
export function nightDays(facts: AvailabilityFacts, ask: AskDays): NightOfDay[] {
  const nights = nightRulesOf(facts.settings);
  if (!nights) return [];
  const reach = reachOf(facts, ask, nights);
  return daysOf(ask).map((day) => {
    const { minNights, maxNights } = nightRulesOn(nights, day);
    return {
      day,
      isFree: reach.lastDeparture(day) > day,
      mayArrive: reach.lengths(day).length > 0,
      mayDepart: mayDepartOn(nights, day) && reach.lastDeparture(day - 1) >= day,
      minNights,
      maxNights,
    };
  });
}

/** Every stay of so many nights that begins on one of the days and can be booked. */
export function staysOf(facts: AvailabilityFacts, ask: AskDays & { nights: number }): Stay[] {
  const rules = nightRulesOf(facts.settings);
  if (!rules) return [];
  const reach = reachOf(facts, ask, rules);
  return daysOf(ask)
    .filter((day) => reach.lengths(day, ask.nights).length > 0)
    .map((day) => ({ arrivalDay: day, departureDay: day + ask.nights }));
}

/** Stays of the asked number of nights, or the nearest number that an arrival allows. */
export function nearestStays(
  facts: AvailabilityFacts,
  ask: Ask & { span: Interval },
  rules: NightRules,
): Interval[] {
  const place = { timeZone: facts.timeZone, zones: ask.zones };
  const fromDay = dayOf(ask.window.startAt, place);
  const toDay = dayOf(ask.window.endAt, place);
  const asked = Math.max(1, dayOf(ask.span.endAt, place) - dayOf(ask.span.startAt, place));
  const reach = reachOf(facts, { ...ask, fromDay, toDay }, rules);
  return daysOf({ fromDay, toDay }).flatMap((arrivalDay) => {
    const nearest = reach
      .lengths(arrivalDay)
      .toSorted((a, b) => Math.abs(a - asked) - Math.abs(b - asked))[0];
    if (nearest === undefined) return [];
    return [spanOfStay({ arrivalDay, departureDay: arrivalDay + nearest }, rules, place)];
  });
}

const daysOf = ({ fromDay, toDay }: { fromDay: number; toDay: number }): number[] =>
  Array.from({ length: Math.max(0, toDay - fromDay + 1) }, (_, index) => fromDay + index);

function reachOf(facts: AvailabilityFacts, ask: AskDays, rules: NightRules) {
  const place = { timeZone: facts.timeZone, zones: ask.zones };
  const spans = bookableSpans(facts, ask);
  const starts = startable(facts, ask);
  const checkOutAt = (day: number) =>
    spanOfStay({ arrivalDay: day, departureDay: day }, rules, place).endAt;
  const checkInAt = (day: number) =>
    spanOfStay({ arrivalDay: day, departureDay: day }, rules, place).startAt;

  // Asked of each day by every stay that could end on it.
  const departures = new Map<number, boolean>();
  const mayDepart = (day: number): boolean => {
    const known = departures.get(day) ?? mayDepartOn(rules, day);
    departures.set(day, known);
    return known;
  };

  /** The latest day until which units are free for one that arrives on a day; the day itself if none. */
  const lastDeparture = (day: number): number => {
    const at = checkInAt(day);
    // Ends rise with starts, so the last span that has begun lasts longest.
    const span = spans.findLast((one) => one.startAt <= at);
    if (!span || span.endAt <= at) return day;
    const last = dayOf(span.endAt, place);
    return Math.max(day, checkOutAt(last) <= span.endAt ? last : last - 1);
  };

  /** Numbers of nights that can be booked from a day on; of one number when it is given. */
  const lengths = (day: number, only?: number): number[] => {
    const at = checkInAt(day);
    if (!mayArriveOn(rules, day) || !starts.some((one) => one.startAt <= at && at < one.endAt))
      return [];
    const { minNights, maxNights } = nightRulesOn(rules, day);
    const most = Math.min(maxNights, lastDeparture(day) - day);
    const found: number[] = [];
    for (
      let count = Math.max(minNights, only ?? 1);
      count <= Math.min(most, only ?? most);
      count += 1
    )
      if (mayDepart(day + count)) found.push(count);
    return found;
  };
  return { lastDeparture, lengths };
}
