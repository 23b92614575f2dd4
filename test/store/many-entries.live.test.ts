import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGeneration } from '../../src/store/connection-status.ts';
import { knownEvents, rootsToExpand } from '../../src/store/known-events.ts';
import { beganAt } from '../../src/store/passes.ts';
import { addedInPass, missingEvents } from '../../src/store/sync-absence.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  anEvent,
  begin,
  bring,
  gone,
  hour,
  listed,
  openLedger,
  sync,
} from '../support/ledger.ts';

/**
 * Nothing is known of a new connection when the first statements over its entries are planned, and a
 * join planned for one row compares each entry with each. Ten thousand entries take a statement a
 * fraction of a second, and then half a minute.
 */
const ENTRIES = 10_000;
const STATEMENT_MS = 8_000;
const ids = Array.from({ length: ENTRIES }, (_, n) => `e${String(n).padStart(5, '0')}`);
/** A quarter of an hour in each half hour, or a little more. */
const entries = (hours = 0.25) => ids.map((id, n) => anEvent(id, [n / 2, n / 2 + hours]));

let ledger: Ledger;
let pool: pg.Pool;
let resourceId: string;
let key: ConnectionKey;
beforeAll(async () => {
  ledger = await openLedger();
  const url = new URL(ledger.appUrl);
  url.searchParams.set('options', `-c statement_timeout=${STATEMENT_MS}`);
  pool = new pg.Pool({ connectionString: url.href, max: 2 });
  // No statistics but those of another, small calendar.
  await ledger.admin.query('ALTER TABLE channel_event SET (autovacuum_enabled = false)');
  await ledger.admin.query('ALTER TABLE busy SET (autovacuum_enabled = false)');
  resourceId = await addResource(ledger.admin, { capacity: 3 });
  const other = await addConnection(ledger.admin, { resourceId });
  await sync(pool, other, { changes: listed(anEvent('x', [0, 1])) });
  await ledger.admin.query('ANALYZE');
  key = await addConnection(ledger.admin, { resourceId });
  for (let n = 0; n < 500; n += 1) await book(n);
});
afterAll(async () => {
  await pool.end();
  await ledger.close();
});

const book = (n: number) =>
  ledger.admin.query(
    `WITH made AS (INSERT INTO booking (tenant_id, id, resource_id, state, start_at, end_at, party,
       units, amount_minor, payment_kind, hold_expires_at, seq)
       SELECT $1, $2, $3, 'confirmed', $4, $5, 1, '{1}', 0, 'none', now(), 1)
     INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at,
       confirmed_at)
     SELECT $1, $2, $3, 1, tstzrange($4, $5), now(), now(), now()`,
    [key.tenantId, `b${n}`, resourceId, hour(n / 2 + 0.4), hour(n / 2 + 0.49)],
  );
const spansOf = async () => {
  const { rows } = await pool.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM busy WHERE connection_id = $1',
    [key.connectionId],
  );
  return rows[0]!.count;
};

test('ten thousand new entries, in one page', { timeout: 60_000 }, async () => {
  await sync(pool, key, { changes: listed(...entries()), fullPass: true, more: true });
  expect(await spansOf()).toBe(ENTRIES);
  const pass = await begin(pool, key);
  const absence = { generation: pass.generation, from: beganAt(pass), seen: [] };
  expect((await missingEvents(pool, key, absence)).missing).toEqual([]);
  expect(await addedInPass(pool, key, pass)).toHaveLength(ENTRIES);
  await bring(pool, key, { pass, page: { fullPass: true } });
});

test('ten thousand entries that are known, and listed again', { timeout: 60_000 }, async () => {
  await startGeneration(pool, key);
  await sync(pool, key, { changes: listed(...entries()), fullPass: true, more: true });
  const pass = await begin(pool, key);
  const absence = { generation: pass.generation, from: beganAt(pass), seen: [] };
  expect((await missingEvents(pool, key, absence)).missing).toEqual([]);
  await bring(pool, key, { pass, page: { fullPass: true } });
  expect((await knownEvents(pool, key, ids)).size).toBe(ENTRIES);
  const all = { all: true, recurring: true, notAfter: null };
  expect(await rootsToExpand(pool, key, all)).toHaveLength(ENTRIES);
});

test('ten thousand entries that a listing lacks', { timeout: 60_000 }, async () => {
  const { generation, cursorVersion } = await begin(pool, key);
  const found = await missingEvents(pool, key, { generation, from: cursorVersion, seen: [] });
  expect(found).toMatchObject({ futureSpans: ENTRIES });
  expect(found.missing).toHaveLength(ENTRIES);
  const verdict = { gone: [], heldBack: ids, guarded: true };
  await sync(pool, key, { fullPass: true, verdict });
});

test(
  'ten thousand entries that take other time, over many bookings',
  { timeout: 60_000 },
  async () => {
    await sync(pool, key, { changes: listed(...entries(0.3)) });
    expect(await spansOf()).toBe(ENTRIES);
  },
);

test('ten thousand entries that the channel takes back', { timeout: 60_000 }, async () => {
  await sync(pool, key, { changes: gone(...ids) });
  expect(await spansOf()).toBe(0);
});
