import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';
import { playBookings } from './booking-runs.ts';

/** The short one; `npm run chaos -- --minutes N` goes on to a hundred thousand attempts. */
const minutes = Number(process.env['CHAOS_MINUTES'] ?? 0.5);
const path = process.env['CHAOS_PATH'];
const MINUTE_MS = 60_000;

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterAll(() => holdfast.stop());

test(
  'whatever is asked in whatever order, the service answers and ends as its model says',
  { timeout: (minutes + 3) * MINUTE_MS },
  async () => {
    const { failures, ...report } = await playBookings(holdfast, {
      tenants: minutes > 1 ? 6 : 3,
      forMs: minutes * MINUTE_MS,
      attempts: 100_000,
      seed: Number(process.env['CHAOS_SEED'] ?? 1),
      again: path ? { path, replayPath: process.env['CHAOS_REPLAY'] ?? '' } : null,
    });
    console.log(JSON.stringify(report));
    for (const failure of failures) console.error(failure);
    expect(failures).toEqual([]);
    expect(report.runs).toBeGreaterThan(0);
  },
);
