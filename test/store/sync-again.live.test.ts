import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setConnectionStatus } from '../../src/store/connection-status.ts';
import { rootsToExpand } from '../../src/store/known-events.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  anEvent,
  begin,
  entriesOf,
  hour,
  listed,
  openLedger,
  sync,
} from '../support/ledger.ts';

let ledger: Ledger;
let key: ConnectionKey;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const start = async () => {
  const resourceId = await addResource(ledger.admin);
  key = await addConnection(ledger.admin, { resourceId });
};

describe('series to expand again', () => {
  test('are the recurring ones and those beyond the edge, when the horizon moves', async () => {
    await start();
    await sync(ledger.pool, key, {
      changes: listed(
        anEvent('near', [0, 1]),
        anEvent('far', [24 * 30, 24 * 30 + 1]),
        anEvent('far-day', [0, 1], { start: { kind: 'date', date: '2035-02-01' }, end: null }),
        anEvent('series', [0, 1], { recurrence: ['RRULE:FREQ=WEEKLY'] }),
      ),
    });
    const asked = async (which: { all: boolean; recurring: boolean; notAfter?: number }) =>
      (await rootsToExpand(ledger.pool, key, { notAfter: null, ...which })).toSorted();
    await ledger.admin.query('UPDATE connection SET expanded_until = $2 WHERE id = $1', [
      key.connectionId,
      hour(24 * 20),
    ]);
    expect(await asked({ all: false, recurring: true })).toEqual(['far', 'far-day', 'series']);
    expect(await asked({ all: true, recurring: false })).toHaveLength(4);
    expect(await asked({ all: false, recurring: false })).toEqual([]);
    const { cursorVersion } = await begin(ledger.pool, key);
    await sync(ledger.pool, key, { changes: listed(anEvent('far', [24 * 30, 24 * 30 + 2])) });
    const notAfter = cursorVersion;
    expect(await asked({ all: true, recurring: true, notAfter })).toEqual([
      'far-day',
      'near',
      'series',
    ]);
  });
});

test('a status is entered once, and only when it is another than before', async () => {
  await start();
  const enter = (reason: string | null) =>
    setConnectionStatus(ledger.pool, key, { status: 'failing', reason });
  expect([await enter('x'), await enter('x'), await enter('y'), await enter(null)]).toEqual([
    true,
    false,
    true,
    true,
  ]);
  const entries = await entriesOf(ledger.pool, `connection/${key.connectionId}`);
  expect(entries).toEqual(Array.from({ length: 3 }, () => 'connection.failing'));
});
