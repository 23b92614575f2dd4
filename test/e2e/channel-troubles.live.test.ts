import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  addEvent,
  addEvents,
  calendarPath,
  connectionOf,
  freeHours,
  resync,
  steer,
  untilStatus,
  untilTaken,
} from '../support/calendar.ts';
import { untilSettled } from '../support/checker.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import {
  fault,
  liftFaults,
  listCalls,
  listsSince,
  recordEnd,
  recorded,
} from '../support/outside.ts';
import { addResource, connectGoogle, type Scene } from '../support/scene.ts';
import { book, booked, cancel, openShop } from '../support/shop.ts';

let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterEach(() => liftFaults(holdfast));
afterAll(() => holdfast.stop());

const connect = async (): Promise<Scene> =>
  connectGoogle(holdfast, { resourceId: await addResource(holdfast) });

describe('a sync token lost in mid-life', () => {
  it('is made good without availability ever being emptied, and then all is equal', async () => {
    const scene = await connect();
    const hours = Array.from({ length: 12 }, (_, n) => 2 * n);
    await addEvents(
      holdfast,
      scene,
      [3, 4, 5].flatMap((days) => hours.map((hour) => ({ days, hour }))),
    );
    await untilTaken(holdfast, scene, { days: 5, hour: 22 });
    const before = (await connectionOf(holdfast, scene)).body;
    await holdfast.control('PUT', '/switches', { 'google.pages': 'short' });
    await fault(holdfast, { ...listCalls(scene.calendarId), times: 8, delayMs: 100 });

    const seen: number[] = [];
    let watching = true;
    const watcher = (async () => {
      while (watching)
        for (const days of [3, 4, 5]) seen.push((await freeHours(holdfast, scene, days)).length);
    })();
    const deleted = await eventsAt(scene, 3);
    await holdfast.control('POST', `${calendarPath(scene.calendarId)}/expire-sync-tokens`);
    await holdfast.control('DELETE', `${calendarPath(scene.calendarId)}/events/${deleted[0]}`);
    await addEvent(holdfast, scene, { days: 6, hour: 9 });
    await untilTaken(holdfast, scene, { days: 6, hour: 9 });
    await until(
      () => freeHours(holdfast, scene, 3),
      (free) => free.length === 13,
    );
    watching = false;
    await watcher;
    await holdfast.control('PUT', '/switches', { 'google.pages': 'full' });

    // Twelve of a day are taken; the one that was deleted is the only one ever given back.
    expect(Math.max(...seen)).toBeLessThanOrEqual(13);
    const after = (await connectionOf(holdfast, scene)).body;
    expect(after.generation).toBe(before.generation + 1);
    expect(after.counts.events).toBe(before.counts.events);
    expect(after.status).toBe('live');
  });

  const eventsAt = async (scene: Scene, days: number): Promise<string[]> => {
    const { events } = await holdfast.control<{
      events: { id: string; start: { dateTime: string } }[];
    }>('GET', `${calendarPath(scene.calendarId)}/events`);
    const day = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    return events
      .filter(({ start }) => new Date(start.dateTime).toISOString().startsWith(day))
      .map(({ id }) => id);
  };
});

describe('access', () => {
  it('refused before its time is renewed once, and the pass goes on', async () => {
    const scene = await connect();
    const email = await ownerOf(scene);
    await holdfast.control('POST', `/google/accounts/${email}/expire-access-tokens`);
    const since = await recordEnd(holdfast);
    await addEvent(holdfast, scene, { days: 3, hour: 9 });
    await untilTaken(holdfast, scene, { days: 3, hour: 9 });
    const renewals = (await recorded(holdfast, { host: 'google', since })).filter(
      ({ path }) => path === '/token',
    );
    expect(renewals).toHaveLength(1);
    expect((await connectionOf(holdfast, scene)).body.status).toBe('live');
  });

  it('revoked makes the connection wait for its owner, calling nobody, until he comes', async () => {
    const scene = await connect();
    const email = await ownerOf(scene);
    await holdfast.control('POST', `/google/accounts/${email}/revoke`);
    await addEvent(holdfast, scene, { days: 3, hour: 9 });
    await holdfast.call('POST', `/connections/${scene.connectionId}/sync-now`);
    const { body } = await untilStatus(holdfast, scene, 'needs-reauthorization');
    expect(body.advice).toMatch(/authorize/);
    const since = await recordEnd(holdfast);
    await addEvent(holdfast, scene, { days: 3, hour: 10 });
    // Longer than the first waits after any other failure.
    await new Promise((resolve) => setTimeout(resolve, 9_000));
    const calls = (await recorded(holdfast, { host: 'google', since })).filter(
      ({ method }) => method,
    );
    expect(calls).toEqual([]);

    const { body: begun } = await holdfast.call('POST', '/oauth/google/authorize', {
      accountId: body.accountId,
    });
    const page = await fetch(`${begun.authorizationUrl}&login_hint=${email}`);
    expect(page.status).toBe(200);
    await untilStatus(holdfast, scene, 'live');
    await untilTaken(holdfast, scene, { days: 3, hour: 10 });
  });

  const ownerOf = async (scene: Scene): Promise<string> => {
    const { calendars } = await holdfast.control<{ calendars: { id: string; owner: string }[] }>(
      'GET',
      '/google/calendars',
    );
    return calendars.find(({ id }) => id === scene.calendarId)!.owner;
  };
});

