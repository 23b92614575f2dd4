import { expect, test } from 'vitest';
import { BOOKING_STATES, isLive, mayMove, stepKey } from '../../src/domain/booking.ts';

test('a booking that ended never moves again', () => {
  for (const from of ['expired', 'declined', 'cancelled'] as const)
    for (const to of BOOKING_STATES) expect(mayMove(from, to)).toBe(false);
});

test('a confirmed booking can only be cancelled', () => {
  expect(BOOKING_STATES.filter((to) => mayMove('confirmed', to))).toEqual(['cancelled']);
});

test('no booking is held twice, and paying follows only the hold', () => {
  expect(BOOKING_STATES.filter((from) => mayMove(from, 'held'))).toEqual([]);
  expect(BOOKING_STATES.filter((from) => mayMove(from, 'paying'))).toEqual(['held']);
});

test('a booking holds its units exactly while it may still end', () => {
  for (const state of BOOKING_STATES)
    expect(isLive(state)).toBe(BOOKING_STATES.some((to) => mayMove(state, to)));
});

test('the key of a side effect names booking, step and number', () => {
  expect(stepKey('b', 'capture', 2)).toBe('b:capture:2');
});
