import type { z } from 'zod';
import type { AvailabilityFacts, FreeSpan, Zones } from '../domain/availability.ts';
import { freeSpans, startTimes } from '../domain/availability.ts';
import { dayOf, dayOfText, instantOn, textOfDay } from '../domain/local-days.ts';
import { nightRulesOf, spanOfStay } from '../domain/nights.ts';
import type { NightRules, ResourceSettings } from '../domain/resource.ts';
import { depositOf, priceOf, WEEKDAYS } from '../domain/resource.ts';
import { nightDays, staysOf } from '../domain/stays.ts';
import { instantsOf } from './asked-time.ts';
import { Problem } from './problem.ts';
import type { AvailabilityQuery, ShownAs } from './schemas/availability.ts';

const MINUTE_MS = 60_000;

type Query = z.output<typeof AvailabilityQuery>;
interface AskShown {
  as: ShownAs;
  query: Query;
  zones: Zones;
}

/** What is listed when nobody says, by what the resource sells. Throws where it sells no such thing. */
export function shownAs(query: Query, settings: ResourceSettings): ShownAs {
  const possible = LISTS[settings.soldBy];
  const as = query.as ?? possible[0]!;
  if (possible.includes(as)) return as;
  const detail = `must be ${possible.join(' or ')}: that is what the resource sells`;
  throw new Problem('invalid-request', {
    detail: `The resource cannot be listed as ${as}.`,
    more: { errors: [{ in: 'query', pointer: '/as', detail }] },
  });
}

const LISTS: Record<ResourceSettings['soldBy'], readonly ShownAs[]> = {
  time: ['spans', 'starts'],
  night: ['nights', 'stays'],
  session: ['sessions'],
};

/** Nights need whole days, and the longest stay after the last of them; null where none are listed. */
export function nightsWindow(
  { timeZone, settings }: Pick<AvailabilityFacts, 'timeZone' | 'settings'>,
  { as, query, zones }: AskShown,
): { from: string; to: string } | null {
  const nights = nightRulesOf(settings);
  if (!nights || (as !== 'nights' && as !== 'stays')) return null;
  const place = { timeZone, zones };
  const { fromDay, toDay } = daysOf(query, place);
  const shortest = [nights, ...nights.seasons].map((one) => one.minNights ?? 0);
  const ahead = Math.max(...shortest, query.nights ?? 0) + LONGER_NIGHTS + nightsWithoutEnd(nights);
  return {
    from: new Date(instantOn(fromDay - 1, '00:00', place)).toISOString(),
    to: new Date(instantOn(toDay + ahead, '24:00', place)).toISOString(),
  };
}

/** A stay may have to be longer than the shortest to end on a day that it may end on. */
const LONGER_NIGHTS = 7;

/** On no day of some seasons a stay may end; no stay is longer than a year. */
function nightsWithoutEnd({ seasons }: NightRules): number {
  const days = seasons
    .filter(({ closedToDeparture }) => new Set(closedToDeparture).size === WEEKDAYS.length)
    .map(({ fromDay, toDay }) => dayOfText(toDay) - dayOfText(fromDay) + 1);
  return Math.min(
    365,
    days.reduce((sum, count) => sum + count, 0),
  );
}

/** Local days that the asked range touches. */
function daysOf({ from, to }: Query, place: { timeZone: string; zones: Zones }) {
  return { fromDay: dayOf(Date.parse(from), place), toDay: dayOf(Date.parse(to) - 1, place) };
}

/** The one list that was asked for. */
export function listed(facts: AvailabilityFacts, ask: AskShown) {
  const { as, query, zones } = ask;
  if (as === 'nights' || as === 'stays') return listedNights(facts, ask);
  const window = { startAt: Date.parse(query.from), endAt: Date.parse(query.to) };
  const range = { window, party: query.party, zones };
  const durationMs = (query.durationMinutes ?? 0) * MINUTE_MS;
  if (as === 'starts') {
    const stepMs = query.stepMinutes * MINUTE_MS;
    const starts = startTimes(facts, { ...range, durationMs, stepMs });
    return { starts: starts.map((at) => new Date(at).toISOString()) };
  }
  const spans = freeSpans(facts, range).filter((one) => one.endAt - one.startAt >= durationMs);
  return { spans: spans.map(showSpan) };
}

const showSpan = (span: FreeSpan) => ({
  ...instantsOf(span),
  ...(span.startBefore < span.endAt && { startBefore: new Date(span.startBefore).toISOString() }),
});

function listedNights(facts: AvailabilityFacts, { as, query, zones }: AskShown) {
  const place = { timeZone: facts.timeZone, zones };
  const reach = nightsWindow(facts, { as, query, zones })!;
  const window = { startAt: Date.parse(reach.from), endAt: Date.parse(reach.to) };
  const ask = { ...daysOf(query, place), window, party: query.party, zones };
  if (as === 'stays') {
    const nights = nightRulesOf(facts.settings)!;
    return {
      stays: staysOf(facts, { ...ask, nights: query.nights! }).map((stay) => ({
        arrivalDay: textOfDay(stay.arrivalDay),
        departureDay: textOfDay(stay.departureDay),
        ...instantsOf(spanOfStay(stay, nights, place)),
      })),
    };
  }
  return {
    nights: nightDays(facts, ask).map((one) => ({
      day: textOfDay(one.day),
      free: one.isFree,
      arrival: one.mayArrive,
      departure: one.mayDepart,
      minNights: one.minNights,
      maxNights: one.maxNights,
    })),
  };
}

/** What a booking of what is asked for costs, so that a caller has an amount to expect. */
export function priceShown(
  { price, deposit }: ResourceSettings,
  { as, query }: Pick<AskShown, 'as' | 'query'>,
) {
  if (!price || price.amountMinor === 0) return null;
  const nights = as === 'stays' ? query.nights! : null;
  const isKnown = price.per !== 'night' || nights !== null;
  const total = isKnown ? priceOf(price, { party: query.party, nights: nights ?? 1 }) : null;
  const amountMinor = total?.amountMinor ?? null;
  return {
    per: price.per,
    eachMinor: price.amountMinor,
    currency: price.currency,
    amountMinor,
    depositMinor: deposit && amountMinor !== null ? depositOf(deposit, amountMinor) : null,
  };
}
