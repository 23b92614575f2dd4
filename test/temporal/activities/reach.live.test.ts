import { randomBytes } from 'node:crypto';
import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type {
  Channel,
  ChannelProvider,
  Pulled,
  PullInput,
} from '../../../src/channels/channel-provider.ts';
import { Failure } from '../../../src/domain/failure.ts';
import { edgesBehind } from '../../../src/store/horizon.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { createVault, parseKeyring } from '../../../src/vault.ts';
import { rollEdge } from '../../../temporal/activities/connection-page.ts';
import { pullPage } from '../../../temporal/activities/connection.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import { slackMs } from '../../../temporal/activities/pulled-page.ts';
import type { Ledger } from '../../support/ledger.ts';
import { UNLIMITED } from '../../support/limits.ts';
import {
  addConnection,
  addResource,
  anEvent,
  hour,
  listed,
  openLedger,
} from '../../support/ledger.ts';

/** A channel that lists a fixed stretch of time, and calendars that are polled: at the port. */
type Page = Exclude<Pulled, { kind: 'cursor-lost' }>;

let ledger: Ledger;
let key: ConnectionKey;
let nowAt: number;
let pollsPerHour: number;
let asked: PullInput[];
let answer: (input: PullInput) => Partial<Page> | Extract<Pulled, { kind: 'cursor-lost' }>;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const HORIZON_MS = 548 * DAY_MS;
const vault = createVault(parseKeyring(`k:${randomBytes(32).toString('base64')}`));

beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  nowAt = Date.now();
  pollsPerHour = 600;
  asked = [];
  key = await addConnection(ledger.admin, { resourceId: await addResource(ledger.admin) });
});

