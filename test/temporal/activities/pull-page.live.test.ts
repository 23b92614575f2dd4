import { randomBytes } from 'node:crypto';
import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Channel, ChannelProvider, Pulled } from '../../../src/channels/channel-provider.ts';
import { DEFAULT_CONNECTION_SETTINGS, readingNameOf } from '../../../src/domain/connection.ts';
import type { NeutralEvent } from '../../../src/domain/event.ts';
import { commitBooking } from '../../../src/store/bookings.ts';
import { startGeneration } from '../../../src/store/connection-status.ts';
import { holdUnits } from '../../../src/store/holds.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { createVault, parseKeyring } from '../../../src/vault.ts';
import { pullPage } from '../../../temporal/activities/connection.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import type { PullResult } from '../../../temporal/contracts/connection.ts';
import type { Ledger } from '../../support/ledger.ts';
import { UNLIMITED } from '../../support/limits.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  hour,
  listed,
  markerOf,
  openLedger,
} from '../../support/ledger.ts';

type Page = Exclude<Pulled, { kind: 'cursor-lost' }>;

let ledger: Ledger;
let resourceId: string;
let key: ConnectionKey;
let nowAt: number;
let horizonMs: number;
let absenceConfirmMs: number;
let next: Page;

const DAY_MS = 86_400_000;
const vault = createVault(parseKeyring(`k:${randomBytes(32).toString('base64')}`));
const SIGNAL = new AbortController().signal;

beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  nowAt = Date.now();
  // Up to a month after hour 0.
  horizonMs = Date.parse(hour(30 * 24)) - nowAt;
  absenceConfirmMs = 0;
  resourceId = await addResource(ledger.admin, { capacity: 2 });
  key = await addConnection(ledger.admin, { resourceId });
});

const deps = (): ActivityDependencies => ({
  database: { pool: ledger.pool } as ActivityDependencies['database'],
  vault,
  channels: new Map<Channel, ChannelProvider>([
    [
      'google',
      {
        channel: 'google',
        supports: { oauth: true, push: false, write: true, renewal: 'none', absenceConfirmMs },
        pull: () => Promise.resolve(next),
      } as unknown as ChannelProvider,
    ],
  ]),
  ...UNLIMITED,
  openAccess: () => Promise.resolve({ kind: 'bearer', accessToken: 'x' }),
  payments: {} as ActivityDependencies['payments'],
  commands: {
    requestMirror: () => Promise.resolve(),
    requestSync: () => Promise.resolve(),
    resumeChange: () => Promise.resolve(),
    giveUpBooking: () => Promise.resolve({ kind: 'cancelled' }),
    changeBooking: () => Promise.resolve({ kind: 'done' }),
  },
  settings: { horizonMs, publicUrl: null, pollsPerHour: 600 },
  now: () => nowAt,
  log: () => undefined,
});

/** Pulls one page, as the activity's worker would. */
async function pull(
  kind: Page['kind'],
  page: Partial<Page>,
  acceptRemovals = false,
): Promise<PullResult> {
  next = {
    kind,
    changes: [],
    withheld: [],
    nextCursor: page.more ? null : 'cursor',
    checkpoint: page.more ? 'checkpoint' : null,
    more: false,
    ageMs: 0,
    ...page,
  };
  const fromVersion = Number((await row())['cursor_version']);
  const context = { cancellationSignal: SIGNAL } as Context;
  return asyncLocalStorage.run(context, () =>
    pullPage(deps(), { ...key, fromVersion, acceptRemovals }),
  );
}
const snapshot = (...events: NeutralEvent[]) => pull('snapshot', { changes: listed(...events) });

async function row(): Promise<Record<string, unknown>> {
  const { rows } = await ledger.pool.query<Record<string, unknown>>(
    'SELECT * FROM connection WHERE id = $1',
    [key.connectionId],
  );
  return rows[0]!;
}
const busy = async () => {
  const { rows } = await ledger.pool.query<{ root: string; from: number; to: number }>(
    `SELECT root_id AS root, (extract(epoch FROM start_at - $2::timestamptz) / 3600)::float8 AS from,
        (extract(epoch FROM end_at - $2::timestamptz) / 3600)::float8 AS to
       FROM busy WHERE connection_id = $1 ORDER BY start_at, end_at`,
    [key.connectionId, hour(0)],
  );
  return rows.map((one) => `${one.root} ${one.from}-${one.to}`);
};
const change = (set: string, value: unknown) =>
  ledger.admin.query(`UPDATE connection SET ${set} WHERE id = $1`, [key.connectionId, value]);
const weekly = { recurrence: ['RRULE:FREQ=WEEKLY'] };
const moved = (nativeId: string, of: string, to: readonly [number, number]) =>
  anEvent(nativeId, to, { seriesId: of, originalStart: { kind: 'utc', at: hour(0) } });

