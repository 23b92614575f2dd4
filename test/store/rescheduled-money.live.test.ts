import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RescheduleAsk, StartBooking } from '../../src/commands.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { openChange } from '../../src/store/changes.ts';
import { holdUnits } from '../../src/store/holds.ts';
import {
  fenceDifference,
  switchChange,
  takeForChange,
  undoChange,
} from '../../src/store/reschedules.ts';
import type { Ledger } from '../support/ledger.ts';
import { addResource, aHold, entriesOf, hour, openLedger } from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const confirmed = async (resourceId: string, more: Partial<StartBooking> = {}) => {
  const booking = aHold(resourceId, { paymentKind: 'external', currency: 'eur', ...more });
  const { kind } = await holdUnits(ledger.pool, booking);
  if (kind !== 'held') throw new Error(`not held: ${kind}`);
  await commitBooking(ledger.pool, { ...booking, reference: 'invoice-1' });
  return booking;
};

const opened = async (booking: StartBooking, more: Partial<RescheduleAsk>) => {
  const { tenantId, bookingId } = booking;
  const ask: RescheduleAsk = {
    quoteId: null,
    startAt: hour(30),
    endAt: hour(31),
    sessionId: booking.sessionId,
    party: booking.party,
    bufferBeforeMs: 0,
    bufferAfterMs: 0,
    amountMinor: booking.amountMinor,
    ...more,
  };
  const change = { tenantId, bookingId, changeId: randomUUID(), reason: 'guest', answer: null };
  await openChange(ledger.pool, { ...change, kind: 'reschedule', ask });
  return { ...change, ask };
};

const rowOf = async (bookingId: string) => {
  const { rows } = await ledger.admin.query(
    `SELECT b.amount_minor::int AS amount, b.owed_minor::int AS owed, b.deposit_minor::int AS deposit,
       b.balance_due_at AS "balanceDueAt", b.session_id AS session, b.party,
       (SELECT sum(captured_minor)::int FROM payment p WHERE p.booking_id = b.id) AS captured,
       (SELECT due_at FROM booking_change c WHERE c.booking_id = b.id AND c.kind = 'balance') AS "dueAt"
      FROM booking b WHERE b.id = $1`,
    [bookingId],
  );
  return rows[0] as Record<string, unknown>;
};

const invoice = { kind: 'external', reference: 'invoice-2' } as const;

test('a difference that was taken by other means is owed and taken at the switch', async () => {
  const booking = await confirmed(await addResource(ledger.admin), { amountMinor: 10_000 });
  const change = await opened(booking, { amountMinor: 12_500, payment: invoice });
  expect(await takeForChange(ledger.pool, change)).toMatchObject({ dueMinor: 2_500 });
  expect(await rowOf(booking.bookingId)).toMatchObject({ owed: 10_000, captured: 10_000 });
  expect(await switchChange(ledger.pool, change)).toMatchObject({ isExcess: false });
  expect(await rowOf(booking.bookingId)).toMatchObject({ owed: 12_500, captured: 12_500 });
});

test('without a way to pay the difference nothing is taken', async () => {
  const booking = await confirmed(await addResource(ledger.admin), { amountMinor: 10_000 });
  const change = await opened(booking, { amountMinor: 12_500 });
  expect(await takeForChange(ledger.pool, change)).toEqual({ kind: 'unpayable' });
  expect(await entriesOf(ledger.pool, `booking/${booking.bookingId}`)).toHaveLength(2);
});

test('what costs less is owed no more', async () => {
  const booking = await confirmed(await addResource(ledger.admin), { amountMinor: 10_000 });
  const change = await opened(booking, { amountMinor: 4_000 });
  expect(await takeForChange(ledger.pool, change)).toMatchObject({ dueMinor: -6_000 });
  expect(await switchChange(ledger.pool, change)).toMatchObject({ isExcess: true, payment: null });
  expect(await rowOf(booking.bookingId)).toMatchObject({ amount: 4_000, owed: 4_000 });
});

const withDeposit = async () =>
  confirmed(await addResource(ledger.admin), {
    amountMinor: 10_000,
    depositMinor: 2_500,
    balanceDueAt: hour(-48),
    paymentKind: 'none',
  });

