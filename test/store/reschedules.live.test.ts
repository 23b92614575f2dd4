import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RescheduleAsk, StartBooking } from '../../src/commands.ts';
import { cancelBooking, commitBooking } from '../../src/store/bookings.ts';
import { closeChange, openChange } from '../../src/store/changes.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { switchChange, takeForChange, undoChange } from '../../src/store/reschedules.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  entriesOf,
  hour,
  listed,
  openLedger,
  sync,
} from '../support/ledger.ts';
import { FREELY } from '../support/plain-terms.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const confirmed = async (resourceId: string, more: Partial<StartBooking> = {}) => {
  const booking = aHold(resourceId, more);
  const { kind } = await holdUnits(ledger.pool, booking);
  if (kind !== 'held') throw new Error(`not held: ${kind}`);
  await commitBooking(ledger.pool, { ...booking, reference: 'invoice-1' });
  return booking;
};
type Booked = Awaited<ReturnType<typeof confirmed>>;

const opened = async (booking: Booked, span: readonly [number, number], more: object = {}) => {
  const { tenantId, bookingId } = booking;
  const ask: RescheduleAsk = {
    quoteId: null,
    startAt: hour(span[0]),
    endAt: hour(span[1]),
    sessionId: booking.sessionId,
    party: booking.party,
    bufferBeforeMs: booking.bufferBeforeMs,
    bufferAfterMs: booking.bufferAfterMs,
    amountMinor: booking.amountMinor,
    ...more,
  };
  const change = { tenantId, bookingId, changeId: randomUUID() };
  const open = { ...change, reason: 'guest', kind: 'reschedule' as const, ask };
  expect(await openChange(ledger.pool, open)).toEqual({ kind: 'opened' });
  return { ...change, ask, reason: 'guest', answer: null };
};
type Change = Awaited<ReturnType<typeof opened>>;

const take = (change: Change) => takeForChange(ledger.pool, change);
const flip = (change: Change) => switchChange(ledger.pool, change);
const undo = (change: Change) => undoChange(ledger.pool, change);
const close = (change: Change) =>
  closeChange(ledger.pool, { ...change, answer: { kind: 'done' }, outcome: {} });

/** Live rows as `unit from-to`, an asterisk where they are held for a change only. */
const rowsOf = async ({ bookingId }: { bookingId: string }): Promise<string[]> => {
  const { rows } = await ledger.admin.query<{ row: string }>(
    `SELECT unit || ' ' || (extract(epoch FROM lower(span) - $2::timestamptz) / 3600)::int || '-'
        || (extract(epoch FROM upper(span) - $2::timestamptz) / 3600)::int
        || CASE WHEN change_id IS NULL THEN '' ELSE '*' END AS row
      FROM occupancy WHERE booking_id = $1 AND live ORDER BY unit, lower(span)`,
    [bookingId, hour(0)],
  );
  return rows.map(({ row }) => row);
};

const bookingOf = async ({ bookingId }: { bookingId: string }) => {
  const { rows } = await ledger.admin.query<Record<string, unknown>>(
    `SELECT start_at AS "startAt", units, party, owed_minor::int AS owed, amount_minor::int AS amount,
       balance_due_at AS "balanceDueAt", session_id AS "sessionId" FROM booking WHERE id = $1`,
    [bookingId],
  );
  return rows[0]!;
};

describe('a new time that overlaps the old one on the same unit holds only what it adds', () => {
  test.each([
    ['later', [11, 13], ['1 10-12', '1 12-13*']],
    ['earlier', [9, 11], ['1 9-10*', '1 10-12']],
    ['longer at both ends', [9, 13], ['1 9-10*', '1 10-12', '1 12-13*']],
    ['shorter', [10, 11], ['1 10-12']],
    ['elsewhere', [20, 21], ['1 10-12', '1 20-21*']],
  ] as const)('%s', async (_, span, held) => {
    const resource = await addResource(ledger.admin);
    const booking = await confirmed(resource, { startAt: hour(10), endAt: hour(12) });
    const change = await opened(booking, span);
    expect(await take(change)).toMatchObject({ kind: 'taken', dueMinor: 0 });
    expect(await take(change)).toMatchObject({ kind: 'taken' });
    expect(await rowsOf(booking)).toEqual(held);
    expect(await flip(change)).toMatchObject({ kind: 'switched', payment: null, isExcess: false });
    expect(await flip(change)).toMatchObject({ kind: 'switched' });
    expect(await take(change)).toMatchObject({ kind: 'switched' });
    expect(await rowsOf(booking)).toEqual([`1 ${span[0]}-${span[1]}`]);
    expect(await undo(change)).toEqual({ kind: 'switched' });
    expect(await entriesOf(ledger.pool, `booking/${booking.bookingId}`)).toEqual([
      'booking.held',
      'booking.confirmed',
      'booking.change-held',
      'booking.rescheduled',
    ]);
  });
});

