import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BookingFilters } from '../../src/store/booking-reads.ts';
import { listBookings } from '../../src/store/booking-reads.ts';
import type { Ledger } from '../support/ledger.ts';
import { openLedger, TENANT } from '../support/ledger.ts';

/** 60,000 bookings of 300 resources over 200 days, of 20,000 customers. */
const BOOKINGS = 60_000;
const reference = (n: number): Buffer => Buffer.from(`customer-${n}`);

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 2 });
  const client = await ledger.admin.connect();
  // Rows that fit together by construction are not checked one by one.
  await client.query(`SET session_replication_role = replica`);
  await client.query(
    `INSERT INTO booking (tenant_id, id, resource_id, state, start_at, end_at, party, units,
       amount_minor, payment_kind, hold_expires_at, seq, created_at, confirmed_at, reference_hash,
       session_id, attention, attentions)
     SELECT '${TENANT}', 'b' || n, 'r' || n % 300, 'confirmed',
       '2031-01-01'::timestamptz + (n * 7919 % 4800) * interval '1 hour',
       '2031-01-01'::timestamptz + (n * 7919 % 4800 + 2) * interval '1 hour',
       1, '{1}', 0, 'none', now(), 1, '2030-01-01'::timestamptz + n * interval '1 minute', now(),
       convert_to('customer-' || n % 20000, 'UTF8'), CASE WHEN n % 50 = 0 THEN 's' || n % 600 END,
       CASE WHEN n % 5000 = 0 THEN 'stuck' END,
       CASE WHEN n % 5000 = 0 THEN '{stuck}'::text[] ELSE '{}' END
     FROM generate_series(1, ${BOOKINGS}) n`,
  );
  await client.query('RESET session_replication_role');
  await client.query('ANALYZE booking');
  client.release();
});
afterAll(() => ledger.close());

const page = { tenantId: TENANT, after: null, limit: 50 };

/** How PostgreSQL answers a search: what it touched of `booking`, and how many rows it read for it. */
async function planOf(filters: BookingFilters, more: Partial<typeof page> = {}) {
  let rowsRead = 0;
  let plan = '';
  const pool = {
    async query(text: string, values: unknown[]) {
      const { rows } = await ledger.pool.query<{ 'QUERY PLAN': string }>(
        `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ${text}`,
        values,
      );
      plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      rowsRead = [...plan.matchAll(/Rows Removed by \w+[^:]*: (\d+)/g)].reduce(
        (sum, [, count]) => sum + Number(count),
        0,
      );
      return ledger.pool.query(text, values);
    },
  } as unknown as pg.Pool;
  const found = await listBookings({ pool }, { ...page, ...filters, ...more });
  return { plan, wasted: rowsRead, found };
}

const SEARCHES: [string, BookingFilters, number][] = [
  ['a customer reference', { referenceHash: reference(77) }, 3],
  ['a session', { sessionId: 's50' }, 50],
  ['a call for a person', { attention: true }, 12],
  ['a time', { from: '2031-03-01T10:00:00Z', to: '2031-03-01T12:00:00Z' }, 37],
  [
    'a time of a resource',
    { resourceId: 'r7', from: '2031-03-01T00:00:00Z', to: '2031-03-08T00:00:00Z' },
    7,
  ],
  ['a resource', { resourceId: 'r7' }, 50],
  ['what is held', { state: 'held' }, 0],
];

test.each(SEARCHES)(
  '%s is found without reading what does not match',
  async (_, filters, count) => {
    const { plan, wasted, found } = await planOf(filters);
    expect(plan).not.toMatch(/Seq Scan on booking/);
    expect(found.length).toBeGreaterThanOrEqual(Math.min(count, 50) - 5);
    expect(wasted).toBeLessThan(2_000);
  },
);

test('the last page costs what the first one does', async () => {
  const after = { createdUs: String(Date.parse('2030-02-11T00:00:00Z') * 1000), id: '' };
  const { plan, wasted, found } = await planOf({}, { after: after as never });
  expect(found).toHaveLength(50);
  expect(plan).not.toMatch(/Seq Scan on booking|Sort/);
  expect(wasted).toBe(0);
});
