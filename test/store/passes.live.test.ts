import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changesOfPass, eventsAsOf, listPasses } from '../../src/store/history-of-events.ts';
import { refuseRemovals } from '../../src/store/repairs.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  anEvent,
  entriesOf,
  gone,
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
  key = await addConnection(ledger.admin, { resourceId: await addResource(ledger.admin) });
};
const entries = () => entriesOf(ledger.pool, `connection/${key.connectionId}`);
const passes = (limit = 50) => listPasses(ledger.pool, key, { before: undefined, limit });
const singles = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => anEvent(`e${from + n}`, [from + n, from + n + 0.5]));
const ids = (count: number) => singles(count).map((one) => one.nativeId);
const dataOf = async (type: string) => {
  const { rows } = await ledger.pool.query<{ data: Record<string, unknown> }>(
    'SELECT data FROM journal WHERE subject = $1 AND type = $2 ORDER BY seq',
    [`connection/${key.connectionId}`, type],
  );
  return rows.map((row) => row.data);
};

describe('what a channel itself takes back', () => {
  test.each([
    [4, 8, false],
    [5, 8, true],
    [5, 10, false],
    [3, 3, true],
    [2, 2, false],
  ])('%i of %i: applied at once, and an anomaly is %s', async (lost, of, expected) => {
    await start();
    await sync(ledger.pool, key, { changes: listed(...singles(of)) });
    await sync(ledger.pool, key, { changes: gone(...ids(lost)) });
    const { rows } = await ledger.pool.query('SELECT FROM busy WHERE connection_id = $1', [
      key.connectionId,
    ]);
    expect(rows).toHaveLength(of - lost);
    expect((await passes())[0]?.anomaly).toEqual(expected ? { lost, of } : null);
    expect(await dataOf('connection.anomaly')).toMatchObject(expected ? [{ lost, of }] : []);
  });

  test('is added up over the pages of a pass', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(...singles(8)) });
    await sync(ledger.pool, key, { changes: gone('e0', 'e1', 'e2'), more: true });
    await sync(ledger.pool, key, { changes: gone('e3', 'e4') });
    expect(await dataOf('connection.anomaly')).toMatchObject([{ lost: 5, of: 8 }]);
  });

  test('counts the occurrences of a series, not its one entry', async () => {
    await start();
    const weekly = anEvent('w', [100, 101], { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=10'] });
    await sync(ledger.pool, key, { changes: listed(weekly, ...singles(4)) });
    await sync(ledger.pool, key, { changes: gone('w') });
    expect(await dataOf('connection.anomaly')).toMatchObject([{ lost: 10, of: 14 }]);
  });

  test('counts occurrences that are entries of their own one by one', async () => {
    await start();
    const part = (n: number) =>
      anEvent(`s-${n}`, [n, n + 0.5], { seriesId: 's', originalStart: null });
    const all = Array.from({ length: 10 }, (_, n) => part(n));
    await sync(ledger.pool, key, { changes: listed(...all) });
    await sync(ledger.pool, key, { changes: gone('s-0', 's-1') });
    expect(await dataOf('connection.anomaly')).toEqual([]);
    await sync(ledger.pool, key, { changes: gone('s-2', 's-3', 's-4', 's-5', 's-6') });
    expect(await dataOf('connection.anomaly')).toMatchObject([{ lost: 5, of: 8 }]);
  });

  test('is none where other entries take the same time, nor where entries moved', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(...singles(9)) });
    const again = singles(9).map((one) => ({ ...one, nativeId: `new-${one.nativeId}` }));
    await sync(ledger.pool, key, { changes: [...gone(...ids(9)), ...listed(...again)] });
    const moved = again.map((one, n) => anEvent(one.nativeId, [50 + n, 51 + n]));
    await sync(ledger.pool, key, { changes: listed(...moved) });
    expect(await dataOf('connection.anomaly')).toEqual([]);
  });
});

