import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readAvailability } from '../../src/store/availability.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { openChange } from '../../src/store/changes.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { takeForChange } from '../../src/store/reschedules.ts';
import { createSessions } from '../../src/store/sessions.ts';
import { change } from '../../src/store/transactions.ts';
import type { Ledger } from '../support/ledger.ts';
import { addResource, aHold, hour, openLedger, TENANT } from '../support/ledger.ts';

let ledger: Ledger;
let database: Database;
beforeAll(async () => {
  ledger = await openLedger();
  database = openDatabase({ url: ledger.appUrl, poolSize: 4 });
});
afterAll(async () => {
  await database.close();
  await ledger.close();
});

test('places that a change held and did not take in time are free to see, and to have', async () => {
  const resourceId = await addResource(ledger.admin, { soldBy: 'session' });
  const [early, late] = [randomUUID(), randomUUID()];
  const session = (id: string, from: number) => ({
    id,
    startAt: hour(from),
    endAt: hour(from + 2),
    capacity: 5,
    price: null,
  });
  await change(database, (tx) =>
    createSessions(tx, { tenantId: TENANT, resourceId }, [session(early, 10), session(late, 20)]),
  );
  const booked = aHold(resourceId, { sessionId: early, party: 5 });
  await holdUnits(ledger.pool, booked);
  await commitBooking(ledger.pool, booked);
  const ref = { tenantId: TENANT, bookingId: booked.bookingId, changeId: randomUUID() };
  const ask = {
    quoteId: null,
    startAt: hour(20),
    endAt: hour(22),
    sessionId: late,
    party: 5,
    bufferBeforeMs: 0,
    bufferAfterMs: 0,
    amountMinor: 0,
  };
  await openChange(ledger.pool, { ...ref, reason: 'guest', kind: 'reschedule', ask });
  expect((await takeForChange(ledger.pool, { ...ref, ask })).kind).toBe('taken');
  const taken = async () => {
    const range = { from: hour(0), to: hour(48) };
    const read = await readAvailability(database, { tenantId: TENANT, resourceId, ...range });
    return read!.sessions!.map((one) => one.taken);
  };
  expect(await taken()).toEqual([5, 5]);
  await ledger.admin.query(
    `UPDATE occupancy SET expires_at = clock_timestamp() - interval '1 s' WHERE change_id = $1`,
    [ref.changeId],
  );
  expect(await taken()).toEqual([5, 0]);
  const next = aHold(resourceId, { sessionId: late, party: 5 });
  expect((await holdUnits(ledger.pool, next)).kind).toBe('held');
});
