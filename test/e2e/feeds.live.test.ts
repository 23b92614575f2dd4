import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connectionOf, freeHours, resync, steer, untilStatus } from '../support/calendar.ts';
import { startHoldfast, type Holdfast } from '../support/holdfast.ts';
import { fault, liftFaults } from '../support/outside.ts';
import { addResource, at, DAY_MS, type Scene } from '../support/scene.ts';

/** A calendar that is only a file at an address: no notifications, no word of what was deleted. */
let holdfast: Holdfast;
beforeAll(async () => {
  holdfast = await startHoldfast();
});
afterEach(() => liftFaults(holdfast));
afterAll(() => holdfast.stop());

interface Entry {
  uid: string;
  start: string;
  end: string;
}
interface FeedScene extends Scene {
  feed: string;
}

/** Times of day as a feed writes them. */
const basic = (instant: string): string => instant.replaceAll(/[-:]|\.\d+/g, '');

const entry = (days: number, hour: number): Entry => ({
  uid: `${days}-${hour}@example.com`,
  start: at(days, hour),
  end: at(days, hour + 1),
});

const calendarOf = (entries: readonly Entry[], extra: readonly string[] = []): string =>
  [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Example//Feed//EN',
    ...entries.flatMap(({ uid, start, end }) => [
      'BEGIN:VEVENT',
      `UID:${uid}`,
      'DTSTAMP:20261101T000000Z',
      `DTSTART:${basic(start)}`,
      `DTEND:${basic(end)}`,
      'SUMMARY:Reserved',
      'END:VEVENT',
    ]),
    ...extra,
    'END:VCALENDAR',
    '',
  ].join('\r\n');

const publish = (feed: string, body: string): Promise<unknown> =>
  holdfast.control('PUT', `/feeds/${feed}`, { body, secret: 's3cret' });

async function connectFeed(entries: readonly Entry[], extra?: string[]): Promise<FeedScene> {
  const feed = `f-${randomUUID().slice(0, 8)}`;
  await publish(feed, calendarOf(entries, extra));
  const resourceId = await addResource(holdfast, { timeZone: 'UTC' });
  const account = await holdfast.call('POST', '/accounts', {
    channel: 'ical',
    url: `${holdfast.emulatorsUrl}/feeds/${feed}.ics?s=s3cret`,
  });
  expect(account).toMatchObject({ status: 201 });
  const calendars = await holdfast.call('GET', `/accounts/${account.body.id}/calendars`);
  const calendarId = calendars.body.items[0].id as string;
  const connected = await holdfast.call('POST', '/connections', {
    resourceId,
    accountId: account.body.id,
    calendarId,
  });
  expect(connected).toMatchObject({ status: 201 });
  const scene = { feed, resourceId, calendarId, connectionId: connected.body.id as string };
  await untilStatus(holdfast, scene, 'live');
  return scene;
}

const taken = async (scene: Scene, days: number): Promise<number[]> => {
  const free = await freeHours(holdfast, scene, days);
  return Array.from({ length: 24 }, (_, hour) => hour).filter((hour) => !free.includes(hour));
};

