/** What a resource is sold by. Stored as one JSON value per version; the API's schemas validate it. */

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** Open on these weekdays between two local times; `to` of `24:00` is midnight. */
export interface OpeningRule {
  days: Weekday[];
  /** `HH:MM` in the resource's zone. */
  from: string;
  /** Exclusive; not after `24:00`. */
  to: string;
}

export const PRICE_UNITS = ['booking', 'night', 'unit'] as const;

export interface Price {
  per: (typeof PRICE_UNITS)[number];
  amountMinor: number;
  /** ISO 4217, lower case. */
  currency: string;
}

export interface ResourceSettings {
  /** Empty means always open. */
  opening: OpeningRule[];
  bufferBeforeMs: number;
  bufferAfterMs: number;
  /** How long before its start a span can last be booked. */
  noticeMs: number;
  holdTtlMs: number;
  /** Null: the price is stated at booking, or the resource is free. */
  price: Price | null;
  /** An outside event over a live hold: refuse the hold's commit, or keep the hold. */
  contested: 'refuse' | 'keep-ours';
}

export const DEFAULT_RESOURCE_SETTINGS: ResourceSettings = {
  opening: [],
  bufferBeforeMs: 0,
  bufferAfterMs: 0,
  noticeMs: 0,
  holdTtlMs: 15 * 60_000,
  price: null,
  contested: 'refuse',
};

/** The price of a booking, or null when nothing is charged. `nights` counts local midnights. */
export function priceOf(
  price: Price | null,
  booking: { party: number; nights: number },
): { amountMinor: number; currency: string } | null {
  if (!price || price.amountMinor === 0) return null;
  const count = { booking: 1, night: booking.nights, unit: booking.party }[price.per];
  return { amountMinor: price.amountMinor * count, currency: price.currency };
}
