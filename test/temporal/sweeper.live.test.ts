import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConnectionRef } from '../../src/commands.ts';
import { reauthorizeAccount } from '../../src/store/accounts.ts';
import { setConnectionStatus } from '../../src/store/connection-status.ts';
import { markUnauthorized } from '../../src/store/credentials.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import { change } from '../../src/store/transactions.ts';
import { startSweeper } from '../../temporal/sweeper.ts';
import type { Ledger } from '../support/ledger.ts';
import { addConnection, addResource, openLedger, sync, TENANT } from '../support/ledger.ts';

const INTERVAL_MS = 50;
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

/** A connection that has been read once, and is as its channel last said. */
async function connected(): Promise<ConnectionKey> {
  const key = await addConnection(ledger.admin, { resourceId: await addResource(ledger.admin) });
  await sync(ledger.pool, key);
  return key;
}

const accountOf = ({ connectionId }: ConnectionKey) => ({
  tenantId: TENANT,
  accountId: connectionId,
});

/** What the callback of a consent stores; the signals after it are lost. */
const reauthorize = ({ connectionId }: ConnectionKey) =>
  change(database, (tx) =>
    reauthorizeAccount(tx, {
      tenantId: TENANT,
      id: connectionId,
      channel: 'google',
      subject: null,
      credential: new Uint8Array([1]),
    }),
  );

/** What the sweeper says to which connection within some of its rounds. */
async function told(rounds: number): Promise<{ reauthorized: string[]; changed: string[] }> {
  const reauthorized: string[] = [];
  const changed: string[] = [];
  const into = (list: string[]) => async (one: ConnectionRef) => void list.push(one.connectionId);
  const sweeper = startSweeper({
    pool: ledger.pool,
    commands: {
      reauthorized: into(reauthorized),
      requestSync: into(changed),
      requestMirror: async () => undefined,
      paymentNews: async () => true,
      settleBooking: async () => undefined,
      resumeChange: async () => undefined,
    },
    intervalMs: INTERVAL_MS,
    horizonMs: 0,
    rollEdge: async () => undefined,
    log: () => undefined,
  });
  await sleep(rounds * INTERVAL_MS * 3);
  await sweeper.stop();
  return { reauthorized, changed };
}

test('a re-authorization whose signal was lost is told again in an ordinary round', async () => {
  const key = await connected();
  await markUnauthorized(ledger.pool, accountOf(key), 1);
  expect((await told(3)).reauthorized).toEqual([]);
  await reauthorize(key);
  expect((await told(3)).reauthorized).toContain(key.connectionId);
});

test('so is one that a pass under way overtook with the refusal of the old grant', async () => {
  const key = await connected();
  await markUnauthorized(ledger.pool, accountOf(key), 1);
  await reauthorize(key);
  await setConnectionStatus(ledger.pool, key, {
    status: 'needs-reauthorization',
    reason: 'unauthorized',
  });
  expect((await told(3)).reauthorized).toContain(key.connectionId);
});

test('once its next pass has begun it is left to its own pace, refused again or not', async () => {
  const key = await connected();
  await markUnauthorized(ledger.pool, accountOf(key), 1);
  await reauthorize(key);
  await sync(ledger.pool, key);
  await setConnectionStatus(ledger.pool, key, {
    status: 'needs-reauthorization',
    reason: 'unauthorized',
  });
  expect((await told(3)).reauthorized).not.toContain(key.connectionId);
});

test('a connection whose account still waits for its owner is told nothing', async () => {
  const key = await connected();
  await markUnauthorized(ledger.pool, accountOf(key), 1);
  await ledger.admin.query(
    `UPDATE connection SET dirty = true, dirty_at = now() - interval '1 hour' WHERE id = $1`,
    [key.connectionId],
  );
  const { reauthorized, changed } = await told(3);
  expect([...reauthorized, ...changed]).not.toContain(key.connectionId);
});
