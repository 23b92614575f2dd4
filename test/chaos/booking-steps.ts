import { expect } from 'vitest';
import fc from 'fast-check';
import type { Answer } from '../support/holdfast.ts';
import { PLACES, SLOTS, type Model, type ModelBooking, type Spot } from './booking-model.ts';
import type { Real } from './booking-world.ts';

/** What commands of the bookings' model have in common. */
export type Command = fc.AsyncCommand<Model, Real>;

export const spots: fc.Arbitrary<Spot> = fc.record({
  place: fc.constantFrom(...PLACES),
  slot: fc.nat({ max: SLOTS - 1 }),
});

/** One of those that a command can be about, by a number that stays the same when others are left out. */
export const pick = (
  model: Model,
  n: number,
  fits: (booking: ModelBooking) => boolean,
): ModelBooking | undefined => {
  const fitting = model.bookings.filter(fits);
  return fitting[n % Math.max(fitting.length, 1)];
};

export function expectRefusal(answer: Answer, refusals: readonly string[]): void {
  expect(answer.status).toBe(409);
  expect(refusals).toContain(answer.body.refusal);
}
