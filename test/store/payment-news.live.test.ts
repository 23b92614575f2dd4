import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PaymentState, PaymentStatus } from '../../src/payments/payment-provider.ts';
import { flagAttention, releaseBooking, resolveByHand } from '../../src/store/bookings.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { newsLeft, notePaymentEvent } from '../../src/store/payment-news.ts';
import {
  loadPaymentCase,
  moneyLeftOpen,
  recordIntent,
  recordPayment,
} from '../../src/store/payments.ts';
import type { Ledger } from '../support/ledger.ts';
import { addResource, aHold, entriesOf, openLedger, TENANT } from '../support/ledger.ts';

let ledger: Ledger;
let events = 0;
beforeAll(async () => {
  ledger = await openLedger();
  for (const id of ['p', 'other'])
    await ledger.admin.query(
      `INSERT INTO payment_account (tenant_id, id, service, sealed) VALUES ($1, $2, 'stripe', '\\x07')`,
      [TENANT, id],
    );
});
afterAll(() => ledger.close());

type Booking = ReturnType<typeof aHold>;

const state = (booking: Booking, status: PaymentStatus): PaymentState => ({
  intentId: `pi-${booking.bookingId}`,
  status,
  amountMinor: 5_000,
  currency: 'eur',
  capturableMinor: 0,
  capturedMinor: 0,
  refundedMinor: 0,
  captureBeforeAt: null,
  clientSecret: null,
  declineCode: null,
  customerId: null,
  methodId: null,
});

/** A booking whose intent is stored. */
async function paying(paymentKind: 'browser' | 'method' = 'browser'): Promise<Booking> {
  const booking = aHold(await addResource(ledger.admin), {
    amountMinor: 5_000,
    currency: 'eur',
    paymentAccountId: 'p',
    paymentKind,
  });
  await holdUnits(ledger.pool, booking);
  await recordIntent(ledger.pool, {
    ...booking,
    accountId: 'p',
    state: state(booking, 'needs-method'),
    sealedClientSecret: null,
  });
  return booking;
}

const note = (booking: Booking, own: { eventId?: string; accountId?: string } = {}) =>
  notePaymentEvent(ledger.pool, {
    tenantId: TENANT,
    accountId: 'p',
    eventId: `evt-${(events += 1)}`,
    intentId: `pi-${booking.bookingId}`,
    ...own,
  });
const record = (booking: Booking, status: PaymentStatus, newsAt: string | null = null) =>
  recordPayment(ledger.pool, { ...booking, state: state(booking, status), newsAt });
const markOf = async (booking: Booking) =>
  (await loadPaymentCase(ledger.pool, { ...booking, paymentAccountId: 'p' }))!.newsAt;
const left = async ({ bookingId }: Booking) =>
  (await newsLeft(ledger.pool, { olderThanMs: 0, limit: 100 })).some(
    (one) => one.bookingId === bookingId,
  );

test('an event marks the payment that waits for it, once, whoever else was told', async () => {
  const booking = await paying();
  const eventId = 'evt-once';
  expect(await note(booking, { eventId })).toEqual({
    kind: 'noted',
    bookingId: booking.bookingId,
    waits: true,
  });
  expect(await markOf(booking)).not.toBeNull();
  expect(await note(booking, { eventId })).toEqual({ kind: 'repeat' });
});

test('an event of another account, or that came before its payment was stored, is nobody’s', async () => {
  const booking = await paying();
  expect(await note(booking, { accountId: 'other' })).toEqual({ kind: 'nobodys' });
  const unknown = { ...booking, bookingId: 'not-stored-yet' };
  expect(await note(unknown)).toEqual({ kind: 'nobodys' });
  expect(await markOf(booking)).toBeNull();
});

test('a payment whose own answer tells is not waited for by event', async () => {
  const booking = await paying('method');
  expect(await note(booking)).toMatchObject({ kind: 'noted', waits: false });
  await record(booking, 'needs-action');
  expect(await note(booking)).toMatchObject({ kind: 'noted', waits: true });
});

