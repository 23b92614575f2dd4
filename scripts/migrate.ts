/** Brings a database to the schema in `prisma/migrations`: `npm run db:migrate`. */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

/** Any constant that nothing else on the server locks by. */
const MIGRATION_LOCK = 7_254_610_283;
const LOCK_WAIT = '5min';
const MIGRATIONS = fileURLToPath(new URL('../prisma/migrations/', import.meta.url));

/** What Prisma's own command line keeps, column for column, so that either can go on. */
const HISTORY_TABLE = `
  create table if not exists _prisma_migrations (
    id                  varchar(36) primary key not null,
    checksum            varchar(64) not null,
    finished_at         timestamptz,
    migration_name      varchar(255) not null,
    logs                text,
    rolled_back_at      timestamptz,
    started_at          timestamptz not null default now(),
    applied_steps_count integer not null default 0
  )`;

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

/**
 * Applies what is missing, each migration and its history row in one transaction, so a killed
 * process leaves all of it or nothing. Several processes may call this at once: the first works
 * under an advisory lock, the others wait and find nothing to do.
 * @returns the names of the migrations applied by this call.
 * @throws when an applied migration was edited, one failed, or a role is missing.
 */
export async function migrate(ownerUrl: string, folder = MIGRATIONS): Promise<string[]> {
  const client = new pg.Client({
    connectionString: ownerUrl,
    application_name: 'holdfast-migrate',
  });
  client.on('error', () => {});
  await client.connect().catch((error: unknown) => {
    throw unreachable(ownerUrl, error as Error);
  });
  try {
    await client.query(`set lock_timeout = '${LOCK_WAIT}'`);
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query('set lock_timeout = 0');
    await client.query('set client_min_messages = warning');
    await requireAppRole(client);
    await client.query(HISTORY_TABLE);
    return await applyMissing(client, readMigrations(folder));
  } finally {
    // Ending the session gives the lock back, whatever happened.
    await client.end();
  }
}

async function applyMissing(client: pg.Client, migrations: Migration[]): Promise<string[]> {
  const known = await readHistory(client);
  const applied: string[] = [];
  for (const migration of migrations) {
    const checksum = known.get(migration.name);
    if (checksum === undefined) {
      await apply(client, migration);
      applied.push(migration.name);
    } else if (checksum !== migration.checksum) {
      throw new Error(
        `Migration ${migration.name} was edited after this database applied it. ` +
          'Undo the edit and write a new migration instead. Where nothing is worth keeping, ' +
          'npm start -- --fresh begins with an empty database.',
      );
    }
  }
  return applied;
}

async function apply(client: pg.Client, migration: Migration) {
  try {
    await client.query('begin');
    await client.query(migration.sql);
    await client.query(
      `insert into _prisma_migrations
         (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       values ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), migration.checksum, migration.name],
    );
    await client.query('commit');
  } catch (error) {
    throw new Error(
      `Migration ${migration.name} failed and left nothing behind: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

async function readHistory(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; checksum: string; finished: boolean }>(
    `select migration_name as name, checksum, finished_at is not null as finished
       from _prisma_migrations where rolled_back_at is null`,
  );
  const unfinished = rows.find((row) => !row.finished);
  if (unfinished) {
    throw new Error(
      `Migration ${unfinished.name} was begun by another tool and never finished. Look at what it ` +
        'left, then mark it: npx prisma migrate resolve --applied (or --rolled-back) <name>',
    );
  }
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

function readMigrations(folder: string): Migration[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted()
    .map((name) => {
      const sql = readFileSync(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    });
}

async function requireAppRole(client: pg.Client) {
  const { rowCount } = await client.query(`select 1 from pg_roles where rolname = 'holdfast_app'`);
  if (rowCount !== 0) return;
  throw new Error(
    'The role that serves is missing. As a superuser, run: ' +
      `CREATE ROLE holdfast_app LOGIN PASSWORD '…'; ` +
      `ALTER ROLE holdfast_app SET transaction_timeout = '15s'`,
  );
}

/** The address without the password, which has no place in a message. */
function unreachable(url: string, error: Error): Error {
  const { username, host, pathname } = new URL(url);
  return new Error(
    `The database at ${host}${pathname} does not let ${username} in: ${error.message}. ` +
      'Check DATABASE_OWNER_URL, or DATABASE_URL where there is only that.',
    { cause: error },
  );
}

if (import.meta.main) {
  const url = process.env['DATABASE_OWNER_URL'] ?? process.env['DATABASE_URL'];
  if (!url) {
    console.error('Set DATABASE_OWNER_URL to the database to migrate, as its owner.');
    process.exit(1);
  }
  const applied = await migrate(url);
  console.log(applied.length === 0 ? 'Nothing to apply.' : `Applied ${applied.join(', ')}.`);
}
