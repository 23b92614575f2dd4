import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { fault, hitsOf, liftFaults, release, STRIPE_CALLS, untilHeld } from '../support/outside.ts';
import type { StripeCall } from '../support/outside.ts';
import { addPaymentAccount } from '../support/scene.ts';
import { book, booked, cancel, openShop, PRICE_MINOR, shortenHolds } from '../support/shop.ts';
import type { Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let shop: Shop;
beforeAll(async () => {
  holdfast = await startHoldfast();
  shop = await openShop(holdfast, { accountId: await addPaymentAccount(holdfast) });
});
afterEach(() => liftFaults(holdfast));
afterAll(() => holdfast.stop());

/** Faults after which asking again helps, so that only the way there is different. */
const PASSING = {
  'answer lost after it was done': { drop: 'after' },
  'connection broken before it was done': { drop: 'before' },
  'three 500s': { status: 500, times: 3 },
  'a 500 stored under its key': { status: 500, stored: true },
  'a 429 that asks for a second': { status: 429, headers: { 'retry-after': '1' } },
  'a key still in use': {
    status: 409,
    body: { error: { type: 'idempotency_error', code: 'idempotency_key_in_use', message: 'x' } },
  },
} as const;

describe.each(['create', 'confirm', 'capture'] as const)('at %s', (call) => {
  it.each(Object.entries(PASSING))('%s: the booking is confirmed and paid once', async (_, how) => {
    const met = await fault(holdfast, { ...STRIPE_CALLS[call], ...how });
    const asked = book(holdfast, shop);
    expect((await asked.answer)?.status).toBe(201);
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('confirmed');
    expect(await hitsOf(holdfast, met)).toBeGreaterThan(0);
  });
});

describe('at refund', () => {
  it.each(Object.entries(PASSING))('%s: a cancel gives back all, once', async (_, how) => {
    const asked = await booked(holdfast, shop);
    const met = await fault(holdfast, { ...STRIPE_CALLS.refund, ...how });
    expect((await cancel(holdfast, asked.id)).body.state).toBe('cancelled');
    await untilSettled(holdfast, [asked]);
    expect(await refundsOf(asked.id)).toEqual([{ captures: 1, refunds: 1, refunded: PRICE_MINOR }]);
    expect(await hitsOf(holdfast, met)).toBeGreaterThan(0);
  });
});

describe('at the void of a declined commit', () => {
  it.each(Object.entries(PASSING))('%s: the authorization is let go', async (_, how) => {
    const met = await fault(holdfast, { ...STRIPE_CALLS.cancel, ...how });
    // Authentication that nobody can pass: the intent stays open and the booking ends.
    const asked = book(holdfast, shop, { card: 'pm_card_authenticationRequired' });
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('declined');
    expect(await hitsOf(holdfast, met)).toBeGreaterThan(0);
  });
});

describe('a refusal for good', () => {
  const refusal = (status: number, error: Record<string, string>) => ({
    status,
    times: 1_000,
    body: { error: { message: 'x', ...error } },
  });
  const GOOD = {
    'a declined card': { card: 'pm_card_visa_chargeDeclined', state: 'declined' },
    'no funds': { card: 'pm_card_visa_chargeDeclinedInsufficientFunds', state: 'declined' },
    'an expired card': { card: 'pm_card_chargeDeclinedExpiredCard', state: 'declined' },
    'no such method': { card: 'pm_nobody', state: 'declined' },
  };
  it.each(Object.entries(GOOD))('%s ends the booking unpaid', async (_, { card, state }) => {
    const asked = book(holdfast, shop, { card });
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe(state);
  });

  it.each(['create', 'confirm'] as const)('%s refused ends it unpaid', async (call) => {
    await fault(holdfast, {
      ...STRIPE_CALLS[call],
      ...refusal(400, { type: 'invalid_request_error', code: 'amount_too_small' }),
    });
    const asked = book(holdfast, shop);
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('declined');
  });

  it('capture refused calls the booking off and lets the authorization go', async () => {
    await fault(holdfast, {
      ...STRIPE_CALLS.capture,
      ...refusal(402, { type: 'card_error', code: 'card_declined' }),
    });
    const asked = book(holdfast, shop);
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('cancelled');
  });

  it('an authorization that lapsed before its capture calls the booking off', async () => {
    await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'lapse' });
    const asked = book(holdfast, shop);
    const { intents } = await until(
      () => holdfast.control<{ intents: Intent[] }>('GET', '/stripe/intents'),
      ({ intents }) => intents.some((one) => one.metadata['booking_id'] === asked.id),
    );
    const intent = intents.find((one) => one.metadata['booking_id'] === asked.id)!;
    await untilHeld(holdfast, 'lapse');
    await holdfast.control('POST', `/stripe/intents/${intent.id}/lapse`, {});
    await release(holdfast, 'lapse');
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('cancelled');
  });
});

