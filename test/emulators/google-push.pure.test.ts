import { expect, test } from 'vitest';
import { controlEvents, events, googleWorld, startReceiver, timed } from './google-world.ts';
import type { GoogleWorld } from './google-world.ts';

function watch(world: GoogleWorld, address: string, more: Record<string, unknown> = {}) {
  const body = { id: 'channel-1', type: 'web_hook', address, token: 'secret', ...more };
  return world.api(`${events}/watch`, { body });
}

test('a watch sends sync first and then an empty message with headers for each change', async () => {
  const world = await googleWorld();
  const receiver = await startReceiver();
  const { status, body } = await watch(world, `${receiver.address}/hook`);
  expect(status).toBe(200);
  expect(body).toMatchObject({ kind: 'api#channel', id: 'channel-1', token: 'secret' });
  expect(Number(body['expiration']) - Date.now()).toBeGreaterThan(604_790_000);
  expect(body['expiration']).toMatch(/^\d+000$/);
  await receiver.until(1);
  await world.api(events, { body: timed('2026-12-01') });
  await receiver.until(2);
  await world.control(controlEvents, { body: timed('2026-12-02') });
  await receiver.until(3);
  const [sync, first, second] = receiver.received.map(({ headers }) => headers);
  expect(sync).toMatchObject({
    'x-goog-channel-id': 'channel-1',
    'x-goog-channel-token': 'secret',
    'x-goog-channel-expiration': new Date(Number(body['expiration'])).toUTCString(),
    'x-goog-resource-id': body['resourceId'],
    'x-goog-resource-uri': body['resourceUri'],
    'x-goog-resource-state': 'sync',
    'x-goog-message-number': '1',
    'content-length': '0',
  });
  expect(first!['x-goog-resource-state']).toBe('exists');
  const numbers = [first, second].map((headers) => Number(headers!['x-goog-message-number']));
  expect(numbers[0]).toBeGreaterThan(1);
  expect(numbers[1]).toBeGreaterThan(numbers[0]!);
  expect(receiver.received.every((message) => message.body === '')).toBe(true);
});

test('sync can come before the watch answer', async () => {
  const world = await googleWorld();
  const receiver = await startReceiver();
  const switches = { 'google.syncBeforeWatchAnswer': true };
  await world.control('/switches', { method: 'PUT', body: switches });
  await watch(world, receiver.address);
  expect(receiver.received).toHaveLength(1);
});

test('a channel is refused with a used id, a wrong type, plain http where required, or no push', async () => {
  const world = await googleWorld();
  const receiver = await startReceiver();
  const reason = async (more: Record<string, unknown>) =>
    (await watch(world, receiver.address, more)).body['error']?.errors[0].reason;
  expect(await reason({})).toBeUndefined();
  expect(await reason({})).toBe('channelIdNotUnique');
  expect(await reason({ id: 'a b' })).toBe('channelIdInvalid');
  expect(await reason({ id: 'c2', type: 'mail' })).toBe('channelUnknown');
  expect(await reason({ id: 'c2', token: 'x'.repeat(257) })).toBe('channelTokenTooLong');
  const switches = { 'google.channelAddressHttps': 'required' };
  await world.control('/switches', { method: 'PUT', body: switches });
  expect(await reason({ id: 'c2' })).toBe('webhookUrlNotHttps');
  const calendar = controlEvents.replace(/\/events$/, '');
  await world.control(calendar, { method: 'PUT', body: { pushSupported: false } });
  expect(await reason({ id: 'c2' })).toBe('pushNotSupportedForRequestedResource');
});

test('a stopped or expired channel is silent, and stopping it again is a 404', async () => {
  const world = await googleWorld();
  const receiver = await startReceiver();
  const { body } = await watch(world, receiver.address);
  await receiver.until(1);
  const stop = { id: body['id'] as string, resourceId: body['resourceId'] as string };
  const wrong = await world.api('/channels/stop', { body: { ...stop, resourceId: 'other' } });
  expect(wrong.status).toBe(404);
  expect((await world.api('/channels/stop', { body: stop })).status).toBe(204);
  expect((await world.api('/channels/stop', { body: stop })).status).toBe(404);
  await watch(world, receiver.address, { id: 'short', params: { ttl: '1' } });
  await receiver.until(2);
  await new Promise((resolve) => setTimeout(resolve, 1050));
  await world.control(controlEvents, { body: timed('2026-12-02') });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(receiver.received).toHaveLength(2);
});

test('server errors of the receiver are tried again, other refusals are not', async () => {
  const world = await googleWorld();
  const receiver = await startReceiver();
  const switches = { 'google.notificationRetryDelayMs': 5 };
  await world.control('/switches', { method: 'PUT', body: switches });
  receiver.statuses.push(503, 500, 204, 404);
  await watch(world, receiver.address);
  await receiver.until(3);
  expect(receiver.received.map(({ headers }) => headers['x-goog-message-number'])).toEqual([
    '1',
    '1',
    '1',
  ]);
  await world.control(controlEvents, { body: timed('2026-12-02') });
  await receiver.until(4);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(receiver.received).toHaveLength(4);
});

test('a slow receiver holds up nobody else', async () => {
  const world = await googleWorld();
  const receiver = await startReceiver();
  await watch(world, `${receiver.address}/slow`, { id: 'slow' });
  await watch(world, `${receiver.address}/fast`, { id: 'fast' });
  await receiver.until(2);
  receiver.delays.set('/slow', 2000);
  for (let edit = 0; edit < 5; edit += 1) {
    await world.control(controlEvents, { body: timed('2026-12-02') });
  }
  const startedAt = Date.now();
  await receiver.until(12);
  expect(Date.now() - startedAt).toBeLessThan(500);
});

test('a person can add and repeat notifications, and lose them', async () => {
  const world = await googleWorld();
  const receiver = await startReceiver();
  await watch(world, receiver.address);
  await receiver.until(1);
  await world.control('/google/channels/channel-1/notify', { body: { times: 3 } });
  expect(receiver.received).toHaveLength(4);
  const switches = { 'google.deliverNotifications': false };
  await world.control('/switches', { method: 'PUT', body: switches });
  await world.control(controlEvents, { body: timed('2026-12-02') });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(receiver.received).toHaveLength(4);
});

test('a thousand calendars are notified of a thousand changes within seconds', async () => {
  const world = await googleWorld();
  const receiver = await startReceiver();
  const names = Array.from({ length: 1000 }, (_, n) => `room-${n}`);
  for (const name of names) {
    const calendar = { owner: 'host@example.com', summary: name, timeZone: 'UTC' };
    await world.control(`/google/calendars/${name}`, { method: 'PUT', body: calendar });
    const channel = { id: name, type: 'web_hook', address: receiver.address };
    await world.api(`/calendars/${name}/events/watch`, { body: channel });
  }
  await receiver.until(1000);
  const startedAt = Date.now();
  const edits = names.map((name) =>
    world.control(`/google/calendars/${name}/events`, { body: timed('2026-12-02') }),
  );
  await Promise.all(edits);
  await receiver.until(2000);
  expect(Date.now() - startedAt).toBeLessThan(5000);
});
