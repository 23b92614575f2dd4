import type Stripe from 'stripe';
import { expect, test } from 'vitest';
import { authorization, openStripe, refusal, webhookSecret } from './stripe-world.ts';
import type { StripeWorld } from './stripe-world.ts';

const script = ({ control }: StripeWorld, body: object) => control('/stripe/executions', body);
const book = ({ stripe }: StripeWorld, bookingId: string, idempotencyKey = `${bookingId}:1`) =>
  stripe.paymentIntents.create(authorization(bookingId), { idempotencyKey });
const outcomeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'answered',
    (error: { type: string }) => error.type,
  );

test('an answer is lost after the act, and the same key tells it', async () => {
  const world = await openStripe();
  await script(world, {
    method: 'POST',
    path: '/payment_intents$',
    bookingId: 'b-1',
    answer: 'lost',
  });
  const lost = await world
    .call('POST', '/v1/payment_intents', {
      key: 'k-1',
      params: { amount: '900', currency: 'eur', 'metadata[booking_id]': 'b-1' },
    })
    .catch(() => 'cut');
  expect(lost).toBe('cut');
  expect(await world.ledger('b-1')).toHaveLength(1);
  const { body } = await world.call('POST', '/v1/payment_intents', {
    key: 'k-1',
    params: { amount: '900', currency: 'eur', 'metadata[booking_id]': 'b-1' },
  });
  expect((await world.ledger('b-1'))[0]).toMatchObject({ intent: body['id'] });
});

test('a connection cut before the act leaves nothing behind, not even the key', async () => {
  const world = await openStripe();
  await script(world, { path: '/payment_intents', answer: 'not-done', times: 2 });
  expect(await outcomeOf(book(world, 'b-1'))).toBe('StripeConnectionError');
  expect(await world.ledger('b-1')).toEqual([]);
  expect(await outcomeOf(book(world, 'b-1'))).toBe('answered');
});

test('a script meets one booking or one intent, and no other', async () => {
  const world = await openStripe();
  const { id } = await book(world, 'b-1');
  await script(world, { match: '/capture$', intent: id, status: 503 });
  await script(world, { match: '/capture$', bookingId: 'b-2', status: 500, carriedOut: true });
  const other = await book(world, 'b-2');
  const third = await book(world, 'b-3');
  const capture = (intent: string) => world.stripe.paymentIntents.capture(intent);
  expect((await capture(third.id)).status).toBe('succeeded');
  expect((await refusal(capture(id))).statusCode).toBe(503);
  expect((await refusal(capture(other.id))).statusCode).toBe(500);
  expect((await world.ledger('b-2'))[0]).toMatchObject({ captures: 1 });
  expect((await world.ledger('b-1'))[0]).toMatchObject({ captures: 0 });
});

test('a share of bookings is met: the same ones for the same seed, each once', async () => {
  const declined = async (bookings: string[]) => {
    const world = await openStripe();
    const path = '/payment_intents$';
    await script(world, { path, share: 0.3, seed: 'sale', decline: 'chargeDeclined' });
    const met: string[] = [];
    for (const bookingId of bookings) {
      if ((await outcomeOf(book(world, bookingId))) === 'StripeCardError') met.push(bookingId);
    }
    for (const bookingId of met) {
      expect(await outcomeOf(book(world, bookingId, 'another'))).toBe('answered');
      break;
    }
    return met.toSorted();
  };
  const bookings = Array.from({ length: 60 }, (_, index) => `b-${index}`);
  const first = await declined(bookings);
  expect(first.length).toBeGreaterThan(8);
  expect(first.length).toBeLessThan(30);
  expect(await declined(bookings.toReversed())).toEqual(first);
});

test('shares add up: a payment may be slow and declined as well', async () => {
  const world = await openStripe();
  await script(world, { path: '/payment_intents$', share: 1, delayMs: 80 });
  await script(world, {
    path: '/payment_intents$',
    share: 1,
    decline: 'chargeDeclinedExpiredCard',
  });
  const startedAt = performance.now();
  expect((await refusal(book(world, 'b-1'))).code).toBe('expired_card');
  expect(performance.now() - startedAt).toBeGreaterThan(75);
});

