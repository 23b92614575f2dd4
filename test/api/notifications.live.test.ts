import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashSecret } from '../../src/store/gate.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
let connectionId: string;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'one' });
  connectionId = await connect();
  await api.database.prisma.watch.create({
    data: {
      tenantId: 'a',
      id: 'watch-1',
      connectionId,
      secretHash: new Uint8Array(hashSecret('its-secret')),
    },
  });
});
afterAll(() => api.close());

async function connect(): Promise<string> {
  const account = await api.ask('POST', '/v1/accounts', {
    headers: { 'idempotency-key': 'account' },
    body: { channel: 'ical', url: 'https://calendars.example.com/a.ics?token=hidden' },
  });
  expect(account.text).not.toContain('hidden');
  const reply = await api.ask('POST', '/v1/connections', {
    headers: { 'idempotency-key': 'connection' },
    body: { resourceId: 'one', accountId: account.body.id, calendarId: 'feed' },
  });
  expect(reply.status).toBe(201);
  return reply.body.id as string;
}

const clean = () =>
  api.database.prisma.connection.updateMany({
    where: { id: connectionId },
    data: { dirty: false },
  });
const isDirty = async () =>
  (await api.database.prisma.connection.findFirstOrThrow({ where: { id: connectionId } })).dirty;
const notify = (secret = 'its-secret', watch = 'watch-1') =>
  api.ask('POST', `/v1/notifications/ical?watch=${watch}&secret=${secret}`, {
    key: null,
    body: 'x',
  });

test('a notification is marked, then answered, and only then is the workflow asked', async () => {
  let ask: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => (ask = resolve));
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  api.commands.requestSync = async () => {
    ask();
    await released;
  };
  await clean();
  const reply = await notify();
  expect(reply.status).toBe(202);
  expect(await isDirty()).toBe(true);
  await asked;
  release();
});

test('many notifications ask once, until the connection is clean again', async () => {
  let asked = 0;
  api.commands.requestSync = async () => void (asked += 1);
  await clean();
  const replies = await Promise.all(Array.from({ length: 20 }, () => notify()));
  expect(new Set(replies.map((one) => one.status))).toEqual(new Set([202]));
  await expect.poll(() => asked).toBe(1);
  await clean();
  await notify();
  await expect.poll(() => asked).toBe(2);
});

test('a signal that fails is logged, and the mark stays for the sweeper', async () => {
  api.commands.requestSync = () => Promise.reject(new Error('secret words'));
  await clean();
  expect((await notify()).status).toBe(202);
  await expect.poll(() => api.log.join()).toContain('waits for the sweeper');
  expect(api.log.join()).not.toContain('secret words');
  expect(await isDirty()).toBe(true);
});

test('an unknown watch and a wrong secret are answered alike and mark nothing', async () => {
  await clean();
  const wrong = await notify('another');
  const unknown = await notify('its-secret', 'watch-2');
  expect([wrong.status, wrong.text]).toEqual([unknown.status, unknown.text]);
  expect(await isDirty()).toBe(false);
});

test('a channel that is not carried, and a body beyond the limit, are refused', async () => {
  const other = await api.ask('POST', '/v1/notifications/microsoft', { key: null, body: '' });
  expect(other.body.type).toBe('/problems/channel-unsuitable');
  const large = await api.ask('POST', '/v1/notifications/ical', {
    key: null,
    body: 'x'.repeat(1_100_000),
  });
  expect(large.status).toBe(413);
});
