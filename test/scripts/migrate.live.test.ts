import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as engineGlue from '@prisma/schema-engine-wasm/schema_engine_bg';
import { createRequire } from 'node:module';
import pg from 'pg';
import { afterAll, beforeEach, expect, inject, test } from 'vitest';
import { migrate } from '../../scripts/migrate.ts';
import { createDatabase } from '../support/postgres.ts';

const migrations = new URL('../../prisma/migrations/', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-migrations-'));
const made: string[] = [];
let ownerUrl = '';

/** Node's types leave WebAssembly to the browser's, which are not loaded here. */
interface WebAssemblyPart {
  instantiate: (
    bytes: Uint8Array,
    imports: Record<string, unknown>,
  ) => Promise<{ instance: { exports: Record<string, unknown> } }>;
}

beforeEach(async () => {
  const name = `migrate_${Date.now()}_${made.length}`;
  made.push(name);
  await query(inject('postgresAdminUrl'), `create database ${name} owner holdfast_owner`);
  ownerUrl = Object.assign(new URL(inject('postgresOwnerUrl')), { pathname: `/${name}` }).href;
});

afterAll(async () => {
  for (const name of made) {
    await query(inject('postgresAdminUrl'), `drop database ${name} with (force)`);
  }
  rmSync(folder, { recursive: true });
});

test('of several processes that migrate at once, one does it and the others find it done', async () => {
  const applied = await Promise.all([migrate(ownerUrl), migrate(ownerUrl), migrate(ownerUrl)]);
  const all = readdirSync(migrations, { withFileTypes: true }).filter((one) => one.isDirectory());
  expect(applied.flat().toSorted()).toEqual(all.map((one) => one.name).toSorted());
  expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
});

test("Prisma's own engine finds nothing left to apply and nothing edited", async () => {
  await migrate(ownerUrl);
  const engine = await prismaEngine(ownerUrl);
  const filters = { externalTables: [], externalEnums: [] };
  const migrationsList = listForPrisma();
  const found = await engine.diagnoseMigrationHistory({
    migrationsList,
    filters,
    optInToShadowDatabase: false,
  });
  expect(found).toMatchObject({
    history: null,
    editedMigrationNames: [],
    failedMigrationNames: [],
  });
  const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters });
  expect(appliedMigrationNames).toEqual([]);
  engine.free();
});

test('a migration that fails leaves nothing behind, is named, and can be repaired', async () => {
  const broken = write('broken', 'create table half (id int); select 1 / 0;');
  await expect(migrate(ownerUrl, broken)).rejects.toThrow(/0002_second failed.*division by zero/);
  expect(await query(ownerUrl, `select to_regclass('whole') as t`)).toEqual([{ t: 'whole' }]);
  expect(await query(ownerUrl, `select to_regclass('half') as t`)).toEqual([{ t: null }]);
  write('broken', 'create table half (id int);');
  expect(await migrate(ownerUrl, broken)).toEqual(['0002_second']);
});

test('a migration that was edited after it was applied is refused by name', async () => {
  const edited = write('edited', 'create table half (id int);');
  await migrate(ownerUrl, edited);
  write('edited', 'create table half (id bigint);');
  await expect(migrate(ownerUrl, edited)).rejects.toThrow(/0002_second was edited/);
});

test('a test database is migrated, and its serving role cannot hold a transaction open', async () => {
  const database = await createDatabase();
  expect(await query(database.appUrl, 'show transaction_timeout')).toEqual([
    { transaction_timeout: '15s' },
  ]);
  expect(await query(database.appUrl, 'select count(*)::int as n from tenant')).toEqual([{ n: 0 }]);
  await database.drop();
});

function write(name: string, second: string): string {
  const files = { '0001_first': 'create table whole (id int);', '0002_second': second };
  for (const [migration, sql] of Object.entries(files)) {
    mkdirSync(join(folder, name, migration), { recursive: true });
    writeFileSync(join(folder, name, migration, 'migration.sql'), sql);
  }
  return join(folder, name);
}

function listForPrisma() {
  const directories = readdirSync(migrations, { withFileTypes: true })
    .filter((one) => one.isDirectory())
    .map(({ name }) => {
      const value = readFileSync(join(migrations, name, 'migration.sql'), 'utf8');
      const content = { tag: 'ok' as const, value };
      return { path: name, migrationFile: { path: 'migration.sql', content } };
    });
  return {
    baseDir: migrations,
    lockfile: {
      path: 'migration_lock.toml',
      content: readFileSync(join(migrations, 'migration_lock.toml'), 'utf8'),
    },
    shadowDbInitScript: '',
    migrationDirectories: directories.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

async function prismaEngine(url: string) {
  const glue = createRequire(import.meta.url).resolve(
    '@prisma/schema-engine-wasm/schema_engine_bg',
  );
  const bytes = readFileSync(glue.replace(/\.js$/, '.wasm'));
  const { WebAssembly } = globalThis as unknown as { WebAssembly: WebAssemblyPart };
  const { instance } = await WebAssembly.instantiate(bytes, {
    './schema_engine_bg.js': engineGlue,
  });
  const glueWithSetter = engineGlue as unknown as { __wbg_set_wasm: (wasm: unknown) => void };
  glueWithSetter.__wbg_set_wasm(instance.exports);
  (instance.exports['__wbindgen_start'] as () => void)();
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url }));
  return engineGlue.SchemaEngine.new({ datamodels: undefined }, () => {}, adapter);
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows as unknown[];
  } finally {
    await client.end();
  }
}
