import type pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { holdUnits } from '../../src/store/holds.ts';
import { until } from '../support/holdfast.ts';
import { addResource, aHold, openLedger, TENANT, type Ledger } from '../support/ledger.ts';

/** Two sessions by hand: a link is made while a booking's move waits for its locks. */

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterEach(over);
afterAll(() => ledger.close());

const LOCK = `lock_key('${TENANT}', 'resource', $1)`;

const open: pg.PoolClient[] = [];

async function session(): Promise<{ client: pg.PoolClient; pid: number }> {
  const client = await ledger.pool.connect();
  open.push(client);
  await client.query('BEGIN');
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return { client, pid: rows[0]!.pid };
}

const link = (client: pg.PoolClient, whole: string, part: string) =>
  client.query(`SELECT link_resources($1, $2, $3, 'part', NULL)`, [TENANT, whole, part]);

const untilItWaits = (pid: number) =>
  until(
    async () =>
      (await ledger.admin.query('SELECT FROM pg_locks WHERE pid = $1 AND NOT granted', [pid]))
        .rowCount,
    (waiting) => waiting === 1,
  );

async function held(resourceId: string) {
  const hold = aHold(resourceId);
  expect(await holdUnits(ledger.pool, hold)).toMatchObject({ kind: 'held' });
  return hold;
}

async function over(): Promise<void> {
  for (const client of open.splice(0)) {
    await client.query('ROLLBACK');
    client.release();
  }
}

/** Whether somebody else could have the resource alone. */
async function isFree(resourceId: string): Promise<boolean> {
  const { rows } = await ledger.admin.query<{ free: boolean }>(
    `SELECT pg_try_advisory_xact_lock(${LOCK}) AS free`,
    [resourceId],
  );
  return rows[0]!.free;
}

const lock = ({ client }: { client: pg.PoolClient }, bookingId: string): Promise<string> =>
  client.query('SELECT lock_booking($1, $2)', [TENANT, bookingId]).then(
    () => 'locked',
    (error: { code?: string }) => error.code ?? 'failed',
  );

test.each([false, true])(
  'a link made while a move waits is in its locks, linked before: %s',
  async (linkedBefore) => {
    const villa = await addResource(ledger.admin);
    const [room, loft] = [await addResource(ledger.admin), await addResource(ledger.admin)];
    const [linking, moving] = [await session(), await session()];
    if (linkedBefore) {
      await link(linking.client, villa, loft);
      await linking.client.query('COMMIT; BEGIN');
    }
    const { bookingId } = await held(villa);
    await link(linking.client, villa, room);
    const moved = lock(moving, bookingId);
    await untilItWaits(moving.pid);
    await linking.client.query('COMMIT');
    expect(await moved).toBe('locked');
    expect(await isFree(room)).toBe(false);
    expect(await isFree(loft)).toBe(!linkedBefore);
    await over();
    expect(await isFree(room)).toBe(true);
  },
);

test('while somebody else has the new part alone, the move is refused to begin anew', async () => {
  const [villa, room] = [await addResource(ledger.admin), await addResource(ledger.admin)];
  const [linking, alone, moving] = [await session(), await session(), await session()];
  const { bookingId } = await held(villa);
  await link(linking.client, villa, room);
  const moved = lock(moving, bookingId);
  await untilItWaits(moving.pid);
  const inLine = alone.client.query('SELECT lock_resource($1, $2, true)', [TENANT, room]);
  await untilItWaits(alone.pid);
  await linking.client.query('COMMIT');
  expect(await moved).toBe('40001');
  await inLine;
});
