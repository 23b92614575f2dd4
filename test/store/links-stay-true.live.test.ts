import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { createLink } from '../../src/store/links.ts';
import { changeResource } from '../../src/store/resources.ts';
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

const link = async (resourceId: string, linkedId: string, kind: 'part' | 'need') =>
  (
    await change(database, (tx) =>
      createLink(tx, { tenantId: TENANT, resourceId }, { linkedId, kind, units: null }),
    )
  ).kind;
const kindOf = async (...asked: Parameters<typeof aHold>) =>
  (await holdUnits(ledger.pool, aHold(...asked))).kind;

test('a unit that a part gets is taken by what is booked of its whole', async () => {
  const [villa, house] = [await addResource(ledger.admin), await addResource(ledger.admin)];
  const dorm = await addResource(ledger.admin, { capacity: 3 });
  expect(await link(house, dorm, 'part')).toBe('linked');
  expect(await link(villa, house, 'part')).toBe('linked');
  expect(await kindOf(villa)).toBe('held');
  const ref = { tenantId: TENANT, resourceId: dorm };
  await change(database, (tx) => changeResource(tx, ref, (now) => ({ ...now, capacity: 5 })));
  expect(await kindOf(dorm)).toBe('refused');
  expect(await kindOf(dorm, { startAt: hour(1), endAt: hour(2), party: 5 })).toBe('held');
});

test('a whole that is booked twice at one time gets no new part, and nobody takes any of it', async () => {
  const villa = await addResource(ledger.admin, { capacity: 2 });
  const room = await addResource(ledger.admin);
  expect([await kindOf(villa), await kindOf(villa)]).toEqual(['held', 'held']);
  expect(await link(villa, room, 'part')).toBe('in-use');
  expect(await kindOf(room)).toBe('held');
});

test('links in which ways part and meet again end before a hold has to walk them for ever', async () => {
  const ids: string[] = [];
  for (let n = 0; n < 12; n += 1) ids.push(await addResource(ledger.admin));
  const kinds: string[] = [];
  // Each to all after it: with every link the ways from the first to the last double.
  for (const [n, id] of ids.entries())
    for (const other of ids.slice(n + 1)) kinds.push(await link(id, other, 'need'));
  expect(new Set(kinds)).toEqual(new Set(['linked', 'too-many-links']));
  const { rows } = await ledger.admin.query<{ ways: number }>(
    `WITH RECURSIVE down AS (
       SELECT linked_id AS id FROM resource_link WHERE resource_id = $1
       UNION ALL SELECT l.linked_id FROM down d JOIN resource_link l ON l.resource_id = d.id
     ) SELECT count(*)::integer AS ways FROM down`,
    [ids[0]],
  );
  expect(rows[0]!.ways).toBeGreaterThan(500);
  expect(rows[0]!.ways).toBeLessThanOrEqual(1_000);
});
