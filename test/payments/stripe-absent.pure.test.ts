import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AMOUNT_MINOR, openStripeBench } from './stripe-bench.ts';
import type { StripeBench, StripeBooking } from './stripe-bench.ts';

let bench: StripeBench;
let booking: StripeBooking;
beforeAll(async () => {
  bench = await openStripeBench();
});
beforeEach(() => {
  booking = bench.booking();
});
afterAll(() => bench.close());

const TENANT = 'tenant-1';
const amount = { amountMinor: AMOUNT_MINOR, currency: 'eur' };

/** A payer whose method was kept at a first payment. */
async function kept(card = 'pm_card_visa') {
  const { access, provider } = bench;
  const { bookingId } = booking;
  const ids = { bookingId, tenantId: TENANT };
  const key = booking.key('customer');
  const { customerId } = await provider.createCustomer({ access, key, ...ids });
  const first = await provider.create({
    access,
    key: booking.key('create'),
    ...amount,
    ...ids,
    customerId,
  });
  const state = await provider.confirm({
    access,
    key: booking.key('authorize'),
    intentId: first.intentId,
    paymentMethod: card,
    returnUrl: null,
  });
  return { customerId, methodId: state.methodId!, firstId: first.intentId, state };
}

/** A second payment of the same payer. */
async function second(customerId: string, keepMethod = false) {
  const { access, provider } = bench;
  const ids = { bookingId: booking.bookingId, tenantId: TENANT };
  const key = booking.key('balance-create', 2);
  const made = await provider.create({ access, key, ...amount, ...ids, customerId, keepMethod });
  return made.intentId;
}

const charge = (intentId: string, methodId: string, n = 1) =>
  bench.provider.chargeAbsent({
    access: bench.access,
    key: booking.key('balance-authorize', n),
    intentId,
    methodId,
  });

describe('a method that was kept', () => {
  test('is known by its payer and charged without him, once per key', async () => {
    const { customerId, methodId, state } = await kept();
    expect(state).toMatchObject({ status: 'authorized', customerId, methodId });
    const intentId = await second(customerId);
    const charged = await charge(intentId, methodId);
    expect(charged).toMatchObject({ status: 'authorized', customerId, methodId });
    expect(charged.captureBeforeAt).not.toBeNull();
    expect(await charge(intentId, methodId)).toEqual(charged);
    expect(await booking.ledger()).toMatchObject([{ authorizations: 1 }, { authorizations: 1 }]);
  });

  test('of a customer that was asked for twice is the same customer', async () => {
    const { access, provider } = bench;
    const input = {
      access,
      key: booking.key('customer'),
      bookingId: booking.bookingId,
      tenantId: TENANT,
    };
    expect(await provider.createCustomer(input)).toEqual(await provider.createCustomer(input));
  });

  test('whose bank wants its payer is declined, and he can pay that same payment', async () => {
    const { access, provider } = bench;
    const { customerId, firstId, state } = await kept('pm_card_authenticationRequired');
    expect(state.status).toBe('needs-action');
    await bench.control('POST', `stripe/intents/${firstId}/authenticate`, {});
    const methodId = (await provider.read({ access, intentId: firstId })).methodId!;
    const intentId = await second(customerId);
    await expect(charge(intentId, methodId)).rejects.toMatchObject({
      kind: 'declined',
      code: 'authentication_required',
    });
    expect(await provider.read({ access, intentId })).toMatchObject({
      status: 'needs-method',
      declineCode: 'authentication_required',
    });
    await bench.control('POST', `stripe/intents/${intentId}/confirm-as-customer`, {});
    expect(await provider.read({ access, intentId })).toMatchObject({ status: 'authorized' });
  });

  test('that is declined may succeed under the next key', async () => {
    const { customerId, methodId } = await kept();
    const intentId = await second(customerId);
    const script = {
      method: 'POST',
      path: `${intentId}/confirm`,
      decline: 'chargeDeclinedInsufficientFunds',
    };
    await bench.control('POST', 'stripe/executions', script);
    await expect(charge(intentId, methodId)).rejects.toMatchObject({ code: 'insufficient_funds' });
    await expect(charge(intentId, methodId)).rejects.toMatchObject({ code: 'insufficient_funds' });
    expect(await charge(intentId, methodId, 2)).toMatchObject({ status: 'authorized' });
  });

  test.each(['lost', 'stored 500, done', 'stored 500, not done'])(
    'is charged once although the answer was %s',
    async (how) => {
      const { customerId, methodId } = await kept();
      const intentId = await second(customerId);
      const fault =
        how === 'lost' ? { answer: 'lost' } : { status: 500, carriedOut: !how.includes('not') };
      const script = { method: 'POST', path: `${intentId}/confirm`, ...fault };
      await bench.control('POST', 'stripe/executions', script);
      await charge(intentId, methodId).catch(() => undefined);
      expect(await charge(intentId, methodId)).toMatchObject({ status: 'authorized' });
      expect(await booking.ledger()).toMatchObject([{ authorizations: 1 }, { authorizations: 1 }]);
    },
  );
});

test('refunds are listed newest first, with our keys, without what a capture released', async () => {
  const { access, provider } = bench;
  const intentId = await booking.authorized();
  expect(await provider.refunds({ access, intentId })).toEqual([]);
  await provider.capture({
    access,
    key: booking.key('capture'),
    intentId,
    amountMinor: 9_000,
  });
  for (const n of [1, 2])
    await provider.refund({
      access,
      key: booking.key('refund', n),
      intentId,
      amountMinor: n * 100,
    });
  expect(await provider.refunds({ access, intentId })).toMatchObject([
    { key: booking.key('refund', 2), amountMinor: 200, status: 'succeeded' },
    { key: booking.key('refund', 1), amountMinor: 100, status: 'succeeded' },
  ]);
});

test('a refund that came back counts no more, and its entry says so', async () => {
  const { access, provider } = bench;
  const intentId = await booking.captured();
  const key = booking.key('refund', 1);
  const made = await provider.refund({ access, key, intentId, amountMinor: 500 });
  await bench.control('POST', `stripe/refunds/${made.refundId}/fail`, {});
  expect(await provider.refunds({ access, intentId })).toMatchObject([{ status: 'failed', key }]);
  expect(await provider.read({ access, intentId })).toMatchObject({ refundedMinor: 0 });
});
