import type { Ask, AvailabilityFacts, Taken } from './availability.ts';
import type { Refusal } from './booking.ts';
import { intersect, overlaps, subtract } from './interval.ts';
import type { Interval } from './interval.ts';
import { closedNights, nightRulesOf } from './nights.ts';
import { openSpans } from './opening.ts';

/**
 * What a resource's opening, knowledge and taken time leave of its units; when and how long bookings
 * may be is not looked at here.
 */

/** In place of a unit: any one of them, and nobody tells which. */
export const ANY_UNIT = 0;

/**
 * The longest spans in which `party` units are free at once, by start. They may overlap when
 * different units are free at different times.
 */
export function unitSpans(facts: AvailabilityFacts, ask: Ask): Interval[] {
  const { capacity } = facts;
  const shared = subtract(open(facts, ask), widened(facts, null));
  if (shared.length === 0 || ask.party > capacity) return [];
  const somewhere = facts.taken.filter((one) => one.unit === ANY_UNIT);
  const perUnit: Interval[][] = [];
  for (let unit = 1; unit <= capacity; unit += 1) {
    const cuts = widened(facts, unit);
    perUnit.push(cuts.length === 0 ? shared : subtract(shared, cuts));
  }
  if (somewhere.length > 0) return besides(somewhere, { facts, ask, perUnit });
  return capacity === 1 ? perUnit.flat() : commonSpans(perUnit, ask.party);
}

/** Why units are not free for a span, or null when they are. */
export function unitRefusal(
  facts: AvailabilityFacts,
  ask: Pick<Ask, 'party' | 'zones'> & { span: Interval },
): Refusal | null {
  const { settings, capacity, knownUntilAt } = facts;
  const { span, party } = ask;
  if (party > capacity) return 'too-large';
  const needed = {
    startAt: span.startAt - settings.bufferBeforeMs,
    endAt: span.endAt + settings.bufferAfterMs,
  };
  if (knownUntilAt !== null && needed.endAt > knownUntilAt) return 'beyond-horizon';
  const hits = facts.taken.filter((one) => overlaps(one, needed));
  const whole = hits.filter((one) => one.unit === null);
  if (whole.some((one) => one.by === 'busy')) return 'busy';
  if (whole.length > 0) return 'blocked';
  const somewhere = mostAtOnce(
    hits
      .filter((one) => one.unit === ANY_UNIT)
      .map((one) => ({
        startAt: Math.max(one.startAt, needed.startAt),
        endAt: Math.min(one.endAt, needed.endAt),
      })),
  );
  if (party + somewhere > capacity) return 'busy';
  const takenUnits = new Set(hits.map((one) => one.unit));
  let free = 0;
  for (let unit = 1; unit <= capacity; unit += 1) if (!takenUnits.has(unit)) free += 1;
  return free >= party + somewhere ? null : 'taken';
}

/** Whether opening rules, exceptions and closed nights let a booking take the whole span. */
export function isOpen(
  facts: Pick<AvailabilityFacts, 'timeZone' | 'settings'>,
  { span, zones }: Pick<Ask, 'zones'> & { span: Interval },
): boolean {
  if (nightRulesOf(facts.settings))
    return !closedNights(facts, { window: span, zones }).some((one) => overlaps(one, span));
  const spans = openSpans(facts, { window: span, zones });
  return !spans || spans.some((one) => one.startAt <= span.startAt && span.endAt <= one.endAt);
}

/** Where it is open, as far as outside calendars are known. */
function open(facts: AvailabilityFacts, { window, zones }: Ask): Interval[] {
  const latestAt =
    facts.knownUntilAt === null ? Infinity : facts.knownUntilAt - facts.settings.bufferAfterMs;
  const range = { startAt: window.startAt, endAt: Math.min(window.endAt, latestAt) };
  if (range.startAt >= range.endAt) return [];
  const ask = { window: range, zones };
  if (nightRulesOf(facts.settings)) return subtract([range], closedNights(facts, ask));
  const spans = openSpans(facts, ask);
  return spans ? intersect([range], spans) : [range];
}

