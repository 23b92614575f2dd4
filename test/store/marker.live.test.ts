import { afterAll, beforeAll, expect, test } from 'vitest';
import { createMarker } from '../../src/store/marker.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import { insertWatch } from '../../src/store/watches.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  openLedger,
  openTransaction,
  sync,
} from '../support/ledger.ts';

let ledger: Ledger;
const secret = 'a long and random secret';
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 10 });
});
afterAll(() => ledger.close());

async function cleanConnection(): Promise<ConnectionKey & { watchId: string }> {
  const key = await addConnection(ledger.admin, { resourceId: await addResource(ledger.admin) });
  const watchId = `w-${key.connectionId}`;
  await insertWatch(ledger.pool, key, { watchId, secret });
  await sync(ledger.pool, key);
  return { ...key, watchId };
}

test('of a thousand notifications at once each connection is found clean exactly once', async () => {
  const connections = [await cleanConnection(), await cleanConnection(), await cleanConnection()];
  const mark = createMarker(ledger.pool);
  const marks = await Promise.all(
    Array.from({ length: 1_000 }, (_, n) => mark({ watchId: connections[n % 3]!.watchId, secret })),
  );
  const clean = marks.flatMap((one) =>
    one.kind === 'marked' && one.wasClean ? [one.connectionId] : [],
  );
  expect(clean.toSorted()).toEqual(connections.map((one) => one.connectionId).toSorted());
  expect(marks.every((one) => one.kind === 'marked')).toBe(true);
});

test('a stranger in the same batch is unknown, and marks nothing', async () => {
  const [known, other] = [await cleanConnection(), await cleanConnection()];
  const mark = createMarker(ledger.pool);
  const marks = await Promise.all([
    mark({ watchId: other.watchId, secret: 'guessed' }),
    mark({ watchId: 'nobody', secret }),
    mark({ watchId: known.watchId, secret }),
  ]);
  expect(marks).toEqual([
    { kind: 'unknown' },
    { kind: 'unknown' },
    {
      kind: 'marked',
      tenantId: known.tenantId,
      connectionId: known.connectionId,
      wasClean: true,
      stopped: false,
    },
  ]);
  expect(await mark({ watchId: other.watchId, secret })).toMatchObject({ wasClean: true });
});

test('a connection whose row somebody has holds up its own notification and no other', async () => {
  const [held, free] = [await cleanConnection(), await cleanConnection()];
  const mark = createMarker(ledger.pool);
  const holder = await openTransaction(ledger.pool);
  await holder.query('SELECT FROM connection WHERE tenant_id = $1 AND id = $2 FOR UPDATE', [
    held.tenantId,
    held.connectionId,
  ]);
  const waiting = mark({ watchId: held.watchId, secret });
  expect(await mark({ watchId: free.watchId, secret })).toMatchObject({ wasClean: true });
  await holder.end('COMMIT');
  expect(await waiting).toMatchObject({ kind: 'marked', wasClean: true });
});
