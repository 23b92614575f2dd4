import { Failure, retryAfterMs, waitHeader } from '../../domain/failure.ts';
import type { FailureKind } from '../../domain/failure.ts';
import { CALDAV, DAV, readXml } from './xml.ts';

/**
 * A server's refusals as our closed set, by status and by the precondition element that WebDAV puts
 * into the body (RFC 4918 §16, RFC 4791 §1.3, RFC 6578 §3.2), never by message text.
 */
const KIND_BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'unauthorized',
  // A right was taken away, or never given: only a person can change that.
  403: 'unauthorized',
  404: 'not-found',
  408: 'unavailable',
  409: 'conflict',
  410: 'not-found',
  412: 'conflict',
  // Somebody's editor holds the lock, for a while.
  423: 'unavailable',
  424: 'unavailable',
  425: 'unavailable',
  429: 'rate-limited',
  // Not a trouble that passes.
  501: 'invalid',
};

/** What a precondition means where its status alone would mislead. */
const KIND_BY_PRECONDITION: Readonly<Record<string, FailureKind>> = {
  'need-privileges': 'unauthorized',
  'valid-sync-token': 'cursor-lost',
  'no-uid-conflict': 'conflict',
  'quota-not-exceeded': 'invalid',
  'sufficient-disk-space': 'invalid',
  'lock-token-submitted': 'unavailable',
  'no-conflicting-lock': 'unavailable',
};

export interface Refusal {
  status: number;
  headers: Readonly<Record<string, string>>;
  text: string;
}

/** A failure that remembers what the caller may still decide by. */
export function failureOf(refusal: Refusal, nowAt: number): Failure {
  const { status, headers } = refusal;
  const precondition = preconditionOf(refusal);
  const waitMs = retryAfterMs(
    waitHeader(status, (name) => headers[name]),
    dateOf(headers) ?? nowAt,
    Date.parse,
  );
  return new Failure({
    kind: kindOf(status, precondition),
    code: precondition ?? (status === 412 ? 'conditionNotMet' : `http-${status}`),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

/** The host's own clock reads a date form, so that a difference between clocks does no harm. */
function dateOf(headers: Refusal['headers']): number | null {
  const at = Date.parse(headers['date'] ?? '');
  return Number.isFinite(at) ? at : null;
}

function kindOf(status: number, precondition: string | null): FailureKind {
  if (status >= 500) return KIND_BY_STATUS[status] ?? 'unavailable';
  const told = precondition === null ? undefined : KIND_BY_PRECONDITION[precondition];
  if (told) return told;
  // Forbidden for a reason that no right would change (RFC 4791 §5.3.2.1).
  if (status === 403 && precondition !== null) return 'invalid';
  return KIND_BY_STATUS[status] ?? 'invalid';
}

const MOST_BODY = 20_000;

/** The first element of `DAV:error`; only what looks like a name, since anything may stand there. */
export function preconditionOf({ status, text }: Refusal): string | null {
  if (status < 400 || status >= 600 || text.length > MOST_BODY || !text.includes('error'))
    return null;
  try {
    const root = readXml(text);
    const isError = root.name === 'error' && root.space === DAV;
    // Some servers describe the error, in elements of their own, before or beside the condition.
    const named = root.children.find(({ space }) => space === DAV || space === CALDAV);
    const name = isError ? named?.name : undefined;
    return name !== undefined && /^[a-z][a-z-]{0,63}$/.test(name) ? name : null;
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}

/** Age of an answer kept by caches on its way (RFC 9111 §5.1), in milliseconds. */
export function ageMsOf(headers: Refusal['headers']): number {
  const age = headers['age']?.trim() ?? '';
  return /^\d{1,9}$/.test(age) ? Number(age) * 1_000 : 0;
}

export const isKind = (error: unknown, ...kinds: readonly FailureKind[]): error is Failure =>
  error instanceof Failure && kinds.includes(error.kind);
