import { afterAll, beforeAll, expect, test } from 'vitest';
import { createBook } from '../../src/api/book.ts';
import { bookingIdOf } from '../../src/api/identity.ts';
import { createLoad } from '../../src/api/load.ts';
import { createMetrics } from '../../src/api/metrics.ts';
import { NewBooking } from '../../src/api/schemas/booking.ts';
import { LOAD_BOUNDS } from '../../src/domain/load.ts';
import type { Database } from '../../src/store/database.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';
import { PLAIN_TERMS } from '../support/plain-terms.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'one' });
});
afterAll(() => api.close());

/** A database in which something else is done just before availability is read. */
function interrupted(database: Database, before: () => Promise<unknown>): Database {
  const query = async (asked: { name?: string }) => {
    if (asked.name === 'read-availability') await before();
    return database.pool.query(asked as never);
  };
  return { ...database, pool: { query } as unknown as Database['pool'] };
}

const span = { startAt: '2031-03-01T10:00:00Z', endAt: '2031-03-01T12:00:00Z' };
const asked = {
  asked: NewBooking.parse({ resourceId: 'one', ...span, payment: { kind: 'none' } }),
  caller: { keyId: 'k', fingerprintKey: new Uint8Array(32) },
};

const holdOf = (key: string, fingerprint: string) => ({
  tenantId: 'a',
  key,
  fingerprint,
  bookingId: bookingIdOf('a', key),
  resourceId: 'one',
  ...span,
  party: 1,
  bufferBeforeMs: 0,
  bufferAfterMs: 0,
  holdTtlMs: 60_000,
  amountMinor: 0,
  currency: null,
  paymentKind: 'none' as const,
  paymentAccountId: null,
  ...PLAIN_TERMS,
});

test('a booking whose twin took the span between key and gate is answered as the twin', async () => {
  const twin = holdOf('late', 'f');
  const database = interrupted(api.database, () => holdUnits(api.database.pool, twin));
  const metrics = createMetrics(api.database);
  const load = createLoad({ database: api.database, bounds: LOAD_BOUNDS, metrics });
  const book = createBook({ metrics, load, database });
  const before = api.commands.started.length;
  const booked = await book({ tenantId: 'a', key: 'late', fingerprint: 'f' }, asked, {
    ...api.deps,
    database,
  });
  expect(booked).toEqual({ bookingId: twin.bookingId, repeated: true });
  const other = book({ tenantId: 'a', key: 'late', fingerprint: 'g' }, asked, api.deps);
  await expect(other).rejects.toMatchObject({ problem: 'idempotency-mismatch' });
  const rival = book({ tenantId: 'a', key: 'rival', fingerprint: 'f' }, asked, api.deps);
  await expect(rival).rejects.toMatchObject({ problem: 'not-available' });
  expect(api.commands.started).toHaveLength(before);
});
