import { describe, expect, test } from 'vitest';
import { authorization, cardNow, openStripe, refusal } from './stripe-world.ts';
import type { StripeWorld } from './stripe-world.ts';

type Effect = Record<string, unknown> & { n: number; effect: string };

const effectsOf = async ({ control }: StripeWorld, query = '') =>
  (await control(`/stripe/effects?${query}`)) as unknown as {
    effects: Effect[];
    last: number;
    more: boolean;
  };

describe('which methods an intent takes', () => {
  test('only those with separate capture where money is set aside first', async () => {
    const { stripe } = await openStripe();
    const usd = { amount: 2000, currency: 'usd' };
    const types = async (extra: object) =>
      (await stripe.paymentIntents.create({ ...usd, ...extra })).payment_method_types;
    expect(await types({})).toEqual(['card', 'us_bank_account']);
    expect(await types({ capture_method: 'manual' })).toEqual(['card']);
    expect(await types({ excluded_payment_method_types: ['us_bank_account'] })).toEqual(['card']);
    expect(await types({ allowed_payment_method_types: ['card', 'klarna'] })).toEqual(['card']);
    const none = { capture_method: 'manual', allowed_payment_method_types: ['us_bank_account'] };
    expect((await refusal(types(none))).statusCode).toBe(400);
  });

  test('the list that newer versions no longer take is refused by its code, older ones take it', async () => {
    const { call } = await openStripe();
    const params = { amount: '2000', currency: 'usd', 'payment_method_types[]': 'card' };
    const ask = (headers: Record<string, string> = {}) =>
      call('POST', '/v1/payment_intents', { params, headers });
    const { status, body } = await ask();
    expect([status, body['error'].code]).toEqual([400, 'payment_method_types_no_longer_supported']);
    const older = await ask({ 'stripe-version': '2026-08-26.dahlia' });
    expect(older.body['payment_method_types']).toEqual(['card']);
  });

  test('allowed types go with no other list', async () => {
    const { stripe } = await openStripe();
    const both = stripe.paymentIntents.create({
      ...authorization('b-1'),
      allowed_payment_method_types: ['card'],
    });
    expect((await refusal(both)).message).toContain('automatic_payment_methods');
  });
});

describe('a payment later, without the customer', () => {
  const later = (world: StripeWorld, customer: string, payment_method: string) =>
    world.stripe.paymentIntents.create({
      ...authorization('b-balance', 7000),
      capture_method: 'automatic',
      customer,
      payment_method,
      off_session: true,
    });

  test('the method of a deposit is kept for its customer and pays the balance', async () => {
    const world = await openStripe();
    const { id: customer } = await world.stripe.customers.create({ metadata: { guest: 'g-1' } });
    const deposit = await world.stripe.paymentIntents.create({
      ...authorization('b-1'),
      customer,
      setup_future_usage: 'off_session',
    });
    const { data } = await world.stripe.customers.listPaymentMethods(customer);
    expect(data.map(({ id }) => id)).toEqual([deposit.payment_method]);
    expect((await later(world, customer, data[0]!.id)).status).toBe('succeeded');
  });

  test('a card that wants its customer each time is refused, with the intent to go on with', async () => {
    const world = await openStripe();
    const { id: customer } = await world.stripe.customers.create();
    const deposit = await world.stripe.paymentIntents.create({
      ...authorization('b-1'),
      customer,
      payment_method: 'pm_card_authenticationRequired',
      setup_future_usage: 'off_session',
    });
    await world.control(`/stripe/intents/${deposit.id}/authenticate`, {});
    const error = await refusal(later(world, customer, deposit.payment_method as string));
    expect([error.statusCode, error.code]).toEqual([402, 'authentication_required']);
    expect(error.payment_intent).toMatchObject({ status: 'requires_payment_method' });
    const again = await world.stripe.paymentIntents.confirm(error.payment_intent!.id, {
      payment_method: deposit.payment_method as string,
    });
    expect(again.status).toBe('requires_action');
  });

  test.each([
    ['pm_card_visa', 4.75],
    ['pm_card_mastercard', 7],
  ])('%s keeps a hold made without the customer for %d days', async (payment_method, days) => {
    const { stripe } = await openStripe();
    const { latest_charge: charge } = await stripe.paymentIntents.create({
      ...authorization('b-1'),
      payment_method,
      off_session: true,
      expand: ['latest_charge'],
    });
    if (charge === null || typeof charge === 'string') throw new Error('The charge is missing.');
    const until = charge.payment_method_details!.card!.capture_before!;
    expect(until - charge.created).toBe(days * 86_400);
  });

  test('a removed customer leaves no method that could pay', async () => {
    const { stripe } = await openStripe();
    const { id: customer } = await stripe.customers.create({ payment_method: 'pm_card_visa' });
    const { data } = await stripe.customers.listPaymentMethods(customer);
    await stripe.customers.del(customer);
    expect((await refusal(stripe.customers.retrieve(customer))).statusCode).toBe(404);
    const pay = stripe.paymentIntents.create({
      amount: 500,
      currency: 'eur',
      ...cardNow,
      payment_method: data[0]!.id,
    });
    expect((await refusal(pay)).statusCode).toBe(400);
  });
});