test('one call may be made to settle later, whatever the card', async () => {
  const world = await openStripe();
  await script(world, { path: '/payment_intents$', processing: true });
  const { id, status } = await book(world, 'b-1');
  expect(status).toBe('processing');
  await world.control(`/stripe/intents/${id}/settle-processing`, { outcome: 'succeeded' });
  await world.stripe.paymentIntents.capture(id);
  await script(world, { path: '/refunds', refund: 'pending' });
  const refund = await world.stripe.refunds.create({ payment_intent: id, amount: 500 });
  expect(refund.status).toBe('pending');
  await world.control(`/stripe/refunds/${refund.id}/fail`, { reason: 'lost_or_stolen_card' });
  expect(await world.stripe.refunds.retrieve(refund.id)).toMatchObject({
    status: 'failed',
    failure_reason: 'lost_or_stolen_card',
  });
  const { latest_charge } = await world.stripe.paymentIntents.retrieve(id, {
    expand: ['latest_charge'],
  });
  expect(latest_charge).toMatchObject({ amount_refunded: 0, amount_captured: 12_000 });
});

test.each([
  [{ answer: 'gone' }, 'answer'],
  [{ share: 2 }, 'share'],
  [{ decline: 'visa' }, 'decline'],
  [{ booking: 'b-1' }, 'Known'],
  [{ times: 'often' }, 'times'],
])('a script that says %o is refused, in words', async (body, word) => {
  const world = await openStripe();
  expect((await script(world, body))['error']).toContain(word);
});

test('events go missing, come late, twice, forged or old, for the booking that is aimed at', async () => {
  const world = await openStripe();
  const type = 'payment_intent.amount_capturable_updated';
  const spoil = (bookingId: string, act: string, extra: object = {}) =>
    world.control('/stripe/webhook-faults', { type, bookingId, act, ...extra });
  await spoil('b-drop', 'drop');
  await spoil('b-hold', 'withhold');
  await spoil('b-late', 'late', { delayMs: 300 });
  await spoil('b-twice', 'twice', { copies: 3 });
  await spoil('b-forge', 'forge');
  await spoil('b-stale', 'stale', { ageSeconds: 600 });
  const names = ['drop', 'hold', 'late', 'twice', 'forge', 'stale', 'plain'];
  for (const name of names) await book(world, `b-${name}`);
  const verified = () => {
    const heard: Record<string, string[]> = {};
    for (const { raw, signature, event } of world.hooks) {
      if (event.type !== type) continue;
      const { metadata } = event.data.object as Stripe.PaymentIntent;
      const bookingId = metadata['booking_id'] ?? '';
      heard[bookingId] ??= [];
      try {
        world.stripe.webhooks.constructEvent(raw, signature, webhookSecret);
        heard[bookingId]!.push('good');
      } catch (error) {
        heard[bookingId]!.push(String(error).includes('tolerance') ? 'old' : 'forged');
      }
    }
    return heard;
  };
  const soon = {
    'b-twice': ['good', 'good', 'good'],
    'b-forge': ['forged'],
    'b-stale': ['old'],
    'b-plain': ['good'],
  };
  await expect.poll(verified).toEqual({ ...soon, 'b-late': ['good'] });
  await world.control('/stripe/deliveries/release', {});
  await expect.poll(() => verified()['b-hold']).toEqual(['good']);
  const { deliveries } = await world.control('/stripe/deliveries');
  const dropped = (deliveries as { status: string }[]).filter(({ status }) => status === 'dropped');
  expect(dropped).toHaveLength(1);
});

test('an event is replayed with the timestamp it once had', async () => {
  const world = await openStripe();
  await book(world, 'b-1');
  const { events } = await world.control('/stripe/events?type=payment_intent.created');
  await expect.poll(() => world.hooks.length).toBe(3);
  await world.control(`/stripe/events/${events[0].id}/send`, { ageSeconds: 3600 });
  await expect.poll(() => world.hooks.length).toBe(4);
  const { raw, signature } = world.hooks[3]!;
  const check = () => world.stripe.webhooks.constructEvent(raw, signature, webhookSecret);
  expect(check).toThrow('tolerance');
});
