import { readFile } from 'node:fs/promises';
import vm from 'node:vm';
import { expect, test } from 'vitest';
import { authorization, openStripe } from './stripe-world.ts';
import type { Reply, StripeWorld } from './stripe-world.ts';

const forLater = (bookingId: string, extra: object = {}) => {
  const { confirm: _now, payment_method: _card, ...params } = authorization(bookingId);
  return { ...params, ...extra };
};

/** Confirms as a page does: no key in a header, everything in the form. */
function confirmInBrowser(
  { call, publishableKey: key }: StripeWorld,
  intent: { id: string; client_secret: string | null },
  params: Record<string, string>,
): Promise<Reply> {
  return call('POST', `/v1/payment_intents/${intent.id}/confirm`, {
    authorization: '',
    params: { key, client_secret: String(intent.client_secret), ...params },
  });
}

const card = (number: string) => ({
  'payment_method_data[type]': 'card',
  'payment_method_data[card][number]': number,
  'payment_method_data[card][exp_month]': '12',
  'payment_method_data[card][exp_year]': '2040',
  'payment_method_data[card][cvc]': '123',
});

test('a page of any origin may ask, whatever headers it sends', async () => {
  const { url } = await openStripe();
  const path = `${url}/v1/payment_intents/pi_1/confirm`;
  const preflight = await fetch(path, {
    method: 'OPTIONS',
    headers: {
      origin: 'https://shop.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'stripe-version,stripe-account',
    },
  });
  expect(preflight.status).toBe(200);
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
  expect(preflight.headers.get('access-control-allow-headers')).toBe(
    'stripe-version,stripe-account',
  );
  const refused = await fetch(path, {
    method: 'POST',
    headers: { origin: 'https://shop.example' },
  });
  expect(refused.headers.get('access-control-allow-origin')).toBe('*');
});

test('a declined browser is told no more of the intent than it may read', async () => {
  const world = await openStripe();
  const intent = await world.stripe.paymentIntents.create(forLater('b-1'));
  const { status, body } = await confirmInBrowser(world, intent, card('4000000000009995'));
  expect(status).toBe(402);
  expect(body['error']).toMatchObject({
    code: 'card_declined',
    decline_code: 'insufficient_funds',
    payment_intent: { id: intent.id, status: 'requires_payment_method' },
  });
  expect(body['error'].payment_intent.metadata).toBeUndefined();
  const again = await confirmInBrowser(world, intent, card('4242424242424242'));
  expect(again.body).toMatchObject({ status: 'requires_capture', last_payment_error: null });
  const record = JSON.stringify(await world.control('/record?host=stripe'));
  expect(record).not.toMatch(/4242424242424242|cvc%5D=1/);
});

test.each([
  ['4242424242424241', 'incorrect_number', undefined],
  ['4539578763621486', 'card_declined', 'test_mode_live_card'],
])('the number %s is no test card: %s', async (number, code, decline_code) => {
  const world = await openStripe();
  const intent = await world.stripe.paymentIntents.create(forLater('b-1'));
  const { status, body } = await confirmInBrowser(world, intent, card(number));
  expect([status, body['error'].code, body['error'].decline_code]).toEqual([
    402,
    code,
    decline_code,
  ]);
});

test('what only the server may decide takes a secret key', async () => {
  const world = await openStripe();
  const intent = await world.stripe.paymentIntents.create(forLater('b-1'));
  const params = { ...card('4242424242424242'), capture_method: 'automatic' };
  const { status, body } = await confirmInBrowser(world, intent, params);
  expect([status, body['error'].param]).toEqual([400, 'capture_method']);
  const byHand = await world.stripe.paymentIntents.create(
    forLater('b-2', { confirmation_method: 'manual' }),
  );
  expect((await confirmInBrowser(world, byHand, card('4242424242424242'))).status).toBe(400);
});

