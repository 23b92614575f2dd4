import type { CancellationTier } from './resource.ts';

/** What of a booking's price is kept when it is called off. Amounts in minor units. */

export interface CancellationFacts {
  tiers: readonly CancellationTier[];
  priceMinor: number;
  /** What the booking's payments hold; never more is kept. */
  paidMinor: number;
  /** Kept at least: what it would have cost when the booking was moved from an earlier time. */
  floorMinor: number;
  /** Epoch milliseconds. */
  startAt: number;
  nowAt: number;
}

export interface CancellationVerdict {
  keepMinor: number;
  refundMinor: number;
  /** The tier that decided; null after all of them, when everything is kept. */
  tier: CancellationTier | null;
  /** Epoch milliseconds from which on a later tier counts; null when none does. */
  untilAt: number | null;
}

/** Where nothing was agreed: everything goes back until the start. */
const UNTIL_THE_START: CancellationTier = { beforeMs: 0, feePercent: 0, feeMinor: 0 };

/** The tier with the longest time before the start that is still kept to decides. */
export function cancellationOf(facts: CancellationFacts): CancellationVerdict {
  const { priceMinor, paidMinor, floorMinor, startAt, nowAt } = facts;
  const tiers = facts.tiers.length === 0 ? [UNTIL_THE_START] : facts.tiers;
  const tier =
    tiers
      .filter((one) => startAt - nowAt >= one.beforeMs)
      .toSorted((a, b) => b.beforeMs - a.beforeMs)[0] ?? null;
  const fee = tier ? Math.ceil((priceMinor * tier.feePercent) / 100) + tier.feeMinor : paidMinor;
  const keepMinor = Math.min(Math.max(fee, floorMinor), paidMinor);
  return {
    keepMinor,
    refundMinor: paidMinor - keepMinor,
    tier,
    untilAt: tier ? startAt - tier.beforeMs : null,
  };
}
