import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cancellationOf } from '../../src/domain/cancellation.ts';

const DAY = 86_400_000;
const startAt = Date.UTC(2027, 5, 20, 13);
const at = (daysBefore: number, tiers: Parameters<typeof cancellationOf>[0]['tiers'] = []) =>
  cancellationOf({
    tiers,
    priceMinor: 10_001,
    paidMinor: 10_001,
    floorMinor: 0,
    startAt,
    nowAt: startAt - daysBefore * DAY,
  });
const TIERS = [
  { beforeMs: 2 * DAY, feePercent: 50, feeMinor: 300 },
  { beforeMs: 14 * DAY, feePercent: 0, feeMinor: 0 },
];

test('where nothing was agreed everything goes back until the start, and nothing after', () => {
  expect(at(0)).toMatchObject({ keepMinor: 0, refundMinor: 10_001, untilAt: startAt });
  expect(at(-0.001)).toMatchObject({ keepMinor: 10_001, refundMinor: 0, tier: null });
});

test('the tier with the longest time that is still kept to decides, to the millisecond', () => {
  expect(at(14, TIERS).keepMinor).toBe(0);
  expect(at(13.99, TIERS).keepMinor).toBe(5_301);
  expect(at(2, TIERS).keepMinor).toBe(5_301);
  expect(at(1.99, TIERS).keepMinor).toBe(10_001);
});

test('what is said stays true until the next tier counts', () => {
  expect(at(15, TIERS).untilAt).toBe(startAt - 14 * DAY);
  expect(at(3, TIERS).untilAt).toBe(startAt - 2 * DAY);
  expect(at(1, TIERS).untilAt).toBeNull();
});

const someTier = fc.record({
  beforeMs: fc.integer({ min: 0, max: 60 * DAY }),
  feePercent: fc.integer({ min: 0, max: 100 }),
  feeMinor: fc.integer({ min: 0, max: 100_000 }),
});

test('what is kept and what goes back come to what was paid, whatever was agreed', () => {
  fc.assert(
    fc.property(
      fc.array(someTier, { maxLength: 6 }),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.integer({ min: 0, max: 1_000_000 }),
      fc.integer({ min: -60 * DAY, max: 60 * DAY }),
      (tiers, priceMinor, paidMinor, leftMs) => {
        const nowAt = startAt - leftMs;
        const floorMinor = Math.floor(priceMinor / 3);
        const facts = { priceMinor, paidMinor, floorMinor, startAt, nowAt };
        const said = cancellationOf({ ...facts, tiers });
        expect(said.keepMinor + said.refundMinor).toBe(paidMinor);
        expect(said.keepMinor).toBeGreaterThanOrEqual(Math.min(floorMinor, paidMinor));
        expect(said.refundMinor).toBeGreaterThanOrEqual(0);
        // The order in which tiers are written does not matter.
        const turned = cancellationOf({
          ...facts,
          tiers: tiers.toReversed().toSorted((a, b) => a.feePercent - b.feePercent),
        });
        expect(turned.tier?.beforeMs).toBe(said.tier?.beforeMs);
      },
    ),
  );
});
