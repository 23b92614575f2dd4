import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAvailability } from '../../src/store/availability.ts';
import { cancelBooking, commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import type { Database } from '../../src/store/database.ts';
import { leftDirty, markDirty } from '../../src/store/gate.ts';
import { holdsLeftOpen, holdUnits } from '../../src/store/holds.ts';
import { JOURNAL_START, readJournal } from '../../src/store/journal.ts';
import { mirrorsLeft, mirrorsToDo } from '../../src/store/mirrors.ts';
import { missingEvents } from '../../src/store/sync-absence.ts';
import type { Ledger } from '../support/ledger.ts';
import { aHold, anEvent, hour, listed, openLedger, sync, TENANT } from '../support/ledger.ts';
import { FREELY } from '../support/plain-terms.ts';

/** 2,000 connections of as many resources, each with 100 spans, entries, bookings and news. */
const CONNECTIONS = 2_000;
const BIG = ['busy', 'occupancy', 'channel_event', 'journal', 'connection', 'watch', 'booking'];
const key = { tenantId: TENANT, connectionId: 'c77' };

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 1 });
  const client = await ledger.admin.connect();
  // Rows that fit together by construction are not checked one by one.
  await client.query(`SET session_replication_role = replica`);
  for (const statement of FILL) await client.query(statement);
  await client.query('RESET session_replication_role');
  await client.query('ANALYZE');
  client.release();
});
afterAll(() => ledger.close());

const FILL = [
  `INSERT INTO resource (tenant_id, id, name, time_zone, capacity, settings)
   SELECT '${TENANT}', 'r' || n, 'r', 'UTC', 3, '{}' FROM generate_series(1, ${CONNECTIONS}) n`,
  `INSERT INTO account (tenant_id, id, channel, credential) VALUES ('${TENANT}', 'a', 'google', '')`,
  `INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone,
     settings, writable, dirty)
   SELECT '${TENANT}', 'c' || n, 'r' || n, 'a', 'google', 'p', 'UTC', '{}', true, false
   FROM generate_series(1, ${CONNECTIONS}) n`,
  `INSERT INTO watch (tenant_id, id, connection_id, secret_hash)
   SELECT '${TENANT}', 'w' || n, 'c' || n, sha256('s') FROM generate_series(1, ${CONNECTIONS}) n`,
  `INSERT INTO busy (tenant_id, connection_id, root_id, start_at, end_at, resource_id)
   SELECT '${TENANT}', 'c' || n, 'e' || k, '${hour(100)}'::timestamptz + k * interval '1 day',
     '${hour(102)}'::timestamptz + k * interval '1 day', 'r' || n
   FROM generate_series(1, ${CONNECTIONS}) n, generate_series(1, 100) k`,
  `INSERT INTO channel_event (tenant_id, connection_id, native_id, root_id, event, hash, recorded,
     feed_position)
   SELECT '${TENANT}', 'c' || n, 'e' || k, 'e' || k, '{"recurrence": []}', '', tstzrange(now(), NULL), k
   FROM generate_series(1, ${CONNECTIONS}) n, generate_series(1, 100) k`,
  `INSERT INTO booking (tenant_id, id, resource_id, state, start_at, end_at, party, units,
     amount_minor, payment_kind, hold_expires_at, seq)
   SELECT '${TENANT}', n || '-' || k, 'r' || n, 'confirmed', now(), now() + interval '1 hour', 1, '{1}',
     0, 'none', now(), 1
   FROM generate_series(1, ${CONNECTIONS}) n, generate_series(1, 10) k`,
  `INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at, confirmed_at)
   SELECT '${TENANT}', n || '-' || k, 'r' || n, 1,
     tstzrange('${hour(0)}'::timestamptz + k * interval '1 day', '${hour(1)}'::timestamptz + k * interval '1 day'),
     now(), now(), now()
   FROM generate_series(1, ${CONNECTIONS}) n, generate_series(1, 10) k`,
  `INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
   SELECT '${TENANT}', 1, 'x/' || n, k, 'test.written', '{}'
   FROM generate_series(1, ${CONNECTIONS}) n, generate_series(1, 25) k`,
];

/** Big tables that PostgreSQL read from end to end meanwhile, also inside functions. */
async function scannedDuring(work: (pool: pg.Pool) => Promise<unknown>): Promise<string[]> {
  const before = await scans();
  await work(ledger.pool);
  const after = await scans();
  return BIG.filter((table) => after.get(table) !== before.get(table));
}

