import { expect, test } from 'vitest';
import {
  DEFAULT_CONNECTION_SETTINGS,
  freshnessBoundMs,
  nextPollMs,
} from '../../src/domain/connection.ts';

const MINUTE_MS = 60_000;
const settings = {
  ...DEFAULT_CONNECTION_SETTINGS,
  pollMinMs: MINUTE_MS,
  pollMaxMs: 30 * MINUTE_MS,
  safetyPollIntervalMs: 45 * MINUTE_MS,
};

test('a copy may be as old as the interval in force and a minute', () => {
  const bound = (watched: boolean, pollMs: number | null) =>
    freshnessBoundMs(settings, { watched, pollMs }) / MINUTE_MS;
  expect([bound(false, null), bound(false, 7 * MINUTE_MS), bound(true, 7 * MINUTE_MS)]).toEqual([
    2, 8, 46,
  ]);
  // Where an account's budget is spent, the interval in force is beyond the bounds, and is said.
  expect(bound(false, 90 * MINUTE_MS)).toBe(91);
});

test('the interval between polls halves with a change, grows by half without, and keeps its bounds', () => {
  const next = (beforeMs: number | null, changed: boolean) =>
    nextPollMs(settings, { beforeMs, changed }) / MINUTE_MS;
  expect(next(8 * MINUTE_MS, true)).toBe(4);
  expect(next(8 * MINUTE_MS, false)).toBe(12);
  expect(next(1.5 * MINUTE_MS, true)).toBe(1);
  expect(next(25 * MINUTE_MS, false)).toBe(30);
  expect(next(null, true)).toBe(1);
  expect(next(null, false)).toBe(1);
});

test('bounds that a person moved hold from the next poll on', () => {
  const slow = { ...settings, pollMinMs: 40 * MINUTE_MS, pollMaxMs: 60 * MINUTE_MS };
  expect(nextPollMs(slow, { beforeMs: 2 * MINUTE_MS, changed: false })).toBe(40 * MINUTE_MS);
  expect(nextPollMs(settings, { beforeMs: 80 * MINUTE_MS, changed: false })).toBe(30 * MINUTE_MS);
});
