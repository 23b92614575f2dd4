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
  /** How long the provider asked us to wait. */
  retryAfterMs?: number;
}

/** Carries kind and machine code only, so that no title, guest or token can reach a log. */
export class Failure extends Error {
  readonly kind: FailureKind;
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(details: FailureDetails) {
    super(`${details.kind}: ${details.code}`);
    this.name = 'Failure';
    this.kind = details.kind;
    this.code = details.code;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Whether asking again can help without anybody changing anything. */
export const isRetryable = (kind: FailureKind): boolean =>
  kind === 'rate-limited' || kind === 'unavailable';

const MIN_RETRY_AFTER_MS = 1_000;
const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Reads `Retry-After` (RFC 9110 §10.2.3: seconds, or an HTTP date given as epoch ms by the caller's
 * `parseDate`), clamped to 1 s – 1 h. Undefined when absent or unreadable.
 */
export function retryAfterMs(
  header: string | null | undefined,
  nowAt: number,
  parseDate: (text: string) => number,
): number | undefined {
  if (!header) return undefined;
  const waitMs = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : parseDate(header) - nowAt;
  if (!Number.isFinite(waitMs) || waitMs < 0) return undefined;
  return Math.min(Math.max(waitMs, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS);
}
