import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AMOUNT_MINOR, openStripeBench } from './stripe-bench.ts';
import type { StripeBench } from './stripe-bench.ts';

describe('payments at Stripe', () => {
  let bench: StripeBench;
  beforeAll(async () => {
    bench = await openStripeBench();
  });
  afterAll(() => bench.close());

  const act = () => ({ access: bench.access });

  test('creating moves nothing and is one intent, however often it is asked', async () => {
    const booking = bench.booking();
    const intentId = await booking.create();
    expect(await booking.create()).toBe(intentId);
    const state = await bench.provider.read({ ...act(), intentId });
    expect(state).toMatchObject({
      status: 'needs-method',
      amountMinor: AMOUNT_MINOR,
      currency: 'eur',
      capturableMinor: 0,
      capturedMinor: 0,
      refundedMinor: 0,
      captureBeforeAt: null,
    });
    expect(state.clientSecret).toContain(intentId);
    expect(await booking.ledger()).toMatchObject([{ authorizations: 0 }]);
  });

  test('confirming authorizes, and says until when', async () => {
    const booking = bench.booking();
    const intentId = await booking.authorized();
    const state = await bench.provider.read({ ...act(), intentId });
    expect(state).toMatchObject({ status: 'authorized', capturableMinor: AMOUNT_MINOR });
    expect(Date.parse(state.captureBeforeAt!)).toBeGreaterThan(Date.now() + 86_400_000);
    expect(await booking.ledger()).toMatchObject([{ authorizations: 1, captures: 0 }]);
  });

  test('capturing takes the money once, under one key or under two', async () => {
    const booking = bench.booking();
    const intentId = await booking.captured();
    for (const n of [0, 1]) {
      const key = booking.key('capture', n);
      const amount = { amountMinor: AMOUNT_MINOR };
      const state = await bench.provider.capture({ ...act(), key, intentId, ...amount });
      expect(state).toMatchObject({ status: 'captured', capturedMinor: AMOUNT_MINOR });
    }
    expect(await booking.ledger()).toMatchObject([{ captures: 1, capturedMinor: AMOUNT_MINOR }]);
  });

  test.each([true, false])(
    'a partial capture releases the rest, shown as refund: %s',
    async (shown) => {
      await bench.control('PUT', 'switches', { 'stripe.releaseShowsAsRefund': shown });
      const booking = bench.booking();
      const intentId = await booking.authorized();
      const input = { ...act(), key: booking.key('capture'), intentId, amountMinor: 5_000 };
      const captured = { capturedMinor: 5_000, refundedMinor: 0 };
      expect(await bench.provider.capture(input)).toMatchObject(captured);
      const other = { ...input, key: booking.key('capture', 1), amountMinor: AMOUNT_MINOR };
      await expect(bench.provider.capture(other)).rejects.toMatchObject({ kind: 'conflict' });
      const back = { ...input, key: booking.key('refund'), amountMinor: 2_000 };
      await bench.provider.refund(back);
      expect(await bench.provider.read(input)).toMatchObject({ refundedMinor: 2_000 });
      expect(await booking.ledger()).toMatchObject([
        { capturedMinor: 5_000, releasedMinor: 7_000, refundedMinor: 2_000 },
      ]);
    },
  );

  test('cancelling voids what was not captured, and again is no error', async () => {
    const booking = bench.booking();
    const intentId = await booking.authorized();
    for (const n of [0, 0, 1]) {
      const state = await bench.provider.cancel({
        ...act(),
        key: booking.key('void', n),
        intentId,
      });
      expect(state).toMatchObject({ status: 'cancelled', capturedMinor: 0, refundedMinor: 0 });
    }
    expect(await booking.ledger()).toMatchObject([{ captures: 0, releasedMinor: AMOUNT_MINOR }]);
  });

  test('what was captured cannot be cancelled, and what was cancelled not captured', async () => {
    const [taken, voided] = [bench.booking(), bench.booking()];
    const intentId = await taken.captured();
    const cancelled = bench.provider.cancel({ ...act(), key: taken.key('void'), intentId });
    await expect(cancelled).rejects.toMatchObject({ kind: 'conflict' });
    const other = await voided.authorized();
    await bench.provider.cancel({ ...act(), key: voided.key('void'), intentId: other });
    const key = voided.key('capture');
    const input = { ...act(), key, intentId: other, amountMinor: AMOUNT_MINOR };
    await expect(bench.provider.capture(input)).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('a refund is made once per key and adds up across keys', async () => {
    const booking = bench.booking();
    const intentId = await booking.captured();
    const refund = (n: number) =>
      bench.provider.refund({
        ...act(),
        key: booking.key('refund', n),
        intentId,
        amountMinor: 4_000,
      });
    const first = await refund(0);
    expect(first.status).toBe('succeeded');
    expect(await refund(0)).toEqual(first);
    expect((await refund(1)).refundId).not.toBe(first.refundId);
    const state = await bench.provider.read({ ...act(), intentId });
    expect(state).toMatchObject({ capturedMinor: AMOUNT_MINOR, refundedMinor: 8_000 });
    expect(await booking.ledger()).toMatchObject([{ refunds: 2, refundedMinor: 8_000 }]);
  });

  test('more than was captured cannot be refunded', async () => {
    const booking = bench.booking();
    const intentId = await booking.captured();
    const input = { ...act(), intentId, amountMinor: AMOUNT_MINOR };
    await bench.provider.refund({ ...input, key: booking.key('refund') });
    const again = bench.provider.refund({ ...input, key: booking.key('refund', 1) });
    await expect(again).rejects.toMatchObject({
      kind: 'conflict',
      code: 'charge_already_refunded',
    });
  });

  test('a refund that the bank has not settled is pending', async () => {
    const booking = bench.booking();
    const intentId = await booking.create();
    const paymentMethod = 'pm_card_pendingRefund';
    const confirmed = { ...act(), key: booking.key('authorize'), intentId, returnUrl: null };
    await bench.provider.confirm({ ...confirmed, paymentMethod });
    const amount = { intentId, amountMinor: AMOUNT_MINOR };
    await bench.provider.capture({ ...act(), key: booking.key('capture'), ...amount });
    const refund = await bench.provider.refund({ ...act(), key: booking.key('refund'), ...amount });
    expect(refund.status).toBe('pending');
  });

  test('a card that asks for the customer needs action, and is authorized afterwards', async () => {
    const booking = bench.booking();
    const intentId = await booking.create();
    const paymentMethod = 'pm_card_authenticationRequired';
    const returnUrl = 'https://shop.example.com/back';
    const input = { ...act(), key: booking.key('authorize'), intentId, paymentMethod, returnUrl };
    expect(await bench.provider.confirm(input)).toMatchObject({ status: 'needs-action' });
    await bench.control('POST', `stripe/intents/${intentId}/authenticate`);
    expect(await bench.provider.read(input)).toMatchObject({ status: 'authorized' });
    const later = { ...input, key: booking.key('authorize', 1) };
    expect(await bench.provider.confirm(later)).toMatchObject({ status: 'authorized' });
    expect(await booking.ledger()).toMatchObject([{ authorizations: 1 }]);
  });

  test('an authorization that lapsed reads as cancelled and cannot be captured', async () => {
    const booking = bench.booking();
    const intentId = await booking.authorized();
    await bench.control('POST', `stripe/intents/${intentId}/lapse`);
    expect(await bench.provider.read({ ...act(), intentId })).toMatchObject({
      status: 'cancelled',
    });
    const input = { ...act(), key: booking.key('capture'), intentId, amountMinor: AMOUNT_MINOR };
    await expect(bench.provider.capture(input)).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('a payment in processing can be cancelled under the same key once it is settled', async () => {
    await bench.control('PUT', 'switches', { 'stripe.cardsProcessFirst': true });
    const booking = bench.booking();
    const intentId = await booking.authorized();
    await bench.control('PUT', 'switches', { 'stripe.cardsProcessFirst': false });
    const input = { ...act(), key: booking.key('void'), intentId };
    expect(await bench.provider.read(input)).toMatchObject({ status: 'processing' });
    await expect(bench.provider.cancel(input)).rejects.toMatchObject({ kind: 'unavailable' });
    const outcome = { outcome: 'succeeded' };
    await bench.control('POST', `stripe/intents/${intentId}/settle-processing`, outcome);
    expect(await bench.provider.cancel(input)).toMatchObject({ status: 'cancelled' });
  });

  test('a connected account is acted for, and nobody else sees its payments', async () => {
    const connected = { secretKey: 'sk_test_connected', platform: 'acct_1' };
    await bench.control('PUT', 'stripe/accounts/acct_2', connected);
    const access = { ...bench.access, connectedAccount: 'acct_2' };
    const ids = { bookingId: 'booking-2', tenantId: 'tenant-1', customerId: null };
    const amount = { amountMinor: 500, currency: 'eur' };
    const { intentId } = await bench.provider.create({ access, key: 'k2', ...amount, ...ids });
    expect(await bench.provider.read({ access, intentId })).toMatchObject({ intentId });
    const outside = bench.provider.read({ ...act(), intentId });
    await expect(outside).rejects.toMatchObject({ kind: 'not-found', code: 'resource_missing' });
  });
});
