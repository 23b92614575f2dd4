import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel, ChannelProvider } from '../../src/channels/channel-provider.ts';
import type { Interval } from '../../src/domain/interval.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

/** Reading at once, and looking past the edge of what is stored. */
let api: TestApi;
let resourceId: string;
let made = 0;
let live: () => Promise<Interval[] | null>;

const DAY_MS = 86_400_000;
const EDGE_AT = Date.parse('2031-06-01T00:00:00Z');
const day = (days: number, hours = 0) =>
  new Date(EDGE_AT + days * DAY_MS + hours * 3_600_000).toISOString();
const at = (days: number, hours = 0) => Date.parse(day(days, hours));

beforeAll(async () => {
  const provider = (channel: Channel, supports: object) =>
    [channel, { channel, supports, freeBusy: () => live() } as unknown as ChannelProvider] as const;
  api = await startApi({
    providers: new Map([
      provider('google', { push: true }),
      provider('microsoft', { push: true }),
      provider('ical', { push: false, endsWithLastEntry: true }),
    ]),
  });
  await api.database.pool.query(
    `INSERT INTO account (tenant_id, id, channel, credential) VALUES ('a', 'acc', 'google', '')`,
  );
});
afterAll(() => api.close());
beforeEach(async () => {
  live = () => Promise.resolve(null);
  made += 1;
  resourceId = `r${made}`;
  await makeResource(api, { id: resourceId });
  api.commands.asked.length = 0;
});

async function connect(
  channel: Channel,
  more: { status?: string; coversUntil?: string | null; expandedUntil?: string | null } = {},
): Promise<string> {
  const { status = 'live', coversUntil = null, expandedUntil = day(0) } = more;
  const id = `${resourceId}-${channel}`;
  await api.database.pool.query(
    `INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone,
       settings, writable, status, confirmed_at, expanded_until, covers_until)
     VALUES ('a', $1, $2, 'acc', $3, $1, 'UTC', '{}', true, $4, now(), $5, $6)`,
    [id, resourceId, channel, status, expandedUntil, coversUntil],
  );
  return id;
}

async function addEntry(
  connectionId: string,
  entry: { id: string; start: string; end: string; rule?: string; more?: object },
): Promise<void> {
  const event = {
    nativeId: entry.id,
    seriesId: null,
    status: 'confirmed',
    transparency: 'opaque',
    kind: 'default',
    start: { kind: 'utc', at: entry.start },
    end: { kind: 'utc', at: entry.end },
    recurrence: entry.rule === undefined ? [] : [`RRULE:${entry.rule}`],
    thisAndFuture: false,
    sequence: 0,
    marker: null,
    ...entry.more,
  };
  await api.database.pool.query(
    `INSERT INTO channel_event (tenant_id, connection_id, native_id, root_id, event, hash, recorded, feed_position)
     VALUES ('a', $1, $2, $2, $3, '', tstzrange(now(), NULL), 1)`,
    [connectionId, entry.id, event],
  );
}

const look = (from: string, to: string, more = '') =>
  api.ask('GET', `/v1/resources/${resourceId}/availability?from=${from}&to=${to}${more}`);
const fresh = (more = '') => look(day(-10), day(-9), `&fresh=true${more}`);
const pulls = (body: { freshness: { connections: { pull?: string }[] } }) =>
  body.freshness.connections.map((one) => one.pull);

describe('with `fresh` availability', () => {
  test('has every calendar read before it answers', async () => {
    const google = await connect('google');
    const ical = await connect('ical');
    const { body } = await fresh();
    expect(pulls(body)).toEqual(['done', 'done']);
    expect(api.commands.asked.toSorted()).toEqual([`sync-now ${google}`, `sync-now ${ical}`]);
  });

  test('reads a calendar no more than once in five seconds, and says so', async () => {
    await connect('google');
    const answers = await Promise.all([fresh(), fresh(), fresh()]);
    expect(answers.flatMap(({ body }) => pulls(body).map(String)).toSorted()).toEqual([
      'done',
      'limited',
      'limited',
    ]);
    expect(api.commands.asked).toHaveLength(1);
    await api.database.pool.query(
      `UPDATE connection SET pull_slot_at = pull_slot_at - interval '5 seconds'`,
    );
    expect(pulls((await fresh()).body)).toEqual(['done']);
  });

  test('waits no longer than told, and answers with what is known', async () => {
    await connect('google');
    const before = api.commands.steerConnection;
    api.commands.steerConnection = () => new Promise(() => undefined);
    const startedAt = performance.now();
    const { status, body } = await fresh('&freshTimeoutMs=200');
    api.commands.steerConnection = before;
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect([status, pulls(body)]).toEqual([200, ['waiting']]);
    expect((await fresh('&freshTimeoutMs=60000')).status).toBe(400);
  });

  test('leaves a channel alone that is paused, or in trouble, or asked for rest', async () => {
    await connect('google', { status: 'lagging' });
    await connect('ical', { status: 'paused' });
    expect(pulls((await fresh()).body)).toEqual(['skipped', 'skipped']);
    expect(api.commands.asked).toEqual([]);
  });

  test('answers also when nobody can be asked', async () => {
    await connect('google');
    const before = api.commands.steerConnection;
    api.commands.steerConnection = () => Promise.reject(new Error('secret words'));
    const { status, body } = await fresh();
    api.commands.steerConnection = before;
    expect([status, pulls(body)]).toEqual([200, ['waiting']]);
    expect(api.log.join()).not.toContain('secret words');
  });

  test('is not asked for by leaving it out', async () => {
    await connect('google');
    expect(pulls((await look(day(-10), day(-9))).body)).toEqual([undefined]);
    expect(api.commands.asked).toEqual([]);
  });
});

