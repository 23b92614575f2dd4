import { expect, test } from 'vitest';
import {
  controlRoom,
  immutable,
  microsoftWorld,
  owner,
  room,
  roomPath,
  startGraphReceiver,
  timed,
} from './microsoft-world.ts';
import type { GraphReceiver, Json, MicrosoftWorld } from './microsoft-world.ts';

const controlEvents = `${controlRoom}/events`;
const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

function subscribe(world: MicrosoftWorld, receiver: GraphReceiver, more: Json = {}) {
  return world.api('/subscriptions', {
    headers: immutable,
    body: {
      changeType: 'created,updated,deleted',
      notificationUrl: `${receiver.url}/n?w=1`,
      lifecycleNotificationUrl: `${receiver.url}/l`,
      resource: `${roomPath}/events`,
      expirationDateTime: inMinutes(60),
      clientState: 'secret',
      ...more,
    },
  });
}

function control(world: MicrosoftWorld, id: unknown, verb: string, body: Json = {}) {
  return world.control(`/microsoft/subscriptions/${String(id)}/${verb}`, { body });
}

test('a subscription validates both URLs, and then tells each change with its secret', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  const { status, body } = await subscribe(world, receiver);
  expect(status).toBe(201);
  expect(receiver.handshakes).toEqual(['/n', '/l']);
  expect(body).toMatchObject({ resource: `${roomPath}/events`, latestSupportedTlsVersion: 'v1_2' });
  const { id } = await world.control(controlEvents, { body: timed('2026-12-01') });
  await receiver.until(1);
  const event = `${controlEvents}/${encodeURIComponent(id)}`;
  await world.control(event, { method: 'PATCH', body: { showAs: 'free' } });
  await receiver.until(2);
  await world.control(event, { method: 'DELETE' });
  await receiver.until(3);
  const told = receiver.received.map((each) => (each.body['value'] as Json[])[0]!);
  expect(told.map(({ changeType }) => changeType as string)).toEqual([
    'created',
    'updated',
    'deleted',
  ]);
  expect(told[0]).toMatchObject({
    subscriptionId: body['id'],
    clientState: 'secret',
    subscriptionExpirationDateTime: body['expirationDateTime'],
    resourceData: { '@odata.type': '#Microsoft.Graph.Event', id },
  });
});

test('an echo that is wrong in any way refuses the subscription', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  await world.switches({ validationTimeoutMs: 100 });
  const wrong: GraphReceiver['echo'][] = [
    () => ({ body: 'other' }),
    (token) => ({ body: encodeURIComponent(token) }),
    (token) => ({ body: token, status: 202 }),
    (token) => ({ body: token, type: 'text/html' }),
    (token) => ({ body: token, delayMs: 300 }),
  ];
  for (const echo of wrong) {
    receiver.echo = echo;
    const { status, body } = await subscribe(world, receiver);
    expect([status, body['error'].code]).toEqual([400, 'ValidationError']);
  }
  expect((await world.control('/microsoft/subscriptions'))['subscriptions']).toEqual([]);
});

test('what the documentation does not allow is refused before the handshake', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  const status = async (more: Json) => (await subscribe(world, receiver, more)).status;
  expect(await status({ expirationDateTime: inMinutes(10_082) })).toBe(400);
  expect(await status({ expirationDateTime: inMinutes(-1) })).toBe(400);
  expect(await status({ clientState: 'x'.repeat(129) })).toBe(400);
  expect(await status({ changeType: 'moved' })).toBe(400);
  expect(await status({ resource: '/me/messages' })).toBe(400);
  expect(await status({ resource: '/me/calendars/none/events' })).toBe(404);
  expect(await status({ resource: '/users/other@x.example/events' })).toBe(403);
  await world.switches({ notificationUrlHttps: 'required' });
  expect(await status({})).toBe(400);
  expect(receiver.handshakes).toEqual([]);
});

