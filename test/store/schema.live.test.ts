import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Ledger } from '../support/ledger.ts';
import {
  addResource,
  addTenant,
  aHold,
  hour,
  openLedger,
  openPool,
  TENANT,
} from '../support/ledger.ts';
import { holdUnits } from '../../src/store/holds.ts';

let ledger: Ledger;
let owner: pg.Pool;
beforeAll(async () => {
  ledger = await openLedger();
  owner = openPool(ledger.ownerUrl, 2);
  await ledger.pool.query(`SELECT append_entry($1, 's/1', 1, 'test.written', '{}')`, [TENANT]);
});
afterAll(async () => {
  await owner.end();
  await ledger.close();
});

/** What PostgreSQL says against a statement; empty when it does as it is told. */
const refusal = (pool: pg.Pool, statement: string): Promise<string> =>
  pool.query(statement).then(
    () => '',
    (error: Error) => error.message,
  );

describe('every key of the catalog', () => {
  /** What belongs to no tenant, or is the tenant. */
  const SHARED = [
    'tenant',
    'journal_epoch',
    '_prisma_migrations',
    // Quotas are shared by whoever uses a channel.
    'call_bucket',
    'call_lease',
    'circuit',
  ];
  const keys = async (type: 'p' | 'f') => {
    const { rows } = await ledger.admin.query<{
      table: string;
      columns: string[];
      pairs: string[];
    }>(
      `SELECT r.relname AS table,
         array_agg(a.attname::text ORDER BY k.n) AS columns,
         array_agg(a.attname || ' -> ' || f.attname ORDER BY k.n) AS pairs
       FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
       CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(own, other, n)
       JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.own
       LEFT JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = k.other
       WHERE c.contype = $1 AND r.relnamespace = 'public'::regnamespace
       GROUP BY c.oid, r.relname`,
      [type],
    );
    return rows.filter((row) => !SHARED.includes(row.table));
  };

  test('has the tenant first in it', async () => {
    const primary = await keys('p');
    expect(primary.length).toBeGreaterThan(20);
    for (const { table, columns } of primary)
      expect([table, columns[0]]).toEqual([table, 'tenant_id']);
    const { rows } = await ledger.admin.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind = 'r'
         AND relnamespace = 'public'::regnamespace`,
    );
    const tables = rows.map((row) => row.name).filter((name) => !SHARED.includes(name));
    expect(primary.map((one) => one.table).toSorted()).toEqual(tables.toSorted());
  });

  test('that points elsewhere points within the tenant', async () => {
    const foreign = await keys('f');
    expect(foreign.length).toBeGreaterThan(20);
    for (const { table, pairs } of foreign)
      expect([table, pairs[0]]).toEqual([
        table,
        expect.stringMatching(/^tenant_id -> (tenant_id|id)$/),
      ]);
  });
});

describe('the exclusion', () => {
  const put = (span: string, input: { unit?: number; tenantId?: string; resourceId: string }) =>
    ledger.admin.query(
      `WITH b AS (INSERT INTO booking (tenant_id, id, resource_id, state, start_at, end_at, party,
           units, amount_minor, payment_kind, hold_expires_at)
         VALUES ($1, gen_random_uuid(), $2, 'held', now(), now() + interval '1 hour', 1, '{1}', 0,
           'none', now()) RETURNING id)
       INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at)
       SELECT $1, id, $2, $3, $4::tstzrange, now(), now() FROM b`,
      [input.tenantId ?? TENANT, input.resourceId, input.unit ?? 1, span],
    );

  test('lets nothing overlap on a unit of a resource of a tenant, whoever writes', async () => {
    const resourceId = await addResource(ledger.admin);
    await addTenant(ledger.admin, 'other');
    await addResource(ledger.admin, { id: resourceId, tenantId: 'other' });
    const span = `[${hour(0)}, ${hour(1)})`;
    await put(span, { resourceId });
    await expect(put(span, { resourceId })).rejects.toThrow(/nothing_sold_twice/);
    await put(span, { resourceId, unit: 2 });
    await put(span, { resourceId, tenantId: 'other' });
    await put(`[${hour(1)}, ${hour(2)})`, { resourceId });
    await put(`[${hour(-1)}, ${hour(0)})`, { resourceId });
  });

  test('takes half-open spans only', async () => {
    const resourceId = await addResource(ledger.admin);
    const [from, to] = [hour(0), hour(1)];
    for (const span of [`[${from}, ${to}]`, `(${from}, ${to})`, 'empty', `(,${to})`])
      await expect(put(span, { resourceId })).rejects.toThrow(/check constraint/);
  });
});

describe('the journal', () => {
  const changes = [
    `UPDATE journal SET type = 'x'`,
    'DELETE FROM journal',
    'TRUNCATE journal',
    `INSERT INTO journal SELECT * FROM journal`,
  ];

  test.each(changes.slice(0, 3))('refuses the role that serves: %s', async (statement) => {
    expect(await refusal(ledger.pool, statement)).toMatch(/permission denied/);
  });

  test.each(changes.slice(0, 3))('refuses its owner too: %s', async (statement) => {
    expect(await refusal(owner, statement)).toMatch(/append-only/);
  });

  test('keeps its place and its epochs out of the hands of the role that serves', async () => {
    expect(await refusal(ledger.pool, changes[3]!)).toMatch(/cannot insert|GENERATED ALWAYS/);
    expect(await refusal(ledger.pool, 'INSERT INTO journal_epoch (epoch) VALUES (9)')).toMatch(
      /permission denied/,
    );
    expect(await refusal(ledger.pool, 'DELETE FROM journal_epoch')).toMatch(/permission denied/);
  });

  test('takes each number of a subject once', async () => {
    expect(
      await refusal(ledger.pool, `SELECT append_entry('${TENANT}', 's/1', 1, 'x', '{}')`),
    ).toMatch(/duplicate key/);
  });
});

describe('the role that serves', () => {
  test.each([
    ['CREATE TABLE mine (id text)', /permission denied/],
    ['ALTER TABLE booking ADD COLUMN x text', /must be owner/],
    ['DROP TABLE booking', /must be owner/],
    ['ALTER TABLE journal DISABLE TRIGGER ALL', /must be owner/],
    ['DROP FUNCTION refuse_change CASCADE', /must be owner/],
    ['CREATE OR REPLACE FUNCTION lock_key(p_tenant text, p_kind text, p_id text) RETURNS bigint LANGUAGE sql AS $$ SELECT 1::bigint $$', /permission denied|must be owner/], // prettier-ignore
    ['TRUNCATE booking', /permission denied/],
    ['SET ROLE holdfast_owner', /permission denied/],
    ['DELETE FROM _prisma_migrations', /permission denied/],
  ])('cannot %s', async (statement, why) => {
    expect(await refusal(ledger.pool, statement)).toMatch(why);
  });

  test('is given fifteen seconds for a transaction', async () => {
    const { rows } = await ledger.pool.query<{ transaction_timeout: string }>(
      'SHOW transaction_timeout',
    );
    expect(rows).toEqual([{ transaction_timeout: '15s' }]);
    const client = new pg.Client({ connectionString: ledger.appUrl });
    client.on('error', () => undefined);
    await client.connect();
    await client.query(`SET transaction_timeout = '100ms'`);
    await expect(client.query('SELECT pg_sleep(1)')).rejects.toThrow(/transaction timeout/);
    await client.end();
  });
});

test('a resource’s settings can be read as of then', async () => {
  const resourceId = await addResource(ledger.admin, { capacity: 1 });
  await ledger.pool.query('UPDATE resource SET capacity = 2 WHERE id = $1', [resourceId]);
  await ledger.pool.query(`UPDATE resource SET name = 'n', seq = seq + 1 WHERE id = $1`, [
    resourceId,
  ]);
  await ledger.pool.query('UPDATE resource SET capacity = 3 WHERE id = $1', [resourceId]);
  const { rows } = await ledger.pool.query<{ capacity: number; follows: boolean }>(
    `SELECT capacity, lower(recorded) IS NOT DISTINCT FROM lag(upper(recorded)) OVER (ORDER BY id)
        AS follows FROM resource_version WHERE resource_id = $1 ORDER BY id`,
    [resourceId],
  );
  expect(rows.map((row) => row.capacity)).toEqual([1, 2, 3]);
  expect(rows.slice(1).every((row) => row.follows)).toBe(true);
});

test('a booking outlives no statement that would leave its units without it', async () => {
  const booking = aHold(await addResource(ledger.admin));
  await holdUnits(ledger.pool, booking);
  expect(
    await refusal(ledger.pool, `DELETE FROM booking WHERE id = '${booking.bookingId}'`),
  ).toMatch(/foreign key/);
});
