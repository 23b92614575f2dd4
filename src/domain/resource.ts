/** What a resource is sold by. Stored as one JSON value per version; the API's schemas validate it. */

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export const SOLD_BY = ['time', 'night', 'session'] as const;
export type SoldBy = (typeof SOLD_BY)[number];

/** Open on these weekdays between two local times; `to` of `24:00` is midnight. */
export interface OpeningRule {
  days: Weekday[];
  /** `HH:MM` in the resource's zone. */
  from: string;
  /** Exclusive; not after `24:00`. */
  to: string;
}

/** Local days that differ from the rules; of several that name a day, the last one counts. */
export interface OpeningException {
  /** `YYYY-MM-DD` in the resource's zone, both included. */
  fromDay: string;
  toDay: string;
  /** Open between these local times instead of what the rules say; empty: closed. */
  open: { from: string; to: string }[];
}

/** A stay begins at `checkIn` on one local day and ends at `checkOut` on a later one. */
export interface NightRules {
  /** `HH:MM` in the resource's zone. */
  checkIn: string;
  checkOut: string;
  minNights: number;
  maxNights: number;
  /** Weekdays on which no stay may begin, or end. */
  closedToArrival: Weekday[];
  closedToDeparture: Weekday[];
  /** Arrivals within these local days follow these in place of the above; the last one counts. */
  seasons: NightSeason[];
}

export interface NightSeason {
  fromDay: string;
  toDay: string;
  minNights?: number;
  maxNights?: number;
  closedToArrival?: Weekday[];
  closedToDeparture?: Weekday[];
}

export const PRICE_UNITS = ['booking', 'night', 'unit'] as const;

export interface Price {
  per: (typeof PRICE_UNITS)[number];
  amountMinor: number;
  /** ISO 4217, lower case. */
  currency: string;
}

/** A share now, the rest later. The balance falls due so long before the start. */
export interface DepositRule {
  /** Of the price, rounded up to the minor unit. */
  percent: number;
  balanceDueMs: number;
  /** When the balance was not paid after `graceMs`, also not by payment link. */
  onUnpaid: 'cancel' | 'keep';
  graceMs: number;
}

/** What is kept of the price of a booking that is called off, by time left before its start. */
export interface CancellationTier {
  /** Holds from this long before the start on; the tier with the longest such time that fits counts. */
  beforeMs: number;
  /** Kept of the price, and beside it; never more than was paid. */
  feePercent: number;
  feeMinor: number;
}

export const CONFLICT_RULES = ['keep-ours', 'keep-theirs', 'by-key', 'ask'] as const;
export type ConflictRule = (typeof CONFLICT_RULES)[number];

export interface ResourceSettings {
  soldBy: SoldBy;
  /** Empty means always open. */
  opening: OpeningRule[];
  exceptions: OpeningException[];
  /** Where `soldBy` is `night`. */
  nights: NightRules | null;
  bufferBeforeMs: number;
  bufferAfterMs: number;
  /** How long before its start a span can last be booked. */
  noticeMs: number;
  /** How long before its start it can first be booked; null: as far as calendars are known. */
  windowMs: number | null;
  minDurationMs: number | null;
  maxDurationMs: number | null;
  /** Most bookings that begin on one local day. */
  maxPerDay: number | null;
  holdTtlMs: number;
  /** How often a hold may be made longer, and by how much each time; null: never. */
  holdExtension: { byMs: number; times: number } | null;
  /** Most holds at one time; null: no limit. */
  holdLimits: { perKey: number | null; perReference: number | null; perResource: number | null };
  /** Null: the price is stated at booking, or the resource is free. */
  price: Price | null;
  deposit: DepositRule | null;
  /** Empty: everything is given back until the start, nothing after. */
  cancellation: CancellationTier[];
  /** What customers may do by their token to a booking that is confirmed; else they ask the seller. */
  customers: { mayCancel: boolean; mayMove: boolean };
  /** What becomes of an authorization that is about to lapse before it was captured. */
  lapse: 'capture' | 'renew';
  /** An outside event over a live hold: refuse the hold's commit, or keep the hold. */
  contested: 'refuse' | 'keep-ours';
  /** A copy that is older than its bound is read again before a commit; when that takes too long: */
  recheck: { timeoutMs: number; onTimeout: 'accept' | 'refuse' };
  /** Who keeps the time when an outside event lies over a confirmed booking. */
  conflicts: {
    rule: ConflictRule;
    /** Of our bookings, as a connection has one for its events; the higher one keeps the time. */
    priority: number;
    /** `ask`: how long a person may take, and what happens then. */
    deadlineMs: number;
    onDeadline: 'keep-ours' | 'keep-theirs';
  };
}

const HOUR_MS = 3_600_000;

export const DEFAULT_RESOURCE_SETTINGS: ResourceSettings = {
  soldBy: 'time',
  opening: [],
  exceptions: [],
  nights: null,
  bufferBeforeMs: 0,
  bufferAfterMs: 0,
  noticeMs: 0,
  windowMs: null,
  minDurationMs: null,
  maxDurationMs: null,
  maxPerDay: null,
  holdTtlMs: 15 * 60_000,
  holdExtension: null,
  holdLimits: { perKey: null, perReference: null, perResource: null },
  price: null,
  deposit: null,
  cancellation: [],
  customers: { mayCancel: true, mayMove: true },
  lapse: 'capture',
  contested: 'refuse',
  recheck: { timeoutMs: 5_000, onTimeout: 'accept' },
  conflicts: {
    rule: 'ask',
    priority: 100,
    deadlineMs: 24 * HOUR_MS,
    onDeadline: 'keep-ours',
  },
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

/** The share that is charged at once, rounded up to the minor unit. */
export const depositOf = ({ percent }: Pick<DepositRule, 'percent'>, amountMinor: number): number =>
  Math.ceil((amountMinor * percent) / 100);
