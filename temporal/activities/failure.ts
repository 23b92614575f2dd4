import { activityInfo, Context } from '@temporalio/activity';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import { Failure, isRetryable } from '../../src/domain/failure.ts';

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

/**
 * Translates a `Failure` into what Temporal understands: the kind is the type workflows branch on,
 * the code is detail. Retries wait as long as the other side asked, spread at random, because a
 * retry policy has no jitter of its own. Anything else is a bug and goes on as it is.
 */
export function translate(error: unknown): unknown {
  if (!(error instanceof Failure)) return withoutText(error);
  const retryable = isRetryable(error.kind);
  const waitMs = error.retryAfterMs ?? nextWaitMs();
  return ApplicationFailure.create({
    type: error.kind,
    message: error.message,
    nonRetryable: !retryable,
    ...(retryable && { category: ApplicationFailureCategory.BENIGN }),
    // When tries run out, the workflow still knows how long to wait.
    details: [error.code, ...(error.retryAfterMs === undefined ? [] : [error.retryAfterMs])],
    ...(retryable && { nextRetryDelay: spread(waitMs) }),
  });
}

/** What the activity's own retry policy says of the next attempt. */
function nextWaitMs(): number {
  const { attempt, retryPolicy = {} } = activityInfo();
  const { initialInterval, backoffCoefficient = 2, maximumInterval } = retryPolicy;
  const firstMs = typeof initialInterval === 'number' ? initialInterval : FIRST_RETRY_MS;
  const longestMs = typeof maximumInterval === 'number' ? maximumInterval : LONGEST_RETRY_MS;
  return Math.min(firstMs * backoffCoefficient ** Math.min(attempt - 1, 30), longestMs);
}

const spread = (waitMs: number): number => Math.round(waitMs * (1 + Math.random() * 0.25));

/** A database's or library's own words may quote a row, so history gets the error's name and code. */
function withoutText(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error instanceof ApplicationFailure || error.name === 'CancelledFailure') return error;
  const { code } = error as { code?: unknown };
  const known = typeof code === 'string' ? `${error.name} ${code}` : error.name;
  return ApplicationFailure.create({
    type: 'internal',
    message: `${known}; see the worker's log`,
    nextRetryDelay: spread(nextWaitMs()),
  });
}

type Activity<A, R> = (input: A) => Promise<R>;

/** Wraps every activity of a group with the translation, and logs what history does not get. */
export function translated<T extends object>(group: T, log: (error: unknown) => void): T {
  const wrapped = Object.entries(group).map(([name, run]) => [
    name,
    async (input: unknown) => {
      try {
        return await beating(() => (run as Activity<unknown, unknown>)(input));
      } catch (error) {
        if (!(error instanceof Failure)) log(error);
        throw translate(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}

/** Says now and then that it goes on, so that its worker's death is noticed before its time limit. */
async function beating<T>(run: () => Promise<T>): Promise<T> {
  const context = Context.current();
  const { heartbeatTimeoutMs } = context.info;
  if (!heartbeatTimeoutMs) return run();
  const timer = setInterval(() => context.heartbeat(), heartbeatTimeoutMs / 4);
  try {
    return await run();
  } finally {
    clearInterval(timer);
  }
}
