import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { declineNext, keptOf, refuseCaptures, untilEven } from '../support/money.ts';
import { fault, liftFaults, release, STRIPE_CALLS, untilHeld } from '../support/outside.ts';
import { addBrowserAccount, does, type Intent } from '../support/payer.ts';
import { book, booked, openShop, PRICE_MINOR, type Asked, type Shop } from '../support/shop.ts';

/** Money beyond a booking's first payment, and what its method does when it is asked for it. */

let holdfast: Holdfast;
let shop: Shop;
beforeAll(async () => {
  holdfast = await startHoldfast();
  const { id: accountId } = await addBrowserAccount(holdfast);
  shop = await openShop(holdfast, { accountId, settings: { lapse: 'renew' } });
});
afterEach(async () => {
  await liftFaults(holdfast);
  await holdfast.control('DELETE', '/stripe/executions');
});
afterAll(() => holdfast.stop());

const HOUR_MS = 3_600_000;
const DOUBLE = { amountMinor: 2 * PRICE_MINOR, currency: 'eur' };

const paid = async (): Promise<Asked> => {
  const asked = await booked(holdfast, shop);
  await untilEven(holdfast, asked.id, PRICE_MINOR);
  return asked;
};
/** To another day, for twice as much. */
const moveDearer = (asked: Asked, payment?: Record<string, unknown>) =>
  move(asked, { price: DOUBLE, payment });
async function move(
  asked: Asked,
  { price, payment }: { price: typeof DOUBLE; payment?: Record<string, unknown> | undefined },
) {
  const later = (at: string) => new Date(Date.parse(at) + 24 * 60 * HOUR_MS).toISOString();
  const to = { startAt: later(asked.startAt), endAt: later(asked.endAt), price };
  const path = `/bookings/${asked.id}/reschedule`;
  const { body: said } = await holdfast.call('POST', `${path}-quotes`, to);
  const answer = holdfast.call('POST', path, { quoteId: said.id, ...(payment && { payment }) });
  return { to, answer };
}
const read = async ({ id }: Asked) => (await holdfast.call('GET', `/bookings/${id}`)).body;
const paymentsOf = async ({ id }: Asked) =>
  (await holdfast.call('GET', `/bookings/${id}/payments`)).body.items as {
    purpose: string;
    status: string;
  }[];
const intentsOf = async ({ id }: Asked) => {
  const { intents } = await holdfast.control<{ intents: Intent[] }>('GET', '/stripe/intents');
  return intents.filter(({ metadata }) => metadata['booking_id'] === id);
};

describe('the difference of a dearer time', () => {
  it('is charged to the method that was kept, without its payer', async () => {
    const asked = await paid();
    const { to, answer } = await moveDearer(asked);
    expect(await answer).toMatchObject({ status: 200, body: { startAt: to.startAt } });
    const kept = await untilEven(holdfast, asked.id, 2 * PRICE_MINOR);
    expect(kept).toMatchObject({ authorizations: 2, captures: 2 });
    expect(await paymentsOf(asked)).toMatchObject([
      { purpose: 'booking', status: 'captured' },
      { purpose: 'difference', status: 'captured' },
    ]);
  });

  it('that the kept method refuses leaves the booking as it was', async () => {
    const asked = await paid();
    await declineNext(holdfast, asked.id, 'chargeDeclinedInsufficientFunds');
    const { answer } = await moveDearer(asked);
    expect(await answer).toMatchObject({ status: 402, body: { code: 'insufficient_funds' } });
    expect(await read(asked)).toMatchObject({ startAt: asked.startAt, attentions: [] });
    await untilEven(holdfast, asked.id, PRICE_MINOR);
  });

  it.each(['refused', 'lapsed'])(
    'whose capture is %s after the switch calls a person: the new time stays',
    async (how) => {
      const asked = await paid();
      if (how === 'refused') await refuseCaptures(holdfast);
      else await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'capture', holdAt: 'before' });
      const { to, answer } = await moveDearer(asked, {
        kind: 'method',
        paymentMethod: 'pm_card_visa',
      });
      expect(await answer).toMatchObject({ status: 200, body: { startAt: to.startAt } });
      if (how === 'lapsed') {
        await untilHeld(holdfast, 'capture');
        for (const intent of await intentsOf(asked))
          if (intent.status === 'requires_capture') await does(holdfast, intent, 'lapse');
        await liftFaults(holdfast);
        await release(holdfast, 'capture');
      }
      await until(
        () => read(asked),
        ({ attentions }) => attentions.includes('difference-unpaid'),
      );
      await untilEven(holdfast, asked.id, PRICE_MINOR);
      const now = await read(asked);
      expect(now).toMatchObject({ state: 'confirmed', startAt: to.startAt, endAt: to.endAt });
      expect(now.amountMinor).toBe(2 * PRICE_MINOR);
    },
  );
});

it('a booking that costs nothing any more before its capture lets its authorization go', async () => {
  const body = { error: { type: 'api_error' } };
  await fault(holdfast, { ...STRIPE_CALLS.capture, status: 503, body, times: 99 });
  const asked = await booked(holdfast, shop);
  const { answer } = await move(asked, { price: { amountMinor: 0, currency: 'eur' } });
  expect(await answer).toMatchObject({ status: 200, body: { amountMinor: 0 } });
  await liftFaults(holdfast);
  await untilEven(holdfast, asked.id, 0);
  expect(await paymentsOf(asked)).toMatchObject([{ purpose: 'booking', status: 'cancelled' }]);
  expect(await read(asked)).toMatchObject({ state: 'confirmed', attentions: [] });
});

describe('a renewed authorization', () => {
  it.each(['lost', 'a stored 500'])(
    'is taken once, and the old one let go, though the answer of its cancel is %s',
    async (how) => {
      await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'capture', holdAt: 'before' });
      const asked = book(holdfast, shop);
      await untilHeld(holdfast, 'capture');
      await liftFaults(holdfast);
      if (how === 'lost')
        await fault(holdfast, { ...STRIPE_CALLS.cancel, drop: 'after', times: 4 });
      else
        await holdfast.control('POST', '/stripe/next-500', {
          match: '/cancel$',
          bookingId: asked.id,
          times: 5,
        });
      await holdfast.database.pool.query(
        `UPDATE payment SET capture_before = now() + interval '1 hour' WHERE booking_id = $1`,
        [asked.id],
      );
      await until(
        () => keptOf(holdfast, asked.id),
        ({ keptMinor, openMinor }) => keptMinor === PRICE_MINOR && openMinor === 0,
        90_000,
      );
      await release(holdfast, 'capture');
      await until(
        () => paymentsOf(asked),
        (all) => all.length === 2 && all[1]!.status === 'captured',
      );
      expect(await keptOf(holdfast, asked.id)).toMatchObject({ authorizations: 2, captures: 1 });
      expect(await read(asked)).toMatchObject({ state: 'confirmed', owedMinor: PRICE_MINOR });
    },
    120_000,
  );
});
