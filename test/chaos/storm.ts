import { setTimeout as sleep } from 'node:timers/promises';
import { connectCrowd, eachOf, type Crowd } from '../support/crowd.ts';
import { until, type Holdfast } from '../support/holdfast.ts';
import { fault, listCalls, recorded, recordEnd, type RecordEntry } from '../support/outside.ts';
import { at } from '../support/scene.ts';

/**
 * Every connection is refused with 429, and then has lost its cursor, all at once. What is looked at
 * is the way back: requests as the emulated host counted them, from the first retry to the moment at
 * which the last connection had read everything again.
 */
export interface StormReport {
  connections: number;
  recovered: number;
  /** From the first retry to the last recovery. */
  tookMs: number;
  requests: number;
  /** The most in any second, wherever it begins. */
  peakPerSecond: number;
  meanPerSecond: number;
}

/** What the machine at hand carries: the figure that vendors publish, made small enough to be met. */
export const stormSettings = (requestsPerSecond: number): NodeJS.ProcessEnv => ({
  HOLDFAST_GOOGLE_LIMITS: `queue=${requestsPerSecond * 4},shared=${requestsPerSecond * 60}`,
});

export async function storm(
  holdfast: Holdfast,
  { many, timeoutMs }: { many: number; timeoutMs: number },
): Promise<StormReport> {
  const crowd = await connectCrowd(holdfast, { many });
  await untilEventsKnown(holdfast, crowd, { events: 0, timeoutMs });
  await untilQuiet(holdfast);
  await eachOf(crowd.calendarIds, (calendarId) =>
    fault(holdfast, { ...listCalls(calendarId), status: 429, headers: { 'retry-after': '5' } }),
  );
  await eachOf(crowd.calendarIds, (calendarId) =>
    holdfast.control('POST', `${pathOf(calendarId)}/expire-sync-tokens`),
  );
  const since = await recordEnd(holdfast);
  await eachOf(crowd.calendarIds, (calendarId) =>
    holdfast.control('POST', `${pathOf(calendarId)}/events`, {
      start: { dateTime: at(3, 9) },
      end: { dateTime: at(3, 10) },
      summary: 'x',
    }),
  );
  await untilEventsKnown(holdfast, crowd, { events: 1, timeoutMs });
  return reportOf(crowd, await recorded(holdfast, { host: 'google', since }));
}

/** A watch that was just made is looked after for 12 s more. */
const QUIET_MS = 15_000;

async function untilQuiet(holdfast: Holdfast): Promise<void> {
  for (;;) {
    const since = await recordEnd(holdfast);
    await sleep(QUIET_MS);
    if ((await recorded(holdfast, { host: 'google', since })).length === 0) return;
  }
}

const pathOf = (calendarId: string) => `/google/calendars/${encodeURIComponent(calendarId)}`;

/** Every connection is live, at rest, and knows so many entries. */
async function untilEventsKnown(
  { database, tenantId }: Holdfast,
  { connectionIds }: Crowd,
  { events, timeoutMs }: { events: number; timeoutMs: number },
): Promise<void> {
  await until(
    async () => {
      const { rows } = await database.pool.query<{ many: number }>(
        `SELECT count(*)::integer AS many FROM connection c
          WHERE tenant_id = $1 AND id = ANY($2) AND status = 'live' AND NOT dirty
            AND checkpoint IS NULL AND $3 = (SELECT count(*) FROM channel_event e
              WHERE e.tenant_id = c.tenant_id AND e.connection_id = c.id AND upper_inf(e.recorded))`,
        [tenantId, connectionIds, events],
      );
      return rows[0]!.many;
    },
    (many) => many === connectionIds.length,
    timeoutMs,
  );
}

function reportOf({ calendarIds }: Crowd, entries: readonly RecordEntry[]): StormReport {
  const lists = entries.filter(
    ({ method, path }) => method === 'GET' && path?.split('?')[0]?.endsWith('/events'),
  );
  const byCalendar = new Map<string, RecordEntry[]>();
  for (const entry of lists) {
    const calendarId = decodeURIComponent(entry.path!.split('/calendars/')[1]!.split('/')[0]!);
    byCalendar.set(calendarId, [...(byCalendar.get(calendarId) ?? []), entry]);
  }
  const ways = calendarIds.map((id) => wayBack(byCalendar.get(id) ?? []));
  const fromAt = Math.min(...ways.map(({ retriedAt }) => retriedAt));
  const toAt = Math.max(...ways.map(({ recoveredAt }) => recoveredAt));
  const times = lists.map(timeOf).filter((time) => time >= fromAt && time <= toAt);
  return {
    connections: calendarIds.length,
    recovered: ways.filter(({ recoveredAt }) => recoveredAt > 0).length,
    tookMs: toAt - fromAt,
    requests: times.length,
    peakPerSecond: mostInOneSecond(times),
    ...(process.env['STORM_LOG'] && { bySecond: times.reduce<number[]>((all, t) => { const n = Math.floor((t - fromAt) / 1000); all[n] = (all[n] ?? 0) + 1; return all; }, []).join(' ') }),
    meanPerSecond: times.length / ((toAt - fromAt) / 1_000),
  };
}

/** Of one calendar: when it was first asked again, and when it had answered with everything. */
function wayBack(lists: readonly RecordEntry[]): { retriedAt: number; recoveredAt: number } {
  const refused = lists.findIndex(({ status }) => status === 429);
  const lost = lists.findIndex(({ status }, n) => status === 410 && n > refused);
  const whole = lists.find(({ status }, n) => status === 200 && n > lost);
  const retry = lists[refused + 1];
  if (refused < 0 || lost < 0 || !whole || !retry) return { retriedAt: Infinity, recoveredAt: 0 };
  return { retriedAt: timeOf(retry), recoveredAt: timeOf(whole) };
}

const timeOf = ({ at: recordedAt }: RecordEntry): number => Date.parse(recordedAt);

function mostInOneSecond(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  let from = 0;
  let most = 0;
  for (const [n, time] of sorted.entries()) {
    while (sorted[from]! <= time - 1_000) from += 1;
    most = Math.max(most, n - from + 1);
  }
  return most;
}
