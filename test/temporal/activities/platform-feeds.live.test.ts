import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  composeCalendar,
  type FeedEvent,
  type FeedStyle,
} from '../../../src/emulators/feed-calendar.ts';
import { date, openFeeds, type FeedConnection, type FeedScene } from './feed-scene.ts';

/** How three platforms write their calendars from one day to the next, and what we make of it. */
let scene: FeedScene;
let feed: FeedConnection;
beforeAll(async () => {
  scene = await openFeeds();
});
afterAll(() => scene.close());
beforeEach(async () => {
  await scene.at(0);
  feed = await scene.connect();
});

const stay = (uid: string, from: number, to: number): FeedEvent => ({
  uid,
  start: date(from),
  end: date(to),
  kind: 'reservation',
});
/** Named anew at every fetch, unless said otherwise. */
const block = (from: number, to: number, uid: string = randomUUID()): FeedEvent => ({
  ...stay(uid, from, to),
  kind: 'block',
});
const write = (style: FeedStyle, events: readonly FeedEvent[]): string =>
  composeCalendar(style, events, scene.nowAt());

/** As far as is looked at: before the horizon, which lies beyond a year. */
const LAST_DAY = 400;
function nightsOf(events: readonly FeedEvent[], today: number): string[] {
  const days = Array.from({ length: LAST_DAY - today }, (_, n) => date(today + n));
  return days.filter((day) => events.some(({ start, end }) => start <= day && day < end));
}
const nights = async (): Promise<string[]> =>
  [...(await feed.nights())].filter((night) => night < date(LAST_DAY)).toSorted();

interface Life {
  style: FeedStyle;
  /** What the platform shows on a day, asked once for each. */
  shown: (day: number) => FeedEvent[];
  days: number;
}

/**
 * Four reads a day. After every page all is taken that both the day before and today say is, the
 * connection never waits for a person, and in the evening we say exactly what the platform says.
 * Answers what each day left in the journal.
 */
async function live({ style, shown, days }: Life): Promise<Record<string, number>[]> {
  const news: Record<string, number>[] = [];
  let before: string[] = [];
  for (let day = 0; day < days; day += 1) {
    const events = shown(day);
    const today = new Set(nightsOf(events, day));
    const both = before.filter((night) => today.has(night));
    for (const minutes of [0, 30, 75, 300]) {
      await scene.at(day, minutes);
      feed.serve(write(style, events));
      const status = await feed.pass((taken) =>
        expect(both.filter((night) => !taken.has(night))).toEqual([]),
      );
      expect({ day, status }).toEqual({ day, status: 'live' });
    }
    expect(await nights()).toEqual([...today]);
    news.push(await feed.news());
    before = [...today];
  }
  return news;
}

const A = '1418fb94e984-a@airbnb.com';
const B = '1418fb94e984-b@airbnb.com';

describe.each([400, 2])('with %d entries a page', (pageSize) => {
  beforeEach(async () => {
    feed = await scene.connect(pageSize);
  });

  test('Airbnb slides its notice and its window each day: one in and one out of each', async () => {
    const shown = (day: number) => [
      block(day, day + 2),
      stay(A, 8, 12),
      stay(B, 3, 6),
      block(day + 365, day + 730),
    ];
    const [first, ...later] = await live({ style: 'airbnb', shown, days: 7 });
    expect(first).toEqual({ added: 4 });
    for (const day of later) expect(day).toEqual({ added: 2, removed: 2 });
  });

  test('an Airbnb home that nobody booked slides all it shows, and no person is asked', async () => {
    const shown = (day: number) => [
      block(day, day + 1),
      block(day + 1, day + 3),
      block(day + 200, day + 202),
      block(day + 365, day + 730),
    ];
    const [, ...later] = await live({ style: 'airbnb', shown, days: 4 });
    for (const day of later) expect(day).toEqual({ added: 4, removed: 4 });
  });

  test('a platform that names all it shows anew each day says nothing new', async () => {
    const shown = () => [block(3, 6), block(8, 12), block(20, 21), block(30, 40), block(60, 61)];
    const [, ...later] = await live({ style: 'booking', shown, days: 4 });
    for (const day of later) expect(day).toMatchObject({ renamed: 5 });
    for (const day of later) expect(day).not.toHaveProperty('removed');
  });

  test('a Booking.com stay under way begins today, whatever it is called', async () => {
    const uids = ['same', () => randomUUID()];
    for (const uid of uids) {
      feed = await scene.connect(pageSize);
      const named = (): string => (typeof uid === 'string' ? uid : uid());
      const shown = (day: number) => [
        ...(day < 5 ? [stay(named(), day, 5)] : []),
        stay('next', 9, 11),
        block(day + 380, day + 540),
      ];
      const [, second] = await live({ style: 'booking', shown, days: 7 });
      const one = typeof uid === 'string' ? { changed: 1 } : {};
      const added = typeof uid === 'string' ? 1 : 2;
      expect(second).toEqual({ added, removed: added, ...one });
    }
  });

  test('a Booking.com stay made longer under a new name is taken throughout', async () => {
    const shown = (day: number) => [
      day < 2 ? stay('short', 4, 7) : stay('long', 4, 9),
      stay('other', 12, 14),
    ];
    const news = await live({ style: 'booking', shown, days: 4 });
    expect(news).toEqual([{ added: 2 }, {}, { added: 1, removed: 1 }, {}]);
  });

  test('an Airbnb or Vrbo stay that moves keeps its name and is one change', async () => {
    for (const style of ['airbnb', 'vrbo'] as const) {
      feed = await scene.connect(pageSize);
      const shown = (day: number) => [day < 1 ? stay(A, 4, 7) : stay(A, 6, 10), stay(B, 12, 14)];
      expect(await live({ style, shown, days: 3 })).toEqual([{ added: 2 }, { changed: 1 }, {}]);
    }
  });
});

