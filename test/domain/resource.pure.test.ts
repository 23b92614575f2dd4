import { expect, test } from 'vitest';
import {
  CONNECTION_ADVICE,
  CONNECTION_STATUSES,
  DEFAULT_CONNECTION_SETTINGS,
  freshnessBoundMs,
} from '../../src/domain/connection.ts';
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

test('a copy may be as old as the interval in force and a minute', () => {
  const settings = {
    ...DEFAULT_CONNECTION_SETTINGS,
    pollIntervalMs: 1_000,
    safetyPollIntervalMs: 2_000,
  };
  expect([freshnessBoundMs(settings, false), freshnessBoundMs(settings, true)]).toEqual([
    61_000, 62_000,
  ]);
});

test('every status says what a person can do', () => {
  for (const status of CONNECTION_STATUSES) expect(CONNECTION_ADVICE[status]).toMatch(/\.$/);
});
