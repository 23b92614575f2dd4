import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RescheduleAsk } from '../../src/commands.ts';
import type { Override } from '../../src/domain/rules.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { openChange } from '../../src/store/changes.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { probeChange, switchChange, takeForChange } from '../../src/store/reschedules.ts';
import type { Ledger } from '../support/ledger.ts';
import { addResource, aHold, hour, openLedger } from '../support/ledger.ts';

/** A day's limit when a booking is moved to it: it holds, unless staff pass over it. */
let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

async function booked(resourceId: string, from: number) {
  const booking = aHold(resourceId, { startAt: hour(from), endAt: hour(from + 1) });
  expect((await holdUnits(ledger.pool, booking)).kind).toBe('held');
  await commitBooking(ledger.pool, booking);
  return booking;
}

async function moved(
  booking: Awaited<ReturnType<typeof booked>>,
  from: number,
  overrides: Override[] = [],
) {
  const { tenantId, bookingId } = booking;
  const ask: RescheduleAsk = {
    quoteId: null,
    sessionId: null,
    party: 1,
    amountMinor: 0,
    bufferBeforeMs: 0,
    bufferAfterMs: 0,
    startAt: hour(from),
    endAt: hour(from + 1),
    ...(overrides.length > 0 && { overrides }),
  };
  const probed = await probeChange(ledger.pool, { tenantId, bookingId, ask });
  const change = { tenantId, bookingId, changeId: randomUUID() };
  await openChange(ledger.pool, { ...change, reason: 'staff', kind: 'reschedule', ask });
  const taken = await takeForChange(ledger.pool, { ...change, ask });
  if (taken.kind !== 'taken') return [probed.kind, taken.kind];
  return [
    probed.kind,
    taken.kind,
    (await switchChange(ledger.pool, { ...change, reason: 'x' })).kind,
  ];
}

test('a full day is refused, the own day and an emptier one are not', async () => {
  const resourceId = await addResource(ledger.admin, { capacity: 9, maxPerDay: 1 });
  const first = await booked(resourceId, 0);
  const second = await booked(resourceId, 24);
  expect(await moved(second, 5)).toEqual(['refused', 'refused']);
  expect(await moved(first, 9)).toEqual(['free', 'taken', 'switched']);
  const third = await booked(resourceId, 48);
  expect(await moved(third, 75)).toEqual(['free', 'taken', 'switched']);
});

test('staff who pass over the limit of a day move a booking to a full one', async () => {
  const resourceId = await addResource(ledger.admin, { capacity: 9, maxPerDay: 1 });
  await booked(resourceId, 0);
  const second = await booked(resourceId, 24);
  expect(await moved(second, 5, ['day-limit'])).toEqual(['free', 'taken', 'switched']);
});