describe('past the edge', () => {
  test('a channel that was read whole is expanded for the answer, and bookings are still refused', async () => {
    const google = await connect('google');
    const rule = { id: 'daily', start: day(-400, 9), end: day(-400, 10), rule: 'FREQ=DAILY' };
    await addEntry(google, rule);
    await addEntry(google, { id: 'once', start: day(1, 12), end: day(1, 14) });
    const { body } = await look(day(1), day(2));
    expect(body.validUntil).toBe(day(0));
    expect(body.unknown).toBeUndefined();
    expect(body.spans).toEqual([
      { startAt: day(1), endAt: day(1, 9) },
      { startAt: day(1, 10), endAt: day(1, 12) },
      { startAt: day(1, 14), endAt: day(2) },
    ]);
    const booking = await api.ask('POST', '/v1/bookings', {
      headers: { 'idempotency-key': `beyond-${resourceId}` },
      body: {
        resourceId,
        startAt: day(1, 15),
        endAt: day(1, 16),
        payment: { kind: 'none' },
      },
    });
    expect(booking.body).toMatchObject({ refusal: 'beyond-horizon', validUntil: day(0) });
    expect(booking.body.detail).toContain('`validUntil`');
  });

  test('a span over the edge is one span', async () => {
    const google = await connect('google');
    await addEntry(google, { id: 'later', start: day(2), end: day(3) });
    const { body } = await look(day(-2), day(4));
    expect(body.spans).toEqual([
      { startAt: day(-2), endAt: day(2) },
      { startAt: day(3), endAt: day(4) },
    ]);
  });

  test("whole days are days in the resource's zone there too", async () => {
    const google = await connect('google');
    await api.database.pool.query(`UPDATE resource SET time_zone = 'Asia/Tokyo' WHERE id = $1`, [
      resourceId,
    ]);
    const [from, until] = [day(2), day(3)].map((at) => ({ kind: 'date', date: at.slice(0, 10) }));
    const more = { start: from, end: until };
    await addEntry(google, { id: 'day', start: day(2), end: day(3), more });
    expect((await look(day(1), day(4))).body.spans).toEqual([
      { startAt: day(1), endAt: day(1, 15) },
      { startAt: day(2, 15), endAt: day(4) },
    ]);
  });

  test('what ends, is free, or is of our own booking takes nothing there', async () => {
    const google = await connect('google');
    const rule = 'FREQ=DAILY;UNTIL=20310601T000000Z';
    await addEntry(google, { id: 'ends', start: day(-400, 9), end: day(-400, 10), rule });
    const more = { transparency: 'transparent' };
    await addEntry(google, { id: 'free', start: day(1, 12), end: day(1, 14), more });
    expect((await look(day(1), day(2))).body.spans).toEqual([{ startAt: day(1), endAt: day(2) }]);
  });

  test('nobody can tell of a channel that lists a fixed stretch of time beyond it', async () => {
    await connect('google');
    await connect('microsoft', { coversUntil: day(30), expandedUntil: day(0) });
    const { body } = await look(day(20), day(40));
    expect(body.spans).toEqual([{ startAt: day(20), endAt: day(30) }]);
    expect(body.unknown).toEqual([{ startAt: day(30), endAt: day(40) }]);
    expect((await look(day(20), day(30))).body.unknown).toBeUndefined();
    const starts = await look(day(20), day(40), '&as=starts&durationMinutes=60&stepMinutes=1440');
    expect(Date.parse(starts.body.starts.at(-1) as string)).toBeLessThan(at(30));
  });

  test('a stretch that ends before the horizon is the edge', async () => {
    await connect('microsoft', { coversUntil: day(-5), expandedUntil: day(0) });
    const { body } = await look(day(-10), day(-1));
    expect(body.validUntil).toBe(day(-5));
    expect(body.spans).toEqual([{ startAt: day(-10), endAt: day(-5) }]);
    expect(body.unknown).toEqual([{ startAt: day(-5), endAt: day(-1) }]);
  });

  test('the channel itself is asked with `fresh`, and left out when it does not answer', async () => {
    await connect('microsoft', { coversUntil: day(1) });
    live = async () => [{ startAt: at(2), endAt: at(3) }];
    const told = await look(day(0), day(4), '&fresh=true');
    expect(told.body.unknown).toBeUndefined();
    expect(told.body.spans).toEqual([
      { startAt: day(0), endAt: day(2) },
      { startAt: day(3), endAt: day(4) },
    ]);
    for (const silent of [
      () => Promise.reject(new Error('down')),
      () => new Promise<never>(() => undefined),
      () => Promise.resolve(null),
    ]) {
      live = silent;
      const { body } = await look(day(0), day(4), '&fresh=true&freshTimeoutMs=200');
      expect(body.unknown).toEqual([{ startAt: day(1), endAt: day(4) }]);
    }
  });

  test('a feed tells up to its last entry, and no further', async () => {
    const feed = await connect('ical');
    await addEntry(feed, { id: 'last', start: day(10), end: day(12) });
    await addEntry(feed, {
      id: 'weekly',
      start: day(-7),
      end: day(-6),
      rule: 'FREQ=WEEKLY;COUNT=4',
    });
    const { body } = await look(day(7), day(20));
    // The fourth of the weekly ones is at day 14.
    expect(body.unknown).toEqual([{ startAt: day(15), endAt: day(20) }]);
    expect(body.spans).toEqual([
      { startAt: day(8), endAt: day(10) },
      { startAt: day(12), endAt: day(14) },
    ]);
  });

  test('a feed with a series that goes on for ever tells of any time', async () => {
    const feed = await connect('ical');
    await addEntry(feed, { id: 'ever', start: day(-7), end: day(-6), rule: 'FREQ=WEEKLY' });
    const { body } = await look(day(700), day(707));
    expect(body.unknown).toBeUndefined();
    expect(body.spans).toEqual([{ startAt: day(701), endAt: day(707) }]);
  });

  test('nothing is known of a calendar that was never read', async () => {
    await connect('google', { expandedUntil: null });
    const { body } = await look(day(1), day(2));
    expect(body.spans).toEqual([]);
    expect(body.unknown).toEqual([{ startAt: day(1), endAt: day(2) }]);
  });
});