test('the time to capture can be shortened, and ends as the provider ends it', async () => {
  const world = await openStripe();
  const { id } = await world.stripe.paymentIntents.create(authorization('b-1', 900));
  await world.control(`/stripe/intents/${id}/capture-within`, { seconds: 0.1 });
  const intent = async () => world.stripe.paymentIntents.retrieve(id);
  await expect.poll(async () => (await intent()).status).toBe('canceled');
  expect((await intent()).cancellation_reason).toBe('automatic');
  const { effects } = await effectsOf(world);
  expect(effects.map(({ effect, amountMinor }) => [effect, amountMinor])).toEqual([
    ['created', 900],
    ['authorized', 900],
    ['released', 900],
    ['expired', 900],
  ]);
});

test('a dispute takes the money for now; won, it comes back and can be refunded', async () => {
  const world = await openStripe();
  const { id } = await world.stripe.paymentIntents.create(authorization('b-1', 900));
  await world.stripe.paymentIntents.capture(id);
  await world.control(`/stripe/intents/${id}/dispute`, { reason: 'product_not_received' });
  const { data } = await world.stripe.disputes.list({ payment_intent: id });
  expect(data[0]).toMatchObject({ status: 'needs_response', amount: 900 });
  expect((await world.ledger('b-1'))[0]).toMatchObject({ disputedMinor: 900 });
  await world.control(`/stripe/disputes/${data[0]!.id}/close`, { status: 'won' });
  expect((await world.ledger('b-1'))[0]).toMatchObject({ disputedMinor: 0 });
  expect((await world.stripe.refunds.create({ payment_intent: id })).amount).toBe(900);
  await expect
    .poll(() => world.hooks.map(({ event }) => event.type))
    .toEqual(expect.arrayContaining(['charge.dispute.created', 'charge.dispute.closed']));
});

test('effects are read in pages, in order, each with the key and the request that did it', async () => {
  const world = await openStripe();
  for (const name of ['b-1', 'b-2']) {
    const { id } = await world.stripe.paymentIntents.create(authorization(name, 900), {
      idempotencyKey: `${name}:authorize:1`,
    });
    await world.stripe.paymentIntents.cancel(id, {}, { idempotencyKey: `${name}:void:1` });
  }
  const pages: Effect[][] = [];
  for (let since = 0, more = true; more;) {
    const page = await effectsOf(world, `since=${since}&limit=3`);
    pages.push(page.effects);
    ({ more, last: since } = page);
  }
  expect(pages.map((page) => page.length)).toEqual([3, 3, 2]);
  const all = pages.flat();
  expect(all.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(all[3]).toMatchObject({
    effect: 'cancelled',
    amountMinor: 900,
    currency: 'eur',
    metadata: { booking_id: 'b-1' },
    idempotencyKey: 'b-1:void:1',
    requestId: expect.stringMatching(/^req_/),
  });
});
