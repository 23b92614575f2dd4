import { describe, expect, test } from 'vitest';
import { accountId, authorization, cardNow, client, openStripe, refusal } from './stripe-world.ts';

describe('money set aside and taken', () => {
  test('an authorization can be captured in part, and the rest is released', async () => {
    const { stripe, ledger } = await openStripe();
    const intent = await stripe.paymentIntents.create({
      ...authorization('b-1', 12_000),
      expand: ['latest_charge'],
    });
    expect(intent).toMatchObject({ status: 'requires_capture', amount_capturable: 12_000 });
    expect(intent.id).toMatch(/^pi_3\w{23}$/);
    const charge = intent.latest_charge;
    if (charge === null || typeof charge === 'string') throw new Error('not expanded');
    const week = intent.created + 7 * 86_400;
    expect(charge.payment_method_details?.card?.capture_before).toBeCloseTo(week, -1);
    expect(charge).toMatchObject({ captured: false, amount: 12_000 });

    const captured = await stripe.paymentIntents.capture(intent.id, { amount_to_capture: 9000 });
    expect(captured).toMatchObject({ status: 'succeeded', amount_received: 9000 });
    expect(await ledger('b-1')).toEqual([
      expect.objectContaining({
        authorizedMinor: 12_000,
        capturedMinor: 9000,
        releasedMinor: 3000,
        refundedMinor: 0,
        status: 'succeeded',
      }),
    ]);
  });

  test('more than was set aside, or a second time, is never captured', async () => {
    const { stripe } = await openStripe();
    const { id } = await stripe.paymentIntents.create(authorization('b-1', 500));
    const capture = (amount: number) =>
      stripe.paymentIntents.capture(id, { amount_to_capture: amount });
    expect(await refusal(capture(501))).toMatchObject({ code: 'amount_too_large' });
    await capture(500);
    expect(await refusal(capture(1))).toMatchObject({ code: 'payment_intent_unexpected_state' });
  });

  test('cancelling releases what was set aside, and a finished intent cannot be cancelled', async () => {
    const { stripe, ledger } = await openStripe();
    const { id } = await stripe.paymentIntents.create(authorization('b-1', 700));
    const canceled = await stripe.paymentIntents.cancel(id, { cancellation_reason: 'abandoned' });
    expect(canceled).toMatchObject({
      status: 'canceled',
      cancellation_reason: 'abandoned',
      amount_capturable: 0,
    });
    expect(await refusal(stripe.paymentIntents.cancel(id))).toMatchObject({
      statusCode: 400,
      code: 'payment_intent_unexpected_state',
      payment_intent: expect.objectContaining({ status: 'canceled' }),
    });
    expect((await ledger('b-1'))[0]).toMatchObject({ releasedMinor: 700, capturedMinor: 0 });
  });

  test('an authorization that is not captured in time is cancelled by the provider', async () => {
    const { stripe, control } = await openStripe();
    const { id } = await stripe.paymentIntents.create(authorization('b-1'));
    await control(`/stripe/intents/${id}/lapse`, {});
    expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({
      status: 'canceled',
      cancellation_reason: 'automatic',
    });

    const late = await stripe.paymentIntents.create(authorization('b-2'));
    await control(`/stripe/intents/${late.id}/lapse`, { onlyAtNetwork: true });
    expect(await refusal(stripe.paymentIntents.capture(late.id))).toMatchObject({
      code: 'charge_expired_for_capture',
    });

    await control('/switches', { 'stripe.authorizationSeconds': 0 }, 'PUT');
    const short = await stripe.paymentIntents.create(authorization('b-3'));
    await expect
      .poll(async () => (await stripe.paymentIntents.retrieve(short.id)).status)
      .toBe('canceled');
  });
});