describe('a connection', () => {
  const read = async (id: string) => (await api.ask('GET', `/v1/connections/${id}`)).body;
  const set = (id: string, text: string) =>
    api.database.pool.query(`UPDATE connection SET ${text} WHERE id = $1`, [id]);

  test('says whether it is pushed or polled, why, and how often it is looked at', async () => {
    const id = await connect('google');
    await set(
      id,
      `watched_until = now() + interval '1 day', poll_in_force_ms = 90000, poll_interval_ms = 90000`,
    );
    expect(await read(id)).toMatchObject({
      delivery: 'push',
      pushRefused: null,
      lookIntervalMs: 1_800_000,
      lookHeldBack: null,
      freshness: { boundMs: 1_860_000 },
    });
    await set(id, `watched_until = NULL, push_refused = 'calendar-refused'`);
    expect(await read(id)).toMatchObject({
      delivery: 'poll',
      pushRefused: 'calendar-refused',
      lookIntervalMs: 90_000,
      lookHeldBack: null,
      freshness: { boundMs: 150_000 },
    });
    await set(id, `poll_in_force_ms = 7200000`);
    expect(await read(id)).toMatchObject({
      lookIntervalMs: 7_200_000,
      lookHeldBack: 'account-budget',
      freshness: { boundMs: 7_260_000 },
    });
    const { freshness } = (await look(day(-10), day(-9))).body;
    expect(freshness.connections[0].boundMs).toBe(7_260_000);
  });

  test('states its bounds of polling, and takes none that contradict each other', async () => {
    const id = await connect('google');
    const patch = (settings: object) =>
      api.ask('PATCH', `/v1/connections/${id}`, { body: { settings } });
    expect((await read(id)).settings).toMatchObject({ pollMinMs: 60_000, pollMaxMs: 1_800_000 });
    expect((await patch({ pollMinMs: 3_600_000 })).status).toBe(400);
    expect((await patch({ pollMinMs: 3_600_000, pollMaxMs: 7_200_000 })).status).toBe(200);
    expect((await patch({ pollMaxMs: 60_000 })).status).toBe(400);
    expect((await read(id)).settings).toMatchObject({ pollMinMs: 3_600_000, pollMaxMs: 7_200_000 });
  });

  test('is read at once for a person a few times in a row, and then at a rate', async () => {
    const id = await connect('google');
    const now = async () => (await api.ask('POST', `/v1/connections/${id}/sync-now`)).body.pulled;
    const answers: string[] = [];
    for (let n = 0; n < 12; n += 1) answers.push((await now()) as string);
    expect(answers.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 'done'));
    expect(answers.slice(10)).toEqual(['limited', 'limited']);
    await set(id, `status = 'paused'`);
    expect(await now()).toBe('skipped');
  });
});
