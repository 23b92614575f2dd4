import type { Failure } from './failure.ts';

/**
 * What a channel lets us ask of it, in the words of its documentation; each is a setting. `account`
 * is one person's grant, `shared` is what all accounts together may do: those of one OAuth client,
 * or at one host.
 */
export interface ChannelFigures {
  /** Activities that start in a second, over all workers; the task server sees to it. */
  queuePerSecond: number;
  accountPerMinute: number;
  /** Null where the channel has no such limit. */
  sharedPerMinute: number | null;
  /** Calls of one account that may be open at once; null where any number may. */
  atOnce: number | null;
}

/** A token bucket: so many at once after a rest, then one in each period. */
export interface Budget {
  burst: number;
  periodMs: number;
}

/** What is taken for each call. */
export interface ChannelLimits {
  account: Budget;
  shared: Budget | null;
  atOnce: number | null;
  /** What rests when one account is refused. */
  refusalStops: 'account' | 'shared';
}

const MINUTE_MS = 60_000;
/** A person's calendars may come together; of what all share, no more than a quarter second's worth. */
const ACCOUNT_BURST = 0.1;
const SHARED_BURST = 1 / 240;

export const limitsFrom = (
  figures: ChannelFigures,
  refusalStops: ChannelLimits['refusalStops'] = 'account',
): ChannelLimits => ({
  account: budgetOf(figures.accountPerMinute, ACCOUNT_BURST),
  shared: figures.sharedPerMinute === null ? null : budgetOf(figures.sharedPerMinute, SHARED_BURST),
  atOnce: figures.atOnce,
  refusalStops,
});

/**
 * The bucket that gives at most `perMinute` in any minute whatever, not only on the average: its
 * burst is part of the figure. With one a minute there is no burst to speak of, and half the rate.
 */
export function budgetOf(perMinute: number, burstShare: number): Budget {
  const burst = Math.max(1, Math.floor(perMinute * burstShare));
  return { burst, periodMs: MINUTE_MS / Math.max(perMinute - burst, 0.5) };
}

/** Why a call may not be made now, as status reasons and failures name it. */
export const LIMIT_CODES = {
  circuit: 'channel-down',
  pause: 'channel-asked-for-rest',
  budget: 'budget-spent',
  lease: 'too-many-at-once',
} as const;
export type Limit = keyof typeof LIMIT_CODES;

export const isLimitCode = (code: unknown): code is (typeof LIMIT_CODES)[Limit] =>
  Object.values<unknown>(LIMIT_CODES).includes(code);

/** Refusals that concern every account of our client, not the one that was refused. */
const OF_ALL = new Set(['dailyLimitExceeded']);
/** Refusals that a short rest does not lift (Google, "Handle API errors"). */
const LONG = new Set(['quotaExceeded', 'dailyLimitExceeded', 'calendarUsageLimitsExceeded']);
const SHORT_FIRST_MS = 2_000;
const SHORT_LONGEST_MS = 64_000;
const LONG_FIRST_MS = 60_000;
const LONG_LONGEST_MS = 3_600_000;

export interface Pause {
  of: ChannelLimits['refusalStops'];
  ms: number;
}

/**
 * How long a refusal stops a whole bucket: as long as the channel said, else longer with each
 * refusal in a row (`strikes`), as both vendors advise. Null where the failure is no refusal.
 */
export function pauseFor(
  failure: Failure,
  { limits, strikes }: { limits: ChannelLimits; strikes: number },
): Pause | null {
  const { kind, code, retryAfterMs } = failure;
  if (kind !== 'rate-limited' && !(kind === 'unavailable' && retryAfterMs !== undefined))
    return null;
  const wide = OF_ALL.has(code) || limits.refusalStops === 'shared';
  const of = wide && limits.shared !== null ? 'shared' : 'account';
  if (retryAfterMs !== undefined) return { of, ms: retryAfterMs };
  const [firstMs, longestMs] = LONG.has(code)
    ? [LONG_FIRST_MS, LONG_LONGEST_MS]
    : [SHORT_FIRST_MS, SHORT_LONGEST_MS];
  return { of, ms: Math.min(firstMs * 2 ** Math.min(strikes, 20), longestMs) };
}

/** Answered by a host that is up, or not at all about the host. */
const NOT_THE_HOST = new Set([
  'unreadable-answer',
  'lock-token-submitted',
  'no-conflicting-lock',
  'outbound-aborted',
]);

/**
 * Whether a failure tells that the host itself is down. A host that states when to come back is
 * believed: then its bucket rests, and nobody needs to probe.
 */
export const isOutage = ({ kind, code, retryAfterMs }: Failure): boolean =>
  kind === 'unavailable' &&
  retryAfterMs === undefined &&
  !code.startsWith('http-4') &&
  !NOT_THE_HOST.has(code);

/** Waiting for a host that is down, callers spread over as long again, and over this at least. */
const LEAST_SPREAD_MS = 5_000;

/** When to ask again whether a host is back: not before its next probe, and not all at once. */
export const circuitWaitMs = (untilProbeMs: number, random: number): number =>
  Math.max(untilProbeMs, 0) + random * Math.max(untilProbeMs, LEAST_SPREAD_MS);
