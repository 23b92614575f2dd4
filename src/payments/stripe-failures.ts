import { Stripe } from 'stripe';
import { Failure, retryAfterMs } from '../domain/failure.ts';
import type { FailureKind } from '../domain/failure.ts';

/** What a refusal says in codes. The error itself is not kept: it carries text for a cardholder. */
export interface StripeRefusal {
  /** Null when no answer came. */
  status: number | null;
  code: string;
  /** The answer was stored earlier under the same key, so the act it speaks of is over. */
  replayed: boolean;
  /** `stripe-should-retry`, where Stripe says. */
  mayRetry: boolean | null;
  retryAfter: string | null;
}

/** Source: Stripe API reference "Errors" and "Error codes"; a code wins over its status. */
const KIND_BY_CODE: Readonly<Record<string, FailureKind>> = {
  idempotency_error: 'invalid',
  idempotency_key_in_use: 'unavailable',
  lock_timeout: 'unavailable',
  rate_limit: 'rate-limited',
  payment_intent_unexpected_state: 'conflict',
  charge_already_captured: 'conflict',
  charge_already_refunded: 'conflict',
  charge_expired_for_capture: 'conflict',
  capture_charge_authorization_expired: 'conflict',
};

const KIND_BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'unauthorized',
  402: 'declined',
  403: 'unauthorized',
  404: 'not-found',
  409: 'unavailable',
  429: 'rate-limited',
};

export function readRefusal(thrown: unknown): StripeRefusal {
  const none = { status: null, replayed: false, mayRetry: null, retryAfter: null };
  if (!(thrown instanceof Stripe.errors.StripeError))
    return { ...none, status: 400, code: 'refused-by-client' };
  if (thrown.statusCode === undefined) return { ...none, code: silenceOf(thrown) };
  const headers = thrown.headers ?? {};
  const should = headers['stripe-should-retry'];
  const isDecline = thrown.statusCode === 402;
  return {
    status: thrown.statusCode,
    code:
      (isDecline ? machineCode(thrown.decline_code) : null) ??
      machineCode(thrown.code) ??
      (thrown.rawType === 'idempotency_error' ? 'idempotency_error' : `http-${thrown.statusCode}`),
    replayed: headers['idempotent-replayed'] === 'true',
    mayRetry: should === undefined ? null : should === 'true',
    retryAfter: headers['retry-after'] ?? null,
  };
}

/** The library takes any JSON without an `error` for an answer, such as a proxy's of any status. */
export function requireObject<T extends { object: string }>(answer: T, object: T['object']): T {
  if (answer.object === object) return answer;
  throw new Failure({ kind: 'unavailable', code: 'unreadable-answer' });
}

export function failureFrom(refusal: StripeRefusal): Failure {
  const waitMs = retryAfterMs(refusal.retryAfter, Date.now(), Date.parse);
  return new Failure({
    kind: kindOf(refusal),
    code: refusal.code,
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

function kindOf({ status, code, mayRetry }: StripeRefusal): FailureKind {
  if (status === null || status >= 500) return 'unavailable';
  const byCode = Object.hasOwn(KIND_BY_CODE, code) ? KIND_BY_CODE[code] : undefined;
  const kind = byCode ?? KIND_BY_STATUS[status] ?? 'invalid';
  return kind === 'invalid' && mayRetry === true ? 'unavailable' : kind;
}

/** Why there is no answer to read; the request may have been carried out all the same. */
function silenceOf(error: Stripe.errors.StripeError): string {
  if (!(error instanceof Stripe.errors.StripeConnectionError)) return 'unreadable-answer';
  const detail: unknown = error.detail;
  const late =
    typeof detail === 'object' &&
    detail !== null &&
    'code' in detail &&
    detail.code === 'ETIMEDOUT';
  return late ? 'timeout' : 'network';
}

/** Only what looks like a code: whatever else stands there could be text about a person. */
const machineCode = (value: unknown): string | null =>
  typeof value === 'string' && /^[a-z][a-z0-9_]{0,63}$/.test(value) ? value : null;
