import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startHoldfast, type Answer, type Holdfast } from '../support/holdfast.ts';
import { untilEven } from '../support/money.ts';
import { addBrowserAccount } from '../support/payer.ts';
import { booked, openShop, PRICE_MINOR, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let shop: Shop;
beforeAll(async () => {
  holdfast = await startHoldfast();
  const account = await addBrowserAccount(holdfast);
  shop = await openShop(holdfast, { accountId: account.id });
});
afterAll(() => holdfast.stop());

const tokenOf = async (id: string, body: object = {}): Promise<string> =>
  (await holdfast.call('POST', `/bookings/${id}/customer-token`, body)).body.customerToken;
const as = (token: string) => (method: string, path: string, body?: unknown, key?: string) =>
  holdfast.call(method, `/customer/booking${path}`, body, {
    authorization: `Bearer ${token}`,
    'idempotency-key': key ?? randomUUID(),
  });
const hourLater = (at: string) => new Date(Date.parse(at) + 3_600_000 * 24 * 40).toISOString();

it('a customer reads, moves and cancels the one booking that the token opens', async () => {
  const asked = await booked(holdfast, shop);
  const ask = as(await tokenOf(asked.id));
  const { body: own } = await ask('GET', '');
  expect(own).toMatchObject({ id: asked.id, state: 'confirmed', amountMinor: PRICE_MINOR });
  for (const internal of ['units', 'links', 'attention', 'guest', 'reason'])
    expect(own).not.toHaveProperty(internal);
  const to = { startAt: hourLater(asked.startAt), endAt: hourLater(asked.endAt) };
  const { body: said } = await ask('POST', '/reschedule-quotes', to);
  const moved = await ask('POST', '/reschedule', { quoteId: said.id });
  expect(moved).toMatchObject({ status: 200, body: to });
  const unquoted = await ask('POST', '/cancel', {});
  expect(unquoted.body.type).toBe('/problems/quote-over');
  const { body: fee } = await ask('POST', '/cancellation-quotes', {});
  const over: Answer = await ask('POST', '/cancel', { quoteId: fee.id });
  expect(over).toMatchObject({ status: 200, body: { state: 'cancelled' } });
  await untilEven(holdfast, asked.id, 0);
});

it('what only staff may say is refused', async () => {
  const asked = await booked(holdfast, shop);
  const ask = as(await tokenOf(asked.id));
  const to = { startAt: hourLater(asked.startAt), endAt: hourLater(asked.endAt) };
  const price = { amountMinor: 1, currency: 'eur' };
  expect(await ask('POST', '/reschedule-quotes', { ...to, price })).toMatchObject({ status: 403 });
  expect(await ask('POST', '/cancel', { keepMinor: 0 })).toMatchObject({ status: 403 });
});

it('a token that is wrong, revoked, or of another booking opens nothing', async () => {
  const asked = await booked(holdfast, shop);
  const other = await booked(holdfast, shop);
  const token = await tokenOf(asked.id);
  expect(await tokenOf(asked.id)).toBe(token);
  const forged = token.replace(asked.id, other.id);
  expect(await as(forged)('GET', '')).toMatchObject({ status: 401 });
  const wrong = token.slice(0, -1) + (token.endsWith('A') ? 'Q' : 'A');
  expect(await as(wrong)('GET', '')).toMatchObject({ status: 401 });
  expect(await as(holdfast.key)('GET', '')).toMatchObject({ status: 401 });
  const next = await tokenOf(asked.id, { revokeOthers: true });
  expect(await as(token)('GET', '')).toMatchObject({ status: 401 });
  expect(await as(next)('GET', '')).toMatchObject({ status: 200 });
  const asKey = await holdfast.call('GET', `/bookings/${asked.id}`, undefined, {
    authorization: `Bearer ${next}`,
  });
  expect(asKey.status).toBe(401);
});

it('one customer’s idempotency keys are no one else’s', async () => {
  const [one, other] = [await booked(holdfast, shop), await booked(holdfast, shop)];
  const key = randomUUID();
  const quotes = [];
  for (const { id } of [one, other, one])
    quotes.push((await as(await tokenOf(id))('POST', '/cancellation-quotes', {}, key)).body);
  expect(quotes.map(({ bookingId }) => bookingId)).toEqual([one.id, other.id, one.id]);
  expect(quotes[2]).toEqual(quotes[0]);
});
