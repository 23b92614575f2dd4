import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { limitLine, type Bench, type Line } from './bench.ts';
import { addCalendar, addGoogleAccount } from './google-scene.ts';
import { closedLoop, percentile } from './measure.ts';
import { settle, type Stage } from './stage.ts';
import { addRows, startWaiting, type Outside, type Waiting } from './waiting.ts';

const run = promisify(execFile);

const SCENE: Waiting = { prefix: 'ic', channel: 'google', count: 5_000 };
const ACCOUNTS = 100;
/** Of a connection with healthy push: nothing else wakes it when nobody writes. */
const SAFETY_POLL_MS = 30 * 60_000;
/** As many come due in this as in any such time of an idle hour. */
const WARM_MS = 60_000;
const MEASURED_MS = 60_000;
/** Those are looked at once more after nine tenths of their interval at the earliest. */
const AGAIN_MS = 72_000;
const AGAIN_INTERVAL_MS = 80_000;
const DUE = Math.round((SCENE.count * WARM_MS) / SAFETY_POLL_MS);
const LATE_LIMIT_MS = 2_000;
const MIB = 1_048_576;

/**
 * Five thousand watched calendars in which nothing happens, on one worker. Safety polls are the only
 * work: as many as any stretch of an idle hour has come due in the first minute, and once more in the
 * next, in which database writes are counted; an hour of them is reckoned from that.
 */
export const idle: Bench = {
  name: 'idle',
  async run(stage) {
    await addScene(stage);
    const before = await residentBytes(stage);
    await startWaiting(stage, SCENE, { from: DUE });
    const beginAt = Date.now() + STARTING_MS;
    const dueAt = (n: number) => Math.round(beginAt + (n * WARM_MS) / DUE);
    await startWaiting(stage, { ...SCENE, count: DUE }, { nextPassAt: dueAt });
    if (Date.now() > beginAt) throw new Error('Starting took longer than the bench allows for.');
    await settle(stage);
    await sleep(beginAt + WARM_MS + LATE_LIMIT_MS - Date.now());
    const late = await lateness(stage, dueAt);
    await sleep(beginAt + AGAIN_MS - Date.now());
    const from = await writesSoFar(stage);
    await sleep(MEASURED_MS);
    const writes = (await writesSoFar(stage)) - from;
    const after = await residentBytes(stage);
    const stated = { reference: null, ratio: null, aim: 'stated', holds: null };
    const lines: Line[] = [
      { name: 'idle-memory', value: after / MIB, unit: 'MiB of the worker', ...stated },
      {
        name: 'idle-memory-each',
        value: (after - before) / SCENE.count / 1_024,
        unit: 'KiB a connection',
        ...stated,
      },
      {
        name: 'idle-writes',
        value: (writes * 3_600_000) / MEASURED_MS,
        unit: 'rows/h, from 1 min',
        ...stated,
      },
    ];
    const measured = { name: 'idle-late', unit: 'ms p99', value: percentile(late, 99) };
    return [limitLine({ ...measured, reference: percentile(late, 50) }, LATE_LIMIT_MS), ...lines];
  },
};

/** For the few that come due. */
const STARTING_MS = 30_000;

async function addScene(stage: Stage): Promise<void> {
  const calendarRun = randomUUID().slice(0, 8);
  const outside: Outside[] = [];
  const accounts: Awaited<ReturnType<typeof addGoogleAccount>>[] = [];
  for (let n = 0; n < ACCOUNTS; n += 1) accounts.push(await addGoogleAccount(stage));
  for (let n = 0; n < SCENE.count; n += 1) {
    const { accountId } = accounts[n % ACCOUNTS]!;
    outside.push({ accountId, calendarId: `${calendarRun}-${n}@group.calendar.google.com` });
  }
  await closedLoop({ concurrency: 16, count: DUE }, (n) =>
    addCalendar(stage, { id: outside[n]!.calendarId, email: accounts[n % ACCOUNTS]!.email }),
  );
  await addRows(stage, SCENE, outside);
  // Those that come due in the first stretch do so again in the second.
  await stage.owner.query(
    `UPDATE connection SET settings = jsonb_build_object('safetyPollIntervalMs', $2::integer)
      WHERE id = ANY (SELECT $1 || '-' || n FROM generate_series(0, $3 - 1) AS n)`,
    [SCENE.prefix, AGAIN_INTERVAL_MS, DUE],
  );
}

/** Bytes of memory that are the worker's own now. */
async function residentBytes({ worker }: Stage): Promise<number> {
  const { stdout } = await run('ps', ['-o', 'rss=', '-p', String(worker.pid)]);
  return Number(stdout.trim()) * 1_024;
}

/** From when a look was due to when its pass began, of all that were due. */
async function lateness({ owner }: Stage, dueAt: (n: number) => number): Promise<number[]> {
  const { rows } = await owner.query<{ id: string; at: number | null }>(
    `SELECT id, date_part('epoch', pass_started_at) * 1000 AS at FROM connection WHERE id = ANY ($1)`,
    [Array.from({ length: DUE }, (_, n) => `${SCENE.prefix}-${n}`)],
  );
  // What has not begun is as late as it can be told.
  return rows.map(
    ({ id, at }) => (at ?? Date.now()) - dueAt(Number(id.slice(SCENE.prefix.length + 1))),
  );
}

/** Rows that were inserted, updated or deleted in our tables. */
async function writesSoFar({ owner }: Stage): Promise<number> {
  // Sessions tell what they did at their leisure.
  await sleep(2_000);
  await owner.query('SELECT pg_stat_clear_snapshot()');
  const { rows } = await owner.query<{ writes: string }>(
    `SELECT sum(n_tup_ins + n_tup_upd + n_tup_del)::text AS writes FROM pg_stat_user_tables`,
  );
  return Number(rows[0]!.writes);
}
