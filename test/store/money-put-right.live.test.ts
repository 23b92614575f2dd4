import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadCollecting, openPayment, owePayment, renewLapsing } from '../../src/store/balances.ts';
import {
  cancelBooking,
  commitBooking,
  flagAttention,
  resolveByHand,
} from '../../src/store/bookings.ts';
import { closeChange, openChange } from '../../src/store/changes.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { loadMoney } from '../../src/store/money.ts';
import { loadPaymentCase, moneyLeftOpen } from '../../src/store/payments.ts';
import { askRefund, disownFee, recordRefunds, resolveMoney } from '../../src/store/refunds.ts';
import type { RefundState } from '../../src/payments/payment-provider.ts';
import { addResource, aHold, openLedger, TENANT, type Ledger } from '../support/ledger.ts';

/** Money that a person, another payment or another price put elsewhere than where we left it. */

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
  await ledger.admin.query(
    `INSERT INTO payment_account (tenant_id, id, service, sealed) VALUES ($1, 'p', 'stripe', '\\x07')`,
    [TENANT],
  );
});
afterAll(() => ledger.close());

interface Scene {
  status?: 'authorized' | 'captured';
  depositMinor?: number;
}

/** Confirmed for 10000, paid by a card. */
async function confirmed({ status = 'captured', depositMinor }: Scene = {}) {
  const hold = aHold(await addResource(ledger.admin), {
    amountMinor: 10_000,
    currency: 'eur',
    paymentKind: 'method',
    paymentAccountId: 'p',
    ...(depositMinor && { depositMinor, balanceDueAt: new Date().toISOString() }),
  });
  await holdUnits(ledger.pool, hold);
  const { tenantId, bookingId } = hold;
  await pay({ bookingId, n: 1, purpose: 'booking', status, amountMinor: depositMinor ?? 10_000 });
  await commitBooking(ledger.pool, hold);
  return { tenantId, bookingId };
}
type Ref = Awaited<ReturnType<typeof confirmed>>;

const pay = (payment: {
  bookingId: string;
  n: number;
  purpose: string;
  status: string;
  amountMinor: number;
}) =>
  ledger.admin.query(
    `INSERT INTO payment (tenant_id, booking_id, n, purpose, payment_account_id, intent_id, status,
       amount_minor, currency, captured_minor, customer_id, method_id)
     VALUES ($1, $2, $3::int, $4, 'p', $2 || '-' || $3::int, $5::text, $6::bigint, 'eur',
       CASE $5::text WHEN 'captured' THEN $6::bigint ELSE 0 END,
       'cus', 'pm')`,
    [TENANT, payment.bookingId, payment.n, payment.purpose, payment.status, payment.amountMinor],
  );
const set = (ref: Ref, n: number, what: string) =>
  ledger.admin.query(`UPDATE payment SET ${what} WHERE booking_id = $1 AND n = $2`, [
    ref.bookingId,
    n,
  ]);

const cancel = (ref: Ref, keepMinor: number) =>
  cancelBooking(ledger.pool, { ...ref, changeId: 'c', reason: 'guest', keepMinor, quoteId: null });

const rowOf = async ({ bookingId }: Ref) =>
  (
    await ledger.admin.query<{ owed: number; waived: number; attentions: string[] }>(
      `SELECT owed_minor::float8 AS owed, waived_minor::float8 AS waived, attentions
         FROM booking WHERE id = $1`,
      [bookingId],
    )
  ).rows[0]!;

const outside = (id: string, amountMinor: number): RefundState => ({
  refundId: id,
  status: 'succeeded',
  amountMinor,
  key: null,
});
const record = (ref: Ref, refunds: RefundState[]) =>
  recordRefunds(ledger.pool, { ...ref, n: 1, refunds });

const balanceOf = async (ref: Ref) => {
  const change = { ...ref, changeId: 'balance' };
  await openChange(ledger.pool, { ...change, reason: 'due', kind: 'balance', ask: {} });
  return change;
};

