import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort, isPortFree } from '../../scripts/ports.ts';
import { removePostgresData } from '../../scripts/postgres-place.ts';
import { startPostgres } from '../../scripts/postgres.ts';
import type { RunningPostgres } from '../../scripts/postgres.ts';
import { isAlive } from '../../scripts/processes.ts';

let folder = '';
let port = 0;
let running: RunningPostgres | undefined;

beforeEach(async () => {
  // Only its owner may enter: as root, PostgreSQL's own user cannot.
  folder = mkdtempSync(join(tmpdir(), 'holdfast-private-'));
  chmodSync(folder, 0o700);
  port = await freePort();
});

afterEach(async () => {
  await running?.stop();
  await removePostgresData(join(folder, 'postgres'));
  rmSync(folder, { recursive: true });
});

test('a database in a folder that only its owner can enter survives the kill of its server', async () => {
  running = await start();
  await query(running.ownerUrl, 'create table kept (n int); insert into kept values (7)');
  process.kill(running.process.pid, 'SIGKILL');
  await running.process.exited;

  running = await start();
  expect(await query(running.ownerUrl, 'select n from kept')).toEqual([{ n: 7 }]);
});

test('a server whose supervisor was killed is ended before the next one starts', async () => {
  const orphan = await start();
  running = await start();
  expect(isAlive(orphan.process)).toBe(false);
  expect(await query(running.appUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a pid file that names a stranger neither stops the start nor harms the stranger', async () => {
  running = await start();
  await running.stop();
  const pidFile = join(folder, 'postgres', 'postmaster.pid');
  writeFileSync(pidFile, `${process.pid}\n/somewhere/else\n`);
  running = await start();
  expect(await query(running.appUrl, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('the serving role cannot change the schema, and the passwords are readable by their owner alone', async () => {
  running = await start();
  await expect(query(running.appUrl, 'create table mine (n int)')).rejects.toThrow(
    /permission denied/,
  );
  const passwords = join(folder, 'postgres.passwords.json');
  expect(statSync(passwords).mode & 0o777).toBe(0o600);
});

test('data without its passwords is refused with what to do', async () => {
  running = await start();
  await running.stop();
  const passwords = join(folder, 'postgres.passwords.json');
  const before = readFileSync(passwords);
  rmSync(passwords);
  await expect(start()).rejects.toThrow(/npm start -- --fresh/);
  writeFileSync(passwords, before);
  running = await start();
});

test('stopping leaves no process, no open port and no pid file', async () => {
  running = await start();
  await running.stop();
  expect(isAlive(running.process)).toBe(false);
  expect(await isPortFree(port)).toBe(true);
  expect(existsSync(join(folder, 'postgres', 'postmaster.pid'))).toBe(false);
});

function start(): Promise<RunningPostgres> {
  return startPostgres({
    dataDir: join(folder, 'postgres'),
    port,
    logFile: join(folder, 'postgres.log'),
  });
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows as unknown[];
  } finally {
    await client.end();
  }
}