describe('absence', () => {
  test('of a series does not take along an exception that was listed', async () => {
    await snapshot(anEvent('s', [0, 1], weekly), moved('s-1', 's', [2, 3]), anEvent('x', [5, 6]));
    const page = { changes: listed(moved('s-1', 's', [2, 3]), anEvent('x', [5, 6])) };
    await pull('snapshot', page, true);
    expect(await busy()).toEqual(['s 2-3', 'x 5-6']);
  });

  test('of an exception that takes time is doubted where absence must last', async () => {
    absenceConfirmMs = 3_600_000;
    const others = Array.from({ length: 9 }, (_, n) => anEvent(`o${n}`, [100 + n, 101 + n]));
    await snapshot(anEvent('s', [0, 1], weekly), moved('s-1', 's', [2, 3]), ...others);
    await snapshot(anEvent('s', [0, 1], weekly), ...others);
    expect(await busy()).toContain('s 2-3');
    nowAt += absenceConfirmMs + 10_000;
    await snapshot(anEvent('s', [0, 1], weekly), ...others);
    expect(await busy()).not.toContain('s 2-3');
  });

  test.each([
    ['a new entry of the same time', anEvent('new', [0, 1]), 'live'],
    ['one that takes no time', anEvent('new', [0, 1], { transparency: 'transparent' }), 'guarded'],
    ['one that comes once only', anEvent('new', [0, 1], { recurrence: [] }), 'live'],
    ['another series', anEvent('new', [0, 1], weekly), 'guarded'],
  ])('is a new name only beside %s', async (_name, added, status) => {
    const old = [0, 2, 4].map((n) => anEvent(`old${n}`, [n, n + 1]));
    await snapshot(...old);
    const renamed = [2, 4].map((n) => anEvent(`new${n}`, [n, n + 1]));
    expect(await snapshot(added, ...(status === 'live' ? renamed : []))).toMatchObject({ status });
  });

  test('is no new name beside an entry that was there before', async () => {
    const twins = [0, 2, 4].flatMap((n) => [
      anEvent(`a${n}`, [n, n + 1]),
      anEvent(`b${n}`, [n + 10, n + 11]),
    ]);
    await snapshot(...twins, anEvent('free', [0, 1], { transparency: 'transparent' }));
    const listing = [anEvent('free', [0, 1], { transparency: 'transparent' })];
    expect(await snapshot(...listing)).toMatchObject({ status: 'guarded' });
  });

  test('sees names given by an earlier page of the same listing', async () => {
    await snapshot(...[0, 2, 4].map((n) => anEvent(`old${n}`, [n, n + 1])));
    await startGeneration(ledger.pool, key);
    const renamed = [0, 2, 4].map((n) => anEvent(`new${n}`, [n, n + 1]));
    await pull('snapshot', { changes: listed(...renamed), more: true });
    expect(await snapshot()).toMatchObject({ status: 'live' });
    expect(await busy()).toEqual(['new0 0-1', 'new2 2-3', 'new4 4-5']);
  });

  test('of all there was is guarded, however much else the same listing brought', async () => {
    await snapshot(...[0, 2, 4].map((n) => anEvent(`old${n}`, [n, n + 1])));
    await startGeneration(ledger.pool, key);
    const others = Array.from({ length: 6 }, (_, n) => anEvent(`other${n}`, [50 + n, 51 + n]));
    await pull('snapshot', { changes: listed(...others), more: true });
    expect(await snapshot()).toMatchObject({ status: 'guarded' });
    expect(await busy()).toHaveLength(9);
  });
});

describe('the edge of what is expanded', () => {
  test('moves with the horizon where there is nothing to expand', async () => {
    await snapshot();
    const before = (await row())['expanded_until'] as Date;
    horizonMs += 20 * DAY_MS;
    await pull('delta', {});
    expect(((await row())['expanded_until'] as Date).getTime()).toBeGreaterThan(before.getTime());
  });
});