test('a twin is a conflict, a short life becomes 45 minutes, and renewal moves the end', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  const { body } = await subscribe(world, receiver, { expirationDateTime: inMinutes(1) });
  expect(Date.parse(body['expirationDateTime']) - Date.now()).toBeGreaterThan(44 * 60_000);
  expect((await subscribe(world, receiver)).status).toBe(409);
  const one = `/subscriptions/${body['id']}`;
  const expirationDateTime = inMinutes(10_000);
  const renewed = await world.api(one, { method: 'PATCH', body: { expirationDateTime } });
  expect(renewed.body['expirationDateTime']).toBe(expirationDateTime);
  expect((await world.api(one)).body['id']).toBe(body['id']);
  expect((await world.api('/subscriptions')).body['value']).toHaveLength(1);
  expect((await world.api(`${one}/reauthorize`, { method: 'POST' })).status).toBe(204);
  expect((await world.api(one, { method: 'DELETE' })).status).toBe(204);
  expect((await world.api(one, { method: 'PATCH', body: { expirationDateTime } })).status).toBe(
    404,
  );
});

test('subscriptions of one URL share a notification, and the mailbox hears of every calendar', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  const one = (await subscribe(world, receiver)).body['id'] as string;
  const all = (await subscribe(world, receiver, { resource: 'me/events' })).body['id'] as string;
  await world.control(controlEvents, { body: timed('2026-12-01') });
  await receiver.until(1);
  const told = receiver.received[0]!.body['value'] as Json[];
  expect(told.map(({ subscriptionId }) => subscriptionId as string)).toEqual([one, all]);
  await world.api('/me/events', { body: timed('2026-12-02') });
  await receiver.until(2);
  const [mailbox] = receiver.received[1]!.body['value'] as Json[];
  expect(mailbox!['subscriptionId']).toBe(all);
});

test('only a subscription made with the header speaks of immutable ids', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  await subscribe(world, receiver);
  await world.api('/subscriptions', {
    body: {
      changeType: 'created',
      notificationUrl: `${receiver.url}/plain`,
      resource: `${roomPath}/events`,
      expirationDateTime: inMinutes(60),
    },
  });
  const event = await world.api(`${roomPath}/events`, { body: timed('2026-12-01') });
  await receiver.until(2);
  const plain = receiver.received.find(({ path }) => path === '/plain')!.body['value'][0] as Json;
  const immutableOne = receiver.received.find(({ path }) => path === '/n')!.body[
    'value'
  ][0] as Json;
  expect(plain['resourceData'].id).toBe(event.body['id']);
  expect(immutableOne['resourceData'].id).not.toBe(event.body['id']);
});

test('a failed delivery is tried again and one that is refused is not', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  await world.switches({ notificationRetryDelayMs: 10 });
  await subscribe(world, receiver);
  receiver.statuses.push(503, 429, 202, 400);
  await world.control(controlEvents, { body: timed('2026-12-01') });
  await receiver.until(3);
  await world.control(controlEvents, { body: timed('2026-12-02') });
  await receiver.until(4);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(receiver.received).toHaveLength(4);
});

test('a notification can arrive before the subscriber knows its subscription', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  await world.control(controlEvents, { body: timed('2026-12-01') });
  await world.switches({ notifyBeforeSubscribeAnswer: true });
  const { body } = await subscribe(world, receiver);
  expect(receiver.received).toHaveLength(1);
  expect(receiver.received[0]!.body['value'][0].subscriptionId).toBe(body['id']);
});

test('lifecycle events go to their own URL, and a removed subscription is silent', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  const { id } = (await subscribe(world, receiver)).body;
  for (const event of ['reauthorizationRequired', 'missed', 'subscriptionRemoved']) {
    await control(world, id, 'lifecycle', { event });
  }
  expect(receiver.received.map(({ path }) => path)).toEqual(['/l', '/l', '/l']);
  const told = receiver.received.map(({ body }) => (body['value'] as Json[])[0]!);
  expect(told.map(({ lifecycleEvent }) => lifecycleEvent as string)).toEqual([
    'reauthorizationRequired',
    'missed',
    'subscriptionRemoved',
  ]);
  expect(told[0]).toMatchObject({ subscriptionId: id, clientState: 'secret' });
  await world.control(controlEvents, { body: timed('2026-12-01') });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(receiver.received).toHaveLength(3);
  expect((await world.api(`/subscriptions/${id}`)).status).toBe(404);
});