describe('what the bank and the customer say', () => {
  test.each([
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
  ])('%s is a 402 that carries the intent', async (payment_method, code, decline_code) => {
    const { stripe, ledger } = await openStripe();
    const declined = stripe.paymentIntents.create({ ...authorization('b-1'), payment_method });
    expect(await refusal(declined)).toMatchObject({
      type: 'StripeCardError',
      statusCode: 402,
      code,
      decline_code,
      payment_intent: expect.objectContaining({
        status: 'requires_payment_method',
        last_payment_error: expect.objectContaining({ code, decline_code }),
      }),
    });
    expect((await ledger('b-1'))[0]).toMatchObject({ declines: 1, authorizedMinor: 0 });
  });

  test('a declined intent can be confirmed with another card', async () => {
    const { stripe } = await openStripe();
    const payment_method = 'pm_card_chargeDeclined';
    const error = await refusal(
      stripe.paymentIntents.create({ ...authorization('b-1'), payment_method }),
    );
    const { id } = error.payment_intent!;
    const again = await stripe.paymentIntents.confirm(id, { payment_method: 'pm_card_mastercard' });
    expect(again).toMatchObject({ status: 'requires_capture', last_payment_error: null });
  });

  test('a card may ask for the customer, who passes, fails or goes away', async () => {
    const { stripe, control } = await openStripe();
    const params = { ...authorization('b-1'), payment_method: 'pm_card_authenticationRequired' };
    const open = async () => {
      const intent = await stripe.paymentIntents.create(params);
      expect(intent).toMatchObject({ status: 'requires_action' });
      expect(intent.next_action?.type).toBe('use_stripe_sdk');
      return intent.id;
    };
    const status = async (id: string) => (await stripe.paymentIntents.retrieve(id)).status;

    const passed = await open();
    await control(`/stripe/intents/${passed}/authenticate`, {});
    expect(await status(passed)).toBe('requires_capture');
    const failed = await open();
    await control(`/stripe/intents/${failed}/fail-authentication`, {});
    expect(await status(failed)).toBe('requires_payment_method');
    const abandoned = await open();
    await control(`/stripe/intents/${abandoned}/abandon`, {});
    expect(await status(abandoned)).toBe('requires_action');
    await stripe.paymentIntents.cancel(abandoned);
  });

  test('without the customer present such a card is declined', async () => {
    const { stripe } = await openStripe();
    const payment_method = 'pm_card_authenticationRequired';
    const create = stripe.paymentIntents.create({
      ...authorization('b-1'),
      payment_method,
      off_session: true,
    });
    expect(await refusal(create)).toMatchObject({ code: 'authentication_required' });
  });

  test('a card set up with the customer present pays later without', async () => {
    const { stripe, control } = await openStripe();
    const customer = (await stripe.customers.create({ name: 'Any Guest' })).id;
    const first = await stripe.paymentIntents.create({
      ...authorization('b-1'),
      customer,
      payment_method: 'pm_card_authenticationRequiredOnSetup',
      setup_future_usage: 'off_session',
    });
    await control(`/stripe/intents/${first.id}/authenticate`, {});
    const payment_method = first.payment_method as string;
    const later = await stripe.paymentIntents.create({
      ...authorization('b-2'),
      customer,
      payment_method,
      off_session: true,
    });
    expect(later.status).toBe('requires_capture');
    const { data } = await stripe.paymentMethods.list({ customer });
    expect(data.map(({ id }) => id)).toEqual([payment_method]);
  });

  test('a browser confirms with the publishable key and the client secret', async () => {
    const { stripe, call, publishableKey } = await openStripe();
    const { confirm: _confirm, payment_method: _method, ...params } = authorization('b-1');
    const intent = await stripe.paymentIntents.create(params);
    expect(intent.status).toBe('requires_payment_method');
    const path = `/v1/payment_intents/${intent.id}/confirm`;
    const asBrowser = (client_secret: string) =>
      call('POST', path, {
        authorization: '',
        params: { key: publishableKey, client_secret, payment_method: 'pm_card_visa' },
      });
    expect((await asBrowser('pi_x_secret_y')).status).toBe(400);
    const { status, body } = await asBrowser(String(intent.client_secret));
    expect([status, body['status']]).toEqual([200, 'requires_capture']);
    expect(body['metadata']).toBeUndefined();
    const create = await call('POST', '/v1/payment_intents', {
      authorization: `Bearer ${publishableKey}`,
      params: { amount: '100', currency: 'eur' },
    });
    expect(create.body['error']).toMatchObject({ code: 'secret_key_required' });
  });

  test('a bank debit is processing until the bank says', async () => {
    const { stripe, control, ledger } = await openStripe();
    const pay = async (bookingId: string, payment_method: string) => {
      const intent = await stripe.paymentIntents.create({
        amount: 2000,
        currency: 'usd',
        metadata: { booking_id: bookingId },
        ...cardNow,
        payment_method,
      });
      expect(intent.status).toBe('processing');
      return intent.id;
    };
    const settled = await pay('b-1', 'pm_usBankAccount_success');
    expect(await refusal(stripe.paymentIntents.cancel(settled))).toMatchObject({
      code: 'payment_intent_unexpected_state',
    });
    await control(`/stripe/intents/${settled}/settle-processing`, { outcome: 'succeeded' });
    expect((await ledger('b-1'))[0]).toMatchObject({ capturedMinor: 2000, status: 'succeeded' });
    const failed = await pay('b-2', 'pm_usBankAccount_processing');
    await control(`/stripe/intents/${failed}/settle-processing`, { outcome: 'failed' });
    expect((await stripe.paymentIntents.retrieve(failed)).status).toBe('requires_payment_method');

    await control('/switches', { 'stripe.cardsProcessFirst': true }, 'PUT');
    await control('/switches', { 'stripe.processingSettlesMs': 10 }, 'PUT');
    const card = await stripe.paymentIntents.create(authorization('b-3'));
    expect(card.status).toBe('processing');
    await expect
      .poll(async () => (await stripe.paymentIntents.retrieve(card.id)).status)
      .toBe('requires_capture');
  });
});

