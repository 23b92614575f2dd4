import { Client, Connection } from '@temporalio/client';
import { notifySignal } from '../../temporal/contracts/connection.ts';
import { connectionWorkflowId } from '../../temporal/contracts/names.ts';
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
  // Polled, and woken here all at once: how fast a host can notify is not the question.
  HOLDFAST_PUBLIC_URL: '',
  HOLDFAST_GOOGLE_LIMITS: `queue=${requestsPerSecond * 4},shared=${requestsPerSecond * 60}`,
});

export async function storm(
  holdfast: Holdfast,
  { many, timeoutMs }: { many: number; timeoutMs: number },
): Promise<StormReport> {
  const pace = { pollMinMs: 3_600_000, pollMaxMs: 3_600_000, safetyPollIntervalMs: 3_600_000 };
  const crowd = await connectCrowd(holdfast, { many, settings: pace });
  await untilEventsKnown(holdfast, crowd, { events: 0, timeoutMs });
  const since = await recordEnd(holdfast);
  await eachOf(crowd.calendarIds, (calendarId) =>
    fault(holdfast, { ...listCalls(calendarId), status: 429, headers: { 'retry-after': '5' } }),
  );
  await eachOf(crowd.calendarIds, (calendarId) =>
    holdfast.control('POST', `${pathOf(calendarId)}/expire-sync-tokens`),
  );
  await eachOf(crowd.calendarIds, (calendarId) =>
    holdfast.control('POST', `${pathOf(calendarId)}/events`, {
      start: { dateTime: at(3, 9) },
      end: { dateTime: at(3, 10) },
      summary: 'x',
    }),
  );
  await wakeAll(holdfast, crowd);
  await untilEventsKnown(holdfast, crowd, { events: 1, timeoutMs });
  return reportOf(crowd, await recorded(holdfast, { host: 'google', since }));
}

/** As a notification does, for every connection. */
async function wakeAll({ env, tenantId }: Holdfast, { connectionIds }: Crowd): Promise<void> {
  const connection = await Connection.connect({ address: env['TEMPORAL_ADDRESS']! });
  const client = new Client({ connection, namespace: env['TEMPORAL_NAMESPACE']! });
  await eachOf(connectionIds, (connectionId) =>
    client.workflow
      .getHandle(connectionWorkflowId({ tenantId, connectionId }))
      .signal(notifySignal, { what: 'change' }),
  );
  await connection.close();
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