describe('a channel that is not well', () => {
  it('is left alone for as long as it asks', async () => {
    const scene = await connect();
    await addEvent(holdfast, scene, { days: 3, hour: 8 });
    await untilTaken(holdfast, scene, { days: 3, hour: 8 });
    await fault(holdfast, {
      ...listCalls(scene.calendarId),
      status: 429,
      headers: { 'retry-after': '3' },
    });
    const since = await recordEnd(holdfast);
    await addEvent(holdfast, scene, { days: 3, hour: 9 });
    await untilTaken(holdfast, scene, { days: 3, hour: 9 });
    const [refused, next] = await listsSince(holdfast, scene.calendarId, since);
    expect(refused?.status).toBe(429);
    expect(Date.parse(next!.at) - Date.parse(refused!.at)).toBeGreaterThanOrEqual(3_000);
  });

  it('is seen to be down, keeps what was known, and recovers by itself', async () => {
    const scene = await connect();
    await addEvent(holdfast, scene, { days: 3, hour: 9 });
    await untilTaken(holdfast, scene, { days: 3, hour: 9 });
    const outage = await fault(holdfast, {
      ...listCalls(scene.calendarId),
      status: 503,
      times: 1_000,
    });
    await addEvent(holdfast, scene, { days: 3, hour: 11 });
    const { body } = await untilStatus(holdfast, scene, 'lagging');
    expect(body.reason).toBe('unavailable');
    expect(await freeHours(holdfast, scene, 3)).not.toContain(9);
    await holdfast.control('DELETE', `/faults/${outage}`);
    await untilTaken(holdfast, scene, { days: 3, hour: 11, timeoutMs: 30_000 });
    await untilStatus(holdfast, scene, 'live');
  });

  it('does not hold up bookings: their mirrors are written when it is back', async () => {
    const shop = await openShop(holdfast, { calendar: true });
    const writes = { host: 'google', method: 'POST', path: '/events(\\?|$)' } as const;
    await fault(holdfast, { ...writes, status: 503, times: 3 });
    const first = await booked(holdfast, shop);
    await untilSettled(holdfast, [first], 40_000);
    // Refused for good: the booking stands, and the connection says that it is behind.
    await fault(holdfast, { ...writes, status: 400, times: 1_000, body: INVALID });
    const second = await booked(holdfast, shop);
    await until(
      () => holdfast.call('GET', `/connections/${shop.connectionId}`),
      ({ body }) => body.counts.mirrorsBehind === 1,
    );
    await liftFaults(holdfast);
    await untilSettled(holdfast, [first, second], 60_000);
    expect((await cancel(holdfast, second.id)).body.state).toBe('cancelled');
    await untilSettled(holdfast, [first, second], 40_000);
  });

  it('answers of writes and removals that are lost leave one event, or none', async () => {
    const shop = await openShop(holdfast, { calendar: true });
    await fault(holdfast, {
      host: 'google',
      method: 'POST',
      path: '/events(\\?|$)',
      drop: 'after',
    });
    const asked = await booked(holdfast, shop);
    await untilSettled(holdfast, [asked]);
    await fault(holdfast, { host: 'google', method: 'DELETE', path: '/events/', drop: 'after' });
    expect((await cancel(holdfast, asked.id)).body.state).toBe('cancelled');
    await untilSettled(holdfast, [asked]);
    const again = { ...book(holdfast, { ...shop, nextHour: shop.nextHour - 1 }) };
    await untilSettled(holdfast, [again]);
  });

  const INVALID = { error: { code: 400, errors: [{ reason: 'invalid' }], message: 'Invalid' } };
});

describe('verbs', () => {
  it('pause stops reading and keeps what is known; resume catches up', async () => {
    const scene = await connect();
    expect((await steer(holdfast, scene, 'pause')).body.status).toBe('paused');
    const since = await recordEnd(holdfast);
    await addEvent(holdfast, scene, { days: 3, hour: 9 });
    expect((await steer(holdfast, scene, 'sync-now')).body.status).toBe('paused');
    expect(await freeHours(holdfast, scene, 3)).toContain(9);
    expect(await listsSince(holdfast, scene.calendarId, since)).toHaveLength(0);
    expect((await steer(holdfast, scene, 'resume')).body.status).toBe('live');
    expect(await freeHours(holdfast, scene, 3)).not.toContain(9);
  });

  it('resync reads everything anew; disconnect frees what it blocked and stops the watch', async () => {
    const scene = await connect();
    await addEvents(holdfast, scene, [
      { days: 3, hour: 9 },
      { days: 3, hour: 12 },
    ]);
    await untilTaken(holdfast, scene, { days: 3, hour: 12 });
    const { generation } = (await connectionOf(holdfast, scene)).body;
    const resynced = await resync(holdfast, scene);
    expect(resynced.body).toMatchObject({ status: 'live', generation: generation + 1 });
    expect(await freeHours(holdfast, scene, 3)).not.toContain(9);
    expect((await steer(holdfast, scene, 'disconnect')).body.status).toBe('disconnected');
    expect(await freeHours(holdfast, scene, 3)).toHaveLength(24);
    const { channels } = await holdfast.control<{ channels: { calendarId: string }[] }>(
      'GET',
      '/google/channels',
    );
    expect(channels.filter(({ calendarId }) => calendarId === scene.calendarId)).toEqual([]);
    expect((await steer(holdfast, scene, 'sync-now')).status).toBe(409);
  });
});
