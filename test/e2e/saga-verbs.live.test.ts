import { Client, Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { fault, liftFaults, STRIPE_CALLS } from '../support/outside.ts';
import { addBrowserAccount, does, payerConfirms, type BrowserAccount } from '../support/payer.ts';
import { book, booked, openShop, shortenHolds, type Shop } from '../support/shop.ts';

let holdfast: Holdfast;
let account: BrowserAccount;
let shop: Shop;
let temporal: Client;
beforeAll(async () => {
  holdfast = await startHoldfast();
  account = await addBrowserAccount(holdfast);
  shop = await openShop(holdfast, { accountId: account.id });
  const connection = await Connection.connect({ address: inject('temporalAddress') });
  temporal = new Client({ connection, namespace: inject('temporalNamespace') });
});
afterEach(() => liftFaults(holdfast));
afterAll(async () => {
  await temporal.connection.close();
  await holdfast.stop();
});

const browser = { payment: { kind: 'browser' } };
const read = async (id: string) => (await holdfast.call('GET', `/bookings/${id}`)).body;
const handleOf = (id: string) => temporal.workflow.getHandle(`booking/${holdfast.tenantId}/${id}`);
const settingsOf = ({ resourceId }: Shop, settings: object) =>
  holdfast.database.pool.query(
    'UPDATE resource SET settings = settings || $2::jsonb WHERE id = $1',
    [resourceId, JSON.stringify(settings)],
  );

describe('a payer who is present', () => {
  it('may authenticate for a method that was given; one who is not is declined', async () => {
    const card = 'pm_card_authenticationRequired';
    const given = { kind: 'method', paymentMethod: card, payerPresent: true };
    const asked = book(holdfast, shop, { payment: given });
    const waiting = await until(
      () => read(asked.id),
      (body) => body.payment?.status === 'needs-action',
    );
    const { clientSecret, publishableKey } = waiting.payment;
    expect(publishableKey).toBe(account.publishableKey);
    await does(holdfast, { id: clientSecret.split('_secret_')[0] }, 'authenticate');
    const absent = book(holdfast, shop, { card });
    const judged = await untilSettled(holdfast, [asked, absent]);
    expect(judged.map(({ state }) => state)).toEqual(['confirmed', 'declined']);
  });
});

describe('a hold', () => {
  it('is made longer by its rule, while it is paid for, and paid after its first end', async () => {
    const hasty = await openShop(holdfast, { accountId: account.id });
    await settingsOf(hasty, { holdExtension: { byMs: 20_000, times: 1 } });
    await shortenHolds(holdfast, hasty, 3_000);
    const asked = book(holdfast, hasty, browser);
    const before = (await asked.answer)!.body.holdExpiresAt as string;
    const extend = (key: string) =>
      holdfast.call('POST', `/bookings/${asked.id}/extend`, {}, { 'idempotency-key': key });
    const longer = await extend('once');
    expect(longer.status).toBe(200);
    expect(Date.parse(longer.body.holdExpiresAt)).toBeGreaterThan(Date.parse(before) + 15_000);
    expect((await extend('once')).body.holdExpiresAt).toBe(longer.body.holdExpiresAt);
    expect((await extend('twice')).body).toMatchObject({ status: 409, reason: 'used-up' });
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect((await read(asked.id)).state).toBe('paying');
    await payerConfirms(holdfast, asked.id);
    const [judged] = await untilSettled(holdfast, [asked]);
    expect(judged?.state).toBe('confirmed');
    expect((await extend('late')).body).toMatchObject({ status: 409, reason: 'over' });
    expect(await extend('once')).toMatchObject({
      status: 200,
      body: { state: 'confirmed', holdExpiresAt: longer.body.holdExpiresAt },
    });
  });
});

describe('a key', () => {
  it('answers the same although Temporal forgot the booking, its secret included', async () => {
    const asked = book(holdfast, shop, browser);
    const first = (await asked.answer)!.body;
    const paid = await booked(holdfast, shop);
    const paidFirst = await read(paid.id);
    for (const { id } of [asked, paid]) {
      const { workflowExecution, workflowService } = {
        workflowService: temporal.workflowService,
        workflowExecution: { workflowId: handleOf(id).workflowId },
      };
      await handleOf(id)
        .terminate('as if its data were lost')
        .catch(() => undefined);
      await workflowService.deleteWorkflowExecution({
        namespace: inject('temporalNamespace'),
        workflowExecution,
      });
    }
    const again = await asked.again();
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first);
    expect(again.body.payment.clientSecret).toMatch(/^pi_/);
    const { mirrors: _, guest: _guest, conflicts: _conflicts, ...shown } = paidFirst;
    expect((await paid.again()).body).toEqual(shown);
  });
});

