import { Failure, retryAfterMs, waitHeader } from '../../domain/failure.ts';
import type { FailureKind } from '../../domain/failure.ts';
import type { Validators } from './position.ts';

const KIND_BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'not-found',
  408: 'unavailable',
  410: 'not-found',
  425: 'unavailable',
  429: 'rate-limited',
};
const MAX_VALIDATOR_LENGTH = 512;
/** RFC 9110 §8.8.2.2: a younger time may stand for two contents of one second. */
const SETTLED_MS = 2_000;

type Headers = Readonly<Record<string, string>>;

/** A feed's status as our closed set; `200` and an expected `304` are not failures. */
export function failureOfStatus(status: number, headers: Headers): Failure {
  if (status === 206) return new Failure({ kind: 'invalid', code: 'feed-incomplete' });
  const kind =
    KIND_BY_STATUS[status] ?? (status >= 500 || status === 304 ? 'unavailable' : 'invalid');
  // The host's own clock reads the date form, so that a difference between clocks does no harm.
  const hostNowAt = Date.parse(headers['date'] ?? '') || Date.now();
  const waitMs = retryAfterMs(
    waitHeader(status, (name) => headers[name]),
    hostNowAt,
    Date.parse,
  );
  const code = `http-${status}`;
  return new Failure({ kind, code, ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }) });
}

/** Age of an answer kept by caches on its way (RFC 9111 §5.1), in milliseconds. */
export function ageMsOf(headers: Headers): number {
  const age = headers['age']?.trim() ?? '';
  return /^\d{1,9}$/.test(age) ? Number(age) * 1_000 : 0;
}

/** What to ask with next time; a `Last-Modified` that could miss an edit is not kept. */
export function validatorsOf(headers: Headers): Validators {
  const lastModified = kept(headers['last-modified']);
  const settledMs = Date.parse(headers['date'] ?? '') - Date.parse(lastModified ?? '');
  return {
    etag: kept(headers['etag']),
    lastModified: settledMs >= SETTLED_MS ? lastModified : null,
  };
}

const kept = (value: string | undefined): string | null =>
  value && value.length <= MAX_VALIDATOR_LENGTH ? value : null;
