import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RefundState } from '../../src/payments/payment-provider.ts';
import {
  disownPayment,
  hastenChange,
  loadCollecting,
  openPayment,
  owePayment,
  postponeChange,
  renewLapsing,
  storeIntent,
} from '../../src/store/balances.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { openChange } from '../../src/store/changes.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { loadMoney } from '../../src/store/money.ts';
import { recordDispute } from '../../src/store/payment-news.ts';
import {
  askRefund,
  grantRefund,
  recordRefunds,
  refundableOf,
  resolveMoney,
} from '../../src/store/refunds.ts';
import {
  addResource,
  aHold,
  entriesOf,
  openLedger,
  TENANT,
  type Ledger,
} from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
  await ledger.admin.query(
    `INSERT INTO payment_account (tenant_id, id, service, sealed) VALUES ($1, 'p', 'stripe', '\\x07')`,
    [TENANT],
  );
});
afterAll(() => ledger.close());

const DEPOSIT = { percent: 20, balanceDueMs: 0, onUnpaid: 'cancel', graceMs: 60_000 } as const;

/** Confirmed for 5000, of which the deposit of 1000 was taken. */
async function deposited() {
  const hold = aHold(await addResource(ledger.admin), {
    amountMinor: 5_000,
    depositMinor: 1_000,
    balanceDueAt: new Date(Date.now() - 1_000).toISOString(),
    terms: { cancellation: [], deposit: DEPOSIT },
    currency: 'eur',
    paymentKind: 'method',
    paymentAccountId: 'p',
  });
  await holdUnits(ledger.pool, hold);
  const { tenantId, bookingId } = hold;
  await ledger.admin.query(
    `INSERT INTO payment (tenant_id, booking_id, n, purpose, payment_account_id, intent_id, status,
       amount_minor, currency, captured_minor, customer_id, method_id)
     VALUES ($1, $2, 1, 'deposit', 'p', $3, 'captured', 1000, 'eur', 1000, 'cus', 'pm')`,
    [tenantId, bookingId, `pi-${bookingId}`],
  );
  await commitBooking(ledger.pool, hold);
  return { tenantId, bookingId };
}
type Ref = Awaited<ReturnType<typeof deposited>>;

const opened = async (ref: Ref) => {
  const change = { ...ref, changeId: 'balance' };
  await openChange(ledger.pool, { ...change, reason: 'due', kind: 'balance', ask: {} });
  return change;
};
const money = async (ref: Ref) => (await loadMoney(ledger.pool, ref))!;
const authorize = (ref: Ref, n: number) =>
  ledger.admin.query(
    `UPDATE payment SET status = 'authorized', intent_id = $3 WHERE booking_id = $1 AND n = $2`,
    [ref.bookingId, n, `pi-${ref.bookingId}-${n}`],
  );
const made = (key: string, status: RefundState['status'], amountMinor = 300): RefundState => ({
  refundId: `re-${key}`,
  status,
  amountMinor,
  key,
});
const attentionsOf = async ({ bookingId }: Ref) =>
  (
    await ledger.pool.query<{ attentions: string[] }>(
      'SELECT attentions FROM booking WHERE id = $1',
      [bookingId],
    )
  ).rows[0]!.attentions;

test('the balance is what the price leaves, opened once, and owed from its pivot on', async () => {
  const ref = await deposited();
  const change = await opened(ref);
  const open = () => openPayment(ledger.pool, { ...change, purpose: 'balance' });
  expect([await open(), await open()]).toEqual([
    { kind: 'open', n: 2 },
    { kind: 'open', n: 2 },
  ]);
  expect((await money(ref)).payments[1]).toMatchObject({
    amountMinor: 4_000,
    customerId: 'cus',
    methodId: 'pm',
    purpose: 'balance',
  });
  expect(await owePayment(ledger.pool, { ...change, n: 2 })).toBe(false);
  await authorize(ref, 2);
  const owe = () => owePayment(ledger.pool, { ...change, n: 2 });
  expect([await owe(), await owe()]).toEqual([true, true]);
  expect((await money(ref)).owedMinor).toBe(5_000);
  expect(await open()).toEqual({ kind: 'open', n: 2 });
  await disownPayment(ledger.pool, { ...ref, n: 2 });
  await disownPayment(ledger.pool, { ...ref, n: 2 });
  expect((await money(ref)).owedMinor).toBe(1_000);
  expect(await open()).toEqual({ kind: 'open', n: 3 });
});

