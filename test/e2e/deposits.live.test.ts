import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import {
  calledOff,
  dayComes,
  declineNext,
  deposited,
  DEPOSIT_MINOR,
  depositShop,
  graceEnds,
  keptOf,
  untilDue,
  untilEven,
} from '../support/money.ts';
import { fault, liftFaults, STRIPE_CALLS } from '../support/outside.ts';
import { addBrowserAccount, payerConfirms, type BrowserAccount } from '../support/payer.ts';
import { PRICE_MINOR, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let account: BrowserAccount;
let shop: Shop;
beforeAll(async () => {
  holdfast = await startHoldfast();
  account = await addBrowserAccount(holdfast);
  shop = await depositShop(holdfast, account);
});
afterEach(async () => {
  await liftFaults(holdfast);
  await holdfast.control('DELETE', '/stripe/executions');
});
afterAll(() => holdfast.stop());

const stateOf = async (bookingId: string) =>
  (await holdfast.call('GET', `/bookings/${bookingId}`)).body as {
    state: string;
    reason: string | null;
    attentions: string[];
    payment: { clientSecret: string | null; publishableKey: string | null };
  };
/** As the page behind a payment link asks. */
async function openLink(link: string): Promise<{ status: number; body: unknown }> {
  const [tenantId, bookingId, n, token = ''] = new URL(link).hash.slice(1).split('/');
  const path = `/v1/payment-links/${tenantId}/${bookingId}/${n}`;
  const answer = await fetch(holdfast.apiUrl + path, { headers: { 'payment-token': token } });
  return { status: answer.status, body: await answer.json() };
}
const isLinked = (due: { payUntilAt: string | null } | undefined) => Boolean(due?.payUntilAt);

describe('a deposit', () => {
  it('is all that is charged at first, and its method is kept for the balance', async () => {
    const asked = await deposited(holdfast, shop);
    expect(await keptOf(holdfast, asked.id)).toMatchObject({
      captures: 1,
      keptMinor: DEPOSIT_MINOR,
    });
    const due = await untilDue(holdfast, asked.id, (one) => one !== undefined);
    expect(due).toMatchObject({ kind: 'balance', amountMinor: PRICE_MINOR - DEPOSIT_MINOR });
    await dayComes(holdfast, asked.id);
    const kept = await untilEven(holdfast, asked.id, PRICE_MINOR);
    expect(kept).toMatchObject({ captures: 2, authorizations: 2 });
    await untilDue(holdfast, asked.id, (one) => one === undefined);
    const { body } = await holdfast.call('GET', `/bookings/${asked.id}/payments`);
    expect(body.items).toMatchObject([
      { purpose: 'deposit', capturedMinor: DEPOSIT_MINOR },
      { purpose: 'balance', capturedMinor: PRICE_MINOR - DEPOSIT_MINOR },
    ]);
  });

  it('goes back with the balance when the booking is cancelled in time', async () => {
    const asked = await deposited(holdfast, shop);
    await dayComes(holdfast, asked.id);
    await untilEven(holdfast, asked.id, PRICE_MINOR);
    await calledOff(holdfast, asked.id);
    expect(await untilEven(holdfast, asked.id, 0)).toMatchObject({ refunds: 2 });
  });
});

const PASSING = {
  'answer lost after it was done': { drop: 'after' },
  'connection broken before it was done': { drop: 'before' },
  'three 500s': { status: 500, times: 3 },
  'a 500 stored under its key': { status: 500, stored: true },
} as const;

describe.each(['create', 'confirm', 'capture'] as const)('the balance at %s', (call) => {
  it.each(Object.entries(PASSING))('%s: it is charged once', async (_, how) => {
    const asked = await deposited(holdfast, shop);
    await fault(holdfast, { ...STRIPE_CALLS[call], ...how });
    await dayComes(holdfast, asked.id);
    const kept = await untilEven(holdfast, asked.id, PRICE_MINOR);
    expect(kept).toMatchObject({ captures: 2, authorizations: 2, refunds: 0 });
  });
});

describe('a balance that is declined', () => {
  it('for want of funds is tried again later, under a key of its own', async () => {
    const asked = await deposited(holdfast, shop);
    await declineNext(holdfast, asked.id, 'chargeDeclinedInsufficientFunds');
    await dayComes(holdfast, asked.id);
    const { body } = await until(
      () => holdfast.call('GET', `/bookings/${asked.id}/payments`),
      (answer) => answer.body.items[1]?.declineCode === 'insufficient_funds',
    );
    expect(body.items[1]).toMatchObject({ purpose: 'balance', status: 'needs-method' });
    await untilDue(holdfast, asked.id, (due) => Date.parse((due as never)['nextAt']) > Date.now());
    expect(await stateOf(asked.id)).toMatchObject({ state: 'confirmed', attentions: [] });
    await dayComes(holdfast, asked.id);
    await untilEven(holdfast, asked.id, PRICE_MINOR);
  });

  it('because the bank wants the payer is paid by him at a browser', async () => {
    const asked = await deposited(holdfast, shop);
    await declineNext(holdfast, asked.id, 'chargeDeclinedExpiredCard');
    await dayComes(holdfast, asked.id);
    const due = await untilDue(holdfast, asked.id, isLinked);
    expect(await openLink(due!.paymentLink!)).toMatchObject({
      status: 200,
      body: { state: 'open', amountMinor: PRICE_MINOR - DEPOSIT_MINOR, currency: 'eur' },
    });
    expect((await openLink(`${due!.paymentLink!.slice(0, -1)}_`)).status).toBe(404);
    const { payment } = await stateOf(asked.id);
    expect(payment).toMatchObject({ publishableKey: account.publishableKey });
    expect(payment.clientSecret).toMatch(/_secret_/);
    await payerConfirms(holdfast, asked.id);
    expect(await untilEven(holdfast, asked.id, PRICE_MINOR)).toMatchObject({ captures: 2 });
    await untilDue(holdfast, asked.id, (due) => due === undefined);
    expect((await stateOf(asked.id)).payment.clientSecret).toBeNull();
    expect(await openLink(due!.paymentLink!)).toMatchObject({
      body: { state: 'paid', clientSecret: null },
    });
  });

  it('and not paid by link either is cancelled by the rule, by its terms', async () => {
    const strict = await depositShop(holdfast, account, {
      settings: { cancellation: [{ beforeMs: 0, feePercent: 10, feeMinor: 0 }] },
    });
    const asked = await deposited(holdfast, strict);
    await declineNext(holdfast, asked.id, 'chargeDeclinedLostCard');
    await dayComes(holdfast, asked.id);
    await untilDue(holdfast, asked.id, isLinked);
    await graceEnds(holdfast, asked.id);
    await until(
      () => stateOf(asked.id),
      ({ state }) => state === 'cancelled',
    );
    expect(await stateOf(asked.id)).toMatchObject({ reason: 'balance-unpaid' });
    expect(await untilEven(holdfast, asked.id, PRICE_MINOR / 10)).toMatchObject({ captures: 1 });
  });

  it('and kept by the rule calls a person, and can still be paid late', async () => {
    const lenient = await depositShop(holdfast, account, { onUnpaid: 'keep' });
    const asked = await deposited(holdfast, lenient);
    await declineNext(holdfast, asked.id, 'chargeDeclinedLostCard');
    await dayComes(holdfast, asked.id);
    await untilDue(holdfast, asked.id, isLinked);
    await graceEnds(holdfast, asked.id);
    await until(
      () => stateOf(asked.id),
      ({ attentions }) => attentions.includes('balance-unpaid'),
    );
    await untilEven(holdfast, asked.id, DEPOSIT_MINOR);
    await payerConfirms(holdfast, asked.id);
    expect(await untilEven(holdfast, asked.id, PRICE_MINOR)).toMatchObject({ captures: 2 });
    await until(
      () => stateOf(asked.id),
      ({ attentions }) => attentions.length === 0,
    );
  });

  it('is never charged after the booking was cancelled, and its link is dead', async () => {
    const asked = await deposited(holdfast, shop);
    await declineNext(holdfast, asked.id, 'chargeDeclinedLostCard');
    await dayComes(holdfast, asked.id);
    await untilDue(holdfast, asked.id, isLinked);
    await calledOff(holdfast, asked.id);
    await untilEven(holdfast, asked.id, 0);
    expect((await stateOf(asked.id)).payment.clientSecret).toBeNull();
  });
});
