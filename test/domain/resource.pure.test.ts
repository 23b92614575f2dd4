import { expect, test } from 'vitest';
import { CONNECTION_ADVICE, CONNECTION_STATUSES } from '../../src/domain/connection.ts';
import type { Price } from '../../src/domain/resource.ts';
import { priceOf } from '../../src/domain/resource.ts';

const price = (per: Price['per']): Price => ({ per, amountMinor: 1_500, currency: 'eur' });
const booking = { party: 3, nights: 4 };

test.each([
  ['booking', 1_500],
  ['night', 6_000],
  ['unit', 4_500],
] as const)('a price per %s of 15.00 is %i for three units and four nights', (per, amountMinor) => {
  expect(priceOf(price(per), booking)).toEqual({ amountMinor, currency: 'eur' });
});

test('no price, and a price of nothing, charge nothing', () => {
  expect(priceOf(null, booking)).toBeNull();
  expect(priceOf({ ...price('unit'), amountMinor: 0 }, booking)).toBeNull();
});

test('every status says what a person can do', () => {
  for (const status of CONNECTION_STATUSES) expect(CONNECTION_ADVICE[status]).toMatch(/\.$/);
});
