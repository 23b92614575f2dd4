import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { changeIdOf } from '../../src/api/routes/cancellations.ts';
import {
  addEvent,
  calendarPath,
  resync,
  steer,
  untilStatus,
  untilTaken,
} from '../support/calendar.ts';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { onQueue, viewTemporal, type TemporalView } from '../support/history.ts';
import {
  dayComes,
  declineNext,
  deposited,
  depositShop,
  untilDue,
  untilEven,
} from '../support/money.ts';
import {
  fault,
  hitsOf,
  liftFaults,
  listCalls,
  release,
  STRIPE_CALLS,
  untilHeld,
} from '../support/outside.ts';
import { addBrowserAccount, does, payerConfirms } from '../support/payer.ts';
import { addResource, connectGoogle, type Scene } from '../support/scene.ts';
import { book, booked, cancel, openShop, PRICE_MINOR, shortenHolds } from '../support/shop.ts';
import { scrubbed, writeHistory, type NamedHistory } from './histories.ts';
import { currentCode, failuresOf } from './replaying.ts';

/**
 * Runs of every kind, replayed at once. With `RECORD_HISTORIES=1` they are also kept for
 * `replay.pure.test.ts`, which is how later code is held to them.
 */
let holdfast: Holdfast;
let temporal: TemporalView;
const made: NamedHistory[] = [];
beforeAll(async () => {
  holdfast = await startHoldfast();
  temporal = await viewTemporal();
});
afterAll(async () => {
  await temporal.close();
  await holdfast.stop();
});

async function keep(name: string, workflowId: string, runId?: string): Promise<void> {
  const history = scrubbed(await temporal.history(workflowId, runId));
  made.push({ name, workflowId, history });
}

const keepBooking = async (name: string, bookingId: string): Promise<void> => {
  const workflowId = `booking/${holdfast.tenantId}/${bookingId}`;
  await temporal.client.workflow.getHandle(workflowId).result();
  await keep(name, workflowId);
};

it('bookings of every ending are made', async () => {
  const shop = await openShop(holdfast);
  const paid = await booked(holdfast, shop);
  await keepBooking('booking-paid', paid.id);
  await cancel(holdfast, paid.id);
  await untilSettled(holdfast, [paid]);
  const [change] = await until(
    () => temporal.runs(`${onQueue(holdfast)} AND WorkflowType = 'bookingChange'`),
    (found) => found.length === 1,
  );
  await temporal.client.workflow.getHandle(change!.workflowId).result();
  await keep('change-cancel', change!.workflowId);

  const declined = book(holdfast, shop, { card: 'pm_card_visa_chargeDeclined' });
  await untilSettled(holdfast, [declined]);
  await keepBooking('booking-declined', declined.id);

  const external = { payment: { kind: 'external' } };
  const confirmed = book(holdfast, shop, external);
  await confirmed.answer;
  await holdfast.call('POST', `/bookings/${confirmed.id}/confirm`, { reference: 'invoice-1' });
  await keepBooking('booking-external', confirmed.id);
  const givenUp = book(holdfast, shop, external);
  await givenUp.answer;
  await cancel(holdfast, givenUp.id);
  await keepBooking('booking-given-up', givenUp.id);
  await shortenHolds(holdfast, shop, 1_500);
  const expired = book(holdfast, shop, external);
  await untilSettled(holdfast, [expired]);
  await keepBooking('booking-expired', expired.id);
  expect(made).toHaveLength(6);
});

