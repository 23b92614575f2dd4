import type Stripe from 'stripe';
import { expect, test } from 'vitest';
import { authorization, openStripe, webhookSecret } from './stripe-world.ts';
import type { StripeWorld } from './stripe-world.ts';

const types = ({ hooks }: StripeWorld) => hooks.map(({ event }) => event.type);

const arrived = async (world: StripeWorld, count: number) => {
  await expect.poll(() => world.hooks.length, { timeout: 5000 }).toBe(count);
};

test('events are signed as the library checks them, over the very bytes sent', async () => {
  const world = await openStripe();
  const { id } = await world.stripe.paymentIntents.create(authorization('b-1'), {
    idempotencyKey: 'k-1',
  });
  await arrived(world, 3);
  for (const { raw, signature } of world.hooks) {
    const event = world.stripe.webhooks.constructEvent(raw, signature, webhookSecret);
    expect(event).toMatchObject({ object: 'event', livemode: false });
    expect(event.request).toMatchObject({ idempotency_key: 'k-1' });
    const wrong = () => world.stripe.webhooks.constructEvent(`${raw} `, signature, webhookSecret);
    expect(wrong).toThrow('signature');
  }
  expect(types(world).toSorted()).toEqual([
    'charge.succeeded',
    'payment_intent.amount_capturable_updated',
    'payment_intent.created',
  ]);
  const told = world.hooks.find(({ event }) => event.type.endsWith('capturable_updated'));
  expect(told?.event.data.object).toMatchObject({ id, status: 'requires_capture' });
  const listed = await world.stripe.events.list({ type: 'payment_intent.created' });
  expect(listed.data[0]?.data.object).toMatchObject({ id });
});

test('each step of an intent is told once', async () => {
  const world = await openStripe();
  const { stripe } = world;
  const { id } = await stripe.paymentIntents.create(authorization('b-1'));
  await stripe.paymentIntents.capture(id);
  await stripe.refunds.create({ payment_intent: id, amount: 100 });
  await world.control(`/stripe/intents/${id}/dispute`, {});
  await stripe.paymentIntents.cancel((await stripe.paymentIntents.create(authorization('b-2'))).id);
  await arrived(world, 14);
  expect(types(world).toSorted()).toEqual(
    [
      'charge.captured',
      'charge.dispute.created',
      'charge.dispute.funds_withdrawn',
      'charge.refunded',
      'charge.refunded',
      'charge.succeeded',
      'charge.succeeded',
      'payment_intent.amount_capturable_updated',
      'payment_intent.amount_capturable_updated',
      'payment_intent.canceled',
      'payment_intent.created',
      'payment_intent.created',
      'payment_intent.succeeded',
      'refund.created',
    ].toSorted(),
  );
});

test('a delivery is tried again until the receiver takes it', async () => {
  const world = await openStripe();
  world.receiver.statuses.push(500, 302, 404);
  const { currency, amount } = authorization('b-1');
  await world.stripe.paymentIntents.create({ amount, currency });
  await arrived(world, 4);
  expect(new Set(world.hooks.map(({ event }) => event.id)).size).toBe(1);
  const delivered = async () => (await world.control('/stripe/deliveries'))['deliveries'];
  await expect
    .poll(delivered)
    .toEqual([expect.objectContaining({ status: 'delivered', attempts: 4, lastStatus: 200 })]);
});

test('deliveries can be doubled, withheld, and released the other way round', async () => {
  const world = await openStripe();
  const { currency, amount } = authorization('b-1');
  await world.control('/switches', { 'stripe.webhookCopies': 2 }, 'PUT');
  await world.stripe.paymentIntents.create({ amount, currency });
  await arrived(world, 2);
  expect(world.hooks[0]?.raw).toBe(world.hooks[1]?.raw);

  const quiet = { 'stripe.webhookCopies': 1, 'stripe.webhooks': 'withheld' };
  await world.control('/switches', quiet, 'PUT');
  await world.stripe.paymentIntents.create(authorization('b-2'));
  expect(await world.control('/stripe/deliveries/release', { order: 'reversed' })).toEqual({
    released: 3,
  });
  await arrived(world, 5);
  expect(types(world).slice(2)).toEqual([
    'payment_intent.amount_capturable_updated',
    'charge.succeeded',
    'payment_intent.created',
  ]);
});

test('a forged event carries a signature that does not hold', async () => {
  const world = await openStripe();
  const object = { id: 'pi_forged', object: 'payment_intent' };
  const forgery = { account: 'acct_holdfast1', type: 'payment_intent.succeeded', object };
  await world.control('/stripe/deliveries/forge', forgery);
  await arrived(world, 1);
  const { raw, signature } = world.hooks[0]!;
  const check = () => world.stripe.webhooks.constructEvent(raw, signature, webhookSecret);
  expect(check).toThrow('signature');
});

test('an endpoint made through the API hears only what it asked for', async () => {
  const world = await openStripe();
  const endpoint = await world.stripe.webhookEndpoints.create({
    url: `${world.receiver.url}/second`,
    enabled_events: ['payment_intent.succeeded'],
  });
  expect(endpoint.secret).toMatch(/^whsec_\w{32}$/);
  const { capture_method: _manual, ...now } = authorization('b-1');
  await world.stripe.paymentIntents.create(now);
  await arrived(world, 4);
  const signed = world.hooks.filter(({ raw, signature }) => {
    try {
      return world.stripe.webhooks.constructEvent(raw, signature, endpoint.secret!) !== undefined;
    } catch {
      return false;
    }
  });
  expect(signed.map(({ event }) => event.type)).toEqual(['payment_intent.succeeded']);
  expect((await world.stripe.webhookEndpoints.retrieve(endpoint.id)).secret).toBeUndefined();
});

test('a platform hears of its connected accounts, by name', async () => {
  const world = await openStripe();
  const connected = { secretKey: 'sk_test_connected', platform: 'acct_holdfast1' };
  await world.control('/stripe/accounts/acct_connected', connected, 'PUT');
  const endpoint: Stripe.WebhookEndpointCreateParams = {
    url: world.receiver.url,
    enabled_events: ['payment_intent.created'],
    connect: true,
  };
  await world.stripe.webhookEndpoints.create(endpoint);
  const { currency, amount } = authorization('b-1');
  await world.stripe.paymentIntents.create(
    { amount, currency },
    { stripeAccount: 'acct_connected' },
  );
  await arrived(world, 1);
  expect(world.hooks[0]?.event).toMatchObject({ account: 'acct_connected' });
});
