import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addEvent, connectionOf, freeHours, steer, untilTaken } from '../support/calendar.ts';
import { startHoldfast, until, type Holdfast } from '../support/holdfast.ts';
import { fault, liftFaults, listsSince, recordEnd, recorded } from '../support/outside.ts';
import { addResource, connectGoogle, type Scene } from '../support/scene.ts';

/** Watches at a channel over their life, and what stands in for them. */
let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
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
const currentWatch = async ({ connectionId }: Scene): Promise<string> => {
  const { rows } = await holdfast.database.pool.query<{ id: string }>(
    `SELECT id FROM watch WHERE connection_id = $1 AND stopped_at IS NULL`,
    [connectionId],
  );
  return rows[0]!.id;
};
/** As what notices a loss or an expiry leaves the row, which is all that a lost signal leaves. */
const wanted = ({ connectionId }: Scene) =>
  holdfast.database.pool.query(
    `UPDATE connection SET watch_wanted_at = clock_timestamp(), dirty = true,
       dirty_at = clock_timestamp() - interval '1 minute' WHERE id = $1`,
    [connectionId],
  );
const watchCalls = { host: 'google', method: 'POST', path: '/events/watch' } as const;
const stopsSince = async (since: number) =>
  (await recorded(holdfast, { host: 'google', since })).filter(
    (one) => one.method === 'POST' && String(one.path).endsWith('/channels/stop'),
  );

describe('a watch', () => {
  it('whose making was never answered is made anew, and stopped when it speaks', async () => {
    await fault(holdfast, { ...watchCalls, drop: 'after', times: 1 });
    const scene = await connect();
    const live = await until(
      () => channelsOf(scene),
      (ids) => ids.length === 2,
    );
    const used = await currentWatch(scene);
    const orphan = live.find((id) => id !== used)!;
    expect((await connectionOf(holdfast, scene)).body).toMatchObject({ delivery: 'push' });
    const since = await recordEnd(holdfast);
    await addEvent(holdfast, scene, { days: 3, hour: 9 });
    await untilTaken(holdfast, scene, { days: 3, hour: 9 });
    await until(
      () => channelsOf(scene),
      (ids) => !ids.includes(orphan),
    );
    expect(await channelsOf(scene)).toEqual([used]);
    expect(await stopsSince(since)).toHaveLength(1);
  });

  it('of a connection that ended while the channel was down is stopped when it speaks', async () => {
    const scene = await connect();
    const stop = { host: 'google', method: 'POST', path: '/channels/stop$' } as const;
    await fault(holdfast, { ...stop, status: 503, times: 100 });
    expect((await steer(holdfast, scene, 'disconnect')).status).toBe(200);
    await liftFaults(holdfast);
    const since = await recordEnd(holdfast);
    const [left] = await channelsOf(scene);
    await holdfast.control('POST', `/google/channels/${left}/notify`, { times: 5 });
    await until(
      () => channelsOf(scene),
      (ids) => ids.length === 0,
    );
    expect(await stopsSince(since)).toHaveLength(1);
    expect(await listsSince(holdfast, scene.calendarId, since)).toHaveLength(0);
    expect((await connectionOf(holdfast, scene)).body.status).toBe('disconnected');
  });

  it('that is wanted anew gets another beside it, also when every signal was lost', async () => {
    const scene = await connect();
    const old = await currentWatch(scene);
    const since = await recordEnd(holdfast);
    await wanted(scene);
    const next = await until(
      () => currentWatch(scene),
      (id) => id !== old,
    );
    await until(
      () => channelsOf(scene),
      (ids) => ids.length === 1,
    );
    expect(await channelsOf(scene)).toEqual([next]);
    // The new one was there before the old was stopped.
    const calls = (await recorded(holdfast, { host: 'google', since })).filter(
      (one) => one.method === 'POST' && /watch|stop/.test(String(one.path)),
    );
    expect(calls.map((one) => String(one.path).split('/').at(-1))).toEqual(['watch', 'stop']);
    // And before the calendar was read: while the old one lasts, nothing may be missed.
    const lists = await listsSince(holdfast, scene.calendarId, since);
    expect(lists.every(({ at: listedAt }) => listedAt >= calls[0]!.at)).toBe(true);
    await addEvent(holdfast, scene, { days: 4, hour: 9 });
    await untilTaken(holdfast, scene, { days: 4, hour: 9 });
  });

  it('that notifies before its making is answered loses nothing', async () => {
    await holdfast.control('PUT', '/switches', { 'google.syncBeforeWatchAnswer': true });
    await fault(holdfast, { ...watchCalls, hold: 'making', holdAt: 'after' });
    const resourceId = await addResource(holdfast);
    const connecting = connectGoogle(holdfast, { resourceId });
    await until(
      () => holdfast.control<{ waiting: number }>('GET', '/holds/making'),
      ({ waiting }) => waiting >= 1,
    );
    const [channel] = (
      await holdfast.control<{ channels: { id: string }[] }>('GET', '/google/channels')
    ).channels.slice(-1);
    await holdfast.control('POST', `/google/channels/${channel!.id}/notify`, { times: 3 });
    await holdfast.control('POST', '/holds/making/release');
    await holdfast.control('PUT', '/switches', { 'google.syncBeforeWatchAnswer': false });
    const scene = await connecting;
    await addEvent(holdfast, scene, { days: 3, hour: 11 });
    await untilTaken(holdfast, scene, { days: 3, hour: 11 });
    expect((await connectionOf(holdfast, scene)).body).toMatchObject({
      status: 'live',
      delivery: 'push',
    });
  });
});

describe('a calendar that refuses push', () => {
  it('is polled within its bounds, and says so', async () => {
    const refused = {
      error: {
        code: 400,
        errors: [{ domain: 'global', reason: 'pushNotSupportedForRequestedResource' }],
      },
    };
    await fault(holdfast, { ...watchCalls, status: 400, body: refused, times: 100 });
    const scene = await connect();
    const shown = await until(
      () => connectionOf(holdfast, scene),
      ({ body }) => body.pushRefused !== null,
    );
    expect(shown.body).toMatchObject({
      delivery: 'poll',
      pushRefused: 'calendar-refused',
      lookIntervalMs: 60_000,
      freshness: { boundMs: 120_000, holds: true },
    });
    await addEvent(holdfast, scene, { days: 3, hour: 9 });
    const { body } = await holdfast.call(
      'GET',
      `/resources/${scene.resourceId}/availability?from=${dayAt(3)}&to=${dayAt(4)}&fresh=true`,
    );
    // What it answers is already what the calendar says.
    expect(body.freshness.connections).toMatchObject([{ pull: 'done', holds: true }]);
    expect(await freeHours(holdfast, scene, 3)).not.toContain(9);
  });
});

const dayAt = (days: number): string =>
  new Date((Math.floor(Date.now() / 86_400_000) + days) * 86_400_000).toISOString();
