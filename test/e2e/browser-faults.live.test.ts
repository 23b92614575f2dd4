import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { fault, hitsOf, liftFaults, STRIPE_CALLS } from '../support/outside.ts';
import { addBrowserAccount, intentOf, payerConfirms } from '../support/payer.ts';
import { book, cancel, openShop, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let shop: Shop;
beforeAll(async () => {
  holdfast = await startHoldfast();
  shop = await openShop(holdfast, { accountId: (await addBrowserAccount(holdfast)).id });
});
afterEach(() => liftFaults(holdfast));
afterAll(() => holdfast.stop());

const CALLS = {
  create: STRIPE_CALLS.create,
  read: { host: 'stripe', method: 'GET', path: '/v1/payment_intents/pi_' },
  capture: STRIPE_CALLS.capture,
} as const;
const PASSING = {
  'answer lost after it was done': { drop: 'after' },
  'connection broken before it was done': { drop: 'before' },
  'a 500 stored under its key': { status: 500, stored: true },
} as const;

const untilSecret = (id: string) =>
  until(
    () => holdfast.call('GET', `/bookings/${id}`),
    ({ body }) => typeof body.payment?.clientSecret === 'string',
  );

describe.each(Object.entries(CALLS))('at %s of a payment in a browser', (_call, aim) => {
  it.each(Object.entries(PASSING))('%s: it is confirmed and paid once', async (_, how) => {
    const met = await fault(holdfast, { ...aim, ...how });
    const asked = book(holdfast, shop, { payment: { kind: 'browser' } });
    await untilSecret(asked.id);
    await payerConfirms(holdfast, asked.id);
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('confirmed');
    expect(await hitsOf(holdfast, met)).toBeGreaterThan(0);
  });
});

describe('a payer who gave up', () => {
  it.each(Object.entries(PASSING))('and at the void %s: nothing is left open', async (_, how) => {
    const asked = book(holdfast, shop, { payment: { kind: 'browser' } });
    await untilSecret(asked.id);
    const met = await fault(holdfast, { ...STRIPE_CALLS.cancel, ...how });
    await cancel(holdfast, asked.id);
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('cancelled');
    expect((await intentOf(holdfast, asked.id)).status).toBe('canceled');
    expect(await hitsOf(holdfast, met)).toBeGreaterThan(0);
  });
});

it('a service that refuses to open the payment ends the booking, and the caller is told', async () => {
  const error = { type: 'invalid_request_error', code: 'amount_too_small', message: 'x' };
  await fault(holdfast, { ...STRIPE_CALLS.create, status: 400, times: 100, body: { error } });
  const asked = book(holdfast, shop, { payment: { kind: 'browser' } });
  const { body } = (await asked.answer)!;
  expect(body).toMatchObject({ state: 'declined', payment: { clientSecret: null } });
  const [judged] = await untilSettled(holdfast, [asked]);
  expect(judged?.state).toBe('declined');
});
