import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';
import { storm, stormSettings } from './storm.ts';

/** The small one; `npm run chaos -- --only storm` makes a thousand. */
const MANY = 100;
const PER_SECOND = 12;

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast(stormSettings(PER_SECOND));
});
afterAll(() => holdfast.stop());

test('a hundred connections, refused and then lost at once, come back without a second storm', async () => {
  const report = await storm(holdfast, { many: MANY, timeoutMs: 100_000 });
  console.log(report);
  expect(report.recovered).toBe(MANY);
  expect(report.peakPerSecond).toBeLessThanOrEqual(2 * report.meanPerSecond);
});
