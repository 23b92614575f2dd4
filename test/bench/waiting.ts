import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionCarried, ConnectionInput } from '../../temporal/contracts/connection.ts';
import { connectionWorkflowId } from '../../temporal/contracts/names.ts';
import { closedLoop, until } from './measure.ts';
import type { Stage } from './stage.ts';

/** Connections as they stand after connecting: `<prefix>-<n>`, each of a resource of the same name. */
export interface Waiting {
  prefix: string;
  channel: 'google' | 'microsoft';
  count: number;
}

/** The product's own, by default. */
const TASK_QUEUE = 'holdfast';
const LATER_MS = 7 * 86_400_000;
/** A pass that finds nothing looks again after two and after ten seconds. */
const QUIET_MS = 9_000;
const LONGEST_DRAIN_MS = 60_000;

export interface Outside {
  accountId: string;
  calendarId: string;
}

/** Their rows; the calendars are taken in turn. */
export async function addRows(
  { owner, tenantId }: Stage,
  { prefix, channel, count }: Waiting,
  outside: readonly Outside[],
): Promise<void> {
  await owner.query(
    `INSERT INTO resource (tenant_id, id, name, time_zone, capacity, settings)
     SELECT $1, $3 || '-' || n, 'A room', 'Europe/Paris', 1, '{}' FROM generate_series(0, $2 - 1) AS n`,
    [tenantId, count, prefix],
  );
  const places = Array.from({ length: count }, (_, n) => outside[n % outside.length]!);
  await owner.query(
    `INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone,
       settings, writable, dirty, status, watched_until)
     SELECT $1, $2 || '-' || (n - 1), $2 || '-' || (n - 1), account, $3, calendar, 'Europe/Paris', '{}',
       true, false, 'live', now() + interval '7 days'
     FROM unnest($4::text[], $5::text[]) WITH ORDINALITY AS p(account, calendar, n)`,
    [
      tenantId,
      prefix,
      channel,
      places.map(({ accountId }) => accountId),
      places.map(({ calendarId }) => calendarId),
    ],
  );
}

/** Workflows of those from `from` on, each waiting for a reason; `nextPassAt`: when it looks next. */
export async function startWaiting(
  { temporal, tenantId }: Stage,
  { prefix, channel, count }: Waiting,
  {
    from = 0,
    nextPassAt = () => Date.now() + LATER_MS,
  }: { from?: number; nextPassAt?: (n: number) => number } = {},
): Promise<void> {
  await closedLoop({ concurrency: 16, count: count - from }, (index) => {
    const n = from + index;
    const connectionId = `${prefix}-${n}`;
    const place = { tenantId, connectionId, channel, resourceId: connectionId };
    const carried = { ...CALM, nextPassAt: nextPassAt(n), renewWatchAt: Date.now() + LATER_MS };
    const input: ConnectionInput = { v: 1, ...place, taskQueue: TASK_QUEUE, carried };
    return temporal.workflow.start('connection', {
      workflowId: connectionWorkflowId(input),
      taskQueue: TASK_QUEUE,
      args: [input],
    });
  });
  await until(
    async () => {
      const { stats } = await temporal.workflowService.describeTaskQueue({
        namespace: temporal.options.namespace,
        taskQueue: { name: TASK_QUEUE },
        taskQueueType: 1,
        reportStats: true,
      });
      return Number(stats?.approximateBacklogCount ?? 0) === 0;
    },
    { what: 'every connection waits', timeoutMs: 300_000, everyMs: 500 },
  );
}

const CALM: Omit<ConnectionCarried, 'nextPassAt' | 'renewWatchAt'> = {
  status: 'live',
  shownStatus: 'live',
  dirty: false,
  mirrors: false,
  paused: false,
  recheck: 0,
  failures: 0,
  cursorVersion: 0,
  cursor: null,
  checkpoint: null,
  watched: true,
  passes: 1,
  resync: null,
  acceptRemovals: false,
  watchFailures: 0,
};

/** Until the connections have been read for all that they were told, or for long enough. */
export async function drained(
  { owner }: Stage,
  { prefix }: Pick<Waiting, 'prefix'>,
): Promise<void> {
  const startedAt = performance.now();
  let pages = '';
  let quietSince = startedAt;
  while (performance.now() - startedAt < LONGEST_DRAIN_MS) {
    const { rows } = await owner.query<{ pages: string; dirty: boolean }>(
      `SELECT sum(cursor_version)::text AS pages, bool_or(dirty) AS dirty
         FROM connection WHERE id LIKE $1 || '-%'`,
      [prefix],
    );
    if (rows[0]!.dirty || rows[0]!.pages !== pages) quietSince = performance.now();
    pages = rows[0]!.pages;
    if (performance.now() - quietSince > QUIET_MS) return;
    await sleep(250);
  }
}