test('the bank asks on a page of its own, which leads back with what came of it', async () => {
  const world = await openStripe();
  const intent = await world.stripe.paymentIntents.create(forLater('b-1'));
  const payer = { ...card('4000002760003184'), return_url: 'https://shop.example/back?order=1' };
  const tryOnce = async (outcome: string) => {
    const { body } = await confirmInBrowser(world, intent, payer);
    const { type, redirect_to_url: to } = body['next_action'];
    expect(type).toBe('redirect_to_url');
    expect(await (await fetch(to.url)).text()).toContain('€120.00');
    const left = await fetch(to.url, {
      method: 'POST',
      body: new URLSearchParams({ outcome }),
      redirect: 'manual',
    });
    return { page: String(to.url), back: new URL(String(left.headers.get('location'))) };
  };
  const failed = await tryOnce('fail');
  expect(failed.back.searchParams.get('redirect_status')).toBe('failed');
  expect(await world.stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
    status: 'requires_payment_method',
    last_payment_error: { code: 'payment_intent_authentication_failure' },
  });
  const passed = await tryOnce('complete');
  expect(passed.back.href).toBe(
    `https://shop.example/back?order=1&payment_intent=${intent.id}` +
      `&payment_intent_client_secret=${intent.client_secret}&redirect_status=succeeded`,
  );
  expect((await world.stripe.paymentIntents.retrieve(intent.id)).status).toBe('requires_capture');
  expect((await fetch(failed.page)).status).toBe(410);
  expect((await fetch(passed.page)).status).toBe(410);
});

test('with the library on the page nobody leaves it', async () => {
  const world = await openStripe();
  const intent = await world.stripe.paymentIntents.create(forLater('b-1'));
  const params = {
    ...card('4000008400001629'),
    use_stripe_sdk: 'true',
    return_url: 'https://x.test',
  };
  const { body } = await confirmInBrowser(world, intent, params);
  expect(body['next_action']).toMatchObject({ type: 'use_stripe_sdk' });
  const answered = await fetch(body['next_action'].use_stripe_sdk.stripe_js, {
    method: 'POST',
    body: new URLSearchParams({ outcome: 'complete' }),
  });
  expect(await answered.text()).toContain('Authentication failed');
  expect(await world.stripe.paymentIntents.retrieve(intent.id)).toMatchObject({
    status: 'requires_payment_method',
    last_payment_error: { decline_code: 'generic_decline' },
  });
});

test('the stand-in for Stripe.js confirms and reads with the publishable key alone', async () => {
  const world = await openStripe();
  const script = await (await fetch(`${world.url}/v3/stripe.js`)).text();
  const file = new URL('../../src/emulators/stripe/browser/stripe.js', import.meta.url);
  expect(script).toBe(await readFile(file, 'utf8'));
  const window = { location: { href: 'https://shop.example/pay' } } as unknown as {
    Stripe: (key: string) => Record<string, (...args: unknown[]) => Promise<unknown>>;
  };
  const document = { currentScript: { src: `${world.url}/v3/stripe.js` } };
  vm.runInNewContext(script, { window, document, fetch, URL, URLSearchParams, WeakMap });
  const stripeJs = window.Stripe(world.publishableKey);
  const { client_secret: secret } = await world.stripe.paymentIntents.create(forLater('b-1'));
  expect(await stripeJs['retrievePaymentIntent']!(secret)).toMatchObject({
    paymentIntent: { status: 'requires_payment_method' },
  });
  const confirm = (payment_method: string) =>
    stripeJs['confirmCardPayment']!(secret, { payment_method });
  expect(await confirm('pm_card_chargeDeclined')).toMatchObject({
    error: { code: 'card_declined', payment_intent: { status: 'requires_payment_method' } },
  });
  expect(await confirm('pm_card_visa')).toMatchObject({
    paymentIntent: { status: 'requires_capture' },
  });
  expect(() => window.Stripe('sk_test_x')).toThrow('publishable');
});
