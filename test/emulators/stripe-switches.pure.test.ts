import { expect, test } from 'vitest';
import { authorization, openStripe, refusal } from './stripe-world.ts';
import type { StripeWorld } from './stripe-world.ts';

const turn = (world: StripeWorld, name: string, value: unknown) =>
  world.control('/switches', { [`stripe.${name}`]: value }, 'PUT');

test.each([
  [true, 1000, true],
  [false, 0, false],
])('a release shows as a refund of the charge: %s', async (shows, amount_refunded, refunded) => {
  const world = await openStripe();
  await turn(world, 'releaseShowsAsRefund', shows);
  const { id, latest_charge: charge } = await world.stripe.paymentIntents.create(
    authorization('b-1', 1000),
  );
  await world.stripe.paymentIntents.cancel(id);
  expect(await world.stripe.charges.retrieve(charge as string)).toMatchObject({
    amount_refunded,
    refunded,
  });
  const { data } = await world.stripe.events.list({ type: 'charge.refunded' });
  expect(data).toHaveLength(shows ? 1 : 0);
  expect((await world.ledger('b-1'))[0]).toMatchObject({ refundedMinor: 0, releasedMinor: 1000 });
});

test.each([true, false])(
  'a partly captured charge can be refunded up to what was captured, with releases shown: %s',
  async (shows) => {
    const world = await openStripe();
    await turn(world, 'releaseShowsAsRefund', shows);
    const { id } = await world.stripe.paymentIntents.create(authorization('b-1', 1000));
    await world.stripe.paymentIntents.capture(id, { amount_to_capture: 600 });
    const { amount } = await world.stripe.refunds.create({ payment_intent: id });
    expect(amount).toBe(600);
  },
);

test.each([
  ['none', undefined],
  ['amount_too_large', 'amount_too_large'],
])('a refund above what is left has the code: %s', async (position, code) => {
  const world = await openStripe();
  await turn(world, 'overRefundCode', position);
  const { id } = await world.stripe.paymentIntents.create(authorization('b-1', 1000));
  await world.stripe.paymentIntents.capture(id);
  const error = await refusal(world.stripe.refunds.create({ payment_intent: id, amount: 1001 }));
  expect([error.statusCode, error.param, error.code]).toEqual([400, 'amount', code]);
});

test('an intent that is processing can be cancelled where the switch says so', async () => {
  const world = await openStripe();
  await turn(world, 'cardsProcessFirst', true);
  const { id } = await world.stripe.paymentIntents.create(authorization('b-1'));
  expect((await refusal(world.stripe.paymentIntents.cancel(id))).statusCode).toBe(400);
  await turn(world, 'cancelWhileProcessing', true);
  expect((await world.stripe.paymentIntents.cancel(id)).status).toBe('canceled');
  expect((await world.ledger('b-1'))[0]).toMatchObject({ authorizedMinor: 0 });
});

test('a search may lag behind what a read shows', async () => {
  const world = await openStripe();
  await turn(world, 'searchLagMs', 60_000);
  const { id } = await world.stripe.paymentIntents.create(authorization('b-1'));
  const query = "metadata['booking_id']:'b-1'";
  expect((await world.stripe.paymentIntents.search({ query })).data).toEqual([]);
  expect((await world.stripe.paymentIntents.retrieve(id)).id).toBe(id);
});

test('without retries a delivery that fails stays failed, and can be sent again by hand', async () => {
  const world = await openStripe();
  await turn(world, 'webhookRetries', 'off');
  world.receiver.statuses.push(500);
  const { amount, currency } = authorization('b-1');
  await world.stripe.paymentIntents.create({ amount, currency });
  const failed = async () => (await world.control('/stripe/deliveries'))['deliveries'][0];
  await expect.poll(failed).toMatchObject({ status: 'failed', lastStatus: 500 });
  const { event } = await failed();
  await world.control(`/stripe/events/${event}/send`, {});
  await expect.poll(() => world.hooks.length).toBe(2);
});

test('what becomes of a refund later happens by itself where the switch says when', async () => {
  const world = await openStripe();
  await turn(world, 'refundSettlesMs', 10);
  const payment_method = 'pm_card_refundFail';
  const { id } = await world.stripe.paymentIntents.create({
    ...authorization('b-1'),
    payment_method,
  });
  await world.stripe.paymentIntents.capture(id);
  const refund = await world.stripe.refunds.create({ payment_intent: id });
  const status = async () => (await world.stripe.refunds.retrieve(refund.id)).status;
  await expect.poll(status).toBe('failed');
});

test('an intent confirmed by hand waits for the server after the customer authenticated', async () => {
  const world = await openStripe();
  const { id } = await world.stripe.paymentIntents.create({
    ...authorization('b-1'),
    confirmation_method: 'manual',
    payment_method: 'pm_card_authenticationRequired',
  });
  await world.control(`/stripe/intents/${id}/authenticate`, {});
  const waiting = await world.stripe.paymentIntents.retrieve(id);
  expect(waiting.status).toBe('requires_confirmation');
  expect((await world.stripe.paymentIntents.confirm(id)).status).toBe('requires_capture');
});

test('the customer may confirm at the front end, with a card that passes or declines', async () => {
  const world = await openStripe();
  const { confirm: _now, payment_method: _card, ...params } = authorization('b-1');
  const { id, client_secret: clientSecret } = await world.stripe.paymentIntents.create(params);
  const act = (body: object) => world.control(`/stripe/intents/${id}/confirm-as-customer`, body);
  const declined = await act({ clientSecret, paymentMethod: 'pm_card_chargeDeclined' });
  expect(declined['error']).toMatchObject({ code: 'card_declined' });
  expect((await act({ clientSecret: 'pi_wrong' }))['error']).toContain('clientSecret');
  expect((await act({ clientSecret }))['intent'].status).toBe('requires_capture');
  expect((await act({ clientSecret }))['error']).toContain('requires_capture');
});

test('a scripted 429 has the code that clients wait on', async () => {
  const world = await openStripe();
  await world.control('/faults', { host: 'stripe', status: 429, headers: { 'retry-after': '1' } });
  const error = await refusal(world.stripe.paymentIntents.create(authorization('b-1')));
  expect([error.type, error.code]).toEqual(['StripeRateLimitError', 'rate_limit']);
});
