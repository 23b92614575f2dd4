import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createGates, type Gates } from '../support/gates.ts';
import { startHoldfast, type Answer, type Holdfast } from '../support/holdfast.ts';
import { untilEven } from '../support/money.ts';
import { addBrowserAccount } from '../support/payer.ts';
import { book, booked, openShop, PRICE_MINOR, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let shop: Shop;
let accountId: string;
let gates: Gates;
beforeAll(async () => {
  holdfast = await startHoldfast();
  ({ id: accountId } = await addBrowserAccount(holdfast));
  shop = await openShop(holdfast, { accountId });
  gates = await createGates(holdfast.adminUrl);
});
afterAll(async () => {
  await gates.close();
  await holdfast.stop();
});

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
  for (const [kind, path, body] of [
    ['cancellation', '/cancel', {}],
    ['cancellation', '/cancel', { quoteId: randomUUID() }],
    ['reschedule', '/reschedule', { quoteId: randomUUID() }],
  ] as const) {
    const quotes = `/v1/customer/booking/${kind}-quotes`;
    const { body: refused } = await ask('POST', path, body);
    expect(refused).toMatchObject({ type: '/problems/quote-over', quotes });
  }
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

describe('where the seller does not let customers', () => {
  const closed = { mayCancel: false, mayMove: false };
  const refused = { status: 403, body: { type: '/problems/ask-the-seller' } };

  it('cancel or move, a confirmed booking stays, and staff cancel it', async () => {
    const strict = await openShop(holdfast, { accountId, settings: { customers: closed } });
    const asked = await booked(holdfast, strict);
    const ask = as(await tokenOf(asked.id));
    const to = { startAt: hourLater(asked.startAt), endAt: hourLater(asked.endAt) };
    expect((await ask('GET', '')).body.may).toEqual({ cancel: false, move: false });
    for (const [path, body] of [
      ['/cancellation-quotes', {}],
      ['/cancel', {}],
      ['/cancel', { quoteId: randomUUID() }],
      ['/reschedule-quotes', to],
      ['/reschedule', { quoteId: randomUUID() }],
    ] as const)
      expect(await ask('POST', path, body)).toMatchObject(refused);
    expect((await ask('GET', '')).body.state).toBe('confirmed');
    const over = await holdfast.call('POST', `/bookings/${asked.id}/cancel`, {});
    expect(over).toMatchObject({ status: 200, body: { state: 'cancelled' } });
    await untilEven(holdfast, asked.id, 0);
  });

  it('cancel, a hold can be given up, and a rule of one says nothing of the other', async () => {
    const customers = { mayCancel: false };
    const half = await openShop(holdfast, { accountId, settings: { customers } });
    const held = book(holdfast, half, { payment: { kind: 'browser', accountId } });
    await held.answer;
    const ask = as(await tokenOf(held.id));
    expect((await ask('GET', '')).body.may).toEqual({ cancel: false, move: true });
    expect((await ask('POST', '/cancel', {})).body.state).toBe('cancelled');
    const path = `/resources/${half.resourceId}`;
    await holdfast.call('PATCH', path, { settings: { customers: { mayMove: false } } });
    const { body } = await holdfast.call('GET', path);
    expect(body.settings.customers).toEqual(closed);
  });
});

it('a cancel that was begun before the rule changed is answered as it went', async () => {
  const kind = await openShop(holdfast, { accountId });
  const asked = await booked(holdfast, kind);
  await untilEven(holdfast, asked.id, PRICE_MINOR);
  const ask = as(await tokenOf(asked.id));
  const { body: quote } = await ask('POST', '/cancellation-quotes', {});
  const gate = await gates.shut(kind.resourceId, 'cancelled');
  const key = randomUUID();
  const cancel = () => ask('POST', '/cancel', { quoteId: quote.id }, key);
  const first = cancel();
  await gate.untilWaiting(1);
  await holdfast.database.pool.query(
    `UPDATE resource SET settings = settings || '{"customers": {"mayCancel": false}}' WHERE id = $1`,
    [kind.resourceId],
  );
  const again = cancel();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await gate.open();
  for (const answer of [await first, await again])
    expect(answer).toMatchObject({ status: 200, body: { state: 'cancelled' } });
  await untilEven(holdfast, asked.id, 0);
});

it('a cancel that comes as the booking is confirmed is refused, with where to ask for a quote', async () => {
  const tier = { beforeMs: 0, feePercent: 100, feeMinor: 0 };
  const dear = await openShop(holdfast, { accountId, settings: { cancellation: [tier] } });
  const gate = await gates.shut(dear.resourceId, 'confirmed');
  const asked = book(holdfast, dear);
  await gate.untilWaiting(1);
  const ask = as(await tokenOf(asked.id));
  const cancelled = ask('POST', '/cancel', {});
  await new Promise((resolve) => setTimeout(resolve, 500));
  await gate.open();
  const quotes = '/v1/customer/booking/cancellation-quotes';
  expect(await cancelled).toMatchObject({ status: 409, body: { quotes } });
  expect((await ask('GET', '')).body).toMatchObject({ state: 'confirmed', owedMinor: PRICE_MINOR });
  await untilEven(holdfast, asked.id, PRICE_MINOR);
});
