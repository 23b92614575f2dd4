import { Failure } from '../domain/failure.ts';
import type { LogFields } from './dependencies.ts';
import type { ProblemName } from './problem.ts';
import { Problem } from './problem.ts';

const RETRY_AFTER_S = '2';

/** What body-parser calls its refusals. */
const BODY_PROBLEMS: Record<string, ProblemName> = {
  'entity.too.large': 'body-too-large',
  'entity.parse.failed': 'malformed-json',
  'request.aborted': 'malformed-json',
  'request.size.invalid': 'malformed-json',
  'stream.encoding.set': 'unsupported-media-type',
  'encoding.unsupported': 'unsupported-media-type',
  'charset.unsupported': 'unsupported-media-type',
};

/** PostgreSQL's and Node's codes of a database that cannot answer just now. */
const DATABASE_AWAY =
  /^(08...|53...|57P0.|25P04|40001|40P01|ECONN\w+|ETIMEDOUT|EPIPE|P1001|P1002|P1008|P1017|P2024|P2028)$/;

/** Every error as the one problem a caller is told; by class and code, never by message. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Failure) return channelProblem(error);
  const type = text(error, 'type');
  if (type && BODY_PROBLEMS[type]) return new Problem(BODY_PROBLEMS[type]);
  if (error instanceof URIError)
    return new Problem('invalid-request', { detail: 'The path is not valid percent-encoding.' });
  const code = text(error, 'code') ?? '';
  // A lock that was not had in time: the same request is at work elsewhere.
  if (code === '55P03') return inProgress();
  if (DATABASE_AWAY.test(code)) return unavailable('The database');
  return new Problem('internal');
}

export const inProgress = (): Problem =>
  new Problem('in-progress', { headers: { 'retry-after': RETRY_AFTER_S } });

/** `part` begins a sentence: "The database", "The workflow service". */
export const unavailable = (part: string): Problem =>
  new Problem('unavailable', {
    detail: `${part} does not answer. Repeat the request with the same Idempotency-Key.`,
    headers: { 'retry-after': RETRY_AFTER_S },
  });

/** What a channel's failure means to the person who asked for something there. */
function channelProblem(failure: Failure): Problem {
  const more = { code: failure.code };
  if (failure.kind === 'unauthorized') return new Problem('account-unusable', { more });
  const seconds = Math.max(1, Math.ceil((failure.retryAfterMs ?? 5_000) / 1_000));
  const headers = { 'retry-after': String(seconds) };
  if (failure.kind === 'rate-limited') return new Problem('channel-limited', { headers, more });
  if (failure.kind === 'unavailable') {
    const detail = 'The channel does not answer just now. Repeat the request later.';
    return new Problem('unavailable', { detail, headers, more });
  }
  return new Problem('channel-refused', { more });
}

/** Class, code and frames: an error's message may quote values and stays out of the log. */
export function describeError(error: unknown): LogFields {
  if (!(error instanceof Error)) return { error: typeof error };
  const { cause } = error;
  const because = cause instanceof Error ? `${cause.name} ${text(cause, 'code') ?? ''}`.trim() : '';
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    error: error.name,
    code: text(error, 'code') ?? '',
    because,
    stack: frames
      .slice(0, 8)
      .map((line) => line.trim())
      .join(' < '),
  };
}

function text(error: unknown, key: string): string | undefined {
  if (typeof error !== 'object' || error === null || !(key in error)) return undefined;
  const value = (error as Record<string, unknown>)[key];
  // Codes of gRPC are numbers.
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value : undefined;
}