test('a price that changed meanwhile fences what was begun and opens another', async () => {
  const ref = await deposited();
  const change = await opened(ref);
  await openPayment(ledger.pool, { ...change, purpose: 'balance' });
  await ledger.admin.query('UPDATE booking SET amount_minor = 6000 WHERE id = $1', [ref.bookingId]);
  expect(await openPayment(ledger.pool, { ...change, purpose: 'balance' })).toMatchObject({ n: 3 });
  const intent = { ...ref, n: 2, intentId: 'late', sealedClientSecret: null };
  expect(await storeIntent(ledger.pool, intent)).toBe(false);
  expect((await money(ref)).payments.slice(1)).toMatchObject([
    { n: 2, fenced: true },
    { n: 3, fenced: false, amountMinor: 5_000 },
  ]);
});

test('what staff gave back is not asked for again by the balance', async () => {
  const ref = await deposited();
  await openChange(ledger.pool, {
    ...ref,
    changeId: 'r1',
    reason: 'goodwill',
    kind: 'refund',
    ask: { amountMinor: 300, reference: null },
  });
  const grant = (amountMinor: number, changeId = 'r1') =>
    grantRefund(ledger.pool, { ...ref, changeId, amountMinor, reason: 'goodwill' });
  expect(await grant(1_001, 'r0')).toEqual({ kind: 'too-much', refundableMinor: 1_000 });
  expect([await grant(300), await grant(300)]).toEqual([{ kind: 'granted' }, { kind: 'granted' }]);
  expect(await money(ref)).toMatchObject({ owedMinor: 700 });
  expect(await refundableOf(ledger.pool, ref)).toBe(700);
  await ledger.admin.query(
    `UPDATE booking_change SET state = 'done' WHERE booking_id = $1 AND id = 'r1'`,
    [ref.bookingId],
  );
  const change = await opened(ref);
  await openPayment(ledger.pool, { ...change, purpose: 'balance' });
  expect((await money(ref)).payments[1]).toMatchObject({ amountMinor: 4_000 });
});

test('of two that count at once one asks for a refund, and later words win', async () => {
  const ref = await deposited();
  const ask = () =>
    askRefund(ledger.pool, { ...ref, n: 1, amountMinor: 300, reason: 'x', counted: 0 });
  const keys = await Promise.all([ask(), ask()]);
  expect(keys.filter(Boolean)).toHaveLength(1);
  const key = keys.find(Boolean)!;
  const record = (status: RefundState['status']) =>
    recordRefunds(ledger.pool, { ...ref, n: 1, refunds: [made(key, status)] });
  for (const status of ['succeeded', 'pending'] as const) await record(status);
  expect((await money(ref)).refunds).toMatchObject([{ status: 'succeeded' }]);
  await record('failed');
  await record('succeeded');
  expect((await money(ref)).refunds).toMatchObject([{ status: 'failed', resolution: null }]);
  expect(await attentionsOf(ref)).toEqual(['refund-failed']);
});

test('a refund made at the service is taken down, and is owed no more', async () => {
  const ref = await deposited();
  const outside = { ...made('none', 'succeeded'), key: null };
  for (let n = 0; n < 2; n += 1)
    await recordRefunds(ledger.pool, { ...ref, n: 1, refunds: [outside] });
  expect(await money(ref)).toMatchObject({
    owedMinor: 700,
    refunds: [{ key: 'outside:re-none', status: 'succeeded', amountMinor: 300 }],
  });
});