describe('a feed', () => {
  it('becomes availability, and its changes at the next look', async () => {
    const scene = await connectFeed([entry(3, 9), entry(3, 12)]);
    expect(await taken(scene, 3)).toEqual([9, 12]);
    await publish(scene.feed, calendarOf([entry(3, 9), entry(3, 12), entry(3, 15)]));
    expect((await steer(holdfast, scene, 'sync-now')).status).toBe(200);
    expect(await taken(scene, 3)).toEqual([9, 12, 15]);
    const moved = { ...entry(3, 12), start: at(3, 18), end: at(3, 19) };
    await publish(scene.feed, calendarOf([entry(3, 9), moved, entry(3, 15)]));
    await steer(holdfast, scene, 'sync-now');
    expect(await taken(scene, 3)).toEqual([9, 15, 18]);
    const { items } = (await holdfast.call('GET', `/connections/${scene.connectionId}/events`))
      .body;
    expect(items).toHaveLength(3);
    expect(JSON.stringify(items)).not.toContain('Reserved');
  });

  it('with a recurring entry and one that cannot be understood blocks what is understood', async () => {
    const daily = [
      'BEGIN:VEVENT',
      'UID:daily@example.com',
      'DTSTAMP:20261101T000000Z',
      `DTSTART:${basic(at(2, 7))}`,
      `DTEND:${basic(at(2, 8))}`,
      'RRULE:FREQ=DAILY;COUNT=4',
      'END:VEVENT',
      'BEGIN:VEVENT',
      'UID:odd@example.com',
      'DTSTAMP:20261101T000000Z',
      `DTSTART:${basic(at(2, 20))}`,
      `DTEND:${basic(at(2, 21))}`,
      'RRULE:FREQ=SOMETIMES',
      'END:VEVENT',
    ];
    const scene = await connectFeed([], daily);
    expect(await taken(scene, 2)).toEqual([7, 20]);
    expect(await taken(scene, 5)).toEqual([7]);
    expect(await taken(scene, 6)).toEqual([]);
    const { counts } = (await connectionOf(holdfast, scene)).body;
    expect(counts.withheld).toBe(1);
  });

  it('that is cut short, of another kind, or unreachable keeps what was known', async () => {
    const scene = await connectFeed([entry(3, 9)]);
    const path = `/feeds/${scene.feed}`;
    const bad = [
      { cutBody: true },
      { status: 200, body: '<html>Log in</html>', headers: { 'content-type': 'text/html' } },
      { status: 500 },
      { status: 404 },
      { drop: 'before' },
    ] as const;
    for (const [n, how] of bad.entries()) {
      // Changed, so that there is a body to send.
      await publish(scene.feed, calendarOf([entry(3, 9), entry(9 + n, 9)]));
      await fault(holdfast, { host: 'feeds', path, times: 20, ...how } as Parameters<
        typeof fault
      >[1]);
      await steer(holdfast, scene, 'sync-now');
      expect((await connectionOf(holdfast, scene)).body.status).toMatch(/lagging|failing/);
      expect(await taken(scene, 3)).toEqual([9]);
      await liftFaults(holdfast);
    }
    await steer(holdfast, scene, 'sync-now');
    expect((await connectionOf(holdfast, scene)).body.status).toBe('live');
  }, 180_000);
});

describe('the deletion guard', () => {
  const many = Array.from({ length: 10 }, (_, n) => entry(4 + n, 9));

  it('holds removals back when most of a feed vanishes, and lets additions through', async () => {
    const scene = await connectFeed(many);
    await publish(scene.feed, calendarOf([many[0]!, entry(4, 15)]));
    await steer(holdfast, scene, 'sync-now');
    const guarded = (await connectionOf(holdfast, scene)).body;
    expect(guarded.status).toBe('guarded');
    expect(guarded.advice).toContain('accept-removals');
    expect(await taken(scene, 4)).toEqual([9, 15]);
    for (let n = 1; n < 10; n += 1) expect(await taken(scene, 4 + n)).toEqual([9]);
    // Looking again by itself decides nothing.
    await steer(holdfast, scene, 'sync-now');
    expect((await connectionOf(holdfast, scene)).body.status).toBe('guarded');

    await resync(holdfast, scene, { acceptRemovals: true });
    expect((await connectionOf(holdfast, scene)).body.status).toBe('live');
    expect(await taken(scene, 4)).toEqual([9, 15]);
    for (let n = 1; n < 10; n += 1) expect(await taken(scene, 4 + n)).toEqual([]);
  });

  it('is quiet again when what vanished comes back', async () => {
    const scene = await connectFeed(many);
    await publish(scene.feed, calendarOf([]));
    await steer(holdfast, scene, 'sync-now');
    expect((await connectionOf(holdfast, scene)).body.status).toBe('guarded');
    await publish(scene.feed, calendarOf(many));
    await steer(holdfast, scene, 'sync-now');
    expect((await connectionOf(holdfast, scene)).body.status).toBe('live');
    expect(await taken(scene, 13)).toEqual([9]);
  });

  it('lets single removals and ended entries go', async () => {
    const past = { uid: 'past@example.com', start: day(-1, 9), end: day(-1, 10) };
    const scene = await connectFeed([past, ...many]);
    await publish(scene.feed, calendarOf(many.slice(1)));
    await steer(holdfast, scene, 'sync-now');
    await steer(holdfast, scene, 'sync-now');
    expect((await connectionOf(holdfast, scene)).body.status).toBe('live');
  });

  const day = (days: number, hour: number): string =>
    new Date(
      Math.floor(Date.now() / DAY_MS) * DAY_MS + days * DAY_MS + hour * 3_600_000,
    ).toISOString();
});