test('a reading takes away the mark it began with, and leaves one that came meanwhile', async () => {
  const booking = await paying();
  await note(booking);
  const before = await markOf(booking);
  await note(booking);
  await record(booking, 'needs-action', before);
  expect(await markOf(booking)).not.toBeNull();
  await record(booking, 'needs-action', await markOf(booking));
  expect(await markOf(booking)).toBeNull();
});

test('a mark whose signal was lost is found again until somebody has read the payment', async () => {
  const booking = await paying();
  await note(booking);
  expect(await left(booking)).toBe(true);
  expect(await left(booking)).toBe(true);
  await record(booking, 'authorized');
  expect(await left(booking)).toBe(false);
});

test('a mark that goes unread is told of less and less often, and anew when there is other news', async () => {
  const booking = await paying();
  await note(booking);
  const isTold = async () =>
    (await newsLeft(ledger.pool, { olderThanMs: 60_000, limit: 100 })).some(
      ({ bookingId }) => bookingId === booking.bookingId,
    );
  const minutesPass = (minutes: number) =>
    ledger.admin.query(
      `UPDATE payment SET news_at = news_at - $2 * interval '1 minute' WHERE booking_id = $1`,
      [booking.bookingId, minutes],
    );
  for (const minutes of [1, 2, 4]) {
    await minutesPass(minutes - 0.5);
    expect(await isTold()).toBe(false);
    await minutesPass(0.5);
    expect(await isTold()).toBe(true);
  }
  await note(booking);
  await minutesPass(1);
  expect(await isTold()).toBe(true);
});

test('a mark that nobody waits for any more goes by itself', async () => {
  const booking = await paying('method');
  await record(booking, 'needs-action');
  await note(booking);
  await ledger.admin.query(
    `UPDATE payment SET status = 'captured', captured_minor = 5000 WHERE booking_id = $1`,
    [booking.bookingId],
  );
  expect(await left(booking)).toBe(false);
  expect(await markOf(booking)).toBeNull();
});

test('an authorization that landed after the end was voided, and says so', async () => {
  const booking = await paying();
  await releaseBooking(ledger.pool, { ...booking, state: 'expired', reason: 'hold-expired' });
  expect(await note(booking)).toMatchObject({ waits: true });
  await record(booking, 'authorized');
  await record(booking, 'needs-method');
  await record(booking, 'cancelled');
  const { rows } = await ledger.pool.query<{ status: string; ending: string }>(
    'SELECT status, ending FROM payment WHERE booking_id = $1',
    [booking.bookingId],
  );
  expect(rows).toEqual([{ status: 'cancelled', ending: 'voided' }]);
});

test('what a person did by hand is entered with who and why, and left alone from then on', async () => {
  const booking = await paying();
  await releaseBooking(ledger.pool, { ...booking, state: 'expired', reason: 'hold-expired' });
  await record(booking, 'authorized');
  const attention = 'stuck-void-payment';
  await flagAttention(ledger.pool, { ...booking, attention });
  const open = async () =>
    (await moneyLeftOpen(ledger.pool, { olderThanMs: 0, limit: 100 })).some(
      ({ bookingId }) => bookingId === booking.bookingId,
    );
  expect(await open()).toBe(true);
  const by = { attention, by: 'key-1', reason: 'voided in the dashboard' };
  expect(await resolveByHand(ledger.pool, { ...booking, ...by })).toBe(true);
  expect(await resolveByHand(ledger.pool, { ...booking, ...by })).toBe(false);
  expect(await open()).toBe(false);
  expect(await note(booking)).toMatchObject({ waits: false });
  const types = await entriesOf(ledger.pool, `booking/${booking.bookingId}`);
  expect(types.at(-1)).toBe('booking.resolved-by-hand');
});
