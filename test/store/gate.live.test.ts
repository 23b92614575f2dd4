import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { leftAlone, leftDirty, markDirty } from '../../src/store/gate.ts';
import { dropOldRows } from '../../src/store/old-rows.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import { insertWatch, openWatches, watchStopped, watchTaken } from '../../src/store/watches.ts';
import type { Ledger } from '../support/ledger.ts';
import { addConnection, addResource, begin, bring, openLedger, sync } from '../support/ledger.ts';

let ledger: Ledger;
let key: ConnectionKey;
const secret = 'a long and random secret';
let watchId = '';
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 50 });
});
afterAll(() => ledger.close());
beforeEach(async () => {
  key = await addConnection(ledger.admin, { resourceId: await addResource(ledger.admin) });
  watchId = `w-${key.connectionId}`;
  await insertWatch(ledger.pool, key, { watchId, secret });
  await sync(ledger.pool, key);
});

const mark = (hint: { watchId?: string; secret?: string } = {}) =>
  markDirty(ledger.pool, { watchId, secret, ...hint });
const isDirty = async () => {
  const { rows } = await ledger.pool.query<{ dirty: boolean }>(
    'SELECT dirty FROM connection WHERE id = $1',
    [key.connectionId],
  );
  return rows[0]!.dirty;
};
const age = (ms: number) =>
  ledger.admin.query(
    `UPDATE connection SET dirty_at = clock_timestamp() - $2 * interval '1 ms' WHERE id = $1`,
    [key.connectionId, ms],
  );

test('of fifty notifications at once exactly one finds the connection clean', async () => {
  const marks = await Promise.all(Array.from({ length: 50 }, () => mark()));
  expect(marks.filter((one) => one.kind === 'marked' && one.wasClean)).toHaveLength(1);
  expect(marks.every((one) => one.kind === 'marked')).toBe(true);
});

test('an unknown watch and a wrong secret are unknown, and mark nothing', async () => {
  expect(await mark({ watchId: 'nobody' })).toEqual({ kind: 'unknown' });
  expect(await mark({ secret: 'guessed' })).toEqual({ kind: 'unknown' });
  expect(await isDirty()).toBe(false);
});

test('a watch that was stopped still tells', async () => {
  await watchTaken(ledger.pool, key, { watchId, nativeId: 'n', expiresAt: '2035-01-01T00:00:00Z' });
  expect(await openWatches(ledger.pool, key, null)).toEqual([
    { watchId, nativeId: 'n', expiresAt: new Date('2035-01-01T00:00:00Z') },
  ]);
  expect(await openWatches(ledger.pool, key, watchId)).toEqual([]);
  await watchStopped(ledger.pool, key, { watchId, gone: false });
  expect(await openWatches(ledger.pool, key, null)).toEqual([]);
  expect(await mark()).toMatchObject({ kind: 'marked', wasClean: true });
});

test('the first page of a pass clears the gate', async () => {
  await mark();
  await begin(ledger.pool, key);
  expect(await isDirty()).toBe(false);
});

test('a mark set while a page is under way survives it', async () => {
  const pass = await begin(ledger.pool, key);
  expect(await mark()).toMatchObject({ wasClean: true });
  await bring(ledger.pool, key, { pass, page: {} });
  expect(await isDirty()).toBe(true);
});

test('a mark set in the middle of a pass survives its later pages', async () => {
  await sync(ledger.pool, key, { more: true });
  await mark();
  await sync(ledger.pool, key, { more: true });
  await sync(ledger.pool, key);
  expect(await isDirty()).toBe(true);
  await sync(ledger.pool, key);
  expect(await isDirty()).toBe(false);
});

test('a repeated page leaves the gate as it is', async () => {
  const pass = await begin(ledger.pool, key);
  await bring(ledger.pool, key, { pass, page: {} });
  await mark();
  await begin(ledger.pool, key, { fromVersion: pass.cursorVersion });
  expect(await isDirty()).toBe(true);
});

test('a mark that nobody answered is found once per interval', async () => {
  await mark();
  const find = async () =>
    (await leftDirty(ledger.pool, { olderThanMs: 5_000, limit: 100 })).filter(
      (one) => one.connectionId === key.connectionId,
    );
  expect(await find()).toEqual([]);
  await age(6_000);
  expect(await find()).toEqual([key]);
  expect(await find()).toEqual([]);
});

test.each(['paused', 'needs-reauthorization'])(
  'a mark of a connection that is %s waits',
  async (status) => {
    await mark();
    await age(6_000);
    await ledger.admin.query('UPDATE connection SET status = $2 WHERE id = $1', [
      key.connectionId,
      status,
    ]);
    const found = await leftDirty(ledger.pool, { olderThanMs: 5_000, limit: 100 });
    expect(found).not.toContainEqual(key);
  },
);

test('two sweepers at once never take the same mark, nor more than they asked for', async () => {
  const resourceId = await addResource(ledger.admin);
  for (let n = 0; n < 30; n += 1) await addConnection(ledger.admin, { resourceId });
  await ledger.admin.query(
    `UPDATE connection SET dirty_at = now() - interval '1 hour' WHERE dirty`,
  );
  const found = await Promise.all(
    Array.from({ length: 4 }, () => leftDirty(ledger.pool, { olderThanMs: 5_000, limit: 7 })),
  );
  for (const one of found) expect(one.length).toBeLessThanOrEqual(7);
  const ids = found.flat().map((one) => one.connectionId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a connection that nobody confirmed for three of its intervals is taken up, once in that time', async () => {
  const alone = async () =>
    (await leftAlone(ledger.pool, { limit: 1_000 })).some(
      (one) => one.connectionId === key.connectionId,
    );
  const set = (text: string) =>
    ledger.admin.query(`UPDATE connection SET ${text} WHERE id = $1`, [key.connectionId]);
  await set(`dirty_at = clock_timestamp() - interval '1 day', confirmed_at = clock_timestamp()`);
  expect(await alone()).toBe(false);
  await set(`poll_in_force_ms = 300000, confirmed_at = clock_timestamp() - interval '16 minutes'`);
  for (const status of ['paused', 'needs-reauthorization']) {
    await set(`status = '${status}'`);
    expect(await alone()).toBe(false);
  }
  await set(`status = 'live', watched_until = clock_timestamp() + interval '1 day'`);
  expect(await alone()).toBe(false);
  await set(`watched_until = NULL`);
  expect([await alone(), await alone()]).toEqual([true, false]);
  await set(`dirty_at = clock_timestamp() - interval '16 minutes'`);
  expect(await alone()).toBe(true);
  expect(await isDirty()).toBe(false);
});

test('watches stopped a month ago are forgotten, and no others', async () => {
  await insertWatch(ledger.pool, key, { watchId: `${watchId}-old`, secret });
  await ledger.admin.query(
    `UPDATE watch SET stopped_at = clock_timestamp() - interval '31 days' WHERE id = $1`,
    [`${watchId}-old`],
  );
  await insertWatch(ledger.pool, key, { watchId: `${watchId}-late`, secret });
  await watchStopped(ledger.pool, key, { watchId: `${watchId}-late`, gone: false });
  await dropOldRows(ledger.pool);
  expect(await mark({ watchId: `${watchId}-old` })).toEqual({ kind: 'unknown' });
  expect(await mark({ watchId: `${watchId}-late` })).toMatchObject({ kind: 'marked' });
});
