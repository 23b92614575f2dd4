import { createHmac, randomUUID } from 'node:crypto';
import { hashSecret } from '../../src/store/gate.ts';
import { limitLine, ratioLine, type Bench, type Line } from './bench.ts';
import { addCalendar, addGoogleAccount } from './google-scene.ts';
import { closedLoop, interleaved, median, openLoop, percentile } from './measure.ts';
import { REFERENCE_SECRET } from './reference-server.ts';
import { settle, type Stage } from './stage.ts';
import { addRows, drained, startWaiting, type Waiting } from './waiting.ts';

const CONNECTIONS = 1_000;
const SCENE: Waiting = { prefix: 'nc', channel: 'google', count: CONNECTIONS };
const CONCURRENCY = 32;
const ROUNDS = 3;
const ROUND_MS = 3_000;
const STEADY = { perSecond: 1_000, durationMs: 4_000 };
const P99_LIMIT_MS = 25;

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
      reference: () => drained(stage, SCENE).then(() => perSecond(reference)),
      product: () => perSecond(product),
    });
    const between = await wokenBy(stage);
    await drained(stage, SCENE);
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
  const calendars = Array.from({ length: CONNECTIONS }, (_, n) => ({
    accountId,
    calendarId: `${run}-${n}@group.calendar.google.com`,
  }));
  await addRows(stage, SCENE, calendars);
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
  await startWaiting(stage, SCENE);
  return { notify, notifyStranger, notifyReference };
}
