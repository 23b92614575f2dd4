import type { Ask, AvailabilityFacts } from './availability.ts';
import type { Refusal } from './booking.ts';
import type { Interval } from './interval.ts';
import { linkedInTheWay, linkedSpans } from './linked.ts';
import type { Override } from './rules.ts';
import { unitRefusal, unitSpans } from './units.ts';

/** Free for a party, whenever a booking may begin; starts and ends rise. */
export function bookableSpans(facts: AvailabilityFacts, ask: Ask): Interval[] {
  const own = unitSpans(facts, ask);
  return facts.linked ? linkedSpans(own, facts.linked, ask) : own;
}

/** Why a span that the rules allow is not free, or null when it is. */
export function takenRefusal(
  facts: AvailabilityFacts,
  ask: Pick<Ask, 'party' | 'zones'> & { span: Interval; overrides?: readonly Override[] },
): Refusal | null {
  const own = unitRefusal(facts, ask);
  if (own || !facts.linked) return own;
  return linkedInTheWay(facts.linked, ask) === null ? null : 'linked-taken';
}
