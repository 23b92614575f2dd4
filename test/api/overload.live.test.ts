import { createHmac, randomUUID } from 'node:crypto';
import { afterEach, expect, test } from 'vitest';
import type { HoldAnswer } from '../../src/commands.ts';
import type { LoadBounds } from '../../src/domain/load.ts';
import { LOAD_BOUNDS } from '../../src/domain/load.ts';
import { REQUEST_FIGURES } from '../../src/domain/request-limits.ts';
import { hashSecret } from '../../src/store/gate.ts';
import type { Reply, TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
/** Holds that are asked for are answered only while this is open. */
let gate: { opened: Promise<void>; open: () => void };
afterEach(async () => {
  gate.open();
  await api.close();
});

async function open(bounds: Partial<LoadBounds>): Promise<void> {
  let letThrough: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (letThrough = resolve));
  gate = { opened, open: letThrough };
  const publicUrl = 'https://holdfast.example.com';
  // How busy the machine of the test is, is not what is looked at.
  const calm = { waitMs: 60_000, lagMs: 60_000, databaseWaitMs: 60_000 };
  const loadBounds = { ...LOAD_BOUNDS, ...calm, ...bounds };
  api = await startApi({
    config: {
      publicUrl,
      stripeJsUrl: 'https://js.stripe.com/v3/',
      loadBounds,
      requestFigures: REQUEST_FIGURES,
      proxies: 0,
    },
  });
  const { startBooking } = api.commands;
  api.commands.startBooking = async (input): Promise<HoldAnswer> => {
    await gate.opened;
    return startBooking(input);
  };
  await makeResource(api, { id: 'wide', capacity: 400, settings: { price: PRICE } });
}

const PRICE = { per: 'booking', amountMinor: 1_000, currency: 'eur' };
const CALLERS = 300;
const book = (key: string, resourceId = 'wide', kind = 'external') =>
  api.ask('POST', '/v1/bookings', {
    headers: { 'idempotency-key': key },
    body: {
      resourceId,
      startAt: '2031-03-01T10:00:00Z',
      endAt: '2031-03-01T12:00:00Z',
      payment: { kind },
    },
  });
const crowd = (many: number) => Array.from({ length: many }, () => book(randomUUID()));

function expectShed(replies: readonly Reply[], bounds: readonly string[]) {
  for (const reply of replies) {
    expect(reply.status).toBe(503);
    expect(reply.body).toMatchObject({ type: '/problems/overloaded' });
    expect(bounds).toContain(reply.body.bound);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(reply.headers.get('ratelimit')).toContain('"key-write";r=');
  }
  // They do not all come back at once.
  expect(new Set(replies.map((one) => one.headers.get('retry-after'))).size).toBeGreaterThan(1);
}

const metric = async (name: string): Promise<number> => {
  const { text } = await api.ask('GET', '/metrics', { key: null });
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
};
/** Answers the most that it saw on the way. */
async function untilStarting(many: number): Promise<number> {
  for (let most = 0; ;) {
    const starting = await metric('holdfast_bookings_starting');
    most = Math.max(most, starting);
    if (starting === many) return most;
  }
}

/** A calendar that notifies and a payment account that reports, by their own routes. */
async function inbound() {
  const { prisma } = api.database;
  await makeResource(api, { id: 'shown' });
  const account = await api.ask('POST', '/v1/accounts', {
    headers: { 'idempotency-key': 'account' },
    body: { channel: 'ical', url: 'https://calendars.example.com/a.ics' },
  });
  const connection = await api.ask('POST', '/v1/connections', {
    headers: { 'idempotency-key': 'connection' },
    body: { resourceId: 'shown', accountId: account.body.id, calendarId: 'feed' },
  });
  expect([connection.status, connection.text]).toEqual([201, expect.any(String)]);
  const connectionId = connection.body.id as string;
  await prisma.watch.create({
    data: {
      tenantId: 'a',
      id: 'w',
      connectionId,
      secretHash: new Uint8Array(hashSecret('s')),
    },
  });
  await api.ask('POST', '/v1/payment-accounts', {
    headers: { 'idempotency-key': 'pay' },
    body: { id: 'main', service: 'stripe', secretKey: 'sk_1', webhookSecret: 'whsec_1' },
  });
  return {
    notify: () => api.ask('POST', '/v1/notifications/ical?watch=w&secret=s', { key: null }),
    pay(id: string) {
      const body = JSON.stringify({ id, object: 'event', type: 'x', data: { object: {} } });
      const at = Math.floor(Date.now() / 1_000);
      const digest = createHmac('sha256', 'whsec_1').update(`${at}.${body}`).digest('hex');
      const headers = { 'stripe-signature': `t=${at},v1=${digest}` };
      return api.ask('POST', '/v1/payment-webhooks/a/main', { key: null, body, headers });
    },
  };
}

