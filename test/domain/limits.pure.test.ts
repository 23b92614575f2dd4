import { describe, expect, test } from 'vitest';
import { Failure, waitHeader } from '../../src/domain/failure.ts';
import {
  budgetOf,
  circuitWaitMs,
  isLimitCode,
  isOutage,
  LIMIT_CODES,
  limitsFrom,
  pauseFor,
} from '../../src/domain/limits.ts';

const figures = {
  queuePerSecond: 100,
  accountPerMinute: 600,
  sharedPerMinute: 10_000,
  atOnce: null,
};
const limits = limitsFrom(figures);
const limited = (code: string, retryAfterMs?: number) =>
  new Failure({ kind: 'rate-limited', code, ...(retryAfterMs && { retryAfterMs }) });
const down = (code: string, retryAfterMs?: number) =>
  new Failure({ kind: 'unavailable', code, ...(retryAfterMs && { retryAfterMs }) });

test.each([2, 7, 60, 600, 1_000, 10_000])(
  'a budget of %i a minute gives no more in any minute, its burst included',
  (perMinute) => {
    for (const share of [0.1, 1 / 240]) {
      const { burst, periodMs } = budgetOf(perMinute, share);
      expect(burst).toBeGreaterThanOrEqual(1);
      expect(burst + 60_000 / periodMs).toBeLessThanOrEqual(perMinute + 1e-9);
    }
  },
);

test('what all accounts share never comes in a burst of a second', () => {
  const { burst, periodMs } = limits.shared!;
  expect(burst * periodMs).toBeLessThan(500);
});

describe('a refusal', () => {
  test('stops its account for as long as the channel says', () => {
    expect(pauseFor(limited('http-429', 7_000), { limits, strikes: 9 })).toEqual({
      of: 'account',
      ms: 7_000,
    });
    expect(pauseFor(down('http-503', 7_000), { limits, strikes: 0 })?.ms).toBe(7_000);
  });

  test('that names no time stops it longer each time in a row, up to a bound', () => {
    const waits = (code: string) =>
      [0, 1, 2, 30].map((strikes) => pauseFor(limited(code), { limits, strikes })?.ms);
    expect(waits('userRateLimitExceeded')).toEqual([2_000, 4_000, 8_000, 64_000]);
    expect(waits('quotaExceeded')).toEqual([60_000, 120_000, 240_000, 3_600_000]);
  });

  test('of the whole project, or by a host that knows us by address, stops everybody', () => {
    expect(pauseFor(limited('dailyLimitExceeded'), { limits, strikes: 0 })?.of).toBe('shared');
    const host = limitsFrom(figures, 'shared');
    expect(pauseFor(limited('http-429'), { limits: host, strikes: 0 })?.of).toBe('shared');
    const alone = limitsFrom({ ...figures, sharedPerMinute: null }, 'shared');
    expect(pauseFor(limited('http-429'), { limits: alone, strikes: 0 })?.of).toBe('account');
  });

  test.each([
    down('http-503'),
    new Failure({ kind: 'not-found', code: 'http-404' }),
    new Failure({ kind: 'unauthorized', code: 'http-401', retryAfterMs: 5_000 }),
  ])('is no other failure: %s', (failure) => {
    expect(pauseFor(failure, { limits, strikes: 0 })).toBeNull();
  });
});

test.each([
  [down('http-503'), true],
  [down('backendError'), true],
  [down('timeout'), true],
  [down('network'), true],
  [down('http-503', 5_000), false],
  [down('http-423'), false],
  [down('unreadable-answer'), false],
  [limited('http-429'), false],
  [new Failure({ kind: 'invalid', code: 'http-400' }), false],
])('that the host is down is said by %s: %s', (failure, expected) => {
  expect(isOutage(failure)).toBe(expected);
});

test('callers of a host that is down come back after its probe, and spread', () => {
  expect(circuitWaitMs(-10, 0)).toBe(0);
  expect(circuitWaitMs(2_000, 0)).toBe(2_000);
  expect(circuitWaitMs(2_000, 1)).toBe(7_000);
  expect(circuitWaitMs(60_000, 1)).toBe(120_000);
});

test('a limit is known by its code', () => {
  expect(Object.values(LIMIT_CODES).every(isLimitCode)).toBe(true);
  expect(isLimitCode('http-503')).toBe(false);
  expect(isLimitCode(undefined)).toBe(false);
});

describe('the header that tells how long to wait', () => {
  const header = (status: number, headers: Record<string, string>) =>
    waitHeader(status, (name) => headers[name]);

  test('is Retry-After, else one of those that name a reset', () => {
    expect(header(429, { 'retry-after': '3', 'x-ratelimit-reset': '9' })).toBe('3');
    expect(header(429, { 'x-ratelimit-reset': '9' })).toBe('9');
    expect(header(403, { 'x-rate-limit-reset': '9' })).toBe('9');
    expect(header(503, { 'ratelimit-reset': '9' })).toBe('9');
    expect(header(429, {})).toBeNull();
  });

  test('names a reset only in an answer that means slower', () => {
    expect(header(404, { 'x-ratelimit-reset': '9' })).toBeNull();
    expect(header(500, { 'retry-after': '9' })).toBe('9');
  });
});