const deps = (): ActivityDependencies => ({
  database: { pool: ledger.pool } as ActivityDependencies['database'],
  vault,
  channels: new Map<Channel, ChannelProvider>([
    [
      'google',
      {
        channel: 'google',
        supports: { oauth: true, push: true, write: true, renewal: 'extend', absenceConfirmMs: 0 },
        async pull(input) {
          asked.push(input);
          const given = answer(input);
          if (given.kind === 'cursor-lost') return given;
          return {
            kind: input.cursor === null ? 'snapshot' : 'delta',
            changes: [],
            withheld: [],
            nextCursor: given.more ? null : 'cursor',
            checkpoint: given.more ? 'checkpoint' : null,
            more: false,
            ageMs: 0,
            ...given,
          };
        },
      } as ChannelProvider,
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
  settings: { horizonMs: HORIZON_MS, publicUrl: null, pollsPerHour },
  now: () => nowAt,
  log: () => undefined,
});

async function pull(of = key) {
  const { rows } = await ledger.pool.query<{ version: string }>(
    'SELECT cursor_version AS version FROM connection WHERE id = $1',
    [of.connectionId],
  );
  const input = { ...of, fromVersion: Number(rows[0]!.version), acceptRemovals: false };
  const context = { cancellationSignal: new AbortController().signal } as Context;
  return asyncLocalStorage.run(context, () => pullPage(deps(), input));
}

async function row(): Promise<Record<string, unknown>> {
  const { rows } = await ledger.pool.query<Record<string, unknown>>(
    'SELECT * FROM connection WHERE id = $1',
    [key.connectionId],
  );
  return rows[0]!;
}
const entries = async (): Promise<string[]> => {
  const { rows } = await ledger.pool.query<{ type: string }>(
    `SELECT type FROM journal WHERE subject = $1 AND type LIKE 'event.%' ORDER BY seq`,
    [`connection/${key.connectionId}`],
  );
  return rows.map((one) => one.type);
};

describe('a channel that lists a fixed stretch of time', () => {
  const KEPT = anEvent('kept', [0, 1]);
  const coversUntilAt = ({ window }: PullInput) => window.endAt;
  /** Listings say how far they reach; what follows by the cursor reaches no further. */
  const windowed = (input: PullInput): Partial<Page> =>
    input.cursor === null
      ? { changes: listed(KEPT), coversUntilAt: coversUntilAt(input) }
      : { nextCursor: input.cursor };
  const untilNearTheEnd = () => (nowAt += 90 * DAY_MS - slackMs(key.connectionId) + DAY_MS);

  beforeEach(async () => {
    answer = windowed;
    await pull();
  });

  test('is asked from yesterday to three months beyond the horizon', async () => {
    const { startAt, endAt } = asked[0]!.window;
    const startedAt = ((await row())['pass_started_at'] as Date).getTime();
    expect(startAt).toBe(startedAt - DAY_MS);
    expect(endAt).toBe(startedAt + HORIZON_MS + 90 * DAY_MS);
    expect((await row())['covers_until']).toEqual(new Date(endAt));
  });

  test('is read by its cursor while enough of it is left', async () => {
    nowAt += 90 * DAY_MS - slackMs(key.connectionId) - DAY_MS;
    await pull();
    expect(asked[1]!.cursor).toBe('cursor');
  });

  test('is read anew beside its cursor before it ends, and what both list gives no entry', async () => {
    const before = await row();
    untilNearTheEnd();
    await pull();
    expect(asked[1]!.cursor).toBeNull();
    const after = await row();
    expect(+(after['covers_until'] as Date)).toBeGreaterThan(+(before['covers_until'] as Date));
    expect(await entries()).toEqual(['event.added']);
    expect(after['status']).toBe('live');
  });

  test.each([
    ['fails', new Failure({ kind: 'unavailable', code: 'http-503' })],
    ['is refused', new Failure({ kind: 'invalid', code: 'http-400' })],
  ])('goes on by its old cursor when the new reading %s', async (_how, failure) => {
    untilNearTheEnd();
    answer = (input) => {
      if (input.cursor === null) throw failure;
      return { changes: listed(anEvent('later', [5, 6])) };
    };
    expect(await pull()).toMatchObject({ kind: 'cursor-lost', what: 'checkpoint' });
    expect(await pull()).toMatchObject({ kind: 'page', changes: 1 });
    expect(asked.map((one) => one.cursor)).toEqual([null, null, 'cursor']);
    // And tries again another day.
    nowAt += DAY_MS;
    answer = windowed;
    await pull();
    expect(asked.at(-1)!.cursor).toBeNull();
  });

  test.each([
    ['fails', null],
    ['is lost', { kind: 'cursor-lost', what: 'cursor' } as const],
  ])('goes on by its old cursor when a later page of the new reading %s', async (_how, later) => {
    untilNearTheEnd();
    answer = (input) => {
      if (input.checkpoint !== null && later) return later;
      if (input.checkpoint !== null) throw new Failure({ kind: 'unavailable', code: 'http-503' });
      return input.cursor === null ? { more: true, changes: listed(KEPT) } : {};
    };
    expect(await pull()).toMatchObject({ kind: 'page', more: true });
    expect(await pull()).toMatchObject({ kind: 'cursor-lost', what: 'checkpoint' });
    expect(await pull()).toMatchObject({ kind: 'page', more: false });
    expect(asked.at(-1)).toMatchObject({ cursor: 'cursor', checkpoint: null });
    expect(await entries()).toEqual(['event.added']);
  });

  test('needs another slack in each connection, always the same, of 15 to 45 days', () => {
    const slacks = Array.from({ length: 200 }, (_, n) => slackMs(`c-${n}`) / DAY_MS);
    expect(Math.min(...slacks)).toBeGreaterThanOrEqual(15);
    expect(Math.max(...slacks)).toBeLessThan(45);
    expect(new Set(slacks.map(Math.floor)).size).toBeGreaterThan(25);
    expect(slackMs('c-1')).toBe(slackMs('c-1'));
  });
});

describe('a calendar that nobody watches', () => {
  const changing = (): Partial<Page> => ({ changes: listed(anEvent(`e${asked.length}`, [0, 1])) });
  const intervals = async (n: number, of = key): Promise<number[]> => {
    const found: number[] = [];
    for (let k = 0; k < n; k += 1) {
      const page = await pull(of);
      found.push(page.kind === 'page' ? page.pollIntervalMs / MINUTE_MS : Number.NaN);
    }
    return found;
  };

  test('is polled the less often the longer it is still, and the more often it changes', async () => {
    answer = () => ({});
    expect(await intervals(4)).toEqual([1, 1.5, 2.25, 3.375]);
    answer = changing;
    expect(await intervals(3)).toEqual([3.375 / 2, 1, 1]);
    answer = () => ({});
    expect((await intervals(12)).at(-1)).toBe(30);
  });

  test('counts what the first pages of a pass brought', async () => {
    answer = () => ({});
    await intervals(3);
    answer = (input) => (input.checkpoint === null ? { ...changing(), more: true } : {});
    expect((await intervals(2)).at(-1)).toBe(2.25 / 2);
  });

  test('keeps its pace while it is watched', async () => {
    answer = () => ({});
    await intervals(3);
    await ledger.admin.query(
      `UPDATE connection SET watched_until = now() + interval '1 day' WHERE id = $1`,
      [key.connectionId],
    );
    expect(await intervals(2)).toEqual([2.25, 2.25]);
  });

  test('counts a poll once, however often its page is asked for', async () => {
    answer = () => ({});
    await pull();
    const before = await row();
    const input = { ...key, fromVersion: 0, acceptRemovals: false };
    const context = { cancellationSignal: new AbortController().signal } as Context;
    await asyncLocalStorage.run(context, () => pullPage(deps(), input));
    expect(asked).toHaveLength(1);
    expect(await row()).toMatchObject({ poll_interval_ms: before['poll_interval_ms'] });
  });

  test('shares its account: past the budget all its calendars are polled less often, and it shows', async () => {
    pollsPerHour = 6;
    answer = () => ({});
    const others = await Promise.all(Array.from({ length: 5 }, () => besides(key)));
    for (const one of [key, ...others]) await intervals(1, one);
    // Six polls an hour for six calendars: each of them once an hour.
    const again = await intervals(1, key);
    expect(again[0]).toBeGreaterThan(65);
    expect(again[0]).toBeLessThan(71);
    const { poll_interval_ms: own, poll_in_force_ms: inForce } = await row();
    expect(Number(inForce)).toBeGreaterThan(Number(own));
  });

  /** Another calendar of the same account. */
  async function besides({ tenantId, connectionId }: ConnectionKey): Promise<ConnectionKey> {
    const other = await addConnection(ledger.admin, {
      resourceId: await addResource(ledger.admin),
    });
    await ledger.admin.query(
      `UPDATE connection SET account_id = (SELECT account_id FROM connection WHERE id = $2)
        WHERE tenant_id = $1 AND id = $3`,
      [tenantId, connectionId, other.connectionId],
    );
    return other;
  }
});

test('the horizon rolls also for a connection that makes no pass, and asks nothing of it', async () => {
  const rule = { recurrence: ['RRULE:FREQ=DAILY'] };
  const at = new Date(nowAt).toISOString();
  const end = new Date(nowAt + MINUTE_MS).toISOString();
  const daily = { ...rule, start: { kind: 'utc', at }, end: { kind: 'utc', at: end } } as const;
  answer = () => ({ changes: listed(anEvent('daily', [0, 1], daily)) });
  await pull();
  await ledger.admin.query(
    `UPDATE connection SET status = 'paused', dirty = true,
       expanded_until = expanded_until - interval '10 days' WHERE id = $1`,
    [key.connectionId],
  );
  await ledger.admin.query(
    `DELETE FROM busy WHERE connection_id = $1 AND start_at > (SELECT max(start_at) FROM busy
       WHERE connection_id = $1) - interval '10 days'`,
    [key.connectionId],
  );
  const before = await row();
  const behind = async () =>
    (await edgesBehind(ledger.pool, { horizonMs: HORIZON_MS, limit: 100 })).filter(
      (one) => one.connectionId === key.connectionId,
    );
  const [edge] = await behind();
  // Its turn was taken.
  expect(await behind()).toEqual([]);
  await rollEdge(deps(), edge!);
  expect(asked).toHaveLength(1);
  const after = await row();
  expect(+(after['expanded_until'] as Date)).toBeGreaterThan(nowAt + HORIZON_MS - MINUTE_MS);
  for (const kept of ['dirty', 'status', 'cursor_version', 'confirmed_at', 'pass_started_at'])
    expect(after[kept]).toEqual(before[kept]);
  const { rows } = await ledger.pool.query<{ last: Date; count: number }>(
    `SELECT max(start_at) AS last, count(*)::integer AS count FROM busy WHERE connection_id = $1`,
    [key.connectionId],
  );
  expect(+rows[0]!.last).toBeGreaterThan(nowAt + HORIZON_MS - 2 * DAY_MS);
  expect(rows[0]!.count).toBeGreaterThan(540);
  expect(await entries()).toEqual(['event.added']);
});

test('the horizon rolls with every day', async () => {
  answer = () => ({
    changes: listed(anEvent('weekly', [0, 1], { recurrence: ['RRULE:FREQ=WEEKLY'] })),
  });
  await pull();
  answer = () => ({});
  const edge = async () => +((await row())['expanded_until'] as Date);
  const first = await edge();
  expect(first).toBeGreaterThan(Date.parse(hour(0)) > nowAt ? nowAt + HORIZON_MS - MINUTE_MS : 0);
  // What was expanded a day ago.
  await ledger.admin.query(
    `UPDATE connection SET expanded_until = expanded_until - interval '25 hours' WHERE id = $1`,
    [key.connectionId],
  );
  await pull();
  expect(await edge()).toBeGreaterThanOrEqual(first);
  await ledger.admin.query(
    `UPDATE connection SET expanded_until = expanded_until - interval '23 hours' WHERE id = $1`,
    [key.connectionId],
  );
  await pull();
  expect(await edge()).toBeLessThan(first);
});

test('rolling the horizon takes no notification for read, whatever pass came before it', async () => {
  answer = () => ({});
  await pull();
  await ledger.admin.query(
    `UPDATE connection SET expanded_until = expanded_until - interval '10 days' WHERE id = $1`,
    [key.connectionId],
  );
  const edges = await edgesBehind(ledger.pool, { horizonMs: HORIZON_MS, limit: 100 });
  await pull();
  await ledger.admin.query(`UPDATE connection SET dirty = true WHERE id = $1`, [key.connectionId]);
  const before = await row();
  await rollEdge(
    deps(),
    edges.find((one) => one.connectionId === key.connectionId)!,
  );
  const after = await row();
  for (const kept of ['dirty', 'pass_started_at']) expect(after[kept]).toEqual(before[kept]);
});

test('the edge moves also for what a pass wrote before it was paused, and for what it writes after', async () => {
  const weekly = { recurrence: ['RRULE:FREQ=WEEKLY'] };
  const lastOf = async (root: string) => {
    const { rows } = await ledger.pool.query<{ at: Date | null }>(
      'SELECT max(start_at) AS at FROM busy WHERE connection_id = $1 AND root_id = $2',
      [key.connectionId, root],
    );
    return +(rows[0]!.at ?? 0);
  };
  const start = { kind: 'utc' as const, at: new Date(nowAt).toISOString() };
  const end = { kind: 'utc' as const, at: new Date(nowAt + MINUTE_MS).toISOString() };
  answer = () => ({});
  await pull();
  answer = () => ({ more: true, changes: listed(anEvent('a', [0, 1], { start, end, ...weekly })) });
  await pull();
  nowAt += 20 * DAY_MS;
  await rollEdge(deps(), key);
  expect(await lastOf('a')).toBeGreaterThan(nowAt + HORIZON_MS - 8 * DAY_MS);
  answer = () => ({ changes: listed(anEvent('b', [0, 1], { start, end, ...weekly })) });
  await pull();
  expect(await lastOf('b')).toBeGreaterThan(nowAt + HORIZON_MS - 8 * DAY_MS);
});
