/** What a booking costs at another time. Amounts in minor units. */

interface Prices {
  /** What was agreed. */
  bookedMinor: number;
  /** What today's price list asks for the time it has, and for the new one; null where there is none. */
  beforeMinor: number | null;
  afterMinor: number | null;
}

/**
 * Only the difference goes by today's prices: a price that was stated at booking, or that rose since,
 * is kept for what stays the same.
 */
export function rescheduledPrice({ bookedMinor, beforeMinor, afterMinor }: Prices): number {
  if (beforeMinor === null || afterMinor === null) return bookedMinor;
  return Math.max(0, bookedMinor + afterMinor - beforeMinor);
}
