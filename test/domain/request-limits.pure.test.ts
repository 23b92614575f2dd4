import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LOAD_BOUNDS, shedReason } from '../../src/domain/load.ts';
import type { Bucket } from '../../src/domain/request-limits.ts';
import {
  remaining,
  spend,
  untilFull,
  waitFor,
  WINDOW_MS,
} from '../../src/domain/request-limits.ts';

/** What a bucket lets through of requests that come at these times. */
function letThrough(perMinute: number, times: readonly number[]): number[] {
  let bucket: Bucket = { fullAt: 0 };
  const passed: number[] = [];
  for (const at of times) {
    if (waitFor(bucket, perMinute, at) > 0) continue;
    bucket = spend(bucket, perMinute, at);
    passed.push(at);
  }
  return passed;
}

const perMinutes = fc.integer({ min: 1, max: 300 });
const comings = fc.array(fc.nat({ max: 3_000 }), { minLength: 1, maxLength: 900 }).map((gaps) =>
  gaps.map(
    (
      (at) => (gap: number) =>
        (at += gap)
    )(1_000),
  ),
);

test('no span of time sees more than a full bucket and what flows in meanwhile', () => {
  fc.assert(
    fc.property(perMinutes, comings, (perMinute, times) => {
      const passed = letThrough(perMinute, times);
      for (const [first, from] of passed.entries()) {
        for (const [last, to] of passed.entries()) {
          if (last < first) continue;
          const most = perMinute + ((to - from) / WINDOW_MS) * perMinute;
          expect(last - first + 1).toBeLessThanOrEqual(most + 1e-6);
        }
      }
    }),
    { numRuns: 40 },
  );
});

test('whoever asks no faster than the rate is never refused', () => {
  fc.assert(
    fc.property(perMinutes, fc.integer({ min: 1, max: 500 }), (perMinute, many) => {
      const times = Array.from({ length: many }, (_, n) => 1_000 + (n * WINDOW_MS) / perMinute);
      expect(letThrough(perMinute, times)).toHaveLength(many);
    }),
  );
});

test('exactly what is said to remain can be had, and a wait is over when it says', () => {
  fc.assert(
    fc.property(perMinutes, fc.nat({ max: 100_000 }), (perMinute, at) => {
      let bucket: Bucket = { fullAt: 0 };
      expect(remaining(bucket, perMinute, at)).toBe(perMinute);
      for (let left = perMinute; left > 0; left -= 1) {
        expect([remaining(bucket, perMinute, at), waitFor(bucket, perMinute, at)]).toEqual([
          left,
          0,
        ]);
        bucket = spend(bucket, perMinute, at);
      }
      const waitMs = waitFor(bucket, perMinute, at);
      expect(remaining(bucket, perMinute, at)).toBe(0);
      expect(waitMs).toBeGreaterThan(0);
      expect(waitFor(bucket, perMinute, at + waitMs)).toBe(0);
      expect(untilFull(bucket, at)).toBeCloseTo(WINDOW_MS, 3);
      expect(remaining(bucket, perMinute, at + WINDOW_MS)).toBe(perMinute);
    }),
  );
});

test('a new booking is refused by each bound alone, and by none below them', () => {
  const calm = { open: 0, starts: 0, lateForMs: 0, databaseWaitMs: 0 };
  const bounds = { ...LOAD_BOUNDS, open: 10, starts: 5 };
  expect(shedReason(calm, bounds)).toBeNull();
  expect(shedReason({ ...calm, open: 9 }, bounds)).toBeNull();
  expect(shedReason({ ...calm, open: 10 }, bounds)).toBe('open');
  // Those on their way count: together they would pass the bound.
  expect(shedReason({ ...calm, open: 7, starts: 3 }, bounds)).toBe('open');
  expect(shedReason({ ...calm, starts: 5 }, bounds)).toBe('starts');
  expect(shedReason({ ...calm, lateForMs: 3_000 }, bounds)).toBe('event-loop');
  expect(shedReason({ ...calm, databaseWaitMs: 2_000 }, bounds)).toBe('database');
});