test('an undone change leaves the old time as it was, and a late attempt is refused', async () => {
  const booking = await confirmed(await addResource(ledger.admin));
  const change = await opened(booking, [4, 5]);
  await take(change);
  expect(await undo(change)).toEqual({ kind: 'undone' });
  expect(await undo(change)).toEqual({ kind: 'undone' });
  expect(await rowsOf(booking)).toEqual(['1 0-1']);
  expect(await take(change)).toMatchObject({ kind: 'undone' });
  expect(await flip(change)).toMatchObject({ kind: 'undone' });
  const rival = aHold(booking.resourceId, { startAt: hour(4), endAt: hour(5) });
  expect(await holdUnits(ledger.pool, rival)).toMatchObject({ kind: 'held' });
});

test('a change undone before it took anything takes nothing afterwards', async () => {
  const change = await opened(await confirmed(await addResource(ledger.admin)), [4, 5]);
  await undo(change);
  expect(await take(change)).toMatchObject({ kind: 'undone' });
});

test('the unit is kept where it is free, and another one is taken where it is not', async () => {
  const resource = await addResource(ledger.admin, { capacity: 3 });
  await confirmed(resource);
  const booking = await confirmed(resource);
  const stays = await opened(booking, [1, 2]);
  await take(stays);
  await flip(stays);
  await close(stays);
  expect(await rowsOf(booking)).toEqual(['2 1-2']);
  await confirmed(resource, { startAt: hour(2), endAt: hour(3), party: 2 });
  const moves = await opened(booking, [1, 3]);
  await take(moves);
  expect(await rowsOf(booking)).toEqual(['2 1-2', '3 1-3*']);
  await flip(moves);
  expect(await bookingOf(booking)).toMatchObject({ units: [3] });
});

test('a larger party takes units beside its own, a smaller one lets some go', async () => {
  const resource = await addResource(ledger.admin, { capacity: 4 });
  const booking = await confirmed(resource, { party: 2 });
  const larger = await opened(booking, [0, 1], { party: 3 });
  await take(larger);
  expect(await rowsOf(booking)).toEqual(['1 0-1', '2 0-1', '3 0-1*']);
  await flip(larger);
  await close(larger);
  const smaller = await opened(booking, [0, 1], { party: 1 });
  await take(smaller);
  await flip(smaller);
  expect(await rowsOf(booking)).toEqual(['1 0-1']);
  expect(await bookingOf(booking)).toMatchObject({ party: 1, units: [1] });
});

test('two bookings that want each other’s time are both refused and stay', async () => {
  const resource = await addResource(ledger.admin);
  const one = await confirmed(resource);
  const other = await confirmed(resource, { startAt: hour(1), endAt: hour(2) });
  const answers = await Promise.all([
    take(await opened(one, [1, 2])),
    take(await opened(other, [0, 1])),
  ]);
  expect(answers).toEqual([
    { kind: 'refused', refusal: 'taken' },
    { kind: 'refused', refusal: 'taken' },
  ]);
  expect(await rowsOf(one)).toEqual(['1 0-1']);
  expect(await rowsOf(other)).toEqual(['1 1-2']);
});

test('of two that want one free time one has it', async () => {
  const resource = await addResource(ledger.admin);
  const bookings = [
    await confirmed(resource),
    await confirmed(resource, { startAt: hour(1), endAt: hour(2) }),
  ];
  const changes = await Promise.all(bookings.map((one) => opened(one, [5, 6])));
  const kinds = (await Promise.all(changes.map(take))).map(({ kind }) => kind).toSorted();
  expect(kinds).toEqual(['refused', 'taken']);
});

test('a booking has one open change', async () => {
  const booking = await confirmed(await addResource(ledger.admin));
  const first = await opened(booking, [1, 2]);
  const second = { ...first, changeId: randomUUID(), kind: 'reschedule' as const };
  expect(await openChange(ledger.pool, second)).toEqual({
    kind: 'busy',
    changeId: first.changeId,
  });
});

