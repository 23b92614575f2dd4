import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PaymentState, PaymentStatus } from '../../src/payments/payment-provider.ts';
import { commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import { holdUnits } from '../../src/store/holds.ts';
import {
  fencePayment,
  loadPaymentCase,
  moneyLeftOpen,
  recordIntent,
  recordPayment,
} from '../../src/store/payments.ts';
import type { Ledger } from '../support/ledger.ts';
import { addResource, aHold, entriesOf, openLedger, TENANT } from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
  await ledger.admin.query(
    `INSERT INTO payment_account (tenant_id, id, service, sealed) VALUES ($1, 'p', 'stripe', '\\x07')`,
    [TENANT],
  );
});
afterAll(() => ledger.close());

type Booking = ReturnType<typeof aHold>;

const held = async (own: Partial<Booking> = {}): Promise<Booking> => {
  const terms = { amountMinor: 5_000, currency: 'eur', paymentAccountId: 'p' };
  const booking = aHold(await addResource(ledger.admin), {
    ...terms,
    paymentKind: 'method',
    ...own,
  });
  await ledger.pool.query(
    `INSERT INTO booking_draft (tenant_id, booking_id, payment) VALUES ($1, $2, '\\x01')`,
    [TENANT, booking.bookingId],
  );
  await holdUnits(ledger.pool, booking);
  return booking;
};
const state = (status: PaymentStatus, more: Partial<PaymentState> = {}): PaymentState => ({
  intentId: 'pi',
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
  ...more,
});
const intent = (booking: Booking) =>
  recordIntent(ledger.pool, {
    ...booking,
    accountId: 'p',
    state: state('needs-method', { intentId: `pi-${booking.bookingId}` }),
    sealedClientSecret: Buffer.from([9]),
  });
const record = (booking: Booking, next: PaymentState) =>
  recordPayment(ledger.pool, {
    ...booking,
    state: { ...next, intentId: `pi-${booking.bookingId}` },
  });
const load = (booking: Booking) => loadPaymentCase(ledger.pool, booking);
const entries = (booking: Booking) => entriesOf(ledger.pool, `booking/${booking.bookingId}`);
const release = (booking: Booking) =>
  releaseBooking(ledger.pool, { ...booking, state: 'expired', reason: 'hold-expired' });

test('an intent is stored once, and the booking is being paid', async () => {
  const booking = await held();
  expect(await load(booking)).toMatchObject({
    state: 'held',
    dueMinor: 5_000,
    accountId: 'p',
    sealedDraft: Buffer.from([1]),
    intentId: null,
  });
  expect([await intent(booking), await intent(booking)]).toEqual([true, true]);
  expect(await load(booking)).toMatchObject({
    state: 'paying',
    intentId: `pi-${booking.bookingId}`,
  });
  expect(await entries(booking)).toEqual(['booking.held', 'booking.paying']);
});

test('an intent of a booking that ended is stored, but must not be confirmed', async () => {
  const booking = await held();
  await release(booking);
  expect(await intent(booking)).toBe(false);
  expect(await load(booking)).toMatchObject({ intentId: `pi-${booking.bookingId}` });
});

test('after the fence no intent may be confirmed and nothing is committed', async () => {
  const booking = await held();
  expect(await fencePayment(ledger.pool, booking)).toEqual({ kind: 'fenced', intentId: null });
  expect(await intent(booking)).toBe(false);
  expect(await commitBooking(ledger.pool, booking)).toEqual({ kind: 'ended', state: 'cancelled' });
});

test('the fence answers the intent to cancel, and a confirmed booking is owed for', async () => {
  const [given, kept] = [await held(), await held()];
  await intent(given);
  const fenced = { kind: 'fenced', intentId: `pi-${given.bookingId}` };
  expect(await fencePayment(ledger.pool, given)).toEqual(fenced);
  expect(await fencePayment(ledger.pool, given)).toEqual(fenced);
  await commitBooking(ledger.pool, kept);
  expect(await fencePayment(ledger.pool, kept)).toEqual({ kind: 'confirmed' });
  expect(await fencePayment(ledger.pool, aHold('nowhere'))).toEqual({
    kind: 'fenced',
    intentId: null,
  });
});

test('commit and fence at once: one of them wins, and both say the same', async () => {
  for (let n = 0; n < 15; n += 1) {
    const booking = await held();
    await intent(booking);
    const [committed, fenced] = await Promise.all([
      commitBooking(ledger.pool, booking),
      fencePayment(ledger.pool, booking),
    ]);
    expect([committed.kind, fenced.kind]).toEqual(
      committed.kind === 'confirmed' ? ['confirmed', 'confirmed'] : ['ended', 'fenced'],
    );
  }
});

test('what the service says is entered once, and ends the draft', async () => {
  const booking = await held();
  await intent(booking);
  await record(booking, state('authorized', { capturableMinor: 5_000 }));
  await record(booking, state('authorized', { capturableMinor: 5_000 }));
  await record(booking, state('captured', { capturedMinor: 5_000 }));
  expect(await load(booking)).toMatchObject({ capturedMinor: 5_000, sealedDraft: null });
  expect(await entries(booking)).toEqual([
    'booking.held',
    'booking.paying',
    'payment.authorized',
    'payment.captured',
  ]);
});

test('a late word never takes back what the service said after it', async () => {
  const booking = await held();
  await intent(booking);
  await record(booking, state('captured', { capturedMinor: 5_000 }));
  await record(booking, state('captured', { capturedMinor: 5_000, refundedMinor: 5_000 }));
  await record(booking, state('authorized'));
  await record(booking, state('captured', { capturedMinor: 5_000 }));
  expect(await load(booking)).toMatchObject({ capturedMinor: 5_000, refundedMinor: 5_000 });
  expect(await entries(booking)).toHaveLength(4);
});

test('a payment of the caller’s own is recorded with the booking it pays for, and never without', async () => {
  const [paid, late] = [
    await held({ paymentKind: 'external' }),
    await held({ paymentKind: 'external' }),
  ];
  await release(late);
  for (const booking of [paid, paid, late])
    await commitBooking(ledger.pool, { ...booking, reference: 'till 4' });
  expect(await load(paid)).toMatchObject({ state: 'confirmed', capturedMinor: 5_000 });
  expect(await load(late)).toMatchObject({ state: 'expired', capturedMinor: 0 });
});

test('money that is not where the booking’s state says is found once its workflow is gone', async () => {
  const [charged, ended, whole] = [await held(), await held(), await held()];
  for (const booking of [charged, ended, whole]) {
    await intent(booking);
    await record(booking, state('authorized'));
  }
  await commitBooking(ledger.pool, charged);
  await release(ended);
  await commitBooking(ledger.pool, whole);
  await record(whole, state('captured', { capturedMinor: 5_000 }));
  await new Promise((resolve) => setTimeout(resolve, 30));
  const options = { olderThanMs: 10, limit: 1_000 };
  const found = (await moneyLeftOpen(ledger.pool, options)).map((one) => one.bookingId);
  expect(found).toContain(charged.bookingId);
  expect(found).toContain(ended.bookingId);
  expect(found).not.toContain(whole.bookingId);
  const again = await moneyLeftOpen(ledger.pool, { ...options, olderThanMs: 60_000 });
  expect(again.map((one) => one.bookingId)).not.toContain(charged.bookingId);
});
