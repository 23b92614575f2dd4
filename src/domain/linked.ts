import type { Ask, AvailabilityFacts } from './availability.ts';
import type { Interval } from './interval.ts';
import type { Override } from './rules.ts';
import { isOpen, unitRefusal, unitSpans } from './units.ts';

/**
 * What else a booking takes: each is judged as if it were booked itself for the same time, by its own
 * opening, buffers, outside time, blocks and bookings. A whole above a resource stands here too, with
 * nothing of its own but its outside time and blocks, which take its parts.
 */
export interface Linked {
  id: string;
  /** So many units of it, whatever the party. */
  units: number;
  facts: Omit<AvailabilityFacts, 'linked'>;
}

/** What of a resource's own free spans is free of everything that it is linked to. */
export function linkedSpans(
  own: readonly Interval[],
  linked: readonly Linked[],
  ask: Ask,
): Interval[] {
  let spans: readonly Interval[] = own;
  for (const { units, facts } of linked) {
    if (spans.length === 0) break;
    spans = inBoth(spans, unitSpans(facts, { ...ask, party: units }));
  }
  return [...spans];
}

/** The first of what is linked that is not free for a span, or null. Staff pass over its opening too. */
export function linkedInTheWay(
  linked: readonly Linked[],
  ask: Pick<Ask, 'zones'> & { span: Interval; overrides?: readonly Override[] },
): string | null {
  const mustBeOpen = !ask.overrides?.includes('opening');
  return (
    linked.find(
      ({ units, facts }) =>
        (mustBeOpen && !isOpen(facts, ask)) ||
        unitRefusal(facts, { ...ask, party: units }) !== null,
    )?.id ?? null
  );
}

/**
 * The longest spans that lie in one of either side. Spans of one side may overlap each other, where
 * different units are free at different times; united, they would promise what no unit has.
 */
function inBoth(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const both = a.flatMap((one) =>
    b
      .map((other) => ({
        startAt: Math.max(one.startAt, other.startAt),
        endAt: Math.min(one.endAt, other.endAt),
      }))
      .filter((common) => common.startAt < common.endAt),
  );
  const kept: Interval[] = [];
  for (const one of both.toSorted((x, y) => x.startAt - y.startAt || y.endAt - x.endAt))
    if (one.endAt > (kept.at(-1)?.endAt ?? -Infinity)) kept.push(one);
  return kept;
}
