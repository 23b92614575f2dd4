import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitBooking } from '../../src/store/bookings.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { feedToServe } from '../../src/store/feed-contents.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { createLink } from '../../src/store/links.ts';
import { createSessions } from '../../src/store/sessions.ts';
import { change } from '../../src/store/transactions.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';

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

/** What a published feed of a resource is made of: key, hours from and to, unit. */
async function publishedOf(resourceId: string): Promise<unknown[]> {
  const tokenHash = createHash('sha256').update(randomUUID()).digest();
  await ledger.admin.query(
    `INSERT INTO feed (tenant_id, id, resource_id, subscriber, platform, shows, token, token_hash)
     VALUES ($1, $2, $3, 's', 'other', 'busy', '', $4)`,
    [TENANT, randomUUID(), resourceId, tokenHash],
  );
  const horizonMs = 4_000 * 86_400_000;
  const feed = await feedToServe(ledger.pool, { tokenHash, pastMs: 0, horizonMs });
  const base = Date.parse(hour(0));
  return feed!.sources.map((one) => [
    one.key.split('/')[0],
    (one.startAt - base) / 3_600_000,
    (one.endAt - base) / 3_600_000,
    one.unit,
  ]);
}

const book = async (resourceId: string, from: number, more: object = {}) => {
  const input = aHold(resourceId, { startAt: hour(from), endAt: hour(from + 1), ...more });
  await holdUnits(ledger.pool, input);
  await commitBooking(ledger.pool, input);
};

test('a feed of a whole tells what takes any part of it, one of a part what takes the whole', async () => {
  const [villa, room] = [
    await addResource(ledger.admin),
    await addResource(ledger.admin, { capacity: 2 }),
  ];
  await change(database, (tx) =>
    createLink(
      tx,
      { tenantId: TENANT, resourceId: villa },
      { linkedId: room, kind: 'part', units: null },
    ),
  );
  await book(villa, 0);
  await book(room, 2);
  const key = await addConnection(ledger.admin, { resourceId: villa });
  await sync(ledger.pool, key, { changes: listed(anEvent('a', [4, 5])) });
  expect(await publishedOf(villa)).toEqual([
    ['booking', 0, 1, 1],
    ['booking', 2, 3, null],
    ['busy', 4, 5, null],
  ]);
  expect(await publishedOf(room)).toEqual([
    ['booking', 0, 1, 1],
    ['booking', 0, 1, 2],
    ['booking', 2, 3, 1],
    ['busy', 4, 5, null],
  ]);
});

test('a feed of sessions tells those that are full', async () => {
  const resourceId = await addResource(ledger.admin, { soldBy: 'session' });
  const [full, open] = [randomUUID(), randomUUID()];
  await change(database, (tx) =>
    createSessions(
      tx,
      { tenantId: TENANT, resourceId },
      [full, open].map((id, n) => ({
        id,
        startAt: hour(n * 2),
        endAt: hour(n * 2 + 1),
        capacity: 2,
        price: null,
      })),
    ),
  );
  await book(resourceId, 0, { sessionId: full, party: 2 });
  await book(resourceId, 2, { sessionId: open });
  expect(await publishedOf(resourceId)).toEqual([['session', 0, 1, null]]);
});
