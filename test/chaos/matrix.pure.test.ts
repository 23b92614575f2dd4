import { expect, it } from 'vitest';
import { FAULTS } from '../support/fault-desk.ts';
import { bookingActivities } from './booking-activities.ts';
import { FLOWS } from './matrix-flows.ts';
import { cellsOf } from './matrix.ts';

const activities = bookingActivities();

it('every activity of bookings that the worker has is on a way of the fault matrix', () => {
  const reached = new Set(Object.values(FLOWS).flatMap(({ reaches }) => reaches));
  expect(activities.filter((name) => !reached.has(name))).toEqual([]);
  expect([...reached].filter((name) => !activities.includes(name))).toEqual([]);
});

it.each(['cover', 'full'] as const)('%s meets each activity with each fault', (scope) => {
  const met = new Set(cellsOf(scope).map(({ activity, fault }) => `${activity} ${fault}`));
  expect(met.size).toBe(activities.length * FAULTS.length);
});

it('the covering selection goes every way', () => {
  expect(new Set(cellsOf('cover').map(({ flow }) => flow)).size).toBe(Object.keys(FLOWS).length);
});