it('bookings paid in a browser, read again before their commit, and settled later are made', async () => {
  const { id: accountId } = await addBrowserAccount(holdfast);
  const shop = await openShop(holdfast, { accountId, calendar: true });
  const browser = { payment: { kind: 'browser', accountId } };
  const paid = book(holdfast, shop, browser);
  await paid.answer;
  const intent = await payerConfirms(holdfast, paid.id, 'pm_card_authenticationRequired');
  await holdfast.database.pool.query(
    `UPDATE connection SET confirmed_at = confirmed_at - interval '2 days' WHERE id = $1`,
    [shop.connectionId],
  );
  await does(holdfast, intent, 'authenticate');
  await untilSettled(holdfast, [paid]);
  await keepBooking('booking-browser', paid.id);

  const left = book(holdfast, shop, browser);
  await left.answer;
  await cancel(holdfast, left.id);
  await keepBooking('booking-browser-given-up', left.id);

  const met = await fault(holdfast, { ...STRIPE_CALLS.capture, status: 503, times: 1_000 });
  const lost = book(holdfast, shop);
  await until(
    () => hitsOf(holdfast, met),
    (hits) => hits > 0,
  );
  const { tenantId } = holdfast;
  await temporal.client.workflow.getHandle(`booking/${tenantId}/${lost.id}`).terminate();
  await liftFaults(holdfast);
  await holdfast.database.pool.query(
    `UPDATE payment SET updated_at = updated_at - interval '1 hour' WHERE booking_id = $1`,
    [lost.id],
  );
  await untilSettled(holdfast, [lost]);
  const settle = `booking-settle/${tenantId}/${lost.id}`;
  await temporal.client.workflow.getHandle(settle).result();
  await keep('booking-settle', settle);
  expect(made).toHaveLength(9);
});

it('bookings that were moved, and one whose payer declined, are made', async () => {
  const price = { per: 'night', amountMinor: 12_000, currency: 'eur' };
  const shop = await openShop(holdfast, { settings: { price } });
  const asked = await booked(holdfast, shop);
  const DAY_MS = 86_400_000;
  const move = async (name: string, days: number, paymentMethod: string) => {
    const to = {
      startAt: asked.startAt,
      endAt: new Date(Date.parse(asked.endAt) + days * DAY_MS).toISOString(),
    };
    const path = `/bookings/${asked.id}/reschedule`;
    const { body: said } = await holdfast.call('POST', `${path}-quotes`, to);
    const key = randomUUID();
    const payment = { kind: 'method', paymentMethod };
    await holdfast.call('POST', path, { quoteId: said.id, payment }, { 'idempotency-key': key });
    const ref = { tenantId: holdfast.tenantId, bookingId: asked.id };
    const workflowId = `booking-change/${ref.tenantId}/${ref.bookingId}/${changeIdOf(ref, key)}`;
    await temporal.client.workflow.getHandle(workflowId).result();
    await keep(name, workflowId);
  };
  await move('change-reschedule-declined', 3, 'pm_card_visa_chargeDeclined');
  await move('change-reschedule-dearer', 3, 'pm_card_visa');
  await move('change-reschedule-cheaper', 2, 'pm_card_visa');
  expect(made.map(({ name }) => name)).toContain('change-reschedule-cheaper');
});

/** A change's latest run, once it is over. */
const keepChange = async (name: string, bookingId: string, changeId: string): Promise<void> => {
  const workflowId = `booking-change/${holdfast.tenantId}/${bookingId}/${changeId}`;
  await temporal.client.workflow.getHandle(workflowId).result();
  await keep(name, workflowId);
};

it('balances, a refund and a renewed authorization are made', async () => {
  const account = await addBrowserAccount(holdfast);
  const shop = await depositShop(holdfast, account, { settings: { lapse: 'renew' } });
  const due = await deposited(holdfast, shop);
  await dayComes(holdfast, due.id);
  await untilEven(holdfast, due.id, PRICE_MINOR);
  await keepChange('change-balance', due.id, 'balance');

  const unpaid = await deposited(holdfast, shop);
  await declineNext(holdfast, unpaid.id, 'chargeDeclinedExpiredCard');
  await dayComes(holdfast, unpaid.id);
  await untilDue(holdfast, unpaid.id, (one) => Boolean(one?.payUntilAt));
  await keepChange('change-balance-declined', unpaid.id, 'balance');

  const key = randomUUID();
  const part = { amountMinor: 1_000, reason: 'late-check-in' };
  await holdfast.call('POST', `/bookings/${due.id}/refunds`, part, { 'idempotency-key': key });
  await untilEven(holdfast, due.id, PRICE_MINOR - 1_000);
  const ref = { tenantId: holdfast.tenantId, bookingId: due.id };
  await keepChange('change-refund', due.id, changeIdOf(ref, key));

  await fault(holdfast, { ...STRIPE_CALLS.capture, hold: 'capture', holdAt: 'before' });
  const lapsing = book(holdfast, await openShop(holdfast, { settings: { lapse: 'renew' } }));
  await untilHeld(holdfast, 'capture');
  await liftFaults(holdfast);
  await holdfast.database.pool.query(
    `UPDATE payment SET capture_before = now() + interval '1 hour' WHERE booking_id = $1`,
    [lapsing.id],
  );
  await untilEven(holdfast, lapsing.id, PRICE_MINOR);
  await release(holdfast, 'capture');
  await keepChange('change-reauthorize', lapsing.id, 'reauthorize-1');
  expect(made).toHaveLength(16);
});

