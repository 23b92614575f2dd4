import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitBooking } from '../../src/store/bookings.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { Ledger } from '../support/ledger.ts';
import { addConnection, addResource, aHold, openLedger } from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

test('what showed a hold does not come back with its booking where nothing is to be shown any more', async () => {
  const resourceId = await addResource(ledger.admin);
  const settings = { mirrorHolds: true };
  const key = await addConnection(ledger.admin, { resourceId, settings });
  const held = aHold(resourceId);
  expect(await holdUnits(ledger.pool, held)).toMatchObject({ connections: [key.connectionId] });
  const ids = [key.tenantId, key.connectionId];
  await ledger.admin.query(
    `UPDATE connection SET settings = settings || '{"mirror": "none"}' WHERE tenant_id = $1 AND id = $2`,
    ids,
  );
  await ledger.admin.query(`SELECT wish_mirrors($1, $2, true)`, ids);
  expect(await commitBooking(ledger.pool, held)).toMatchObject({ kind: 'confirmed' });
  const { rows } = await ledger.admin.query(
    'SELECT desired FROM mirror WHERE tenant_id = $1 AND connection_id = $2',
    ids,
  );
  expect(rows).toEqual([{ desired: 'absent' }]);
});