test('a new time whose hold is over is refused at the switch, and others may have it', async () => {
  const booking = await confirmed(await addResource(ledger.admin));
  const change = await opened(booking, [4, 5]);
  await take(change);
  await ledger.admin.query(
    `UPDATE occupancy SET expires_at = clock_timestamp() WHERE booking_id = $1 AND change_id IS NOT NULL`,
    [booking.bookingId],
  );
  const rival = aHold(booking.resourceId, { startAt: hour(4), endAt: hour(5) });
  expect(await holdUnits(ledger.pool, rival)).toMatchObject({ kind: 'held' });
  expect(await flip(change)).toEqual({ kind: 'expired' });
  expect(await rowsOf(booking)).toEqual(['1 0-1']);
});

test('buffers are held too, and rules of the day count the booking itself once', async () => {
  const resource = await addResource(ledger.admin, { maxPerDay: 2, capacity: 2 });
  const booking = await confirmed(resource, { bufferAfterMs: 3_600_000 });
  await confirmed(resource, { startAt: hour(6), endAt: hour(7) });
  const sameDay = await opened(booking, [3, 4]);
  expect(await take(sameDay)).toMatchObject({ kind: 'taken' });
  await flip(sameDay);
  await close(sameDay);
  expect(await rowsOf(booking)).toEqual(['1 3-5']);
  await confirmed(resource, { startAt: hour(30), endAt: hour(31) });
  await confirmed(resource, { startAt: hour(32), endAt: hour(33) });
  const full = await opened(booking, [40, 41]);
  expect(await take(full)).toEqual({ kind: 'refused', refusal: 'day-full' });
});

test('an outside event over the new time refuses it, before it is taken and after', async () => {
  const resource = await addResource(ledger.admin);
  const key = await addConnection(ledger.admin, { resourceId: resource });
  const booking = await confirmed(resource);
  await sync(ledger.pool, key, { changes: listed(anEvent('lunch', [4, 5])) });
  const busy = await opened(booking, [4, 5]);
  expect(await take(busy)).toEqual({ kind: 'refused', refusal: 'busy' });
  await undo(busy);
  await close(busy);
  const change = await opened(booking, [8, 9]);
  await take(change);
  await sync(ledger.pool, key, { changes: listed(anEvent('late', [8, 9])) });
  expect(await flip(change)).toEqual({ kind: 'contested' });
  expect(await rowsOf(booking)).toEqual(['1 0-1', '1 8-9*']);
});

test('every calendar shows the new time, and one of a unit that was left shows nothing', async () => {
  const resource = await addResource(ledger.admin, { capacity: 2 });
  const keys = [
    await addConnection(ledger.admin, { resourceId: resource }),
    await addConnection(ledger.admin, { resourceId: resource, unit: 1 }),
    await addConnection(ledger.admin, { resourceId: resource, unit: 2 }),
  ];
  const booking = await confirmed(resource);
  await ledger.admin.query(
    `INSERT INTO block (tenant_id, id, resource_id, unit, start_at, end_at) VALUES ('acme', $1, $2, 1, $3, $4)`,
    [randomUUID(), resource, hour(4), hour(5)],
  );
  const change = await opened(booking, [4, 5]);
  await take(change);
  const switched = await flip(change);
  expect(switched).toMatchObject({ kind: 'switched' });
  const { rows } = await ledger.admin.query(
    `SELECT connection_id AS id, desired, start_at AS "startAt" FROM mirror WHERE booking_id = $1`,
    [booking.bookingId],
  );
  const desiredAt = (index: number) => rows.find(({ id }) => id === keys[index]!.connectionId);
  expect(desiredAt(0)).toMatchObject({ desired: 'present', startAt: new Date(hour(4)) });
  expect(desiredAt(1)).toMatchObject({ desired: 'absent' });
  expect(desiredAt(2)).toMatchObject({ desired: 'present', startAt: new Date(hour(4)) });
});

test('a cancelled booking is not switched', async () => {
  const booking = await confirmed(await addResource(ledger.admin));
  const change = await opened(booking, [4, 5]);
  await take(change);
  await cancelBooking(ledger.pool, { ...booking, ...FREELY, reason: 'guest' });
  expect(await flip(change)).toEqual({ kind: 'not-confirmed', state: 'cancelled' });
  expect(await rowsOf(booking)).toEqual([]);
});
