import { randomBytes, randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { createKey } from '../../src/store/keys.ts';
import { freePort } from '../../scripts/ports.ts';
import { startChild, type Child } from './child.ts';
import { createDatabase } from './postgres.ts';

/**
 * A whole Holdfast of its own for one test file: database, task queue, emulators, worker and API as
 * separate processes, as in production. Only what is outside is emulated, over HTTP.
 */
export interface Holdfast {
  apiUrl: string;
  emulatorsUrl: string;
  adminUrl: string;
  database: Database;
  env: NodeJS.ProcessEnv;
  /** Key of the tenant `demo` with every scope. */
  key: string;
  tenantId: string;
  worker: Child;
  api: Child;
  emulators: Child;
  startWorker: () => Promise<void>;
  startApi: () => Promise<void>;
  /** A call to `/v1` as that tenant. */
  call: (method: string, path: string, body?: unknown, headers?: Headers) => Promise<Answer>;
  /** A call to the emulators' control API; throws when it is refused. */
  control: <T = Record<string, never>>(method: string, path: string, body?: unknown) => Promise<T>;
  stop: () => Promise<void>;
}

type Headers = Record<string, string>;
export interface Answer {
  status: number;
  headers: globalThis.Headers;
  // biome: bodies are what the API says; each test names the members it reads.
  body: any; // eslint-disable-line @typescript-eslint/no-explicit-any
}

export const ALL_SCOPES = [
  'availability:read',
  'bookings:write',
  'payments:write',
  'connections:write',
  'journal:read',
  'admin',
];

/** Settings, or what makes them once the emulators' addresses are known. */
type Settings =
  | NodeJS.ProcessEnv
  | ((outside: { emulatorsUrl: string; partitionUrl: string }) => NodeJS.ProcessEnv);

export async function startHoldfast(
  settings: Settings = {},
  workerScript = 'temporal/worker.ts',
): Promise<Holdfast> {
  const created = await createDatabase();
  const emulators = await startChild('src/emulators/server.ts', { EMULATORS_PORT: '0' });
  const emulatorsUrl = String(emulators.ready['listening']);
  const partitionUrl = String(emulators.ready['partition']);
  const apiPort = await freePort();
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const env: NodeJS.ProcessEnv = {
    HOLDFAST_ENV: 'development',
    DATABASE_URL: created.appUrl,
    TEMPORAL_ADDRESS: inject('temporalAddress'),
    TEMPORAL_NAMESPACE: inject('temporalNamespace'),
    HOLDFAST_KEYRING: `k1:${randomBytes(32).toString('base64')}`,
    HOLDFAST_TASK_QUEUE: `test-${randomUUID()}`,
    HOLDFAST_API_PORT: String(apiPort),
    HOLDFAST_PUBLIC_URL: apiUrl,
    HOLDFAST_SWEEP_MS: '1000',
    HOLDFAST_OUTBOUND_ALLOW: new URL(emulatorsUrl).host,
    HOLDFAST_STRIPE_API_URL: emulatorsUrl,
    HOLDFAST_STRIPE_JS_URL: `${emulatorsUrl}/v3/stripe.js`,
    HOLDFAST_GOOGLE_API_URL: emulatorsUrl,
    HOLDFAST_GOOGLE_AUTH_URL: `${emulatorsUrl}/o/oauth2/v2/auth`,
    HOLDFAST_GOOGLE_TOKEN_URL: `${emulatorsUrl}/token`,
    HOLDFAST_GOOGLE_CLIENT_ID: 'emulated-client',
    HOLDFAST_GOOGLE_CLIENT_SECRET: 'emulated-secret',
    ...(typeof settings === 'function' ? settings({ emulatorsUrl, partitionUrl }) : settings),
  };
  const database = openDatabase({ url: created.appUrl, poolSize: 6 });
  const tenantId = `t-${randomBytes(5).toString('hex')}`;
  await database.prisma.tenant.create({ data: { id: tenantId, name: 'Test' } });
  const key = await createKey(database, { tenantId, label: 'test', scopes: ALL_SCOPES });

  const [worker, api] = await Promise.all([
    startChild(workerScript, env),
    startChild('src/server.ts', env),
  ]);
  const holdfast: Holdfast = {
    apiUrl,
    emulatorsUrl,
    adminUrl: created.adminUrl,
    database,
    env,
    key,
    tenantId,
    worker,
    api,
    emulators,
    startWorker: async () => void (holdfast.worker = await startChild(workerScript, env)),
    startApi: async () => void (holdfast.api = await startChild('src/server.ts', env)),
    call: (method, path, body, headers = {}) =>
      patiently(() =>
        request(`${apiUrl}/v1${path}`, {
          method,
          body,
          headers: { authorization: `Bearer ${key}`, ...headers },
        }),
      ),
    async control(method, path, body) {
      const answer = await request(`${emulatorsUrl}/control${path}`, { method, body, headers: {} });
      if (answer.status >= 300)
        throw new Error(`control ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return answer.body;
    },
    async stop() {
      await Promise.all([holdfast.api.stop(), holdfast.worker.stop(), emulators.stop()]);
      await database.close();
      await created.drop();
    },
  };
  return holdfast;
}

const MOST_TRIES = 30;

/** A crowd that connects at once meets the channel's limits, and comes back when it is told to. */
async function patiently(ask: () => Promise<Answer>): Promise<Answer> {
  for (let tried = 1; ; tried += 1) {
    const answer = await ask();
    const { type } = (answer.body ?? {}) as { type?: string };
    if (type !== '/problems/channel-limited' || tried === MOST_TRIES) return answer;
    const waitS = Number(answer.headers.get('retry-after') ?? 1);
    await new Promise((resolve) => setTimeout(resolve, waitS * 1_000 * (1 + Math.random())));
  }
}

async function request(
  url: string,
  options: { method: string; body: unknown; headers: Headers },
): Promise<Answer> {
  const { method, body, headers } = options;
  const response = await fetch(url, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(method === 'POST' && { 'idempotency-key': randomUUID() }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? null : (JSON.parse(text) as unknown),
  };
}

/** Asks until the answer passes; bounded, and says what the last answer was. */
export async function until<T>(
  ask: () => Promise<T>,
  passes: (answer: T) => boolean,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (passes(answer)) return answer;
    if (Date.now() > deadline)
      throw new Error(
        `Not within ${timeoutMs} ms; last: ${JSON.stringify(answer)?.slice(0, 2_000)}`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