test('new names for all of a page are one entry each in the journal', async () => {
  const shown = () => [block(3, 6), block(8, 12), block(20, 21), block(30, 40), block(60, 61)];
  const news = await live({ style: 'vrbo', shown, days: 3 });
  expect(news).toEqual([{ added: 5 }, { renamed: 5 }, { renamed: 5 }]);
});

test('the day of checkout is free, and the stay before it and after it touch', async () => {
  feed.serve(write('vrbo', [stay('a', 2, 4), stay('b', 6, 7), stay('c', 7, 8)]));
  await feed.pass();
  expect(await nights()).toEqual([2, 3, 6, 7].map(date));
});

test('a stay made shorter frees its nights at a second complete reading only', async () => {
  const stays = [stay('other', 12, 14), stay('third', 20, 22)];
  feed.serve(write('booking', [stay('long', 4, 9), ...stays]));
  await feed.pass();
  feed.serve(write('booking', [stay('short', 4, 7), ...stays]));
  await scene.at(0, 5);
  await feed.pass();
  expect(await nights()).toEqual([4, 5, 6, 7, 8, 12, 13, 20, 21].map(date));
  await scene.at(0, 60);
  await feed.pass();
  expect(await nights()).toEqual([4, 5, 6, 12, 13, 20, 21].map(date));
});

const SUMMARIES = [
  ['vrbo', /Reserved - Guest/g, 'Réservée - Amélie Ω'],
  ['vrbo', /Blocked/g, 'Indisponible'],
  ['booking', /CLOSED - Not available/g, 'GESCHLOSSEN – nicht verfügbar'],
  ['airbnb', /Airbnb \(Not available\)/g, 'Airbnb (No disponible)'],
] as const;

test.each(SUMMARIES)(
  'in the style of %s another language is no change',
  async (style, ...texts) => {
    const events = [stay('a', 2, 4), block(6, 9, 'b')];
    const ours = write(style, events);
    feed.serve(ours);
    await feed.pass();
    const before = await feed.copy();
    await feed.news();
    await scene.at(1);
    const theirs = write(style, events).replace(...texts);
    expect(theirs).not.toBe(write(style, events));
    feed.serve(theirs);
    await feed.pass();
    expect(await feed.news()).toEqual({});
    expect(await feed.copy()).toEqual(before);
  },
);

test.each(['airbnb', 'booking', 'vrbo'] as const)(
  'in the style of %s LF and CRLF give the same copy, and from one to the other nothing changes',
  async (style) => {
    const lf = write(style, [stay('a', 2, 4), block(6, 9, 'b')]).replaceAll('\r\n', '\n');
    feed.serve(lf);
    await feed.pass();
    const other = await scene.connect();
    other.serve(lf.replaceAll('\n', '\r\n'));
    await other.pass();
    expect(await other.copy()).toEqual(await feed.copy());
    await feed.news();
    feed.serve(lf.replaceAll('\n', '\r\n'));
    await feed.pass();
    expect(await feed.news()).toEqual({});
  },
);

describe('a feed that is not all there removes nothing, however many days it lasts', () => {
  const events = [stay('a', 2, 40), stay('b', 41, 42), stay('c', 50, 52), block(60, 61, 'd')];
  const whole = () => write('vrbo', events);
  const page = '<!doctype html><title>Sign in</title><p>Your session has ended.';
  test.each([
    ['cut off in the middle of an entry', () => [whole().slice(0, 400), 200], 'feed-incomplete'],
    [
      'cut off between two entries',
      () => [whole().slice(0, whole().lastIndexOf('BEGIN:VEVENT')), 200],
      'feed-incomplete',
    ],
    ['empty', () => ['', 200], 'feed-not-a-calendar'],
    ['a page for people', () => [page, 200], 'feed-not-a-calendar'],
    ['a trouble of the host', () => ['', 503], 'http-503'],
    ['gone for now', () => [page, 404], 'http-404'],
  ] as const)('because it is %s', async (_, answer, code) => {
    feed.serve(whole());
    await feed.pass();
    for (const day of [1, 2, 3]) {
      await scene.at(day);
      feed.serve(...(answer() as [string, number]));
      await expect(feed.pass()).rejects.toMatchObject({ code });
      expect(await nights()).toEqual(nightsOf(events, day));
    }
    await scene.at(4);
    feed.serve(whole());
    expect(await feed.pass()).toBe('live');
    expect(await feed.news()).toEqual({ added: 4 });
  });

  test('and a calendar without entries waits for a second reading, or for a person', async () => {
    feed.serve(whole());
    await feed.pass();
    await scene.at(1);
    feed.serve(write('vrbo', []));
    expect(await feed.pass()).toBe('guarded');
    expect(await nights()).toEqual(nightsOf(events, 1));
    await scene.at(1, 5);
    expect(await feed.pass()).toBe('guarded');
    expect(await nights()).toEqual(nightsOf(events, 1));
  });
});