test('a fee is kept of a payment that was authorized anew', async () => {
  const ref = await confirmed({ status: 'authorized' });
  await set(ref, 1, `fenced_at = now(), status = 'cancelled'`);
  const renewal = { ...ref, n: 2, purpose: 'renewal', amountMinor: 10_000 };
  await pay({ ...renewal, status: 'captured' });
  await cancel(ref, 5_000);
  expect(await rowOf(ref)).toMatchObject({ owed: 5_000 });
});

test('what is fenced and still authorized is no money that a fee could be kept of', async () => {
  const ref = await confirmed({ depositMinor: 2_500 });
  await pay({ ...ref, n: 2, purpose: 'balance', status: 'authorized', amountMinor: 7_500 });
  await set(ref, 2, 'fenced_at = now()');
  await cancel(ref, 5_000);
  expect(await rowOf(ref)).toMatchObject({ owed: 2_500 });
});

test('what a person refunds at the service in our place leaves the fee owed', async () => {
  const ref = await confirmed();
  await cancel(ref, 3_000);
  const refund = { ...ref, n: 1, amountMinor: 7_000, reason: 'guest', counted: 0 };
  await askRefund(ledger.pool, refund);
  await record(ref, [outside(`re-${ref.bookingId}`, 7_000)]);
  expect(await rowOf(ref)).toMatchObject({ owed: 3_000, waived: 0 });
});

test('beside our own refund it comes off what is owed, in whichever order both are heard of', async () => {
  const ref = await confirmed();
  await cancel(ref, 3_000);
  const refund = { ...ref, n: 1, amountMinor: 7_000, reason: 'guest', counted: 0 };
  const key = (await askRefund(ledger.pool, refund))!;
  const goodwill = outside(`re-a-${ref.bookingId}`, 1_000);
  await record(ref, [goodwill]);
  await record(ref, [goodwill, { ...outside(`re-b-${ref.bookingId}`, 7_000), key }]);
  expect(await rowOf(ref)).toMatchObject({ owed: 2_000, waived: 1_000 });
});

test('a refund that failed and is made at the service by hand is seen, and counts once', async () => {
  const ref = await confirmed();
  await cancel(ref, 3_000);
  const refund = { ...ref, n: 1, amountMinor: 7_000, reason: 'guest', counted: 0 };
  const key = (await askRefund(ledger.pool, refund))!;
  const failed: RefundState = {
    ...outside(`re-f-${ref.bookingId}`, 7_000),
    status: 'failed',
    key,
  };
  await record(ref, [failed]);
  expect((await rowOf(ref)).attentions).toEqual(['refund-failed']);
  await record(ref, [failed, outside(`re-o-${ref.bookingId}`, 7_000)]);
  expect(await rowOf(ref)).toMatchObject({ owed: 3_000, attentions: [] });
  expect((await loadMoney(ledger.pool, ref))!.refunds).toMatchObject([
    { status: 'failed', resolution: 'retried' },
    { status: 'succeeded' },
  ]);
});

test('money that a person put right is never given back unseen', async () => {
  const ref = await confirmed({ status: 'authorized' });
  const call = { ...ref, attention: 'stuck-capture-payment' };
  await flagAttention(ledger.pool, call);
  await resolveByHand(ledger.pool, { ...call, by: 'anna', reason: 'paid in cash' });
  expect(await loadPaymentCase(ledger.pool, { ...ref, paymentAccountId: null })).toMatchObject({
    fenced: true,
  });
  await set(ref, 1, `capture_before = now() + interval '1 hour'`);
  await renewLapsing(ledger.pool, 100);
  const { rowCount } = await ledger.pool.query('SELECT FROM booking_change WHERE booking_id = $1', [
    ref.bookingId,
  ]);
  expect(rowCount).toBe(0);
  await cancel(ref, 0);
  expect((await rowOf(ref)).attentions).toEqual(['money-by-hand']);
  const again = { ...ref, attention: 'money-by-hand', by: 'anna', reason: 'given back' };
  expect(await resolveByHand(ledger.pool, again)).toBe(true);
  expect((await rowOf(ref)).attentions).toEqual([]);
});

