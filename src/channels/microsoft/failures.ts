import { Failure, retryAfterMs, waitHeader } from '../../domain/failure.ts';
import type { FailureKind } from '../../domain/failure.ts';

/**
 * Graph's errors as our closed set, by status and `error.code` (Graph "error responses and resource
 * types", Exchange's own codes inside), never by message text. Codes are compared without case, and
 * a nested one counts as much as the outer: which of them is told differs between front ends.
 */
const KIND_BY_CODE: Readonly<Record<string, FailureKind>> = {
  // A mailbox over its four requests at once is told as 429 or as 503.
  applicationthrottled: 'rate-limited',
  mailboxconcurrency: 'rate-limited',
  toomanyrequests: 'rate-limited',
  errortoomanyrequests: 'rate-limited',
  activitylimitreached: 'rate-limited',
  errorserverbusy: 'rate-limited',
  invalidauthenticationtoken: 'unauthorized',
  erroraccessdenied: 'unauthorized',
  erroritemnotfound: 'not-found',
  errorfoldernotfound: 'not-found',
  // What is no id of Graph's was never there.
  errorinvalididmalformed: 'not-found',
  errorirresolvableconflict: 'conflict',
  errorduplicatetransactionid: 'conflict',
  syncstatenotfound: 'cursor-lost',
  syncstateinvalid: 'cursor-lost',
  resyncrequired: 'cursor-lost',
};

const KIND_BY_STATUS: Readonly<Record<number, FailureKind>> = {
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'not-found',
  408: 'unavailable',
  409: 'conflict',
  410: 'not-found',
  412: 'conflict',
  423: 'unavailable',
  429: 'rate-limited',
  509: 'rate-limited',
};

export interface GraphError {
  status: number;
  /** Machine codes, the outermost first. */
  codes: string[];
  retryAfter: string | null;
}

export function readError(answer: {
  status: number;
  headers: Headers;
  data: Record<string, unknown> | null;
}): GraphError {
  const { status, headers, data } = answer;
  return {
    status,
    codes: codesIn(data?.['error']),
    retryAfter: waitHeader(status, (name) => headers.get(name)),
  };
}

/** Errors are seldom nested twice; a body that nests for ever must not hold us. */
const MOST_NESTED = 8;

function codesIn(error: unknown): string[] {
  const codes: string[] = [];
  let inner = error;
  for (let depth = 0; depth < MOST_NESTED && typeof inner === 'object' && inner; depth += 1) {
    const fields = inner as Record<string, unknown>;
    const code = machineCode(fields['code']);
    if (code !== null) codes.push(code);
    inner = fields['innerError'] ?? fields['innererror'];
  }
  return codes;
}

export function failureFrom(error: GraphError, nowAt: number): Failure {
  const { status, codes, retryAfter } = error;
  const known = codes.find((code) => Object.hasOwn(KIND_BY_CODE, code.toLowerCase()));
  const byCode = known === undefined ? undefined : KIND_BY_CODE[known.toLowerCase()];
  const byStatus = KIND_BY_STATUS[status] ?? (status >= 500 ? 'unavailable' : 'invalid');
  const waitMs = retryAfterMs(retryAfter, nowAt, Date.parse);
  return new Failure({
    kind: byCode ?? byStatus,
    // Which code comes with a 412 is not documented; every channel says it in one word.
    code: status === 412 ? 'conditionNotMet' : (known ?? codes[0] ?? `http-${status}`),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

export const saysCode = ({ codes }: GraphError, ...wanted: string[]): boolean =>
  codes.some((code) => wanted.includes(code.toLowerCase()));

/** Only what looks like a code, a word or a short number: else it could be text about a person. */
export const machineCode = (value: unknown): string | null =>
  typeof value === 'string' && /^(?:[A-Za-z][\w.-]{0,63}|\d{1,5})$/.test(value) ? value : null;
