import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cancelBooking, commitBooking } from '../../src/store/bookings.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { keepQuote, loadQuoteCase } from '../../src/store/quotes.ts';
import { change } from '../../src/store/transactions.ts';
import type { Ledger } from '../support/ledger.ts';
import { addResource, aHold, openLedger } from '../support/ledger.ts';

let ledger: Ledger;
let database: Database;
beforeAll(async () => {
  ledger = await openLedger();
  database = openDatabase({ url: ledger.appUrl, poolSize: 4 });
});
afterAll(async () => {
  await database.close();
  await ledger.close();
});

/** A confirmed booking of 100.00 that was paid by other means. */
const paid = async () => {
  const booking = aHold(await addResource(ledger.admin), {
    paymentKind: 'external',
    amountMinor: 10_000,
    currency: 'eur',
  });
  await holdUnits(ledger.pool, booking);
  await commitBooking(ledger.pool, { ...booking, reference: 'invoice-1' });
  return booking;
};
type Booked = Awaited<ReturnType<typeof paid>>;

const quoted = async (booking: Booked, validMs = 60_000) => {
  const id = randomUUID();
  const restsOn = (await loadQuoteCase(database, booking))!;
  await change(database, (tx) =>
    keepQuote(tx, {
      ...booking,
      id,
      kind: 'cancel',
      terms: { keepMinor: 2_500, refundMinor: 7_500 },
      restsOn,
      expiresAt: restsOn.nowAt + validMs,
    }),
  );
  return id;
};

const confirm = (booking: Booked, quoteId: string, changeId = 'c') =>
  cancelBooking(ledger.pool, { ...booking, changeId, reason: 'guest', keepMinor: 0, quoteId });

const owed = async ({ bookingId }: Booked) => {
  const { rows } = await ledger.admin.query<{ state: string; owed: string }>(
    'SELECT state, owed_minor AS owed FROM booking WHERE id = $1',
    [bookingId],
  );
  return rows[0];
};

test('a confirmed quote keeps exactly what it said, however often it is confirmed', async () => {
  const booking = await paid();
  const quote = await quoted(booking);
  expect(await confirm(booking, quote)).toMatchObject({ kind: 'cancelled' });
  expect(await confirm(booking, quote)).toMatchObject({ kind: 'cancelled' });
  expect(await owed(booking)).toEqual({ state: 'cancelled', owed: '2500' });
});

test('a quote past its time leaves the booking as it is', async () => {
  const booking = await paid();
  expect(await confirm(booking, await quoted(booking, -1))).toMatchObject({ kind: 'quote-over' });
  expect(await owed(booking)).toEqual({ state: 'confirmed', owed: '10000' });
});

test('a quote of another booking, or that another change used, says nothing', async () => {
  const booking = await paid();
  const other = await quoted(await paid());
  expect(await confirm(booking, other)).toMatchObject({ kind: 'quote-over' });
  const used = await quoted(booking);
  await ledger.admin.query(`UPDATE quote SET used_by = 'another' WHERE id = $1`, [used]);
  expect(await confirm(booking, used)).toMatchObject({ kind: 'quote-over' });
});

test('a quote rests on the money and the time that it was made for', async () => {
  const booking = await paid();
  const before = await quoted(booking);
  await ledger.admin.query('UPDATE payment SET refunded_minor = 1 WHERE booking_id = $1', [
    booking.bookingId,
  ]);
  expect(await confirm(booking, before)).toMatchObject({ kind: 'quote-over' });
  const moved = await quoted(booking);
  await ledger.admin.query(
    `UPDATE booking SET start_at = start_at - interval '1 hour' WHERE id = $1`,
    [booking.bookingId],
  );
  expect(await confirm(booking, moved)).toMatchObject({ kind: 'quote-over' });
});

test('what is on its way back is not paid any more, and a quote outlasts its arrival', async () => {
  const booking = await paid();
  const move = (what: string) => ledger.admin.query(what, [booking.bookingId]);
  await move('UPDATE booking SET owed_minor = 8000, waived_minor = 2000 WHERE id = $1');
  expect(await loadQuoteCase(database, booking)).toMatchObject({ paidMinor: 8_000 });
  const quote = await quoted(booking);
  await move('UPDATE payment SET refunded_minor = 2000 WHERE booking_id = $1');
  expect(await loadQuoteCase(database, booking)).toMatchObject({ paidMinor: 8_000 });
  expect(await confirm(booking, quote)).toMatchObject({ kind: 'cancelled' });
});

test('no more is kept than was paid', async () => {
  const booking = await paid();
  const asked = { ...booking, changeId: 'c', reason: 'guest', keepMinor: 99_999, quoteId: null };
  await cancelBooking(ledger.pool, asked);
  expect(await owed(booking)).toEqual({ state: 'cancelled', owed: '10000' });
});