async function scans(): Promise<Map<string, string>> {
  // The one session of the pool tells what it counted.
  await ledger.pool.query('SELECT pg_stat_force_next_flush()');
  await ledger.pool.query('SELECT 1');
  const { rows } = await ledger.admin.query<{ name: string; scans: string }>(
    `SELECT pg_stat_clear_snapshot(), relname AS name, seq_scan AS scans FROM pg_stat_user_tables`,
  );
  return new Map(rows.map((row) => [row.name, row.scans]));
}

const booking = aHold('r77', { startAt: hour(3), endAt: hour(4) });
const taken = { startAt: hour(24), endAt: hour(25) };

const WORK: Record<string, (pool: pg.Pool) => Promise<unknown>> = {
  'a hold': (pool) => holdUnits(pool, booking),
  'a hold of a party': (pool) => holdUnits(pool, aHold('r78', { party: 3 })),
  'a hold refused by busy time': (pool) =>
    holdUnits(pool, aHold('r77', { startAt: hour(125), endAt: hour(126) })),
  'a hold refused after looking for expired ones': (pool) =>
    holdUnits(pool, aHold('r77', { ...taken, party: 3 })),
  'a commit': (pool) => commitBooking(pool, booking),
  'a cancel': (pool) => cancelBooking(pool, { ...booking, ...FREELY, reason: 'guest' }),
  'a release': (pool) => releaseBooking(pool, { ...booking, state: 'expired', reason: 'x' }),
  'an availability answer': (pool) =>
    readAvailability({ pool } as Database, {
      tenantId: TENANT,
      resourceId: 'r77',
      from: hour(0),
      to: hour(24 * 60),
    }),
  'a notification': (pool) => markDirty(pool, { watchId: 'w77', secret: 's' }),
  'a page': (pool) => sync(pool, key, { changes: listed(anEvent('e5', [0, 1])) }),
  'a page of a full pass': (pool) =>
    sync(pool, key, {
      changes: listed(anEvent('new', [2, 3])),
      fullPass: true,
      verdict: { gone: ['e6'], heldBack: ['e7'], guarded: false },
    }),
  'a look for what is missing': (pool) =>
    missingEvents(pool, key, { generation: 0, from: 100, seen: ['e1'] }),
  'a sweep for marks': (pool) => leftDirty(pool, { olderThanMs: 0, limit: 50 }),
  'a sweep for holds': (pool) => holdsLeftOpen(pool, { olderThanMs: 0, limit: 50 }),
  'a sweep for mirrors': (pool) => mirrorsLeft(pool, { olderThanMs: 0, limit: 50 }),
  'the mirrors of a connection': (pool) => mirrorsToDo(pool, key, 50),
};

test.each(Object.keys(WORK))('%s reads no big table from end to end', async (name) => {
  expect(await scannedDuring(WORK[name]!)).toEqual([]);
});

test('the journal is followed by its index, without sorting', async () => {
  const feed = (pool: pg.Pool) =>
    readJournal(pool, { tenantId: TENANT, after: JOURNAL_START, limit: 100 });
  expect(await scannedDuring(feed)).toEqual([]);
  const plan = await plansOf(feed);
  expect(plan).toContain('journal_feed');
  expect(plan).not.toContain('Sort');
});

test('an availability answer reads busy time from its index alone', async () => {
  const plan = await plansOf(WORK['an availability answer']!);
  expect(plan).toContain('busy_of_resource');
  expect(plan).toContain('nothing_sold_twice');
  expect(plan).toContain('channel_event_pkey');
  expect(plan).toContain('channel_event_withheld');
  expect(plan).toMatch(/Index Only Scan using busy_of_resource/);
});

test('the gate finds its watch and its connection by key', async () => {
  const plan = await plansOf(WORK['a notification']!);
  expect(plan).toContain('watch_id_key');
  expect(plan).toContain('connection_pkey');
});

test('a full scan would be noticed', async () => {
  expect(await scannedDuring((pool) => pool.query('SELECT count(data) FROM journal'))).toEqual([
    'journal',
  ]);
});

/** The plans of the statements that `work` sends itself. */
async function plansOf(work: (pool: pg.Pool) => Promise<unknown>): Promise<string> {
  const plans: string[] = [];
  const query = async (statement: string | pg.QueryConfig, values: unknown[] = []) => {
    const config = typeof statement === 'string' ? { text: statement, values } : statement;
    const { rows } = await ledger.admin.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN ${config.text}`,
      config.values,
    );
    plans.push(...rows.map((row) => row['QUERY PLAN']));
    return ledger.pool.query(config.text, config.values);
  };
  await work({ query } as unknown as pg.Pool);
  return plans.join('\n');
}
