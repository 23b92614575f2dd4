/**
 * What can go wrong at an outside party, as one closed set (design: "failures are one closed set").
 * Providers classify by status and machine code at their edge; nobody reads message text.
 */
export const FAILURE_KINDS = [
  'unauthorized',
  'not-found',
  'conflict',
  'invalid',
  'rate-limited',
  'cursor-lost',
  'declined',
  'unavailable',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export interface FailureDetails {
  kind: FailureKind;
  /** The provider's machine code, e.g. `rateLimitExceeded`, `card_declined`, `http-503`. */
  code: string;
  /** How long the provider asked us to wait; kept within 1 s and 1 h. */
  retryAfterMs?: number;
  /** What a person withheld, in words of our own. */
  missing?: readonly string[];
}

/** Carries kind and machine code only, so that no title, guest or token can reach a log. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly code: string;
  readonly retryAfterMs: number | undefined;
  readonly missing: readonly string[];

  constructor(details: FailureDetails) {
    super(`${details.kind}: ${details.code}`);
    this.name = 'Failure';
    this.kind = details.kind;
    this.code = details.code;
    this.missing = details.missing ?? [];
    this.retryAfterMs =
      details.retryAfterMs === undefined ? undefined : clampedWaitMs(details.retryAfterMs);
  }
}

/** Whether asking again can help without anybody changing anything. */
export const isRetryable = (kind: FailureKind): boolean =>
  kind === 'rate-limited' || kind === 'unavailable';

const MIN_RETRY_AFTER_MS = 1_000;
const MAX_RETRY_AFTER_MS = 3_600_000;

const clampedWaitMs = (waitMs: number): number =>
  Math.min(Math.max(waitMs, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS);

/** The most that can be meant as seconds from now; above are points in time, seconds or milliseconds. */
const EPOCH_SECONDS = 1e9;
const EPOCH_MS = 1e12;

/**
 * Reads a wait as channels write it: `Retry-After` (RFC 9110 §10.2.3: seconds, or an HTTP date given
 * as epoch ms by the caller's `parseDate`), or `X-RateLimit-Reset` (seconds from now, or a point in
 * time in epoch seconds or milliseconds). Clamped to 1 s – 1 h. Undefined when absent or unreadable.
 */
export function retryAfterMs(
  header: string | null | undefined,
  nowAt: number,
  parseDate: (text: string) => number,
): number | undefined {
  if (!header) return undefined;
  const text = header.trim();
  const waitMs = /^\d+(?:\.\d+)?$/.test(text)
    ? numberedWaitMs(Number(text), nowAt)
    : parseDate(text) - nowAt;
  if (!Number.isFinite(waitMs) || waitMs < 0) return undefined;
  return clampedWaitMs(waitMs);
}

function numberedWaitMs(value: number, nowAt: number): number {
  if (value >= EPOCH_MS) return value - nowAt;
  return value >= EPOCH_SECONDS ? value * 1_000 - nowAt : value * 1_000;
}

const RESET_HEADERS = ['x-ratelimit-reset', 'x-rate-limit-reset', 'ratelimit-reset'];
/** Statuses that can mean "slower"; others carry the reset of a window that is not spent. */
const SLOWER = [403, 429, 503];

/** The header that says how long to wait, for `retryAfterMs`; null when there is none. */
export function waitHeader(
  status: number,
  read: (name: string) => string | null | undefined,
): string | null {
  const names = SLOWER.includes(status) ? ['retry-after', ...RESET_HEADERS] : ['retry-after'];
  return names.map(read).find((value) => value) ?? null;
}
