import { expect, it } from 'vitest';
import fc from 'fast-check';
import { allocateRefund } from '../../src/domain/refund.ts';

const payments = fc.uniqueArray(
  fc.record({
    n: fc.integer({ min: 1, max: 50 }),
    heldMinor: fc.integer({ min: -5, max: 10_000 }),
  }),
  {
    selector: ({ n }) => n,
    maxLength: 8,
  },
);
const amount = fc.integer({ min: -10, max: 30_000 });
const sum = (of: readonly number[]) => of.reduce((a, b) => a + b, 0);

it('shares come to the amount, or to all that is held', () => {
  fc.assert(
    fc.property(payments, amount, (held, amountMinor) => {
      const heldMinor = sum(held.map((one) => Math.max(one.heldMinor, 0)));
      const given = sum(allocateRefund(held, amountMinor).map((one) => one.amountMinor));
      expect(given).toBe(Math.max(0, Math.min(amountMinor, heldMinor)));
    }),
  );
});

it('no payment gives more than it holds, nor twice, nor nothing', () => {
  fc.assert(
    fc.property(payments, amount, (held, amountMinor) => {
      const shares = allocateRefund(held, amountMinor);
      expect(new Set(shares.map(({ n }) => n)).size).toBe(shares.length);
      for (const share of shares) {
        expect(share.amountMinor).toBeGreaterThan(0);
        expect(share.amountMinor).toBeLessThanOrEqual(
          held.find(({ n }) => n === share.n)!.heldMinor,
        );
      }
    }),
  );
});

it('an older payment gives only after all newer ones gave all they hold', () => {
  fc.assert(
    fc.property(payments, amount, (held, amountMinor) => {
      const shares = allocateRefund(held, amountMinor);
      for (const { n } of shares)
        for (const newer of held.filter((one) => one.n > n && one.heldMinor > 0))
          expect(shares.find((one) => one.n === newer.n)?.amountMinor).toBe(newer.heldMinor);
    }),
  );
});

it('the order in which payments are given does not matter, and none is changed', () => {
  fc.assert(
    fc.property(payments, amount, (held, amountMinor) => {
      const before = structuredClone(held);
      expect(allocateRefund(held.toReversed(), amountMinor)).toEqual(
        allocateRefund(held, amountMinor),
      );
      expect(held).toEqual(before);
    }),
  );
});
