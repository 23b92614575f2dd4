import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { calledOff, refuseCaptures, untilEven } from '../support/money.ts';
import { fault, liftFaults, release, STRIPE_CALLS, untilHeld } from '../support/outside.ts';
import { addBrowserAccount, does, intentOf } from '../support/payer.ts';
import { book, booked, openShop, PRICE_MINOR, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let accountId: string;
let shop: Shop;
let temporal: Client;
beforeAll(async () => {
  holdfast = await startHoldfast();
  ({ id: accountId } = await addBrowserAccount(holdfast));
  shop = await openShop(holdfast, { accountId });
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  temporal = new Client({ connection, namespace: inject('temporalNamespace') });
});
afterEach(async () => {
  await liftFaults(holdfast);
  await holdfast.control('DELETE', '/stripe/executions');
});
afterAll(async () => {
  await temporal.connection.close();
  await holdfast.stop();
});

const terminate = (workflowId: string) =>
  temporal.workflow.getHandle(workflowId).terminate('as if its data were lost');
/** As a run says before it is gone. */
const call = (id: string, attention: string) =>
  holdfast.database.pool.query('SELECT flag_attention($1, $2, $3)', [
    holdfast.tenantId,
    id,
    attention,
  ]);
const resolve = (id: string, attention: string, decision = 'retry') =>
  holdfast.call('POST', `/bookings/${id}/resolve`, {
    attention,
    decision,
    ...(decision !== 'retry' && { reason: 'case 1' }),
  });
const read = async (id: string) => (await holdfast.call('GET', `/bookings/${id}`)).body;
const changesOf = async (id: string) =>
  (
    await holdfast.database.pool.query<{ id: string; state: string }>(
      'SELECT id, state FROM booking_change WHERE booking_id = $1',
      [id],
    )
  ).rows;

describe('a retry where the run that was stuck is gone', () => {
  it('takes the money that it left, and the call back', async () => {
    await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'capture', holdAt: 'before' });
    const { id } = book(holdfast, shop);
    await untilHeld(holdfast, 'capture');
    await terminate(`booking/${holdfast.tenantId}/${id}`);
    await call(id, 'stuck-capture-payment');
    await liftFaults(holdfast);
    await release(holdfast, 'capture');
    const answer = await resolve(id, 'stuck-capture-payment');
    expect(answer).toMatchObject({ status: 200, body: { attentions: [] } });
    await untilEven(holdfast, id, PRICE_MINOR);
  });

  it('goes on with the change that it left open, at once', async () => {
    const { id } = await booked(holdfast, shop);
    await untilEven(holdfast, id, PRICE_MINOR);
    await fault(holdfast, { ...STRIPE_CALLS.refund, hold: 'refund', holdAt: 'before' });
    await calledOff(holdfast, id);
    await untilHeld(holdfast, 'refund');
    const [change] = await changesOf(id);
    await terminate(`booking-change/${holdfast.tenantId}/${id}/${change!.id}`);
    await call(id, 'stuck-close-change');
    await liftFaults(holdfast);
    await release(holdfast, 'refund');
    const answer = await resolve(id, 'stuck-close-change');
    expect(answer).toMatchObject({ status: 200, body: { attentions: [] } });
    await untilEven(holdfast, id, 0);
    await until(
      () => changesOf(id),
      ([one]) => one!.state === 'done',
    );
  });

  it('looks at once at money that is on its way', async () => {
    const { id } = await booked(holdfast, shop);
    await calledOff(holdfast, id);
    await untilEven(holdfast, id, 0);
    await call(id, 'payment-processing');
    const answer = await resolve(id, 'payment-processing');
    expect(answer).toMatchObject({ status: 200, body: { attentions: [] } });
  });
});

describe('where trying again does nothing, the answer says what to do, and the call stays:', () => {
  const refused = { status: 409, body: { type: '/problems/settled-otherwise' } };
  let id: string;
  beforeAll(async () => {
    ({ id } = await booked(holdfast, shop));
    await untilEven(holdfast, id, PRICE_MINOR);
  });

  it.each([
    ['dispute', 'payment service'],
    ['dispute-lost', 'bank'],
    ['difference-unpaid', 'guest'],
    ['fee-unpaid', 'guest'],
    ['money-by-hand', 'where it is'],
    ['balance-unpaid', 'guest'],
    ['payment-lapsed', 'guest'],
  ])('%s, until a person says that it is done', async (attention, words) => {
    await call(id, attention);
    const answer = await resolve(id, attention);
    expect(answer).toMatchObject(refused);
    expect(answer.body.detail).toContain(words);
    expect((await read(id)).attentions).toEqual([attention]);
    const byHand = await resolve(id, attention, 'resolved-by-hand');
    expect(byHand).toMatchObject({ status: 200, body: { attentions: [] } });
  });

  it('conflict, which is decided and nothing else', async () => {
    await call(id, 'conflict');
    for (const decision of ['retry', 'resolved-by-hand']) {
      const answer = await resolve(id, 'conflict', decision);
      expect(answer).toMatchObject(refused);
      expect(answer.body.detail).toContain('/v1/conflicts/');
    }
    expect((await read(id)).attentions).toEqual(['conflict']);
  });
});

describe('the fee of a booking that is cancelled before its capture', () => {
  const feeShop = () =>
    openShop(holdfast, {
      accountId,
      settings: { cancellation: [{ beforeMs: 0, feePercent: 50, feeMinor: 0 }] },
    });
  /** Authorized; its own capture is held back. */
  const authorized = async () => {
    await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'capture', holdAt: 'before' });
    const { id } = book(holdfast, await feeShop());
    await untilHeld(holdfast, 'capture');
    await liftFaults(holdfast);
    return id;
  };

  it('is taken of what was authorized', async () => {
    const id = await authorized();
    await calledOff(holdfast, id);
    await untilEven(holdfast, id, PRICE_MINOR / 2);
    await release(holdfast, 'capture');
    expect(await read(id)).toMatchObject({ state: 'cancelled', attentions: [] });
  });

  it.each(['lapsed', 'refused'])(
    'calls a person when the authorization is %s, and is owed no more',
    async (how) => {
      const id = await authorized();
      if (how === 'lapsed') await does(holdfast, await intentOf(holdfast, id), 'lapse');
      else await refuseCaptures(holdfast);
      await calledOff(holdfast, id);
      await until(
        () => read(id),
        ({ attentions }) => attentions.includes('fee-unpaid'),
      );
      await release(holdfast, 'capture');
      await untilEven(holdfast, id, 0);
      expect(await resolve(id, 'fee-unpaid', 'resolved-by-hand')).toMatchObject({ status: 200 });
    },
  );
});