test('three hundred callers beyond the bound are sent away, those held go on, and the rest is served', async () => {
  await open({ open: 20 });
  const hosts = await inbound();
  gate.open();
  const held = await book('held');
  expect(held.status).toBe(201);
  const heapBefore = process.memoryUsage().heapUsed;
  const asked = crowd(CALLERS);
  const during = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => [
      await hosts.notify(),
      await hosts.pay(`evt_${n}`),
      await api.ask('GET', `/v1/bookings/${held.body.id}`),
      await book('held'),
    ]),
  );
  for (const [notified, paid, read, again] of during) {
    expect([notified!.status, paid!.status, read!.status]).toEqual([202, 200, 200]);
    expect(again!.status).toBe(201);
    expect(again!.headers.get('idempotency-replayed')).toBe('true');
  }
  const replies = await Promise.all(asked);
  const taken = replies.filter((one) => one.status === 201);
  expect(taken).toHaveLength(19);
  expectShed(
    replies.filter((one) => one.status !== 201),
    ['open'],
  );
  expect(await metric('holdfast_bookings_starting')).toBe(0);
  expect(await metric('holdfast_bookings_shed_total\\{bound="open"\\}')).toBe(CALLERS - 19);
  expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(100 * 1024 * 1024);
  await finish([...taken, held]);
});

/** Those that hold their units are finished, and then there is room again. */
async function finish(taken: readonly Reply[]) {
  for (const { body } of taken) {
    const reply = await api.ask('POST', `/v1/bookings/${body.id}/confirm`, {
      body: { reference: 'r' },
    });
    expect([reply.status, reply.body.state]).toEqual([200, 'confirmed']);
  }
  // What is open is counted once a second.
  let reply = await book('later');
  for (const until = Date.now() + 5_000; reply.status !== 201 && Date.now() < until;)
    reply = await book('later');
  expect(reply.status).toBe(201);
}

test('while holds are not answered, no more wait than the bounds say, and each for so long', async () => {
  await open({ starts: 60, waiting: 30, waitMs: 300 });
  await makeResource(api, { id: 'other', settings: { price: PRICE } });
  // Sixteen ask for their hold, thirty wait, and the others find the line full.
  const asked = crowd(CALLERS);
  const firstShed = (await Promise.race(asked)) as Reply;
  expect(firstShed.status).toBe(503);
  expect(await untilStarting(16)).toBeLessThanOrEqual(60);
  expect(api.commands.started).toHaveLength(0);
  // Another resource has a line of its own.
  const elsewhere = book('elsewhere', 'other');
  await untilStarting(17);
  gate.open();
  const replies = await Promise.all(asked);
  expect((await elsewhere).status).toBe(201);
  expect(replies.filter((one) => one.status === 201)).toHaveLength(16);
  const shed = replies.filter((one) => one.status !== 201);
  expectShed(shed, ['starts', 'waiting', 'waited']);
  const waited = shed.filter((one) => one.body.bound === 'waited').length;
  expect(waited).toBeGreaterThanOrEqual(30);
  expect(await metric('holdfast_bookings_starting')).toBe(0);
});

test('a thousand rivals for one unit are all answered by the ledger, not sent away', async () => {
  await open({});
  gate.open();
  await makeResource(api, { id: 'one' });
  const rivals = Array.from({ length: 1_000 }, () => book(randomUUID(), 'one', 'none'));
  const replies = await Promise.all(rivals);
  expect(replies.filter((one) => one.status === 201)).toHaveLength(1);
  expect(replies.filter((one) => one.status === 409)).toHaveLength(999);
});