describe('all is expanded anew', () => {
  const READING = readingNameOf(DEFAULT_CONNECTION_SETTINGS);
  const floating = anEvent('a', [0, 1], {
    start: { kind: 'floating', local: hour(0).slice(0, 19) },
    end: { kind: 'floating', local: hour(1).slice(0, 19) },
  });

  test('when the calendar moves to another zone, which is written at the end of the pass', async () => {
    await pull('snapshot', { changes: listed(floating) });
    expect(await busy()).toEqual(['a 0-1']);
    await pull('delta', { timeZone: 'Asia/Tokyo', more: true });
    expect(await row()).toMatchObject({ time_zone: 'UTC', expanded_with: `UTC|UTC|${READING}` });
    await pull('delta', { timeZone: 'Asia/Tokyo' });
    expect(await busy()).toEqual(['a -9--8']);
    expect(await row()).toMatchObject({
      time_zone: 'Asia/Tokyo',
      expanded_with: `Asia/Tokyo|UTC|${READING}`,
    });
  });

  test('when any nature of entries is read otherwise', async () => {
    await snapshot(
      anEvent('o', [0, 1], { kind: 'out-of-office' }),
      anEvent('w', [2, 3], { kind: 'working-elsewhere' }),
      anEvent('f', [4, 5], { transparency: 'transparent' }),
    );
    expect(await busy()).toEqual(['o 0-1']);
    const turned = { outOfOffice: 'free', workingElsewhere: 'busy', free: 'busy' };
    await change(`settings = settings || $2::jsonb`, turned);
    await pull('delta', {});
    expect(await busy()).toEqual(['w 2-3', 'f 4-5']);
  });

  test('when tentative entries are read otherwise', async () => {
    await snapshot(anEvent('t', [0, 1], { status: 'tentative' }), anEvent('a', [2, 3]));
    expect(await busy()).toEqual(['t 0-1', 'a 2-3']);
    await change(`settings = settings || $2::jsonb`, { tentative: 'free' });
    await pull('delta', {});
    expect(await busy()).toEqual(['a 2-3']);
    await change(`settings = settings || $2::jsonb`, { tentative: 'busy' });
    await pull('delta', {});
    expect(await busy()).toEqual(['t 0-1', 'a 2-3']);
  });

  test('at the end of a new generation, also what it lists unchanged', async () => {
    await snapshot(anEvent('a', [0, 1]));
    await ledger.admin.query('DELETE FROM busy WHERE connection_id = $1', [key.connectionId]);
    await startGeneration(ledger.pool, key);
    await snapshot(anEvent('a', [0, 1]));
    expect(await busy()).toEqual(['a 0-1']);
  });

  test('in parts, none of which frees anything before the end', async () => {
    const events = Array.from({ length: 1_203 }, (_, n) =>
      anEvent(`t${n}`, [n / 2, n / 2 + 0.25], { status: 'tentative' }),
    );
    await snapshot(...events, anEvent('a', [0, 1]));
    await change(`settings = settings || $2::jsonb`, { tentative: 'free' });
    await pull('delta', { changes: listed(anEvent('b', [5, 6])) });
    expect(await busy()).toEqual(['a 0-1', 'b 5-6']);
  });
});

describe('an entry with the marker of a booking', () => {
  const booked = async (resource: string) => {
    const held = aHold(resource);
    await holdUnits(ledger.pool, held);
    await commitBooking(ledger.pool, held);
    return held.bookingId;
  };

  test('takes no time beside that booking, and time anywhere else', async () => {
    const ours = await booked(resourceId);
    const elsewhere = await booked(await addResource(ledger.admin));
    const of = (id: string, hours: [number, number]) => markerOf(ledger.pool, id, hours);
    await snapshot(
      anEvent('ours', [0, 1], { marker: await of(ours, [0, 1]) }),
      anEvent('elsewhere', [2, 3], { marker: await of(elsewhere, [2, 3]) }),
      anEvent('unknown', [4, 5], { marker: 'nobody' }),
      anEvent('forged', [6, 7], { marker: ours }),
      anEvent('moved', [8, 9], { marker: await of(ours, [0, 1]) }),
      anEvent('again', [0, 1], {
        marker: await of(ours, [0, 1]),
        recurrence: ['RRULE:FREQ=YEARLY'],
      }),
    );
    expect(await busy()).toEqual([
      'again 0-1',
      'elsewhere 2-3',
      'unknown 4-5',
      'forged 6-7',
      'moved 8-9',
    ]);
  });

  test('takes time on the calendar of a unit that the booking does not have', async () => {
    const ours = await booked(resourceId);
    key = await addConnection(ledger.admin, { resourceId, unit: 2 });
    const marker = await markerOf(ledger.pool, ours, [0, 1]);
    await snapshot(anEvent('copied', [0, 1], { marker }));
    expect(await busy()).toEqual(['copied 0-1']);
    key = await addConnection(ledger.admin, { resourceId, unit: 1 });
    await snapshot(anEvent('ours', [0, 1], { marker }));
    expect(await busy()).toEqual([]);
  });
});

test('more spans than one page may make block to the end of the window', async () => {
  const hourly = Array.from({ length: 100 }, (_, n) =>
    anEvent(`h${n}`, [0, 0.01], { recurrence: ['RRULE:FREQ=HOURLY'] }),
  );
  await snapshot(...hourly);
  const { rows } = await ledger.pool.query<{ spans: number; last: Date }>(
    `SELECT count(*)::integer AS spans, max(end_at) AS last FROM busy
      WHERE connection_id = $1 GROUP BY root_id`,
    [key.connectionId],
  );
  expect(rows).toHaveLength(100);
  expect(rows.reduce((sum, one) => sum + one.spans, 0)).toBeLessThanOrEqual(50_100);
  const first = Math.min(...rows.map((one) => one.last.getTime()));
  expect(first).toBeGreaterThan(nowAt + horizonMs - DAY_MS);
});