test('a balance whose authorization lapsed after its pivot is collected anew', async () => {
  const ref = await confirmed({ depositMinor: 2_500 });
  const change = await balanceOf(ref);
  await openPayment(ledger.pool, { ...change, purpose: 'balance' });
  await set(ref, 2, `status = 'authorized', intent_id = booking_id || '-2'`);
  await owePayment(ledger.pool, { ...change, n: 2 });
  await set(ref, 2, `status = 'cancelled'`);
  expect(await openPayment(ledger.pool, { ...change, purpose: 'balance' })).toEqual({
    kind: 'open',
    n: 3,
  });
  expect(await rowOf(ref)).toMatchObject({ owed: 2_500 });
  expect((await loadMoney(ledger.pool, ref))!.payments[2]).toMatchObject({ amountMinor: 7_500 });
});

test('a payment at another price is tried and offered from the beginning', async () => {
  const ref = await confirmed({ depositMinor: 2_500 });
  const change = await balanceOf(ref);
  await openPayment(ledger.pool, { ...change, purpose: 'balance' });
  await ledger.admin.query(
    `UPDATE booking_change SET progress = progress || jsonb_build_object('phase', 'link', 'attempt', 3,
       'graceUntil', now() - interval '1 minute') WHERE booking_id = $1`,
    [ref.bookingId],
  );
  await ledger.admin.query('UPDATE booking SET amount_minor = 12000 WHERE id = $1', [
    ref.bookingId,
  ]);
  await openPayment(ledger.pool, { ...change, purpose: 'balance' });
  expect(await loadCollecting(ledger.pool, change)).toMatchObject({
    phase: 'charge',
    attempt: 0,
    graceLeftMs: null,
  });
});

test('an authorization that another took the place of is let go by the sweeper, if by nobody else', async () => {
  const ref = await confirmed({ depositMinor: 2_500 });
  await pay({ ...ref, n: 2, purpose: 'balance', status: 'authorized', amountMinor: 7_500 });
  await set(ref, 2, `fenced_at = now(), updated_at = now() - interval '1 hour'`);
  expect(await moneyLeftOpen(ledger.pool, { olderThanMs: 60_000, limit: 100 })).toContainEqual(ref);
});

test('no more is captured than was authorized, whatever the booking costs by then', async () => {
  const ref = await confirmed({ status: 'authorized' });
  const dueAt = async (amountMinor: number) => {
    await ledger.admin.query('UPDATE booking SET amount_minor = $2 WHERE id = $1', [
      ref.bookingId,
      amountMinor,
    ]);
    return (await loadPaymentCase(ledger.pool, { ...ref, paymentAccountId: null }))!.dueMinor;
  };
  expect([await dueAt(15_000), await dueAt(6_000)]).toEqual([10_000, 6_000]);
});

test('a balance that is just being tried is tried again by that, and one that is over is not', async () => {
  const ref = await confirmed({ depositMinor: 2_500 });
  const resolution = { kind: 'retry', by: 'k', attention: 'balance-unpaid' } as const;
  const retry = () => resolveMoney(ledger.pool, { ...ref, resolution });
  const change = await balanceOf(ref);
  await flagAttention(ledger.pool, { ...ref, attention: 'balance-unpaid' });
  expect(await retry()).toBe('resolved');
  await closeChange(ledger.pool, { ...change, answer: { kind: 'done' }, outcome: {} });
  await flagAttention(ledger.pool, { ...ref, attention: 'balance-unpaid' });
  expect(await retry()).toBe('nothing');
});

test('a fee is given up once, and only where nothing is left that it could be taken from', async () => {
  const ref = await confirmed({ status: 'authorized' });
  await cancel(ref, 5_000);
  await disownFee(ledger.pool, ref);
  expect(await rowOf(ref)).toMatchObject({ owed: 5_000 });
  await set(ref, 1, `status = 'cancelled'`);
  await Promise.all([disownFee(ledger.pool, ref), disownFee(ledger.pool, ref)]);
  expect(await rowOf(ref)).toMatchObject({ owed: 0 });
  const { rows } = await ledger.admin.query<{ type: string }>(
    `SELECT type FROM journal WHERE subject = $1 AND type = 'payment.fee-lapsed'`,
    [`booking/${ref.bookingId}`],
  );
  expect(rows).toHaveLength(1);
});
