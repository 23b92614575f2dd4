/** How many requests a minute a caller may make. */
export interface RequestFigures {
  keyReads: number;
  keyWrites: number;
  tenantReads: number;
  tenantWrites: number;
  /** Of one remote address, where no key says who asks; in each process by itself. */
  address: number;
}

/**
 * A guard between tenants, not a price list: five thousand callers who come within ten seconds for one
 * sale, through one key, and ask again meet none of them.
 */
export const REQUEST_FIGURES: RequestFigures = {
  keyReads: 120_000,
  keyWrites: 30_000,
  tenantReads: 240_000,
  tenantWrites: 60_000,
  address: 12_000,
};

export const WINDOW_MS = 60_000;

/**
 * A bucket that holds a minute's requests and fills evenly (GCRA: ITU-T I.371, in its virtual
 * scheduling form). `fullAt` is when it is full again, in milliseconds of the caller's own clock.
 */
export interface Bucket {
  fullAt: number;
}

export const periodOf = (perMinute: number): number => WINDOW_MS / perMinute;

const debtOf = (bucket: Bucket, nowMs: number): number => Math.max(0, bucket.fullAt - nowMs);

/** Sums of periods are not exact in floating point; a millionth of a millisecond is nobody's. */
const SLACK_MS = 1e-6;

/** Requests that may be made at once. */
export const remaining = (bucket: Bucket, perMinute: number, nowMs: number): number => {
  const freeMs = WINDOW_MS - debtOf(bucket, nowMs) + SLACK_MS;
  return Math.max(0, Math.floor(freeMs / periodOf(perMinute)));
};

/** Milliseconds until one request may be made; 0 when it may be now. */
export const waitFor = (bucket: Bucket, perMinute: number, nowMs: number): number => {
  const missing = debtOf(bucket, nowMs) + periodOf(perMinute) - WINDOW_MS;
  return missing <= SLACK_MS ? 0 : missing;
};

export const untilFull = debtOf;

/** The bucket after one more request. */
export const spend = (bucket: Bucket, perMinute: number, nowMs: number): Bucket => ({
  fullAt: nowMs + debtOf(bucket, nowMs) + periodOf(perMinute),
});
