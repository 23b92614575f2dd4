import { Failure, retryAfterMs, waitHeader } from '../../domain/failure.ts';
import type { FailureKind } from '../../domain/failure.ts';

/**
 * Google's errors as our closed set, by status and `error.errors[0].reason`, never by message text
 * (Calendar API guide "Handle API errors"). A reason wins over its status.
 */
const KIND_BY_REASON: Readonly<Record<string, FailureKind>> = {
  // 403 that means "slower", although the status says "forbidden".
  rateLimitExceeded: 'rate-limited',
  userRateLimitExceeded: 'rate-limited',
  quotaExceeded: 'rate-limited',
  dailyLimitExceeded: 'rate-limited',
  calendarUsageLimitsExceeded: 'rate-limited',
  // 403 that another consent, or a consent by another person, puts right.
  insufficientPermissions: 'unauthorized',
  forbidden: 'unauthorized',
  requiredAccessLevel: 'unauthorized',
  // 401 about our own address, not the person's consent.
  'push.webhookUrlUnauthorized': 'invalid',
  fullSyncRequired: 'cursor-lost',
  updatedMinTooLongAgo: 'cursor-lost',
};

const KIND_BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'unauthorized',
  404: 'not-found',
  408: 'unavailable',
  409: 'conflict',
  410: 'not-found',
  412: 'conflict',
  429: 'rate-limited',
};

/** Status and machine code of an error answer; a missing status means that no answer came. */
export interface GoogleError {
  status: number | null;
  reason: string | null;
  /** The parameter that the answer blames, e.g. `syncToken`. */
  location: string | null;
  retryAfter: string | null;
}

/** Reads what the client library threw, without keeping the error: it carries the request. */
export function readError(thrown: unknown): GoogleError {
  const { response, code, cause } = fields(thrown);
  const answer = fields(response);
  if (typeof answer['status'] !== 'number') {
    const late = isTimeout(code) || isTimeout(fields(cause)['name']);
    return { status: null, reason: late ? 'timeout' : 'network', location: null, retryAfter: null };
  }
  const first = fields(firstOf(fields(fields(answer['data'])['error'])['errors']));
  const headers = answer['headers'];
  return {
    status: answer['status'],
    reason: machineCode(first['reason']),
    location: machineCode(first['location']),
    retryAfter:
      headers instanceof Headers ? waitHeader(answer['status'], (name) => headers.get(name)) : null,
  };
}

export function failureFrom(error: GoogleError, nowAt: number): Failure {
  if (error.status === null)
    return new Failure({ kind: 'unavailable', code: error.reason ?? 'network' });
  const waitMs = retryAfterMs(error.retryAfter, nowAt, Date.parse);
  return new Failure({
    kind: kindOf(error.status, error.reason),
    code: error.reason ?? `http-${error.status}`,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

function kindOf(status: number, reason: string | null): FailureKind {
  if (status >= 500) return 'unavailable';
  const byReason = reason !== null && Object.hasOwn(KIND_BY_REASON, reason);
  return (byReason ? KIND_BY_REASON[reason] : KIND_BY_STATUS[status]) ?? 'invalid';
}

const isTimeout = (name: unknown): boolean =>
  name === 'TimeoutError' || name === 'UND_ERR_HEADERS_TIMEOUT' || name === 'UND_ERR_BODY_TIMEOUT';

const fields = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

const firstOf = (value: unknown): unknown => (Array.isArray(value) ? value[0] : undefined);

/** Only what looks like a code: whatever else stands there could be text about a person. */
export const machineCode = (value: unknown): string | null =>
  typeof value === 'string' && /^[A-Za-z][\w.-]{0,63}$/.test(value) ? value : null;
