import { asyncLocalStorage, type Context } from '@temporalio/activity';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Channel } from '../../../src/channels/channel-provider.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { pullPage } from '../../../temporal/activities/connection.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import { openMicrosoftBench, type MicrosoftBench } from '../../laws/microsoft-bench.ts';
import type { BenchCalendar, BenchEvent } from '../../laws/bench.ts';
import { addConnection, addResource, openLedger, type Ledger } from '../../support/ledger.ts';
import { tellTime, type ToldClock } from '../../support/told-clock.ts';
import { openPort } from './port-scene.ts';

/** Graph's window over a year and a half that passes by a clock that is told. */
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const HORIZON_MS = 548 * DAY_MS;
const FIRST_AT = Date.UTC(2027, 0, 10, 12);
const DAYS = 548;
const STEP_DAYS = 4;
/** A window is read anew when no less than this is left of it beyond the horizon. */
const LEAST_SLACK_MS = 15 * DAY_MS;

let ledger: Ledger;
let clock: ToldClock;
let bench: MicrosoftBench;
let at: BenchCalendar;
let key: ConnectionKey;
let deps: ActivityDependencies;
let nowAt = FIRST_AT;
/** Passes that began without a position: a listing of a window. */
let listings = 0;
/** Times of what takes time in the calendar, by native id; the series apart. */
const singles = new Map<string, BenchEvent>();
const moved = new Set<string>();
const deleted = new Set<string>();
const SERIES: BenchEvent & { weeks: number } = { ...hourOf(1, 8), weeks: 190 };

/** An hour of a day, counted from the first. */
function hourOf(day: number, hour: number): BenchEvent {
  const startAt = Math.floor(FIRST_AT / DAY_MS + day) * DAY_MS + hour * HOUR_MS;
  const text = (instant: number) => `${new Date(instant).toISOString().slice(0, 19)}Z`;
  return { startAt: text(startAt), endAt: text(startAt + HOUR_MS) };
}

beforeAll(async () => {
  ledger = await openLedger();
  clock = await tellTime(ledger);
  bench = await openMicrosoftBench();
  await bench.takePosition({ name: 'usual', switches: {} });
  at = await bench.newCalendar();
  key = await addConnection(ledger.admin, { resourceId: await addResource(ledger.admin) });
  await ledger.admin.query(`UPDATE account SET channel = 'microsoft' WHERE id = $1`, [
    key.connectionId,
  ]);
  await ledger.admin.query(
    `UPDATE connection SET channel = 'microsoft', calendar_id = $2 WHERE id = $1`,
    [key.connectionId, at.calendar.id],
  );
  const usual = openPort(ledger).deps;
  const { repair: _, ...settings } = usual.settings;
  deps = {
    ...usual,
    database: { pool: clock.pool } as ActivityDependencies['database'],
    channels: new Map<Channel, typeof bench.provider>([
      ['microsoft', { ...bench.provider, pull: (input) => pulled(input) }],
    ]),
    openAccess: async () => at.access,
    settings: { ...settings, horizonMs: HORIZON_MS },
    now: () => nowAt,
  };
});
afterAll(async () => {
  await bench.close();
  await clock.close();
  await ledger.close();
});

const pulled: MicrosoftBench['provider']['pull'] = (input) => {
  if (input.cursor === null && input.checkpoint === null) listings += 1;
  return bench.provider.pull(input);
};

async function pass(): Promise<void> {
  for (let more = true; more;) {
    const { rows } = await clock.pool.query<{ version: number }>(
      'SELECT cursor_version::integer AS version FROM connection WHERE id = $1',
      [key.connectionId],
    );
    const input = { ...key, fromVersion: rows[0]!.version, acceptRemovals: false };
    const context = { cancellationSignal: new AbortController().signal } as Context;
    const page = await asyncLocalStorage.run(context, () => pullPage(deps, input));
    more = page.kind !== 'page' || page.more;
  }
}

