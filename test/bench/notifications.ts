import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashSecret } from '../../src/store/gate.ts';
import type { ConnectionCarried, ConnectionInput } from '../../temporal/contracts/connection.ts';
import { connectionWorkflowId } from '../../temporal/contracts/names.ts';
import { limitLine, ratioLine, type Bench, type Line } from './bench.ts';
import { addCalendar, addGoogleAccount } from './google-scene.ts';
import { closedLoop, interleaved, median, openLoop, percentile, until } from './measure.ts';
import { REFERENCE_SECRET } from './reference-server.ts';
import { settle, type Stage } from './stage.ts';

/** The product's own, by default. */
const TASK_QUEUE = 'holdfast';
const CONNECTIONS = 1_000;
const CONCURRENCY = 32;
const ROUNDS = 3;
const ROUND_MS = 3_000;
const STEADY = { perSecond: 1_000, durationMs: 4_000 };
const P99_LIMIT_MS = 25;
/** A pass that finds nothing looks again after two and after ten seconds. */
const QUIET_MS = 9_000;
const LONGEST_DRAIN_MS = 60_000;

/**
 * Google's notifications over a thousand connections whose workflows run: passes are made, marks
 * cleared and set again. The reference is an Express route that checks an HMAC and stores each
 * notification in one durable insert. The product's rounds cause passes that outlast them, so each
 * reference round waits until those are made: the product alone bears what it causes.
 */
export const notifications: Bench = {
  name: 'notifications',
  async run(stage) {
    const scene = await connectMany(stage);
    let sent = 0;
    const product = () => scene.notify((sent += 1) % CONNECTIONS);
    const reference = () => scene.notifyReference((sent += 1) % CONNECTIONS);
    const perSecond = async (work: () => Promise<unknown>) =>
      (await closedLoop({ concurrency: CONCURRENCY, durationMs: ROUND_MS }, work)).perSecond;
    const p99 = async (work: () => Promise<unknown>) => {
      const rounds: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1)
        rounds.push(percentile((await openLoop(STEADY, work)).latenciesMs, 99));
      return median(rounds);
    };
    await settle(stage);
    await perSecond(reference);
    await perSecond(scene.notifyStranger);
    const before = await wokenBy(stage);
    const measured = await interleaved(ROUNDS, {
      reference: () => drained(stage).then(() => perSecond(reference)),
      product: () => perSecond(product),
    });
    const between = await wokenBy(stage);
    await drained(stage);
    const steady = { reference: await p99(reference), value: await p99(product) };
    const after = await wokenBy(stage);
    return [
      ratioLine({ name: 'notifications', unit: '1/s at C=32', ...measured }, { atLeast: 0.8 }),
      shareLine('notifications-share', before, between),
      limitLine({ name: 'notifications-p99', unit: 'ms at 1,000/s', ...steady }, P99_LIMIT_MS),
      shareLine('notifications-p99-share', between, after),
    ];
  },
};

/** Until the connections have been read for all that they were told, or for long enough. */
async function drained({ owner }: Stage): Promise<void> {
  const startedAt = performance.now();
  let pages = '';
  let quietSince = startedAt;
  while (performance.now() - startedAt < LONGEST_DRAIN_MS) {
    const { rows } = await owner.query<{ pages: string; dirty: boolean }>(
      `SELECT sum(cursor_version)::text AS pages, bool_or(dirty) AS dirty
         FROM connection WHERE id LIKE 'nc-%'`,
    );
    if (rows[0]!.dirty || rows[0]!.pages !== pages) quietSince = performance.now();
    pages = rows[0]!.pages;
    if (performance.now() - quietSince > QUIET_MS) return;
    await sleep(250);
  }
}