test('a refund that failed is decided about once: asked for anew, or done by hand', async () => {
  const ref = await deposited();
  const key = (await askRefund(ledger.pool, {
    ...ref,
    n: 1,
    amountMinor: 300,
    reason: 'x',
    counted: 0,
  }))!;
  await recordRefunds(ledger.pool, { ...ref, n: 1, refunds: [made(key, 'failed')] });
  const resolve = () =>
    resolveMoney(ledger.pool, { ...ref, resolution: { kind: 'retry', by: 'me' } });
  expect([await resolve(), await resolve()]).toEqual(['settle', 'nothing']);
  expect(await attentionsOf(ref)).toEqual([]);
  expect((await money(ref)).refunds).toMatchObject([{ resolution: 'retried' }]);
});

test('a dispute calls a person until it is won; its events come in any order', async () => {
  const ref = await deposited();
  const tell = (dispute: 'opened' | 'won' | 'lost') =>
    recordDispute(ledger.pool, { ...ref, intentId: `pi-${ref.bookingId}`, dispute });
  await tell('opened');
  await tell('opened');
  expect(await attentionsOf(ref)).toEqual(['dispute']);
  await tell('won');
  await tell('opened');
  expect(await attentionsOf(ref)).toEqual([]);
  const other = await deposited();
  await recordDispute(ledger.pool, {
    ...other,
    intentId: `pi-${other.bookingId}`,
    dispute: 'lost',
  });
  expect(await attentionsOf(other)).toEqual(['dispute-lost']);
  expect(await entriesOf(ledger.pool, `booking/${ref.bookingId}`)).toEqual([
    'booking.held',
    'booking.confirmed',
    'payment.dispute-opened',
    'booking.needs-attention',
    'payment.dispute-won',
    'booking.settled',
  ]);
});

test('a change that waits is due at its time, within the payer’s, and at once with news', async () => {
  const ref = await deposited();
  const change = await opened(ref);
  await openPayment(ledger.pool, { ...change, purpose: 'balance' });
  const progress = { phase: 'link', attempt: 1, graceMs: 60_000 } as const;
  await postponeChange(ledger.pool, { ...change, inMs: 3_600_000, progress });
  const { rows } = await ledger.pool.query<{ state: string; inMs: number }>(
    `SELECT state, extract(epoch FROM due_at - clock_timestamp())::float8 * 1000 AS "inMs"
       FROM booking_change WHERE booking_id = $1`,
    [ref.bookingId],
  );
  expect(rows[0]!.state).toBe('due');
  expect(rows[0]!.inMs).toBeLessThanOrEqual(60_000);
  const collecting = (await loadCollecting(ledger.pool, change))!;
  expect(collecting).toMatchObject({ phase: 'link', attempt: 1, onUnpaid: 'cancel', keepMinor: 0 });
  expect(collecting.graceLeftMs).toBeGreaterThan(50_000);
  expect(await hastenChange(ledger.pool, ref)).toBeNull();
  await ledger.admin.query('UPDATE payment SET news_at = now() WHERE booking_id = $1 AND n = 2', [
    ref.bookingId,
  ]);
  expect(await hastenChange(ledger.pool, ref)).toMatchObject({ ...change, kind: 'balance' });
});

test('an authorization that is owed and about to lapse gets one change', async () => {
  const ref = await deposited();
  await ledger.admin.query(
    `UPDATE payment SET status = 'authorized', captured_minor = 0,
       capture_before = now() + interval '1 hour' WHERE booking_id = $1`,
    [ref.bookingId],
  );
  await renewLapsing(ledger.pool, 10);
  await renewLapsing(ledger.pool, 10);
  const change = { ...ref, changeId: 'reauthorize-1' };
  await openChange(ledger.pool, { ...change, reason: 'x', kind: 'reauthorize', ask: {} });
  expect(await loadCollecting(ledger.pool, change)).toMatchObject({
    replaces: 1,
    onUnpaid: 'keep',
  });
  expect(await openPayment(ledger.pool, { ...change, purpose: 'renewal' })).toMatchObject({ n: 2 });
  await authorize(ref, 2);
  expect(await owePayment(ledger.pool, { ...change, n: 2 })).toBe(true);
  expect(await money(ref)).toMatchObject({
    owedMinor: 1_000,
    payments: [{ fenced: true }, { fenced: false, amountMinor: 1_000 }],
  });
});
