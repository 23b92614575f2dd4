import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import pg from 'pg';
import { migrate } from '../../scripts/migrate.ts';
import { freePort } from '../../scripts/ports.ts';
import { removePostgresData } from '../../scripts/postgres-place.ts';
import { startPostgres } from '../../scripts/postgres.ts';
import { launch, stopProcess } from '../../scripts/processes.ts';
import { serviceEnv } from '../../scripts/service-env.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { createKey } from '../../src/store/keys.ts';
import { SCOPES } from '../../src/api/auth.ts';
import { findTemporal } from '../../temporal/server/find.ts';
import { setUpTemporal } from '../../temporal/server/setup.ts';
import { devServerArgs, untilTemporalServes } from '../../temporal/server/start.ts';
import { startChild, type Child } from '../support/child.ts';
import { openHttp, type Http } from './http.ts';

/** Holdfast as `npm start` runs it, empty, with the references beside it on the same servers. */
export interface Stage {
  tenantId: string;
  /** An `authorization` header with every scope. */
  auth: { authorization: string };
  keyring: string;
  apiUrl: string;
  api: Http;
  emulators: Http;
  emulatorsUrl: string;
  /** Where a CalDAV server of a bench may listen: no other port of this machine is reached. */
  radicalePort: number;
  reference: Http;
  /** The reference's own key check. */
  referenceAuth: { authorization: string };
  /** As the application role. */
  database: Database;
  /** As the owner, for what only a bench makes. */
  owner: pg.Pool;
  temporal: Client;
  referenceQueue: string;
  worker: Child;
  close(): Promise<void>;
}

/**
 * What autovacuum does within its first minutes. Plans made while every table was empty choose among
 * indexes blindly, for product and reference alike.
 */
export const settle = ({ owner }: Stage): Promise<unknown> => owner.query('ANALYZE');

const NAMESPACE = 'bench';
const REFERENCE_QUEUE = 'bench-reference';
const CONNECTIONS = 64;

type Closer = () => Promise<unknown>;

export async function openStage(): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  // PostgreSQL may run as another user, who has to get in.
  chmodSync(folder, 0o755);
  const closers: Closer[] = [
    async () => {
      await removePostgresData(join(folder, 'postgres'));
      await rm(folder, { recursive: true, force: true });
    },
  ];
  const close = async () => {
    for (const closer of closers.toReversed()) await closer();
  };
  try {
    return { ...(await build(folder, closers)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function build(folder: string, closers: Closer[]): Promise<Omit<Stage, 'close'>> {
  const [postgres, temporal] = await Promise.all([
    bringPostgres(folder, closers),
    bringTemporal(folder, closers),
  ]);
  const database = openDatabase({ url: postgres.appUrl, poolSize: 16 });
  const owner = new pg.Pool({ connectionString: postgres.ownerUrl, max: 2 });
  // A session that the server ends on its way out is no news.
  owner.on('error', () => undefined);
  closers.push(
    () => database.close(),
    () => owner.end(),
  );
  const tenantId = 'bench';
  await database.prisma.tenant.create({ data: { id: tenantId, name: 'Bench' } });
  const key = await createKey(database, { tenantId, label: 'bench', scopes: SCOPES });

  const emulators = await child(closers, 'src/emulators/server.ts', { EMULATORS_PORT: '0' });
  const emulatorsUrl = String(emulators.ready['listening']);
  const apiPort = await freePort();
  const apiUrl = `http://127.0.0.1:${apiPort}`;
  const keyring = `k1:${randomBytes(32).toString('base64')}`;
  const places = {
    databaseUrl: postgres.appUrl,
    temporalAddress: temporal.address,
    temporalNamespace: NAMESPACE,
    keyring,
    apiPort,
    apiUrl,
    workerPort: 0,
    emulatorsUrl,
  };
  const radicalePort = await freePort();
  const env = serviceEnv(places, {
    HOLDFAST_OUTBOUND_ALLOW: `${new URL(emulatorsUrl).host},127.0.0.1:${radicalePort}`,
    HOLDFAST_MICROSOFT_API_URL: emulatorsUrl,
    HOLDFAST_MICROSOFT_AUTH_URL: `${emulatorsUrl}/microsoft/common/oauth2/v2.0/authorize`,
    HOLDFAST_MICROSOFT_TOKEN_URL: `${emulatorsUrl}/microsoft/common/oauth2/v2.0/token`,
    HOLDFAST_MICROSOFT_CLIENT_ID: 'emulated-client',
    HOLDFAST_MICROSOFT_CLIENT_SECRET: 'emulated-secret',
  });
  const referenceKey = 'Bearer reference-key';
  const [worker, , reference] = await Promise.all([
    child(closers, 'temporal/worker.ts', env),
    child(closers, 'src/server.ts', env),
    child(closers, 'test/bench/reference-server.ts', { ...env, REFERENCE_KEY: referenceKey }),
    child(closers, 'test/bench/reference-worker.ts', { ...env, REFERENCE_QUEUE }),
  ]);
  const http = (url: string) => {
    const opened = openHttp(url, { connections: CONNECTIONS });
    closers.push(() => opened.close());
    return opened;
  };
  return {
    tenantId,
    auth: { authorization: `Bearer ${key}` },
    keyring,
    apiUrl,
    api: http(apiUrl),
    emulators: http(emulatorsUrl),
    emulatorsUrl,
    radicalePort,
    reference: http(`http://127.0.0.1:${String(reference.ready['port'])}`),
    referenceAuth: { authorization: referenceKey },
    database,
    owner,
    temporal: temporal.client,
    referenceQueue: REFERENCE_QUEUE,
    worker,
  };
}

async function child(closers: Closer[], script: string, env: NodeJS.ProcessEnv): Promise<Child> {
  const started = await startChild(script, env);
  closers.push(() => started.stop());
  return started;
}

/** Durable, as in production: every commit reaches the disk. */
async function bringPostgres(folder: string, closers: Closer[]) {
  const postgres = await startPostgres({
    dataDir: join(folder, 'postgres'),
    port: await freePort(),
    logFile: join(folder, 'postgres.log'),
  });
  closers.push(() => postgres.stop());
  await migrate(postgres.ownerUrl);
  return postgres;
}

async function bringTemporal(folder: string, closers: Closer[]) {
  const command = await findTemporal({ say: (line) => console.error(line) });
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const server = await launch({
    name: 'Temporal',
    command,
    args: devServerArgs({ namespace: NAMESPACE, dbFile: join(folder, 'temporal.db'), port }),
    logFile: join(folder, 'temporal.log'),
  });
  closers.push(() => stopProcess(server, { signal: 'SIGINT' }));
  await untilTemporalServes(address, { timeoutMs: 60_000, gaveUp: server.hasExited });
  const connection = await Connection.connect({ address });
  closers.push(() => connection.close());
  await setUpTemporal(connection, NAMESPACE);
  return { address, client: new Client({ connection, namespace: NAMESPACE }) };
}
