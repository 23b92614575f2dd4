import { afterAll, beforeAll, expect, test } from 'vitest';
import { asTenant, connectCrowd, untilSettled } from '../support/crowd.ts';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';
import { recorded } from '../support/outside.ts';

/** One slow queue that two tenants share. */
const PER_SECOND = 20;
const MANY = 160;
const FEW = 5;

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast({ HOLDFAST_GOOGLE_LIMITS: `queue=${PER_SECOND}` });
});
afterAll(() => holdfast.stop());

test('a tenant with five calendars does not wait for those of one with many', async () => {
  await connectCrowd(holdfast, { many: MANY, accounts: 10 });
  const small = await asTenant(holdfast, 'small');
  const startedAt = performance.now();
  await connectCrowd(small, { many: FEW, accounts: 1 });
  await untilSettled(small, FEW, 60_000);
  const fewTookMs = performance.now() - startedAt;
  await untilSettled(holdfast, MANY, 100_000);
  const manyTookMs = performance.now() - startedAt;
  // In one line the five would come last.
  expect(fewTookMs).toBeLessThan(manyTookMs / 2);

  const bySecond = new Map<number, number>();
  for (const { method, path, at } of await recorded(holdfast, { host: 'google' })) {
    if (method !== 'GET' || !path?.includes('/events')) continue;
    const second = Math.floor(Date.parse(at) / 1_000);
    bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
  }
  // A bucket on the server: its burst and its rate, seen through a window of any phase.
  expect(Math.max(...bySecond.values())).toBeLessThanOrEqual(2 * PER_SECOND);
});