describe('a pass', () => {
  test('leaves a row with what it changed, over all its pages', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(...singles(3)), more: true });
    await sync(ledger.pool, key, { changes: listed(anEvent('x', [30, 31])) });
    await sync(ledger.pool, key, { changes: listed(anEvent('x', [40, 41])) });
    await sync(ledger.pool, key, { changes: gone('x', 'e0') });
    expect(await passes()).toMatchObject([
      { position: '4', fromPosition: '3', added: 0, changed: 0, removed: 2, kind: 'changes' },
      { position: '3', fromPosition: '2', added: 0, changed: 1, removed: 0 },
      { position: '2', fromPosition: '0', added: 4, changed: 0, removed: 0 },
    ]);
  });

  test('that changed nothing leaves none', async () => {
    await start();
    await sync(ledger.pool, key);
    expect(await passes()).toEqual([]);
  });

  test('tells each entry as it was before and as it was left', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1]), anEvent('b', [2, 3])) });
    await sync(ledger.pool, key, {
      changes: listed(anEvent('a', [5, 6]), anEvent('brief', [7, 8])),
      more: true,
    });
    await sync(ledger.pool, key, {
      changes: [...gone('b', 'brief'), ...listed(anEvent('a', [6, 7]), anEvent('c', [8, 9]))],
    });
    await sync(ledger.pool, key, { changes: gone('c') });
    const read = { position: '3', after: undefined, limit: 10 };
    const found = await changesOfPass(ledger.pool, key, read);
    const [was, is] = [anEvent('a', [0, 1]), anEvent('a', [6, 7])];
    expect(found).toMatchObject([
      { nativeId: 'a', before: { start: was.start }, after: { start: is.start } },
      { nativeId: 'b', before: { start: anEvent('b', [2, 3]).start }, after: null },
      { nativeId: 'c', before: null, after: { start: anEvent('c', [8, 9]).start } },
    ]);
    const next = await changesOfPass(ledger.pool, key, { ...read, after: 'a', limit: 1 });
    expect(next?.map((one) => one.nativeId)).toEqual(['b']);
    expect(await changesOfPass(ledger.pool, key, { ...read, position: '2' })).toBeNull();
  });
});

test('a rename is one entry, and neither an addition nor a removal', async () => {
  await start();
  await sync(ledger.pool, key, { changes: listed(anEvent('old', [0, 1])) });
  await sync(ledger.pool, key, {
    changes: listed(anEvent('new', [0, 1])),
    fullPass: true,
    verdict: { gone: ['old'], heldBack: [], guarded: false },
    renames: [{ fromId: 'old', toId: 'new' }],
  });
  expect(await entries()).toEqual(['event.added', 'event.renamed']);
  expect(await dataOf('event.renamed')).toMatchObject([{ nativeId: 'new', formerId: 'old' }]);
  expect((await passes())[0]).toMatchObject({ renamed: 1, added: 0, removed: 0 });
});

test('entries are told as they were at any moment', async () => {
  await start();
  await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])) });
  const then = new Date();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await sync(ledger.pool, key, { changes: [...gone('a'), ...listed(anEvent('b', [2, 3]))] });
  const at = async (moment: Date) =>
    (await eventsAsOf(ledger.pool, key, moment)).map((one) => one.nativeId);
  expect(await at(then)).toEqual(['a']);
  expect(await at(new Date(Date.now() + 1_000))).toEqual(['b']);
  expect(await at(new Date(0))).toEqual([]);
});

test('refused removals count anew from then, and are entered once each time', async () => {
  await start();
  await sync(ledger.pool, key, { changes: listed(...singles(3)) });
  expect(await refuseRemovals(ledger.pool, key)).toBe(0);
  await sync(ledger.pool, key, {
    fullPass: true,
    verdict: { gone: [], heldBack: ids(3), guarded: true },
  });
  const since = async () => {
    const { rows } = await ledger.pool.query<{ at: Date }>(
      'SELECT min(missing_since) AS at FROM channel_event WHERE connection_id = $1',
      [key.connectionId],
    );
    return rows[0]!.at.getTime();
  };
  const first = await since();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await refuseRemovals(ledger.pool, key)).toBe(3);
  expect(await since()).toBeGreaterThan(first);
  expect(await dataOf('connection.removals-refused')).toMatchObject([{ kept: 3 }]);
});