test('a person can make a subscription speak, expire, and a shared calendar refuses one', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  const { id } = (await subscribe(world, receiver)).body;
  await world.control(controlEvents, { body: timed('2026-12-01') });
  await receiver.until(1);
  await control(world, id, 'notify', { times: 2 });
  expect(receiver.received).toHaveLength(3);
  const body = { calendarId: room };
  expect(await world.control('/microsoft/subscriptions/expire', { body })).toEqual({ expired: 1 });
  expect((await world.api(`/subscriptions/${id}`)).status).toBe(404);
  const sharedBy = 'colleague@contoso.example';
  await world.control(controlRoom, { method: 'PUT', body: { sharedBy } });
  expect((await subscribe(world, receiver)).status).toBe(403);
});

test('a fifth call of a mailbox at once is refused, and the record has the count', async () => {
  const world = await microsoftWorld();
  await world.switches({ serviceTimeMs: 100, retryAfterSeconds: 7 });
  const calls = await Promise.all(Array.from({ length: 6 }, () => world.api('/me/calendars')));
  const statuses = calls.map(({ status }) => status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 200, 200, 200, 429, 429]);
  const refused = calls.find(({ status }) => status === 429)!;
  expect(refused.body['error'].code).toBe('ApplicationThrottled');
  expect(refused.headers.get('retry-after')).toBe('7');
  const load = await world.control(`/microsoft/accounts/${owner}/load`);
  expect(load).toMatchObject({ inFlight: 0, peak: 4, refused: 2 });
  const { entries } = await world.control('/record?host=microsoft');
  const throttled = (entries as Json[]).filter(({ effect }) => effect === 'throttled');
  expect(throttled).toHaveLength(2);
  expect(throttled[0]).toMatchObject({ mailbox: owner, concurrent: 5, limit: 4 });
  expect((await world.api('/me/calendars')).status).toBe(200);
});

test('a mailbox can be throttled for a while, and any call can be made to fail', async () => {
  const world = await microsoftWorld();
  await world.control(`/microsoft/accounts/${owner}/throttle`, { body: { seconds: 1 } });
  const { status, body, headers } = await world.api('/me/calendars');
  expect([status, body['error'].code]).toEqual([429, 'TooManyRequests']);
  expect(headers.get('retry-after')).toBe('1');
  await new Promise((resolve) => setTimeout(resolve, 1050));
  const fault = { host: 'microsoft', path: 'calendars', status: 504 };
  await world.control('/faults', { body: fault });
  const failed = await world.api('/me/calendars');
  expect([failed.status, failed.body['error'].code]).toEqual([504, 'GatewayTimeout']);
  expect((await world.api('/me/calendars')).status).toBe(200);
});

test('a thousand changes of a thousand calendars are told within seconds', async () => {
  const world = await microsoftWorld();
  const receiver = await startGraphReceiver();
  await world.switches({ concurrentPerMailbox: 50, serviceTimeMs: 0 });
  const names = Array.from({ length: 1000 }, (_, number) => `many-${number}`);
  await inTens(names, async (name) => {
    await world.control(`/microsoft/calendars/${name}`, {
      method: 'PUT',
      body: { account: owner, name },
    });
    const resource = `/me/calendars/${name}/events`;
    const { status } = await subscribe(world, receiver, { resource });
    if (status !== 201) throw new Error(`subscribing answered ${status}`);
  });
  const startedAt = Date.now();
  await inTens(names, (name) =>
    world.control(`/microsoft/calendars/${name}/events`, { body: timed('2026-12-01') }),
  );
  const told = () => receiver.received.flatMap(({ body }) => body['value'] as Json[]).length;
  while (told() < 1000 && Date.now() - startedAt < 20_000) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(told()).toBe(1000);
}, 60_000);

async function inTens<T>(all: T[], act: (one: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < all.length; from += 10) {
    await Promise.all(all.slice(from, from + 10).map(act));
  }
}
