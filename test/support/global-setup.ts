/**
 * One PostgreSQL and one Temporal server for the whole run, on free ports and in a folder of their
 * own, so that tests run beside a running Holdfast. Only the project `live` asks for them.
 */
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../scripts/migrate.ts';
import { freePort } from '../../scripts/ports.ts';
import { removePostgresData } from '../../scripts/postgres-place.ts';
import { startPostgres } from '../../scripts/postgres.ts';
import { identify, isAlive, killGroups, launch, stopProcess } from '../../scripts/processes.ts';
import type { LaunchedProcess, ProcessIdentity } from '../../scripts/processes.ts';
import { findTemporal } from '../../temporal/server/find.ts';
import { setUpTemporal } from '../../temporal/server/setup.ts';
import { devServerArgs, untilTemporalServes } from '../../temporal/server/start.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser of the run's PostgreSQL, database `postgres`. */
    postgresAdminUrl: string;
    postgresOwnerUrl: string;
    postgresAppUrl: string;
    /** A migrated, empty database to copy from; nothing may stay connected to it. */
    postgresTemplate: string;
    /** `host:port` of the run's Temporal server. */
    temporalAddress: string;
    temporalNamespace: string;
    /** The Temporal CLI that serves. */
    temporalCliPath: string;
  }
}

const PREFIX = 'holdfast-test-';
const TEMPLATE = 'holdfast_template';
const NAMESPACE = 'holdfast-test';

export async function setup(project: TestProject) {
  await removeLeftovers();
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // PostgreSQL may run as another user, who has to get in.
  chmodSync(folder, 0o755);
  const children: LaunchedProcess[] = [];
  const remember = (child?: LaunchedProcess) => {
    if (child) children.push(child);
    const record = {
      owner: identify(process.pid),
      children: children.map(({ pid, bornAt }) => ({ pid, bornAt })),
    };
    writeFileSync(join(folder, 'run.json'), JSON.stringify(record));
  };
  const cleanUp = async () => {
    await Promise.all(children.map((child) => stopProcess(child, { signal: 'SIGINT' })));
    await removePostgresData(join(folder, 'postgres'));
    await rm(folder, { recursive: true, force: true });
  };
  remember();
  // Ctrl-C ends the run at once; the folder is left for the next one to remove.
  process.once('exit', () => killGroups(children));
  try {
    const [postgres, temporal] = await Promise.all([
      startTestPostgres(folder, remember),
      startTestTemporal(folder, remember),
    ]);
    project.provide('postgresAdminUrl', postgres.adminUrl);
    project.provide('postgresOwnerUrl', postgres.ownerUrl);
    project.provide('postgresAppUrl', postgres.appUrl);
    project.provide('postgresTemplate', TEMPLATE);
    project.provide('temporalAddress', temporal.address);
    project.provide('temporalNamespace', NAMESPACE);
    project.provide('temporalCliPath', temporal.path);
  } catch (error) {
    await cleanUp();
    throw error;
  }
  return cleanUp;
}

async function startTestPostgres(folder: string, remember: (child: LaunchedProcess) => void) {
  const postgres = await startPostgres({
    dataDir: join(folder, 'postgres'),
    port: await freePort(),
    logFile: join(folder, 'postgres.log'),
    throwaway: true,
    onLaunch: remember,
  });
  await prepareTemplate(postgres);
  return postgres;
}

async function startTestTemporal(folder: string, remember: (child: LaunchedProcess) => void) {
  const path = await findTemporal({ say: (line) => console.log(line) });
  const port = await freePort();
  const server = await launch({
    name: 'Temporal',
    command: path,
    args: devServerArgs({ namespace: NAMESPACE, dbFile: join(folder, 'temporal.db'), port }),
    logFile: join(folder, 'temporal.log'),
  });
  remember(server);
  const address = `127.0.0.1:${port}`;
  await untilTemporalServes(address, { timeoutMs: 60_000, gaveUp: server.hasExited });
  const connection = await Connection.connect({ address });
  await setUpTemporal(connection, NAMESPACE);
  await connection.close();
  return { address, path };
}

async function prepareTemplate(postgres: { adminUrl: string; ownerUrl: string }) {
  const client = new pg.Client({ connectionString: postgres.adminUrl });
  await client.connect();
  await client.query(`create database ${TEMPLATE} owner holdfast_owner`);
  await client.end();
  const url = new URL(postgres.ownerUrl);
  url.pathname = `/${TEMPLATE}`;
  await migrate(url.href);
}

/** A killed run could not clean up; this one does it. */
async function removeLeftovers() {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const folder = join(tmpdir(), name);
    if (!existsSync(join(folder, 'run.json'))) continue;
    const { owner, children } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as {
      owner: ProcessIdentity;
      children: ProcessIdentity[];
    };
    if (isAlive(owner)) continue;
    for (const child of children) await stopProcess(child, { signal: 'SIGINT' });
    await removePostgresData(join(folder, 'postgres'));
    await rm(folder, { recursive: true, force: true });
  }
}
