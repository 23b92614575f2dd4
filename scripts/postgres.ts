/** An embedded PostgreSQL 18: made once, started, found again after any kind of death, stopped. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import pg from 'pg';
import { placePostgres } from './postgres-place.ts';
import type { PostgresPlace } from './postgres-place.ts';
import { commandLine, identify, launch, stopProcess } from './processes.ts';
import type { LaunchedProcess } from './processes.ts';

const run = promisify(execFile);
const MAJOR_VERSION = '18';
const DATABASE = 'holdfast';
const APP_TRANSACTION_TIMEOUT = '15s';

export interface PostgresOptions {
  /** Made when missing. Its neighbour `<dataDir>.passwords.json` (mode 600) opens it. */
  dataDir: string;
  port: number;
  logFile: string;
  /** Gives up durability and removes the data at the end: for tests. */
  throwaway?: boolean;
  /** Told of the server process before it is ready. */
  onLaunch?: (server: LaunchedProcess) => void;
}

export interface RunningPostgres {
  /** Superuser, database `postgres`: makes and drops databases. */
  adminUrl: string;
  /** Role `holdfast_owner`, which migrates. */
  ownerUrl: string;
  /** Role `holdfast_app`, which serves. */
  appUrl: string;
  process: LaunchedProcess;
  stop: () => Promise<void>;
}

interface Passwords {
  postgres: string;
  holdfast_owner: string;
  holdfast_app: string;
}

/** @throws with what to do when the data cannot be used or the server does not come up. */
export async function startPostgres(options: PostgresOptions): Promise<RunningPostgres> {
  const place = await placePostgres(options.dataDir);
  const passwords = loadPasswords(`${options.dataDir}.passwords.json`, place.dataDir);
  if (!existsSync(join(place.dataDir, 'PG_VERSION'))) await initialise(place, passwords.postgres);
  checkVersion(place.dataDir);
  await endFormerServer(place.dataDir);

  const urlOf = (role: keyof Passwords, database: string) =>
    `postgresql://${role}:${passwords[role]}@127.0.0.1:${options.port}/${database}`;
  const adminUrl = urlOf('postgres', 'postgres');
  const server = await startServer(place, options, adminUrl);
  await prepareRoles(adminUrl, passwords);
  return {
    adminUrl,
    ownerUrl: urlOf('holdfast_owner', DATABASE),
    appUrl: urlOf('holdfast_app', DATABASE),
    process: server,
    stop: async () => {
      // SIGINT is PostgreSQL's fast shutdown: it ends the sessions and writes a checkpoint.
      await stopProcess(server, { signal: 'SIGINT', graceMs: 20_000 });
      if (options.throwaway) await place.remove();
    },
  };
}

async function startServer(place: PostgresPlace, options: PostgresOptions, adminUrl: string) {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: '',
    max_connections: '200',
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    log_min_messages: 'warning',
    log_line_prefix: '%m [%p] %u@%d ',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(options.throwaway
      ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
      : {}),
  };
  for (let attempt = 1; ; attempt += 1) {
    const server = await launch({
      name: 'PostgreSQL',
      command: place.binary('postgres'),
      args: [
        '-D',
        place.dataDir,
        ...Object.entries(settings).flatMap(([key, value]) => ['-c', `${key}=${value}`]),
      ],
      env: { ...process.env, LC_ALL: 'C' },
      cwd: '/',
      logFile: options.logFile,
      ...place.user,
    });
    options.onLaunch?.(server);
    if (await isServing(server, adminUrl)) return server;
    // After a killed postmaster its last sessions hold the shared memory for a moment.
    if (attempt === 5) {
      throw new Error(
        `PostgreSQL does not start. Its log says why: ${options.logFile}. ` +
          'To start over with an empty database: npm start -- --fresh',
      );
    }
    await sleep(500 * attempt);
  }
}

/** Recovery after a crash replays the log first, so this waits as long as the server lives. */
async function isServing(server: LaunchedProcess, url: string): Promise<boolean> {
  const deadline = performance.now() + 120_000;
  while (!server.hasExited()) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      await client.end();
      return true;
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === '28P01' || performance.now() > deadline) {
        await stopProcess(server, { signal: 'SIGINT' });
        throw new Error(
          code === '28P01'
            ? 'PostgreSQL refuses the kept password: the data and the passwords file beside it do ' +
                'not belong together. To start over with an empty database: npm start -- --fresh'
            : `PostgreSQL started but did not answer within two minutes (log: ${server.logFile}).`,
          { cause: error },
        );
      }
      await sleep(50);
    }
  }
  return false;
}

async function initialise(place: PostgresPlace, password: string) {
  const unfinished = `${place.dataDir}.new`;
  const passwordFile = `${place.dataDir}.initial-password`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  await place.own(unfinished);
  await place.own(passwordFile);
  try {
    await run(
      place.binary('initdb'),
      [
        `--pgdata=${unfinished}`,
        '--username=postgres',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        // The same order of text on every machine, whatever locales it has.
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-instructions',
      ],
      { cwd: '/', env: { ...process.env, LC_ALL: 'C' }, ...place.user },
    );
  } catch (error) {
    throw new Error(
      `PostgreSQL could not make its data folder ${place.dataDir}: ${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rm(place.dataDir, { recursive: true, force: true });
  await rename(unfinished, place.dataDir);
}

function loadPasswords(file: string, dataDir: string): Passwords {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Passwords;
  if (existsSync(join(dataDir, 'PG_VERSION'))) {
    throw new Error(
      `The passwords of the database in ${dataDir} are gone (${file}). ` +
        'Put the file back, or start over with an empty database: npm start -- --fresh',
    );
  }
  const password = () => randomBytes(24).toString('hex');
  const made = { postgres: password(), holdfast_owner: password(), holdfast_app: password() };
  writeFileSync(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}

function checkVersion(dataDir: string) {
  const found = readFileSync(join(dataDir, 'PG_VERSION'), 'utf8').trim();
  if (found === MAJOR_VERSION) return;
  throw new Error(
    `The database in ${dataDir} was written by PostgreSQL ${found}, and this is ${MAJOR_VERSION}. ` +
      'Dump it with the older version first, or start over: npm start -- --fresh',
  );
}

/** A pid file may name a live server of ours, a dead one, or a stranger that got the number. */
async function endFormerServer(dataDir: string) {
  const file = join(dataDir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const former = identify(pid);
  if (former && commandLine(pid).includes(dataDir)) {
    await stopProcess(former, { signal: 'SIGINT', graceMs: 20_000 });
  }
  await rm(file, { force: true });
}

async function prepareRoles(adminUrl: string, passwords: Passwords) {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const role of ['holdfast_owner', 'holdfast_app'] as const) {
      const known = await client.query('select 1 from pg_roles where rolname = $1', [role]);
      if (known.rowCount === 0) await client.query(`create role ${role} login`);
      await client.query(`alter role ${role} password ${client.escapeLiteral(passwords[role])}`);
    }
    await client.query(
      `alter role holdfast_app set transaction_timeout = '${APP_TRANSACTION_TIMEOUT}'`,
    );
    const made = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
    if (made.rowCount === 0) await client.query(`create database ${DATABASE} owner holdfast_owner`);
  } finally {
    await client.end();
  }
}
