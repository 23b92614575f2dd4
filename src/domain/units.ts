import type { Ask, AvailabilityFacts } from './availability.ts';
import type { Refusal } from './booking.ts';
import type { FreeUnits } from './free-together.ts';
import { freeTogether, mostAtOnce } from './free-together.ts';
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
  const { capacity, settings, taken } = facts;
  if (ask.party > capacity) return [];
  const { bufferBeforeMs: beforeMs, bufferAfterMs: afterMs } = settings;
  const wide = taken.map(({ unit, startAt, endAt }) => ({
    unit,
    startAt: startAt - afterMs,
    endAt: endAt + beforeMs,
  }));
  const shared = subtract(
    open(facts, ask),
    wide.filter((one) => one.unit === null),
  );
  const ofUnits = wide.filter(
    (one): one is CutOfUnit => one.unit !== null && one.unit !== ANY_UNIT && one.unit <= capacity,
  );
  return freeTogether(freePieces(shared, ofUnits, capacity), ask.party, {
    taken: taken.filter((one) => one.unit === ANY_UNIT),
    beforeMs,
    afterMs,
  });
}

type CutOfUnit = Interval & { unit: number };

/**
 * Of each span that nothing takes as a whole, when which units are free: one by one only those of
 * which some time is taken there.
 */
function freePieces(
  shared: readonly Interval[],
  cuts: readonly CutOfUnit[],
  capacity: number,
): FreeUnits[] {
  const here = shared.map(() => new Map<number, Interval[]>());
  let first = 0;
  for (const cut of cuts.toSorted((a, b) => a.startAt - b.startAt)) {
    while (first < shared.length && shared[first]!.endAt <= cut.startAt) first += 1;
    for (let n = first; n < shared.length && shared[n]!.startAt < cut.endAt; n += 1) {
      const ofUnit = here[n]!.get(cut.unit);
      if (ofUnit) ofUnit.push(cut);
      else here[n]!.set(cut.unit, [cut]);
    }
  }
  return shared.flatMap((span, n) => {
    const cutUnits = [...here[n]!.values()];
    const pieces = cutUnits.flatMap((ofUnit) => subtract([span], ofUnit));
    const untouched = capacity - cutUnits.length;
    return [
      ...pieces.map((one) => ({ ...one, units: 1 })),
      ...(untouched > 0 ? [{ ...span, units: untouched }] : []),
    ];
  });
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