describe('a calendar whose copy is too old to commit by', () => {
  const shopWith = async (recheck: object) => {
    const watched = await openShop(holdfast, { accountId: account.id, calendar: true });
    await settingsOf(watched, { recheck });
    return watched;
  };
  const age = ({ connectionId }: Shop) =>
    holdfast.database.pool.query(
      `UPDATE connection SET confirmed_at = confirmed_at - interval '2 days' WHERE id = $1`,
      [connectionId],
    );
  const entriesOf = async (id: string): Promise<string[]> => {
    const { rows } = await holdfast.database.pool.query<{ type: string }>(
      `SELECT type FROM journal WHERE subject = $1 ORDER BY seq`,
      [`booking/${id}`],
    );
    return rows.map(({ type }) => type);
  };

  it('is read again first, and then the booking is confirmed', async () => {
    const old = await shopWith({ timeoutMs: 10_000, onTimeout: 'refuse' });
    await age(old);
    const asked = await booked(holdfast, old);
    expect(await read(asked.id)).toMatchObject({ state: 'confirmed', recheck: 'confirmed' });
    const next = await booked(holdfast, old);
    expect((await read(next.id)).recheck).toBeNull();
    await untilSettled(holdfast, [asked, next]);
  });

  it.each([
    ['accept', 'confirmed', 'accepted', null],
    ['refuse', 'cancelled', 'refused', 'copy-too-old'],
  ])(
    'and does not answer in time: the rule is to %s',
    async (onTimeout, state, recheck, reason) => {
      const old = await shopWith({ timeoutMs: 400, onTimeout });
      await fault(holdfast, {
        host: 'google',
        method: 'GET',
        path: '/events',
        status: 503,
        times: 99,
      });
      await age(old);
      const asked = book(holdfast, old, { prefer: 'wait=10' });
      expect((await asked.answer)!.body).toMatchObject({ state, recheck, reason });
      expect(await entriesOf(asked.id)).toContain(`booking.recheck-${recheck}`);
      await liftFaults(holdfast);
      await untilSettled(holdfast, [asked]);
    },
  );
});

describe('a step that is stuck', () => {
  it('calls a person, who has it tried at once, or says that it was done by hand', async () => {
    await fault(holdfast, { ...STRIPE_CALLS.capture, status: 503, times: 100_000 });
    const [tried, byHand] = [await booked(holdfast, shop), await booked(holdfast, shop)];
    const attention = 'stuck-capture-payment';
    const stuck = (id: string) =>
      until(
        () => read(id),
        (body) => body.attentions.includes(attention),
        90_000,
      );
    await Promise.all([stuck(tried.id), stuck(byHand.id)]);
    const metrics = await (await fetch(`${holdfast.apiUrl}/metrics`)).text();
    expect(metrics).toContain(`holdfast_bookings_attention{kind="${attention}"} 2`);

    const resolve = (id: string, body: object) =>
      holdfast.call('POST', `/bookings/${id}/resolve`, body);
    const reason = 'captured in the dashboard, case 1';
    expect((await resolve(byHand.id, { decision: 'resolved-by-hand' })).status).toBe(400);
    const wrong = { decision: 'retry', attention: 'stuck-void-payment' };
    expect((await resolve(byHand.id, wrong)).body.attentions).toEqual([attention]);
    const done = await resolve(byHand.id, { decision: 'resolved-by-hand', reason });
    expect(done.body).toMatchObject({ state: 'confirmed', attention: null, attentions: [] });
    await handleOf(byHand.id).result();
    const { rows } = await holdfast.database.pool.query<{ data: object }>(
      `SELECT data FROM journal WHERE subject = $1 AND type = 'booking.resolved-by-hand'`,
      [`booking/${byHand.id}`],
    );
    expect(rows).toMatchObject([{ data: { attention, reason } }]);

    await liftFaults(holdfast);
    expect((await resolve(tried.id, { decision: 'retry' })).status).toBe(200);
    const startedAt = performance.now();
    await handleOf(tried.id).result();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect((await read(tried.id)).attentions).toEqual([]);
    await untilSettled(holdfast, [tried]);
    expect((await resolve(tried.id, { decision: 'retry' })).status).toBe(409);

    // By hand means that nobody of ours touches it any more.
    await holdfast.database.pool.query(
      `UPDATE payment SET updated_at = updated_at - interval '1 hour' WHERE booking_id = $1`,
      [byHand.id],
    );
    await new Promise((resolveIn) => setTimeout(resolveIn, 3_000));
    expect((await read(byHand.id)).payment.status).toBe('authorized');
  }, 120_000);
});