describe('money given back', () => {
  test('refunds never exceed what was captured, releases aside', async () => {
    const { stripe, ledger } = await openStripe();
    const { id } = await stripe.paymentIntents.create(authorization('b-1', 1000));
    const refund = (amount?: number) =>
      stripe.refunds.create({ payment_intent: id, ...(amount === undefined ? {} : { amount }) });
    expect(await refusal(refund())).toMatchObject({ code: 'payment_intent_unexpected_state' });
    await stripe.paymentIntents.capture(id, { amount_to_capture: 800 });
    await refund(300);
    expect(await refusal(refund(501))).toMatchObject({ statusCode: 400, param: 'amount' });
    expect(await refund()).toMatchObject({ amount: 500, status: 'succeeded' });
    expect(await refusal(refund(1))).toMatchObject({ code: 'charge_already_refunded' });
    expect((await ledger('b-1'))[0]).toMatchObject({ refundedMinor: 800, capturedMinor: 800 });
    const { data } = await stripe.refunds.list({ payment_intent: id });
    expect(data.map(({ amount }) => amount)).toEqual([500, 300]);
  });

  test('a refund may be pending first, or seem done and come back', async () => {
    const { stripe, control, ledger } = await openStripe();
    const take = async (bookingId: string, payment_method: string) => {
      const params = { ...authorization(bookingId, 900), payment_method };
      const { id } = await stripe.paymentIntents.create(params);
      await stripe.paymentIntents.capture(id);
      return stripe.refunds.create({ payment_intent: id });
    };
    const pending = await take('b-1', 'pm_card_pendingRefund');
    expect(pending.status).toBe('pending');
    await control(`/stripe/refunds/${pending.id}/succeed`, {});
    expect((await stripe.refunds.retrieve(pending.id)).status).toBe('succeeded');

    const bounced = await take('b-2', 'pm_card_refundFail');
    expect(bounced.status).toBe('succeeded');
    await control(`/stripe/refunds/${bounced.id}/fail`, {});
    expect(await stripe.refunds.retrieve(bounced.id)).toMatchObject({
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
    });
    expect((await ledger('b-2'))[0]).toMatchObject({ refundedMinor: 0, capturedMinor: 900 });
  });

  test('a charged back payment cannot be refunded', async () => {
    const { stripe, control } = await openStripe();
    const { id } = await stripe.paymentIntents.create(authorization('b-1'));
    await stripe.paymentIntents.capture(id);
    await control(`/stripe/intents/${id}/dispute`, {});
    const refund = stripe.refunds.create({ payment_intent: id });
    expect(await refusal(refund)).toMatchObject({ code: 'charge_disputed' });
  });
});

test('objects of one account do not exist for another', async () => {
  const { stripe, control, url } = await openStripe();
  const { id } = await stripe.paymentIntents.create(authorization('b-1'));
  await control('/stripe/accounts/acct_other', { secretKey: 'sk_test_other' }, 'PUT');
  const other = client(url, 'sk_test_other');
  expect(await refusal(other.paymentIntents.retrieve(id))).toMatchObject({
    statusCode: 404,
    code: 'resource_missing',
  });
  const acting = other.paymentIntents.retrieve(id, {}, { stripeAccount: accountId });
  expect(await refusal(acting)).toMatchObject({ statusCode: 403, code: 'account_invalid' });
  await control(`/stripe/accounts/${accountId}`, { platform: 'acct_other' }, 'PUT');
  const seen = await other.paymentIntents.retrieve(id, {}, { stripeAccount: accountId });
  expect(seen.id).toBe(id);
});

test('intents are listed newest first, by page, and searched by metadata', async () => {
  const { stripe } = await openStripe();
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    ids.unshift((await stripe.paymentIntents.create(authorization(`b-${n}`))).id);
  }
  const all = await stripe.paymentIntents.list({ limit: 2 }).autoPagingToArray({ limit: 100 });
  expect(all.map(({ id }) => id)).toEqual(ids);
  const query = "metadata['booking_id']:'b-3' AND status:'requires_capture'";
  const found = await stripe.paymentIntents.search({ query });
  expect(found.data.map(({ id }) => id)).toEqual([ids[1]]);
});
