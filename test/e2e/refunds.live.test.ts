import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import {
  calledOff,
  dayComes,
  deposited,
  depositShop,
  untilDue,
  untilEven,
} from '../support/money.ts';
import { fault, liftFaults, STRIPE_CALLS } from '../support/outside.ts';
import { addBrowserAccount, does, intentOf, type BrowserAccount } from '../support/payer.ts';
import { book, booked, openShop, PRICE_MINOR, type Asked, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let account: BrowserAccount;
let shop: Shop;
beforeAll(async () => {
  holdfast = await startHoldfast();
  account = await addBrowserAccount(holdfast);
  shop = await openShop(holdfast, { accountId: account.id });
});
afterEach(async () => {
  await liftFaults(holdfast);
  await holdfast.control('DELETE', '/stripe/executions');
});
afterAll(() => holdfast.stop());

const refund = (bookingId: string, amountMinor: number, more: object = {}) =>
  holdfast.call('POST', `/bookings/${bookingId}/refunds`, {
    amountMinor,
    reason: 'goodwill',
    ...more,
  });
const refundsOf = async (bookingId: string) =>
  (await holdfast.call('GET', `/bookings/${bookingId}/refunds`)).body as {
    items: { status: string; amountMinor: number; resolution: string | null; payment: number }[];
    refundableMinor: number;
  };
const untilRefunds = (bookingId: string, ...statuses: string[]) =>
  until(
    () => refundsOf(bookingId),
    ({ items }) => JSON.stringify(items.map(({ status }) => status)) === JSON.stringify(statuses),
  );
const attentionsOf = async (bookingId: string) =>
  (await holdfast.call('GET', `/bookings/${bookingId}`)).body.attentions as string[];
/** The service's own id of the booking's first refund. */
const serviceRefund = async (asked: Asked) => {
  const { id } = await intentOf(holdfast, asked.id);
  const { effects } = await holdfast.control<{ effects: { effect: string; refund?: string }[] }>(
    'GET',
    `/stripe/effects?intent=${id}`,
  );
  return effects.find(({ effect }) => effect === 'refunded')!.refund!;
};
const playRefund = (asked: Asked, how: 'pending' | 'fails-later') =>
  holdfast.control('POST', '/stripe/executions', {
    method: 'POST',
    path: '/v1/refunds$',
    bookingId: asked.id,
    refund: how,
  });
const resolve = (bookingId: string, body: object) =>
  holdfast.call('POST', `/bookings/${bookingId}/resolve`, body);

describe('a refund by staff', () => {
  it('gives a part back, once per key, and never more than is kept', async () => {
    const asked = await booked(holdfast, shop);
    await untilEven(holdfast, asked.id, PRICE_MINOR);
    const key = { 'idempotency-key': randomUUID() };
    const ask = () =>
      holdfast.call('POST', `/bookings/${asked.id}/refunds`, { amountMinor: 2_000 }, key);
    expect((await ask()).status).toBe(200);
    expect((await until(ask, ({ status }) => status === 200)).status).toBe(200);
    await untilEven(holdfast, asked.id, PRICE_MINOR - 2_000);
    const tooMuch = await until(
      () => refund(asked.id, PRICE_MINOR - 1_999),
      ({ body }) => body.type !== '/problems/change-under-way',
    );
    expect(tooMuch).toMatchObject({ status: 409, body: { refundableMinor: PRICE_MINOR - 2_000 } });
    await until(
      () => refund(asked.id, PRICE_MINOR - 2_000),
      ({ status }) => status === 200,
    );
    expect(await untilEven(holdfast, asked.id, 0)).toMatchObject({ refunds: 2 });
    expect((await refundsOf(asked.id)).refundableMinor).toBe(0);
  });

  it('asked for many times at once gives back no more than there is', async () => {
    const asked = await booked(holdfast, shop);
    await untilEven(holdfast, asked.id, PRICE_MINOR);
    const answers = await Promise.all([1, 2, 3, 4].map(() => refund(asked.id, 5_000)));
    for (const { status } of answers) expect([200, 409]).toContain(status);
    const done = answers.filter(({ status }) => status === 200).length;
    expect(done).toBeGreaterThan(0);
    await untilEven(holdfast, asked.id, PRICE_MINOR - done * 5_000);
  });

  it('goes back from the newest payment first, over several', async () => {
    const asked = await deposited(holdfast, await depositShop(holdfast, account));
    await dayComes(holdfast, asked.id);
    await untilEven(holdfast, asked.id, PRICE_MINOR);
    await untilDue(holdfast, asked.id, (due) => due === undefined);
    expect((await refund(asked.id, 10_000)).status).toBe(200);
    await untilEven(holdfast, asked.id, PRICE_MINOR - 10_000);
    expect((await refundsOf(asked.id)).items).toMatchObject([
      { payment: 2, amountMinor: 9_000 },
      { payment: 1, amountMinor: 1_000 },
    ]);
    await calledOff(holdfast, asked.id);
    await untilEven(holdfast, asked.id, 0);
  });

  it('of an external payment is recorded with its reference, and nobody is called', async () => {
    const asked = book(holdfast, shop, { payment: { kind: 'external' } });
    await asked.answer;
    await holdfast.call('POST', `/bookings/${asked.id}/confirm`, { reference: 'invoice-1' });
    const done = await refund(asked.id, 500, { reference: 'credit-1' });
    expect(done.status).toBe(200);
    const { items } = await untilRefunds(asked.id, 'succeeded');
    expect(items).toMatchObject([{ amountMinor: 500, reference: 'credit-1' }]);
    expect((await refundsOf(asked.id)).refundableMinor).toBe(PRICE_MINOR - 500);
  });
});

const PASSING = {
  'answer lost after it was done': { drop: 'after' },
  'connection broken before it was done': { drop: 'before' },
  'a 500 stored under its key': { status: 500, stored: true },
} as const;
it.each(Object.entries(PASSING))('a refund with %s is made once', async (_, how) => {
  const asked = await booked(holdfast, shop);
  await untilEven(holdfast, asked.id, PRICE_MINOR);
  await fault(holdfast, { ...STRIPE_CALLS.refund, ...how });
  await refund(asked.id, 3_000);
  expect(await untilEven(holdfast, asked.id, PRICE_MINOR - 3_000)).toMatchObject({ refunds: 1 });
  await untilRefunds(asked.id, 'succeeded');
});

describe('a refund that the bank takes its time for', () => {
  it('is pending, and told when it arrived', async () => {
    const asked = await booked(holdfast, shop);
    await playRefund(asked, 'pending');
    await refund(asked.id, 3_000);
    await untilRefunds(asked.id, 'pending');
    await holdfast.control('POST', `/stripe/refunds/${await serviceRefund(asked)}/succeed`, {});
    await untilRefunds(asked.id, 'succeeded');
    expect(await attentionsOf(asked.id)).toEqual([]);
  });

  it('is found by the sweeper when no event comes', async () => {
    const asked = await booked(holdfast, shop);
    await playRefund(asked, 'pending');
    await refund(asked.id, 3_000);
    await untilRefunds(asked.id, 'pending');
    await holdfast.control('POST', '/stripe/webhook-faults', {
      act: 'drop',
      bookingId: asked.id,
      times: 9,
    });
    await holdfast.control('POST', `/stripe/refunds/${await serviceRefund(asked)}/succeed`, {});
    await until(
      async () => {
        // A look that was under way may have taken it down since.
        await holdfast.database.pool.query(
          `UPDATE refund SET updated_at = now() - interval '1 hour'
            WHERE booking_id = $1 AND updated_at > now() - interval '10 minutes'`,
          [asked.id],
        );
        return refundsOf(asked.id);
      },
      ({ items }) => items[0]?.status === 'succeeded',
    );
    expect(await attentionsOf(asked.id)).toEqual([]);
  });

  it('and that comes back calls a person, who has it tried again under another key', async () => {
    const asked = await booked(holdfast, shop);
    await refund(asked.id, 3_000);
    await untilEven(holdfast, asked.id, PRICE_MINOR - 3_000);
    await holdfast.control('POST', `/stripe/refunds/${await serviceRefund(asked)}/fail`, {});
    await untilRefunds(asked.id, 'failed');
    await until(
      () => attentionsOf(asked.id),
      (all) => all.includes('refund-failed'),
    );
    expect((await resolve(asked.id, { decision: 'retry' })).status).toBe(200);
    await untilRefunds(asked.id, 'failed', 'succeeded');
    await untilEven(holdfast, asked.id, PRICE_MINOR - 3_000);
    expect(await attentionsOf(asked.id)).toEqual([]);
  });

  it('and that comes back after a cancel may be paid by hand, and is left alone then', async () => {
    const asked = await booked(holdfast, shop);
    await calledOff(holdfast, asked.id);
    await untilEven(holdfast, asked.id, 0);
    await holdfast.control('POST', `/stripe/refunds/${await serviceRefund(asked)}/fail`, {});
    await until(
      () => attentionsOf(asked.id),
      (all) => all.includes('refund-failed'),
    );
    const byHand = { decision: 'resolved-by-hand', reason: 'bank transfer 4711' };
    expect((await resolve(asked.id, byHand)).status).toBe(200);
    expect((await refundsOf(asked.id)).items).toMatchObject([
      { status: 'failed', resolution: 'by-hand' },
    ]);
    expect(await attentionsOf(asked.id)).toEqual([]);
  });
});

describe('a dispute', () => {
  const disputed = async () => {
    const asked = await booked(holdfast, shop);
    await untilEven(holdfast, asked.id, PRICE_MINOR);
    await does(holdfast, await intentOf(holdfast, asked.id), 'dispute');
    await until(
      () => attentionsOf(asked.id),
      (all) => all.includes('dispute'),
    );
    const { disputes } = await holdfast.control<{
      disputes: { id: string; payment_intent: string }[];
    }>('GET', '/stripe/disputes');
    const { id } = await intentOf(holdfast, asked.id);
    const dispute = disputes.find(({ payment_intent }) => payment_intent === id)!;
    const close = (status: string) =>
      holdfast.control('POST', `/stripe/disputes/${dispute.id}/close`, { status });
    return { asked, close };
  };

  it('calls a person, and is over when it was won', async () => {
    const { asked, close } = await disputed();
    await close('won');
    await until(
      () => attentionsOf(asked.id),
      (all) => all.length === 0,
    );
    const { body } = await holdfast.call('GET', `/bookings/${asked.id}/payments`);
    expect(body.items).toMatchObject([{ dispute: 'won' }]);
  });

  it('that was lost stays with a person until he says what he did', async () => {
    const { asked, close } = await disputed();
    await close('lost');
    await until(
      () => attentionsOf(asked.id),
      (all) => all.includes('dispute-lost'),
    );
    const byHand = { decision: 'resolved-by-hand', reason: 'written off' };
    expect((await resolve(asked.id, byHand)).status).toBe(200);
    expect(await attentionsOf(asked.id)).toEqual([]);
  });
});
