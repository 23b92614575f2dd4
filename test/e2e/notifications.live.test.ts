import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import {
  addEvent,
  calendarPath,
  connectionOf,
  freeHours,
  steer,
  untilTaken,
} from '../support/calendar.ts';
import { startChild } from '../support/child.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { openLine } from '../support/line.ts';
import {
  fault,
  liftFaults,
  listCalls,
  listsSince,
  recordEnd,
  recorded,
  release,
  untilHeld,
} from '../support/outside.ts';
import { addResource, connectGoogle, type Scene } from '../support/scene.ts';

let holdfast: Holdfast;
let scene: Scene;
beforeAll(async () => {
  holdfast = await startHoldfast();
  scene = await connect();
  // A first edit, so that no look is left over from the beginning.
  await addEvent(holdfast, scene, { days: 3, hour: 1 });
  await untilTaken(holdfast, scene, { days: 3, hour: 1 });
});
afterEach(() => liftFaults(holdfast));
afterAll(() => holdfast.stop());

const connect = async (): Promise<Scene> =>
  connectGoogle(holdfast, { resourceId: await addResource(holdfast) });

const channelsOf = async ({ calendarId }: Scene): Promise<string[]> => {
  const { channels } = await holdfast.control<{ channels: { id: string; calendarId: string }[] }>(
    'GET',
    '/google/channels',
  );
  return channels.filter((one) => one.calendarId === calendarId).map(({ id }) => id);
};

/** Long enough for one more pass to begin, were there a reason for it. */
const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_500));

it('one edit is read once', async () => {
  const since = await recordEnd(holdfast);
  await addEvent(holdfast, scene, { days: 3, hour: 9 });
  await untilTaken(holdfast, scene, { days: 3, hour: 9 });
  await aWhile();
  expect(await listsSince(holdfast, scene.calendarId, since)).toHaveLength(1);
});

it('any number of notifications during a pass cause exactly one more', async () => {
  await fault(holdfast, { ...listCalls(scene.calendarId), hold: 'list', holdAt: 'after' });
  const since = await recordEnd(holdfast);
  await addEvent(holdfast, scene, { days: 3, hour: 11 });
  await untilHeld(holdfast, 'list');
  // Its answer is made and does not have these.
  await addEvent(holdfast, scene, { days: 3, hour: 13 });
  const [channelId] = await channelsOf(scene);
  await holdfast.control('POST', `/google/channels/${channelId}/notify`, { times: 30 });
  await release(holdfast, 'list');
  await untilTaken(holdfast, scene, { days: 3, hour: 13 });
  await aWhile();
  expect(await listsSince(holdfast, scene.calendarId, since)).toHaveLength(2);
  expect(await freeHours(holdfast, scene, 3)).not.toContain(11);
});

it('a notification before its change can be read is looked after again', async () => {
  await holdfast.control('PUT', '/switches', { 'google.visibilityDelayMs': 1_200 });
  await addEvent(holdfast, scene, { days: 4, hour: 9 });
  await holdfast.control('PUT', '/switches', { 'google.visibilityDelayMs': 0 });
  await untilTaken(holdfast, scene, { days: 4, hour: 9, timeoutMs: 15_000 });
  expect(await freeHours(holdfast, scene, 4)).toHaveLength(23);
});

it('a notification with a wrong secret, of no watch, or of a removed connection changes nothing', async () => {
  const removed = await connect();
  const [channelId] = await channelsOf(removed);
  await fault(holdfast, {
    host: 'google',
    method: 'POST',
    path: '/channels/stop$',
    status: 503,
    times: 100,
  });
  expect((await steer(holdfast, removed, 'disconnect')).status).toBe(200);
  const since = await recordEnd(holdfast);
  await addEvent(holdfast, removed, { days: 3, hour: 9 });
  await holdfast.control('POST', `/google/channels/${channelId}/notify`, { times: 3 });
  const [watched] = await channelsOf(scene);
  for (const id of [watched!, randomUUID()]) {
    const answer = await fetch(`${holdfast.apiUrl}/v1/notifications/google`, {
      method: 'POST',
      headers: {
        'x-goog-channel-id': id,
        'x-goog-channel-token': randomUUID(),
        'x-goog-resource-state': 'exists',
      },
    });
    // Answered like any other, so that nobody learns which watches there are.
    expect(answer.status).toBe(202);
  }
  await aWhile();
  expect(await listsSince(holdfast, removed.calendarId, since)).toHaveLength(0);
  expect(await listsSince(holdfast, scene.calendarId, since)).toHaveLength(0);
  expect((await connectionOf(holdfast, removed)).body.status).toBe('disconnected');
});

it('the API killed between acknowledging and signalling: the change arrives', async () => {
  const line = await openLine(holdfast.env['TEMPORAL_ADDRESS']!);
  await holdfast.api.stop();
  holdfast.api = await startChild('src/server.ts', {
    ...holdfast.env,
    TEMPORAL_ADDRESS: line.address,
  });
  // What is sent to Temporal from here on is lost, so the signal cannot precede the death.
  line.goSilent();
  const since = await recordEnd(holdfast);
  await addEvent(holdfast, scene, { days: 5, hour: 9 });
  await until(
    () => recorded(holdfast, { host: 'google', since }),
    (entries) => entries.some((one) => one['effect'] === 'notified' && one.status === 202),
  );
  await holdfast.api.stop('SIGKILL');
  await line.close();
  await holdfast.startApi();
  await untilTaken(holdfast, scene, { days: 5, hour: 9 });
  expect(await freeHours(holdfast, scene, 5)).toHaveLength(23);
});

it('the worker killed in the middle of a pass: it is made again from where it stood', async () => {
  await fault(holdfast, { ...listCalls(scene.calendarId), hold: 'dying', holdAt: 'after' });
  await addEvent(holdfast, scene, { days: 6, hour: 9 });
  await untilHeld(holdfast, 'dying');
  await holdfast.worker.stop('SIGKILL');
  await release(holdfast, 'dying');
  await addEvent(holdfast, scene, { days: 6, hour: 11 });
  await holdfast.startWorker();
  await untilTaken(holdfast, scene, { days: 6, hour: 9, timeoutMs: 40_000 });
  await untilTaken(holdfast, scene, { days: 6, hour: 11 });
  expect(await freeHours(holdfast, scene, 6)).toHaveLength(22);
});

it('a lost notification is made good by the next look', async () => {
  const own = await connect();
  await holdfast.control('PUT', '/switches', { 'google.deliverNotifications': false });
  await addEvent(holdfast, own, { days: 3, hour: 15 });
  expect(await freeHours(holdfast, own, 3)).toContain(15);
  // As the safety poll does, which is not waited for here.
  expect((await steer(holdfast, own, 'sync-now')).status).toBe(200);
  expect(await freeHours(holdfast, own, 3)).not.toContain(15);
  await holdfast.control('PUT', '/switches', { 'google.deliverNotifications': true });
});

it('calendar edits that come together are all there at the end', async () => {
  const own = await connect();
  const hours = Array.from({ length: 20 }, (_, hour) => hour);
  await Promise.all(hours.map((hour) => addEvent(holdfast, own, { days: 7, hour })));
  const left = await until(
    () => freeHours(holdfast, own, 7),
    (free) => free.length === 4,
  );
  expect(left).toEqual([20, 21, 22, 23]);
  const { events } = await holdfast.control<{ events: unknown[] }>(
    'GET',
    `${calendarPath(own.calendarId)}/events`,
  );
  expect((await connectionOf(holdfast, own)).body.counts.events).toBe(events.length);
});
