import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { calledOff, declineNext, keptOf, untilDue, untilEven } from '../support/money.ts';
import { fault, liftFaults, release, STRIPE_CALLS, untilHeld } from '../support/outside.ts';
import {
  addBrowserAccount,
  does,
  intentOf,
  payerConfirms,
  type BrowserAccount,
} from '../support/payer.ts';
import { book, openShop, PRICE_MINOR, type Asked, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let account: BrowserAccount;
let renewing: Shop;
let capturing: Shop;
beforeAll(async () => {
  holdfast = await startHoldfast();
  account = await addBrowserAccount(holdfast);
  renewing = await openShop(holdfast, { accountId: account.id, settings: { lapse: 'renew' } });
  capturing = await openShop(holdfast, { accountId: account.id, settings: { lapse: 'capture' } });
});
afterEach(async () => {
  await liftFaults(holdfast);
  await holdfast.control('DELETE', '/stripe/executions');
});
afterAll(() => holdfast.stop());

/** Confirmed, with its capture held back before or after it was done; `release` lets it go on. */
async function stuckAtCapture(shop: Shop, holdAt: 'before' | 'after' = 'before'): Promise<Asked> {
  await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'capture', holdAt });
  const asked = book(holdfast, shop);
  await untilHeld(holdfast, 'capture');
  await liftFaults(holdfast);
  return asked;
}
const lapsing = ({ id }: Asked) =>
  holdfast.database.pool.query(
    `UPDATE payment SET capture_before = now() + interval '1 hour' WHERE booking_id = $1 AND n = 1`,
    [id],
  );
const paymentsOf = async ({ id }: Asked) =>
  (await holdfast.call('GET', `/bookings/${id}/payments`)).body.items as {
    purpose: string;
    status: string;
  }[];
const stateOf = async ({ id }: Asked) =>
  (await holdfast.call('GET', `/bookings/${id}`)).body as { state: string; attentions: string[] };

it('an authorization about to lapse is captured where the rule says so', async () => {
  const asked = await stuckAtCapture(capturing);
  await lapsing(asked);
  await untilEven(holdfast, asked.id, PRICE_MINOR);
  await release(holdfast, 'capture');
  expect(await keptOf(holdfast, asked.id)).toMatchObject({ authorizations: 1, captures: 1 });
  expect(await stateOf(asked)).toMatchObject({ state: 'confirmed', attentions: [] });
});

it('or is authorized anew without its payer, let go, and taken once', async () => {
  const asked = await stuckAtCapture(renewing);
  await lapsing(asked);
  const kept = await untilEven(holdfast, asked.id, PRICE_MINOR);
  expect(kept).toMatchObject({ authorizations: 2, captures: 1 });
  await release(holdfast, 'capture');
  await until(
    () => paymentsOf(asked),
    (all) => all.length === 2 && all[1]!.status === 'captured',
  );
  expect(await paymentsOf(asked)).toMatchObject([
    { purpose: 'booking', status: 'cancelled' },
    { purpose: 'renewal', status: 'captured' },
  ]);
  expect(await stateOf(asked)).toMatchObject({ state: 'confirmed', attentions: [] });
  await calledOff(holdfast, asked.id);
  await untilEven(holdfast, asked.id, 0);
});

it('one that was captured after all is not charged a second time', async () => {
  const asked = await stuckAtCapture(renewing, 'after');
  await lapsing(asked);
  await untilEven(holdfast, asked.id, PRICE_MINOR);
  await release(holdfast, 'capture');
  await untilDue(holdfast, asked.id, (due) => due === undefined);
  expect(await untilEven(holdfast, asked.id, PRICE_MINOR)).toMatchObject({
    authorizations: 1,
    captures: 1,
  });
});

it('one whose renewal is declined is captured while it can be', async () => {
  const asked = await stuckAtCapture(renewing);
  await declineNext(holdfast, asked.id, 'chargeDeclinedLostCard');
  await lapsing(asked);
  await untilEven(holdfast, asked.id, PRICE_MINOR);
  await release(holdfast, 'capture');
  expect(await keptOf(holdfast, asked.id)).toMatchObject({ captures: 1 });
});

it('one that lapsed before its capture is collected anew: the booking stands', async () => {
  const asked = await stuckAtCapture(renewing);
  await does(holdfast, await intentOf(holdfast, asked.id), 'lapse');
  await release(holdfast, 'capture');
  await untilEven(holdfast, asked.id, PRICE_MINOR);
  expect(await stateOf(asked)).toMatchObject({ state: 'confirmed', attentions: [] });
});

it('and where its method is declined too, by its payer at a browser', async () => {
  const asked = await stuckAtCapture(renewing);
  await declineNext(holdfast, asked.id, 'chargeDeclinedLostCard');
  await does(holdfast, await intentOf(holdfast, asked.id), 'lapse');
  await release(holdfast, 'capture');
  await untilDue(holdfast, asked.id, (due) => Boolean(due?.payUntilAt));
  await payerConfirms(holdfast, asked.id);
  await untilEven(holdfast, asked.id, PRICE_MINOR);
  expect(await stateOf(asked)).toMatchObject({ state: 'confirmed' });
});

it('without a method that was kept it is called off, as nobody can be charged', async () => {
  const asked = await stuckAtCapture(capturing);
  await does(holdfast, await intentOf(holdfast, asked.id), 'lapse');
  await release(holdfast, 'capture');
  await until(
    () => stateOf(asked),
    ({ state }) => state === 'cancelled',
  );
  expect(await untilEven(holdfast, asked.id, 0)).toMatchObject({ captures: 0 });
});