describe('a failure that does not end', () => {
  it.each<StripeCall>(['create', 'confirm'])(
    '%s never answering: the hold ends, released and not charged',
    async (call) => {
      const hasty = await openShop(holdfast, { accountId: shop.accountId });
      await shortenHolds(holdfast, hasty, 2_500);
      await fault(holdfast, { ...STRIPE_CALLS[call], status: 500, times: 1_000 });
      const asked = book(holdfast, hasty);
      const [judged] = await untilSettled(holdfast, [asked]);
      expect(judged?.state).toBe('expired');
    },
  );

  it('confirm done and never answered until the hold ended: the money goes back', async () => {
    const hasty = await openShop(holdfast, { accountId: shop.accountId });
    await shortenHolds(holdfast, hasty, 2_500);
    await fault(holdfast, { ...STRIPE_CALLS.confirm, hold: 'slow', holdAt: 'after' });
    const asked = book(holdfast, hasty);
    await until(
      () => holdfast.call('GET', `/bookings/${asked.id}`),
      ({ body }) => body.state === 'expired' || body.state === 'cancelled',
    );
    await release(holdfast, 'slow');
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toMatch(/expired|cancelled/);
  });
});

describe('a cancel', () => {
  it.each(['before', 'after'] as const)(
    'that arrives while the capture is held %s it is done returns exactly what was taken',
    async (holdAt) => {
      await fault(holdfast, { ...STRIPE_CALLS.capture, hold: `capture-${holdAt}`, holdAt });
      const asked = book(holdfast, shop);
      await untilHeld(holdfast, `capture-${holdAt}`);
      expect((await cancel(holdfast, asked.id)).body.state).toBe('cancelled');
      await release(holdfast, `capture-${holdAt}`);
      const [judged] = await untilSettled(holdfast, [asked]);
      expect(judged?.state).toBe('cancelled');
    },
  );

  it('that arrives while the money is being authorized ends it unpaid', async () => {
    await fault(holdfast, { ...STRIPE_CALLS.confirm, hold: 'confirm', holdAt: 'after' });
    const asked = book(holdfast, shop);
    await untilHeld(holdfast, 'confirm');
    const cancelling = cancel(holdfast, asked.id);
    await release(holdfast, 'confirm');
    expect((await cancelling).body.state).toBe('cancelled');
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('cancelled');
  });

  it('asked for many times at once refunds once', async () => {
    const asked = await booked(holdfast, shop);
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => cancel(holdfast, asked.id)));
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    for (const { status } of answers) expect([200, 409]).toContain(status);
    await untilSettled(holdfast, [asked]);
    expect(await refundsOf(asked.id)).toEqual([{ captures: 1, refunds: 1, refunded: PRICE_MINOR }]);
  });
});

interface Intent {
  id: string;
  metadata: Record<string, string>;
}

async function refundsOf(bookingId: string) {
  const { intents } = await holdfast.control<{
    intents: { captures: number; refunds: number; refundedMinor: number }[];
  }>('GET', `/stripe/ledger?metadata[booking_id]=${bookingId}`);
  return intents.map(({ captures, refunds, refundedMinor: refunded }) => ({
    captures,
    refunds,
    refunded,
  }));
}