/**
 * Spans for which a party finds units free throughout, and beside them as many more as are taken
 * somewhere at most at one time within the span and its buffers.
 */
function besides(
  somewhere: readonly Taken[],
  { facts, ask, perUnit }: { facts: AvailabilityFacts; ask: Ask; perUnit: readonly Interval[][] },
): Interval[] {
  const { bufferBeforeMs, bufferAfterMs } = facts.settings;
  const found: Interval[] = [];
  const mostUseful = Math.min(mostAtOnce(somewhere), facts.capacity - ask.party);
  for (let count = 0; count <= mostUseful; count += 1) {
    const calm = spansWithAtMost(count, somewhere).map(({ startAt, endAt }) => ({
      startAt: startAt + bufferBeforeMs,
      endAt: endAt - bufferAfterMs,
    }));
    for (const free of commonSpans(perUnit, ask.party + count))
      found.push(
        ...intersect(
          [free],
          calm.filter((one) => one.startAt < one.endAt),
        ),
      );
  }
  return longest(found);
}

/** The longest spans at no moment of which more than so many are taken at once. */
function spansWithAtMost(count: number, taken: readonly Interval[]): Interval[] {
  const spans: Interval[] = [];
  let since = -Infinity;
  let open = 0;
  for (const { at, by } of stepsOf(taken)) {
    if (by > 0 && open === count) spans.push({ startAt: since, endAt: at });
    open += by;
    if (by < 0 && open === count) since = at;
  }
  return [...spans, { startAt: since, endAt: Infinity }];
}

/** Beginnings and ends by time; what ends makes room for what begins at the same moment. */
const stepsOf = (taken: readonly Interval[]): { at: number; by: 1 | -1 }[] =>
  taken
    .flatMap(({ startAt, endAt }) => [
      { at: startAt, by: 1 as const },
      { at: endAt, by: -1 as const },
    ])
    .toSorted((a, b) => a.at - b.at || a.by - b.by);

/** The most that are taken at one time. */
export function mostAtOnce(taken: readonly Interval[]): number {
  let open = 0;
  let most = 0;
  for (const { by } of stepsOf(taken)) most = Math.max(most, (open += by));
  return most;
}

/** Those that lie in no other, by start. */
function longest(spans: readonly Interval[]): Interval[] {
  const kept: Interval[] = [];
  for (const one of spans.toSorted((a, b) => a.startAt - b.startAt || b.endAt - a.endAt))
    if (one.endAt > (kept.at(-1)?.endAt ?? -Infinity)) kept.push(one);
  return kept;
}

/** Times of one unit (or of the whole), widened so that a booking beside them keeps its buffers. */
function widened(facts: AvailabilityFacts, unit: number | null): Interval[] {
  const { bufferBeforeMs, bufferAfterMs } = facts.settings;
  return facts.taken
    .filter((one) => one.unit === unit)
    .map((one) => ({ startAt: one.startAt - bufferAfterMs, endAt: one.endAt + bufferBeforeMs }));
}

/** Maximal spans that lie in at least `party` units' free spans. */
function commonSpans(perUnit: readonly Interval[][], party: number): Interval[] {
  const all = perUnit.flat().toSorted((a, b) => a.startAt - b.startAt);
  const found: Interval[] = [];
  // Ends of spans begun so far, latest first; the last one kept is where `party` units still last.
  const ends: number[] = [];
  for (const [index, one] of all.entries()) {
    const at = ends.findIndex((end) => end < one.endAt);
    ends.splice(at === -1 ? ends.length : at, 0, one.endAt);
    if (ends.length > party) ends.pop();
    if (all[index + 1]?.startAt === one.startAt) continue;
    const endAt = ends[party - 1];
    if (endAt === undefined || endAt <= one.startAt) continue;
    if (endAt > (found.at(-1)?.endAt ?? -Infinity)) found.push({ startAt: one.startAt, endAt });
  }
  return found;
}
