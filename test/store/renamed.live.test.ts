import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitBooking } from '../../src/store/bookings.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  entriesOf,
  listed,
  openLedger,
  sync,
} from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

test('an entry under a new name is in the conflict that there was', async () => {
  const resourceId = await addResource(ledger.admin);
  const key = await addConnection(ledger.admin, { resourceId });
  const held = aHold(resourceId);
  await holdUnits(ledger.pool, held);
  await commitBooking(ledger.pool, held);
  await sync(ledger.pool, key, { changes: listed(anEvent('n0', [0, 1])), fullPass: true });
  for (const n of [1, 2]) {
    const [fromId, toId] = [`n${n - 1}`, `n${n}`];
    await sync(ledger.pool, key, {
      changes: listed(anEvent(toId, [0, 1])),
      fullPass: true,
      verdict: { gone: [fromId], heldBack: [], guarded: false },
      renames: [{ fromId, toId }],
    });
  }
  const { rows } = await ledger.pool.query('SELECT root_id FROM conflict WHERE booking_id = $1', [
    held.bookingId,
  ]);
  expect(rows).toEqual([{ root_id: 'n2' }]);
  expect(await entriesOf(ledger.pool, `booking/${held.bookingId}`)).toEqual([
    'booking.held',
    'booking.confirmed',
    'booking.conflict',
  ]);
});
