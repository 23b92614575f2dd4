import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import {
  dayComes,
  declineNext,
  deposited,
  depositShop,
  untilDue,
  untilEven,
} from '../support/money.ts';
import { fault, liftFaults, release, STRIPE_CALLS, untilHeld } from '../support/outside.ts';
import { addBrowserAccount, type BrowserAccount } from '../support/payer.ts';
import { book, booked, openShop, PRICE_MINOR } from '../support/shop.ts';

let holdfast: Holdfast;
let account: BrowserAccount;
beforeAll(async () => {
  holdfast = await startHoldfast();
  account = await addBrowserAccount(holdfast);
});
afterEach(() => liftFaults(holdfast));
afterAll(() => holdfast.stop());

const DAY_MS = 86_400_000;
const later = (at: string, days: number) => new Date(Date.parse(at) + days * DAY_MS).toISOString();

const move = async (
  asked: { id: string; startAt: string; endAt: string },
  days: number,
  more: object = {},
) => {
  const to = { startAt: later(asked.startAt, days), endAt: later(asked.endAt, days), ...more };
  const { body } = await holdfast.call('POST', `/bookings/${asked.id}/reschedule-quotes`, to);
  const quote = { quoteId: body.id };
  const moved = await until(
    () => holdfast.call('POST', `/bookings/${asked.id}/reschedule`, quote),
    ({ status }) => status !== 409,
  );
  expect(moved).toMatchObject({ status: 200 });
};

it('moving far ahead does not make a cancellation cheaper than it was', async () => {
  const shop = await openShop(holdfast, {
    accountId: account.id,
    settings: {
      cancellation: [
        { beforeMs: 30 * DAY_MS, feePercent: 0, feeMinor: 0 },
        { beforeMs: 0, feePercent: 50, feeMinor: 0 },
      ],
    },
  });
  const asked = await booked(holdfast, shop);
  await move(asked, 60);
  const path = `/bookings/${asked.id}`;
  const { body: said } = await holdfast.call('POST', `${path}/cancellation-quotes`, {});
  expect(said).toMatchObject({ keepMinor: PRICE_MINOR / 2 });
  await holdfast.call('POST', `${path}/cancel`, { quoteId: said.id });
  await untilEven(holdfast, asked.id, PRICE_MINOR / 2);
});

it('a price lowered while the answer of the capture is lost has the rest given back', async () => {
  const shop = await openShop(holdfast, { accountId: account.id });
  await fault(holdfast, { ...STRIPE_CALLS.capture, drop: 'after', times: 2 });
  await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'again', holdAt: 'before' });
  const asked = book(holdfast, shop);
  await untilHeld(holdfast, 'again');
  await move(asked, 3, { price: { amountMinor: PRICE_MINOR / 2, currency: 'eur' } });
  await liftFaults(holdfast);
  await release(holdfast, 'again');
  const kept = await untilEven(holdfast, asked.id, PRICE_MINOR / 2);
  expect(kept).toMatchObject({ captures: 1, refunds: 1 });
});

it('a balance that waits for its payer is tried anew when the price changes', async () => {
  const asked = await deposited(holdfast, await depositShop(holdfast, account));
  await declineNext(holdfast, asked.id, 'chargeDeclinedExpiredCard');
  await dayComes(holdfast, asked.id);
  const link = (await untilDue(holdfast, asked.id, (due) => Boolean(due?.payUntilAt)))?.paymentLink;
  await move(asked, 3, { price: { amountMinor: 2 * PRICE_MINOR, currency: 'eur' } });
  await dayComes(holdfast, asked.id);
  await untilEven(holdfast, asked.id, 2 * PRICE_MINOR);
  const { body } = await holdfast.call('GET', `/bookings/${asked.id}/payments`);
  expect(link).toMatch(/^http/);
  expect(body.items.map((one: { status: string }) => one.status)).toEqual([
    'captured',
    'cancelled',
    'captured',
  ]);
});