it('a conflict that a person decides is made', async () => {
  const settings = { conflicts: { rule: 'ask' } };
  const shop = await openShop(holdfast, { calendar: true, settings });
  const asked = await booked(holdfast, shop);
  await untilSettled(holdfast, [asked]);
  const endAt = new Date(Date.parse(asked.endAt) + 3_600_000).toISOString();
  await holdfast.control('POST', `${calendarPath(shop.calendarId!)}/events`, {
    summary: 'Family',
    start: { dateTime: asked.startAt },
    end: { dateTime: endAt },
  });
  const { body } = await until(
    () => holdfast.call('GET', `/conflicts?bookingId=${asked.id}`),
    (answer) => answer.body.items.length === 1,
  );
  const [conflict] = body.items;
  await holdfast.call('POST', `/conflicts/${conflict.id}/decide`, { keep: 'theirs' });
  await untilEven(holdfast, asked.id, 0);
  const { workflowId } = conflict.links;
  await temporal.client.workflow.getHandle(workflowId).result();
  await keep('change-conflict', workflowId);
  expect(made).toHaveLength(17);
});

it('a connection in good and bad days is made', async () => {
  const shop = await openShop(holdfast, { calendar: true });
  const scene = shop as Scene & typeof shop;
  await addEvent(holdfast, scene, { days: 20, hour: 9 });
  await untilTaken(holdfast, scene, { days: 20, hour: 9 });
  await untilSettled(holdfast, [await booked(holdfast, shop)]);
  await fault(holdfast, { ...listCalls(scene.calendarId), status: 503, times: 5 });
  await addEvent(holdfast, scene, { days: 20, hour: 11 });
  await untilStatus(holdfast, scene, 'lagging');
  await liftFaults(holdfast);
  await untilStatus(holdfast, scene, 'live');
  await holdfast.control('POST', `${calendarPath(scene.calendarId)}/expire-sync-tokens`);
  for (const verb of ['sync-now', 'pause', 'resume'])
    expect((await steer(holdfast, scene, verb)).status).toBe(200);
  expect((await resync(holdfast, scene)).status).toBe(200);
  expect((await steer(holdfast, scene, 'disconnect')).status).toBe(200);
  const workflowId = `connection/${holdfast.tenantId}/${scene.connectionId}`;
  await temporal.client.workflow.getHandle(workflowId).result();
  await keep('connection-good-and-bad-days', workflowId);
});

it('a connection that goes on in a new run is made', async () => {
  const scene = await connectGoogle(holdfast, { resourceId: await addResource(holdfast) });
  const workflowId = `connection/${holdfast.tenantId}/${scene.connectionId}`;
  const handle = temporal.client.workflow.getHandle(workflowId);
  const first = (await handle.describe()).runId;
  await until(
    async () => {
      // Not through the API, whose rate is meant for people. A run that ends meanwhile takes none.
      await handle.executeUpdate('syncNow').catch(() => undefined);
      return (await handle.describe()).runId;
    },
    (runId) => runId !== first,
    60_000,
  );
  await addEvent(holdfast, scene, { days: 3, hour: 9 });
  await untilTaken(holdfast, scene, { days: 3, hour: 9 });
  await keep('connection-first-run', workflowId, first);
  await keep('connection-next-run', workflowId);
  expect(made).toHaveLength(20);
});

it('all of them replay', async () => {
  expect(await failuresOf(await currentCode(), made)).toEqual({});
  if (process.env['RECORD_HISTORIES'] === '1') made.forEach(writeHistory);
});