/** What is taken between now and the horizon, as the calendar has it. */
function expected(): string[] {
  const spans = [...singles.values()];
  for (let week = 0; week < SERIES.weeks; week += 1) spans.push(hourOf(1 + week * 7, 8));
  return spans
    .filter((one) => Date.parse(one.endAt) > nowAt)
    .filter((one) => Date.parse(one.startAt) < nowAt + HORIZON_MS)
    .map((one) => one.startAt)
    .toSorted();
}

async function taken(): Promise<string[]> {
  const { rows } = await clock.pool.query<{ at: Date }>(
    `SELECT start_at AS at FROM busy WHERE connection_id = $1 AND NOT stale AND end_at > $2
      AND start_at < $3 ORDER BY start_at`,
    [key.connectionId, new Date(nowAt), new Date(nowAt + HORIZON_MS)],
  );
  return rows.map((row) => `${row.at.toISOString().slice(0, 19)}Z`);
}

async function coveredUntil(): Promise<number> {
  const { rows } = await clock.pool.query<{ at: Date }>(
    'SELECT covers_until AS at FROM connection WHERE id = $1',
    [key.connectionId],
  );
  return rows[0]!.at.getTime();
}

/** Somebody adds, moves and takes away, now and then, from what is ahead. */
async function live(day: number): Promise<void> {
  const ahead = [...singles].filter(([, one]) => Date.parse(one.startAt) > nowAt + 3 * DAY_MS);
  if (day % 20 === 0) {
    const event = hourOf(day + 33, 15);
    const [id] = await bench.seedEvents(at, [event]);
    singles.set(id!, event);
  }
  const first = ahead[0]?.[0];
  if (day % 36 === 0 && first !== undefined) {
    await bench.deleteEvent(at, first);
    singles.delete(first);
    deleted.add(first);
  }
  const second = ahead[4]?.[0];
  if (day % 28 === 0 && second !== undefined) {
    const event = hourOf(day + 300, 18);
    await bench.editEvent(at, second, event);
    singles.set(second, event);
    moved.add(second);
  }
}

/** How often the journal says what of each entry, occurrences of the series among them. */
async function told(type: string): Promise<Map<string, number>> {
  const { rows } = await clock.pool.query<{ id: string; times: number }>(
    `SELECT data->>'nativeId' AS id, count(*)::integer AS times FROM journal
      WHERE subject = $1 AND type = $2 GROUP BY 1`,
    [`connection/${key.connectionId}`, type],
  );
  return new Map(rows.map((row) => [row.id, row.times]));
}

test('the window rolls for a year and a half: nothing ahead is ever unknown, missed or told twice', async () => {
  const events = Array.from({ length: 130 }, (_, n) => hourOf(2 + n * 9, 12));
  const ids = await bench.seedEvents(at, events);
  ids.forEach((id, n) => singles.set(id, events[n]!));
  await bench.seedEvents(at, [SERIES]);
  const edges = new Set<number>();
  for (let day = 0; day <= DAYS; day += STEP_DAYS) {
    nowAt = FIRST_AT + day * DAY_MS;
    await clock.set(nowAt);
    if (day > 0) await live(day);
    await pass();
    const edgeAt = await coveredUntil();
    edges.add(edgeAt);
    expect(edgeAt - nowAt - HORIZON_MS).toBeGreaterThanOrEqual(LEAST_SLACK_MS - STEP_DAYS * DAY_MS);
    expect(await taken()).toEqual(expected());
  }
  // Each window lasts 45 to 75 days.
  expect(listings).toBe(edges.size);
  expect(edges.size).toBeGreaterThanOrEqual(1 + Math.floor(DAYS / 79));
  expect(edges.size).toBeLessThanOrEqual(1 + Math.ceil(DAYS / 45));

  // What lies in two windows, and what only ended, gives no entry.
  expect([...(await told('event.removed')).keys()].toSorted()).toEqual([...deleted].toSorted());
  expect([...(await told('event.changed')).keys()].toSorted()).toEqual([...moved].toSorted());
  expect(Math.max(...(await told('event.added')).values())).toBe(1);
}, 120_000);
