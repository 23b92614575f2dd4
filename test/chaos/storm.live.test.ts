import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';
import { storm, stormSettings } from './storm.ts';

/** The small one; `npm run chaos -- --only storm` makes a thousand. */
const MANY = Number(process.env['CHAOS_STORM'] ?? 100);
/** What one machine with everything on it carries. */
const PER_SECOND = MANY > 100 ? 40 : 12;
const TIMEOUT_MS = MANY > 100 ? 600_000 : 100_000;

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast(stormSettings(PER_SECOND));
});
afterAll(() => holdfast.stop());

test(
  'connections that are refused and lost all at once come back without a second storm',
  { timeout: 2 * TIMEOUT_MS },
  async () => {
    const report = await storm(holdfast, { many: MANY, timeoutMs: TIMEOUT_MS });
    console.log(JSON.stringify(report));
    expect(report.recovered).toBe(MANY);
    expect(report.peakPerSecond).toBeLessThanOrEqual(2 * report.meanPerSecond);
  },
);