test('while a balance is to come it takes the difference, and moves with the start', async () => {
  const booking = await withDeposit();
  const change = await opened(booking, { amountMinor: 15_000 });
  expect(await takeForChange(ledger.pool, change)).toMatchObject({ dueMinor: 0 });
  await switchChange(ledger.pool, change);
  const dueAt = new Date(hour(-18));
  expect(await rowOf(booking.bookingId)).toMatchObject({
    amount: 15_000,
    owed: 2_500,
    deposit: 2_500,
    balanceDueAt: dueAt,
    dueAt,
  });
});

test('a price below the deposit leaves no balance, and the rest of the deposit goes back', async () => {
  const booking = await withDeposit();
  const change = await opened(booking, { amountMinor: 1_000 });
  expect(await takeForChange(ledger.pool, change)).toMatchObject({ dueMinor: -1_500 });
  expect(await switchChange(ledger.pool, change)).toMatchObject({ isExcess: true });
  expect(await rowOf(booking.bookingId)).toMatchObject({
    owed: 1_000,
    deposit: null,
    balanceDueAt: null,
    dueAt: null,
  });
});

const addSession = async (resourceId: string, at: number, capacity: number) => {
  const id = `s-${randomUUID()}`;
  await ledger.admin.query(
    `INSERT INTO session (tenant_id, id, resource_id, start_at, end_at, capacity)
     VALUES ('acme', $1, $2, $3, $4, $5)`,
    [id, resourceId, hour(at), hour(at + 1), capacity],
  );
  return id;
};
const takenOf = async (id: string) =>
  (await ledger.admin.query('SELECT taken FROM session WHERE id = $1', [id])).rows[0].taken;

test('places of sessions are counted once at every moment', async () => {
  const resource = await addResource(ledger.admin, { soldBy: 'session' });
  const [one, other] = [await addSession(resource, 1, 5), await addSession(resource, 9, 4)];
  const booking = await confirmed(resource, { sessionId: one, party: 3 });
  const more = await opened(booking, { sessionId: one, party: 5 });
  await takeForChange(ledger.pool, more);
  expect(await takenOf(one)).toBe(5);
  await undoChange(ledger.pool, more);
  expect(await takenOf(one)).toBe(3);
  await ledger.admin.query(`UPDATE booking_change SET state = 'done'`);
  const full = await opened(booking, { sessionId: other, party: 5 });
  expect(await takeForChange(ledger.pool, full)).toEqual({ kind: 'refused', refusal: 'too-large' });
  await ledger.admin.query(`UPDATE booking_change SET state = 'done'`);
  const moves = await opened(booking, { sessionId: other, party: 4 });
  await takeForChange(ledger.pool, moves);
  expect([await takenOf(one), await takenOf(other)]).toEqual([3, 4]);
  await switchChange(ledger.pool, moves);
  expect([await takenOf(one), await takenOf(other)]).toEqual([0, 4]);
  expect(await rowOf(booking.bookingId)).toMatchObject({ session: other, party: 4 });
});

test('whatever is repeated or left out, a booking has its old time or its new one, and its money', async () => {
  const resource = await addResource(ledger.admin, { capacity: 50 });
  const steps = fc.array(fc.constantFrom('take', 'switch', 'fence', 'undo'), { maxLength: 7 });
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const booking = await confirmed(resource, { amountMinor: 1_000 });
      const change = await opened(booking, {
        startAt: hour(0),
        endAt: hour(2),
        amountMinor: 1_500,
        payment: invoice,
      });
      for (const step of list) {
        if (step === 'take') await takeForChange(ledger.pool, change);
        if (step === 'switch') await switchChange(ledger.pool, change);
        if (step === 'fence') await fenceDifference(ledger.pool, change);
        if (step === 'undo') await undoChange(ledger.pool, change);
      }
      const end = await undoChange(ledger.pool, change);
      const row = await rowOf(booking.bookingId);
      const amount = end.kind === 'switched' ? 1_500 : 1_000;
      expect(row).toMatchObject({ amount, owed: amount, captured: amount });
      const { rows } = await ledger.admin.query(
        `SELECT upper(span) AS until, change_id FROM occupancy WHERE booking_id = $1 AND live`,
        [booking.bookingId],
      );
      const until = new Date(hour(end.kind === 'switched' ? 2 : 1));
      expect(rows).toEqual([{ until, change_id: null }]);
      await entriesOf(ledger.pool, `booking/${booking.bookingId}`);
      await ledger.admin.query(
        `UPDATE occupancy SET released_at = clock_timestamp() WHERE booking_id = $1`,
        [booking.bookingId],
      );
    }),
    { numRuns: 25 },
  );
});
