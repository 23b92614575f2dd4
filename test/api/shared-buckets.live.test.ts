import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSharedBuckets } from '../../src/api/shared-buckets.ts';
import type { Database } from '../../src/store/database.ts';
import { openDatabase } from '../../src/store/database.ts';
import { forgetFullBuckets } from '../../src/store/request-buckets.ts';
import type { TestDatabase } from '../support/postgres.ts';
import { createDatabase } from '../support/postgres.ts';

let made: TestDatabase;
let database: Database;
beforeAll(async () => {
  made = await createDatabase();
  database = openDatabase({ url: made.appUrl, poolSize: 4 });
  await database.prisma.tenant.create({ data: { id: 'a', name: 'A' } });
});
afterAll(async () => {
  await database.close();
  await made.drop();
});

/** Buckets as one process has them; each has a clock that began at another time. */
const processOf = (beganAt: number, mostHeld = 100) => {
  const now = () => beganAt + performance.now();
  const buckets = createSharedBuckets({ pool: database.pool, now, mostHeld });
  const spend = (bucket: string, ms: number) => {
    const held = buckets.hold('a', bucket);
    held.fullAt = Math.max(held.fullAt, now()) + ms;
    held.spent(ms);
  };
  const debt = (bucket: string) => buckets.hold('a', bucket).fullAt - now();
  return { ...buckets, spend, debt };
};

test('what two processes spent is owed in both, whatever their clocks say', async () => {
  const one = processOf(0);
  const other = processOf(5_000_000);
  one.spend('shared', 20_000);
  other.spend('shared', 30_000);
  await one.share();
  await other.share();
  one.spend('shared', 1_000);
  await one.share();
  for (const debt of [one.debt('shared'), other.debt('shared') + 1_000]) {
    expect(debt).toBeGreaterThan(45_000);
    expect(debt).toBeLessThanOrEqual(51_000);
  }
});

test('two that tell of many buckets at once, in other orders, both get through', async () => {
  const names = Array.from({ length: 200 }, (_, n) => `many-${n}`);
  const one = processOf(0, 1_000);
  const other = processOf(9, 1_000);
  for (let round = 0; round < 5; round += 1) {
    for (const name of names) one.spend(name, 1_000);
    for (const name of names.toReversed()) other.spend(name, 1_000);
    await Promise.all([one.share(), other.share()]);
  }
  await one.share();
  const { rows } = await database.pool.query<{ many: number; least: number }>(
    `SELECT count(*)::integer AS many,
       min(date_part('epoch', full_at - clock_timestamp())) AS least
     FROM request_bucket WHERE bucket LIKE 'many-%'`,
  );
  expect(rows[0]!.many).toBe(200);
  expect(rows[0]!.least).toBeGreaterThan(5);
});

test('a caller at ease is never written down', async () => {
  const one = processOf(0);
  one.spend('at-ease', 50);
  await one.share();
  const { rowCount } = await database.pool.query(
    `SELECT FROM request_bucket WHERE bucket = 'at-ease'`,
  );
  expect(rowCount).toBe(0);
});

test('memory is bounded by the number of buckets held, and the least lately asked goes first', () => {
  const one = processOf(0, 50);
  one.spend('stays', 10_000);
  for (let n = 0; n < 5_000; n += 1) {
    one.spend(`passing-${n}`, 10);
    one.hold('a', 'stays');
  }
  expect(one.size()).toBe(50);
  expect(one.debt('stays')).toBeGreaterThan(5_000);
});

test('rows of full buckets are forgotten, others are not', async () => {
  await database.pool.query(
    `INSERT INTO request_bucket VALUES ('a', 'full', clock_timestamp() - interval '1 second'),
       ('a', 'owing', clock_timestamp() + interval '1 minute')`,
  );
  await forgetFullBuckets(database.pool);
  const { rows } = await database.pool.query<{ bucket: string }>(
    `SELECT bucket FROM request_bucket WHERE bucket IN ('full', 'owing')`,
  );
  expect(rows).toEqual([{ bucket: 'owing' }]);
});

test('without its database a process counts by itself', async () => {
  const away = openDatabase({ url: made.appUrl, poolSize: 2 });
  await away.close();
  const now = () => performance.now();
  const buckets = createSharedBuckets({ pool: away.pool, now, mostHeld: 10 });
  const held = buckets.hold('a', 'alone');
  held.fullAt = now() + 10_000;
  held.spent(10_000);
  await buckets.share();
  expect(buckets.hold('a', 'alone').fullAt - now()).toBeGreaterThan(9_000);
});
