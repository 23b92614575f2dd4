import { createHmac, randomUUID } from 'node:crypto';
import { hashSecret } from '../../src/store/gate.ts';
import { limitLine, ratioLine, type Bench, type Line } from './bench.ts';
import { addCalendar, addGoogleAccount } from './google-scene.ts';
import { closedLoop, interleaved, openLoop, percentile, until } from './measure.ts';
import { REFERENCE_SECRET } from './reference-server.ts';
import type { Stage } from './stage.ts';

const CONNECTIONS = 1_000;
const CONCURRENCY = 32;
const ROUNDS = 5;
const ROUND_MS = 4_000;
const STEADY_PER_SECOND = 1_000;
const STEADY_MS = 10_000;
const P99_LIMIT_MS = 25;

/**
 * Google's notifications over a thousand connections whose workflows run: the gate is open, passes
 * are made, marks are cleared and set again. The reference is an Express route that checks an HMAC
 * and stores each notification in one durable insert.
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
    await perSecond(reference);
    const before = await wokenBy(stage);
    const measured = await interleaved(ROUNDS, {
      // What the product left behind would slow the reference down: it has the machine to itself.
      reference: () => whilePaused(stage, () => perSecond(reference)),
      product: () => perSecond(product),
    });
    const after = await wokenBy(stage);
    const lines = [
      ratioLine({ name: 'notifications', unit: '1/s at C=32', ...measured }, { atLeast: 0.8 }),
      shareLine('notifications-share', before, after),
    ];
    const steady = { perSecond: STEADY_PER_SECOND, durationMs: STEADY_MS };
    const p99Of = async (work: () => Promise<unknown>) =>
      percentile((await openLoop(steady, work)).latenciesMs, 99);
    const referenceP99 = await whilePaused(stage, () => p99Of(reference));
    const value = await p99Of(product);
    const p99 = { name: 'notifications-p99', unit: 'ms at 1,000/s', value, reference: referenceP99 };
    const last = shareLine('notifications-p99-share', after, await wokenBy(stage));
    return [...lines, limitLine(p99, P99_LIMIT_MS), last];
  },
};

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
    Number(new RegExp(`^holdfast_notifications_total\\{found="${found}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
  return { clean: count('clean'), dirty: count('dirty') };
}

async function whilePaused<T>({ worker }: Stage, work: () => Promise<T>): Promise<T> {
  process.kill(worker.pid, 'SIGSTOP');
  try {
    // Signals under way come to rest.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return await work();
  } finally {
    process.kill(worker.pid, 'SIGCONT');
  }
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
  const notify = (n: number) =>
    api.ask({ method: 'POST', path: '/v1/notifications/google', headers: googleHeaders(n) }, 202);
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
  await closedLoop({ concurrency: CONCURRENCY, count: CONNECTIONS }, notify);
  await untilLive(stage);
  return { notify, notifyReference };
}

async function untilLive({ owner }: Stage): Promise<void> {
  await until(
    async () => {
      const { rows } = await owner.query<{ left: number }>(
        `SELECT count(*)::int AS left FROM connection
          WHERE id LIKE 'nc-%' AND (confirmed_at IS NULL OR dirty)`,
      );
      return rows[0]!.left === 0;
    },
    { what: 'every connection made its first pass', timeoutMs: 240_000, everyMs: 500 },
  );
}
