import { intersect, subtract, union, type Interval } from './interval.ts';

/** Why a pass reads everything; the last two come of comparing our copy with the channel. */
export const LISTING_REASONS = ['anew', 'absence', 'window', 'nightly', 'free-busy'] as const;
export type ListingReason = (typeof LISTING_REASONS)[number];
export type RepairReason = Extract<ListingReason, 'nightly' | 'free-busy'>;

export const isRepair = (reason: ListingReason | null): reason is RepairReason =>
  reason === 'nightly' || reason === 'free-busy';

/** Comparing our copy with what the channel itself says is taken. Instants in epoch milliseconds. */
export interface Difference {
  /** Taken by the channel's word, free by ours. */
  missing: Interval[];
  /** Taken by ours, free by the channel's word. */
  extra: Interval[];
}

export interface Comparison {
  window: Interval;
  /** What the channel says is taken; our own bookings' events count there as any other. */
  theirs: readonly Interval[];
  /** All time that our copy explains, safety margins and our own bookings included. */
  ours: readonly Interval[];
  /** The part of it that the channel must see as well. */
  certain: readonly Interval[];
}

/** Shorter differences come from rounding: some channels answer in whole minutes. */
const LEAST_MS = 60_000;

export function compareBusy({ window, theirs, ours, certain }: Comparison): Difference {
  const within = (spans: readonly Interval[]) => intersect(spans, [window]);
  return {
    missing: subtract(within(theirs), ours).filter(matters),
    extra: subtract(within(certain), theirs).filter(matters),
  };
}

/** What two looks agree on: both sides move, and a change need not be seen by both at once. */
export const inBoth = (first: Difference, second: Difference): Difference => ({
  missing: intersect(first.missing, second.missing).filter(matters),
  extra: intersect(first.extra, second.extra).filter(matters),
});

export const isDifferent = ({ missing, extra }: Difference): boolean =>
  missing.length > 0 || extra.length > 0;

/** Of a difference only so much is kept for a second look. */
export function firstOf({ missing, extra }: Difference, count: number): Difference {
  return { missing: union(missing).slice(0, count), extra: union(extra).slice(0, count) };
}

const matters = ({ startAt, endAt }: Interval): boolean => endAt - startAt >= LEAST_MS;