/** Each where a connection stands that was read some time ago: waiting for a reason. */
async function startWorkflows({ temporal, tenantId }: Stage): Promise<void> {
  const laterAt = Date.now() + 7 * 86_400_000;
  const carried: ConnectionCarried = {
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
    nextPassAt: laterAt,
    renewWatchAt: laterAt,
    passes: 1,
    resync: null,
    acceptRemovals: false,
    watchFailures: 0,
  };
  await closedLoop({ concurrency: 16, count: CONNECTIONS }, (n) => {
    const connectionId = `nc-${n}`;
    const place = { tenantId, connectionId, channel: 'google', resourceId: `n-${n}` };
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
    { what: 'every connection waits', timeoutMs: 120_000, everyMs: 500 },
  );
}

interface Woken {
  clean: number;
  dirty: number;
}

const shareLine = (name: string, before: Woken, after: Woken): Line => {
  const clean = after.clean - before.clean;
  const all = clean + after.dirty - before.dirty;
  const stated = { reference: null, ratio: null, aim: 'stated', holds: null };
  return { name, value: (100 * clean) / all, unit: '% clean→dirty', ...stated };
};

/** The API's own count of what its gate found. */
async function wokenBy({ api, auth }: Stage): Promise<Woken> {
  const { text } = await api.send({ path: '/metrics', headers: auth });
  const count = (found: string) =>
    Number(
      new RegExp(`^holdfast_notifications_total\\{found="${found}"\\} (\\d+)`, 'm').exec(
        text,
      )?.[1] ?? 0,
    );
  return { clean: count('clean'), dirty: count('dirty') };
}

/** Connections as they stand after connecting, each with a watch whose secret we know. */
async function connectMany(stage: Stage) {
  const { owner, tenantId, api, reference } = stage;
  const { accountId, email } = await addGoogleAccount(stage);
  const run = randomUUID().slice(0, 8);
  const watchId = (n: number) => `${run}-watch-${n}`;
  const secret = `${run}-secret`;
  await closedLoop({ concurrency: 16, count: CONNECTIONS }, (n) =>
    addCalendar(stage, { id: `${run}-${n}@group.calendar.google.com`, email }),
  );
  await owner.query(
    `INSERT INTO resource (tenant_id, id, name, time_zone, capacity, settings)
     SELECT $1, 'n-' || n, 'A room', 'Europe/Paris', 1, '{}' FROM generate_series(0, $2 - 1) AS n`,
    [tenantId, CONNECTIONS],
  );
  await owner.query(
    `INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone,
       settings, writable, dirty)
     SELECT $1, 'nc-' || n, 'n-' || n, $2, 'google', $4 || '-' || n || '@group.calendar.google.com',
       'Europe/Paris', '{}', true, false FROM generate_series(0, $3 - 1) AS n`,
    [tenantId, accountId, CONNECTIONS, run],
  );
  await owner.query(
    `INSERT INTO watch (tenant_id, id, connection_id, secret_hash)
     SELECT $1, $2 || '-watch-' || n, 'nc-' || n, $4 FROM generate_series(0, $3 - 1) AS n`,
    [tenantId, run, CONNECTIONS, hashSecret(secret)],
  );
  await owner.query(
    `CREATE TABLE bench_notification (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
       watch_id text NOT NULL, received_at timestamptz NOT NULL DEFAULT now())`,
  );
  const googleHeaders = (n: number) => ({
    'x-goog-channel-id': watchId(n),
    'x-goog-channel-token': secret,
    'x-goog-resource-state': 'exists',
  });
  const path = '/v1/notifications/google';
  const notify = (n: number) => api.ask({ method: 'POST', path, headers: googleHeaders(n) }, 202);
  /** Of no watch: warms the route and causes no pass. */
  const notifyStranger = () =>
    api.ask({ method: 'POST', path, headers: googleHeaders(CONNECTIONS) }, 202);
  const signatures = Array.from({ length: CONNECTIONS }, (_, n) =>
    createHmac('sha256', REFERENCE_SECRET).update(watchId(n)).digest('hex'),
  );
  const notifyReference = (n: number) =>
    reference.ask(
      {
        method: 'POST',
        path: '/notifications',
        headers: { ...googleHeaders(n), 'x-signature': signatures[n]! },
      },
      202,
    );
  await startWorkflows(stage);
  return { notify, notifyStranger, notifyReference };
}
