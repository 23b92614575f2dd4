import { asyncLocalStorage, type Context } from '@temporalio/activity';
import type { ApplicationFailure } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { Failure, FAILURE_KINDS, isRetryable } from '../../../src/domain/failure.ts';
import { translate } from '../../../temporal/activities/failure.ts';

/** A retry policy has no jitter of its own, so every failure that is tried again brings its wait. */
function translated(error: unknown, info: Attempt = {}) {
  const context = { info: { attempt: 1, ...info } } as Context;
  return asyncLocalStorage.run(context, () => translate(error)) as ApplicationFailure;
}
interface Attempt {
  attempt?: number;
  retryPolicy?: { initialInterval: number; maximumInterval: number };
}
const waits = (error: unknown, info?: Attempt): number[] =>
  Array.from({ length: 200 }, () => Number(translated(error, info).nextRetryDelay));

const DOWN = new Failure({ kind: 'unavailable', code: 'http-503' });
const limited = (retryAfterMs: number) =>
  new Failure({ kind: 'rate-limited', code: 'http-429', retryAfterMs });

describe('a failure that is tried again', () => {
  test.each([
    ['of a channel', DOWN],
    ['of a channel that asks for a wait', limited(5_000)],
    ['of our own', Object.assign(new Error('x'), { code: '40001' })],
  ])('%s waits for another time than the next one', (_name, error) => {
    const found = waits(error);
    expect(new Set(found).size).toBeGreaterThan(50);
    expect(Math.max(...found) / Math.min(...found)).toBeGreaterThan(1.2);
  });

  test('waits longer with each attempt, as its policy says, and its spread', () => {
    expect(Math.min(...waits(DOWN, { attempt: 1 }))).toBeGreaterThanOrEqual(500);
    expect(Math.min(...waits(DOWN, { attempt: 4 }))).toBeGreaterThanOrEqual(4_000);
    expect(Math.max(...waits(DOWN, { attempt: 40 }))).toBeLessThanOrEqual(37_500);
    const retryPolicy = { initialInterval: 50, maximumInterval: 2_000 };
    expect(Math.max(...waits(new Error('x'), { retryPolicy }))).toBeLessThan(100);
    expect(Math.max(...waits(DOWN, { retryPolicy, attempt: 16 }))).toBeLessThanOrEqual(2_500);
  });

  test('waits as long as it was asked to, at least a second and at most an hour', () => {
    expect(Math.min(...waits(limited(5_000)))).toBeGreaterThanOrEqual(5_000);
    expect(Math.min(...waits(limited(1)))).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits(limited(86_400_000)))).toBeLessThanOrEqual(3_600_000 * 1.25);
  });
});

test.each(FAILURE_KINDS)(
  'a failure of kind %s is tried again or not, by its kind alone',
  (kind) => {
    const { nonRetryable, nextRetryDelay } = translated(new Failure({ kind, code: 'x' }));
    expect(nonRetryable).toBe(!isRetryable(kind));
    expect(nextRetryDelay !== undefined && nextRetryDelay !== null).toBe(isRetryable(kind));
  },
);
