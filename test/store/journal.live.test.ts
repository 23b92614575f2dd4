import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { commitBooking } from '../../src/store/bookings.ts';
import { setConnectionStatus } from '../../src/store/connection-status.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { JournalEntry, JournalPosition } from '../../src/store/journal.ts';
import { JOURNAL_START, readJournal } from '../../src/store/journal.ts';
import { mirrorApplied, mirrorsToDo } from '../../src/store/mirrors.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  addTenant,
  aHold,
  anEvent,
  entriesOf,
  isWaiting,
  listed,
  openLedger,
  openTransaction,
  sync,
  TENANT,
} from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 24 });
});
afterAll(() => ledger.close());

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function readAll(pool: pg.Pool, tenantId: string, limit = 50): Promise<JournalEntry[]> {
  const all: JournalEntry[] = [];
  for (let after: JournalPosition = JOURNAL_START; ;) {
    const page = await readJournal(pool, { tenantId, after, limit });
    if (page.length === 0) return all;
    all.push(...page);
    after = page.at(-1)!;
  }
}

/** Other tests of the run have transactions of their own, which a reader waits for. */
async function untilRead(tenantId: string, count: number): Promise<JournalEntry[]> {
  for (;;) {
    const all = await readAll(ledger.pool, tenantId);
    if (all.length >= count) return all;
    await sleep(20);
  }
}

/** One entry of a subject, under its lock; slow writers dawdle on either side of the write. */
async function write(subject: string, { slowMs, abort }: { slowMs: number; abort: boolean }) {
  const client = await ledger.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SELECT pg_advisory_xact_lock(lock_key($1, 'test', $2))`, ['j', subject]);
    const { rows } = await client.query<{ seq: string }>(
      `SELECT coalesce(max(seq), 0) + 1 AS seq FROM journal WHERE tenant_id = 'j' AND subject = $1`,
      [subject],
    );
    await client.query(`SELECT append_entry('j', $1, $2, 'test.written', '{}')`, [
      subject,
      rows[0]!.seq,
    ]);
    if (slowMs > 0) await sleep(slowMs);
    await client.query(abort ? 'ROLLBACK' : 'COMMIT');
  } finally {
    client.release();
  }
}

test('a reader misses none, sees none twice, and none of a subject reversed', async () => {
  await addTenant(ledger.admin, 'j');
  const seen: JournalEntry[] = [];
  let writing = true;
  const reader = (async () => {
    let after = JOURNAL_START;
    for (;;) {
      const wasWriting = writing;
      const page = await readJournal(ledger.pool, { tenantId: 'j', after, limit: 7 });
      seen.push(...page);
      after = page.at(-1) ?? after;
      if (page.length === 0) await sleep(2);
      const { rows } = await ledger.pool.query<{ count: number }>(
        `SELECT count(*)::integer AS count FROM journal WHERE tenant_id = 'j'`,
      );
      if (!wasWriting && seen.length >= rows[0]!.count) return;
    }
  })();
  const writer = async (n: number) => {
    for (let k = 0; k < 40; k += 1)
      await write(`s/${(n + k) % 5}`, {
        slowMs: n % 4 === 0 ? 12 : 0,
        abort: (n + k) % 7 === 0,
      });
  };
  await Promise.all(Array.from({ length: 12 }, (_, n) => writer(n)));
  writing = false;
  await reader;
  const { rows } = await ledger.pool.query(
    `SELECT position::text FROM journal WHERE tenant_id = 'j'`,
  );
  const positions = seen.map((one) => one.position);
  expect(new Set(positions).size).toBe(positions.length);
  expect(positions.toSorted()).toEqual(rows.map((row) => row.position as string).toSorted());
  for (const subject of new Set(seen.map((one) => one.subject))) {
    const seqs = seen.filter((one) => one.subject === subject).map((one) => one.seq);
    expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  }
});

test('an entry is not read before every transaction that may come before it has ended', async () => {
  await addTenant(ledger.admin, 'slow');
  const early = await openTransaction(ledger.pool);
  await early.query(`SELECT append_entry('slow', 's/1', 1, 'test.early', '{}')`);
  await ledger.pool.query(`SELECT append_entry('slow', 's/2', 1, 'test.late', '{}')`);
  expect(await readAll(ledger.pool, 'slow')).toEqual([]);
  await early.end('COMMIT');
  const all = await untilRead('slow', 2);
  expect(all.map((one) => one.type)).toEqual(['test.early', 'test.late']);
});

test('a tenant reads its own entries only', async () => {
  await addTenant(ledger.admin, 'quiet');
  await ledger.pool.query(`SELECT append_entry('quiet', 's/1', 1, 'test.own', '{}')`);
  const all = await untilRead('quiet', 1);
  expect(all.map((one) => one.type)).toEqual(['test.own']);
});

test('entries of a new epoch follow all of the one before', async () => {
  await addTenant(ledger.admin, 'restored');
  await ledger.pool.query(`SELECT append_entry('restored', 's/1', 1, 'test.before', '{}')`);
  await ledger.admin.query('INSERT INTO journal_epoch (epoch) VALUES (2)');
  await ledger.pool.query(`SELECT append_entry('restored', 's/1', 2, 'test.after', '{}')`);
  const all = await untilRead('restored', 2);
  expect(all.map((one) => [one.epoch, one.type])).toEqual([
    [1, 'test.before'],
    [2, 'test.after'],
  ]);
});

test('an entry of a mirror waits for a page of its connection before it gets its place', async () => {
  const resourceId = await addResource(ledger.admin);
  const key = await addConnection(ledger.admin, { resourceId });
  const booked = aHold(resourceId);
  await holdUnits(ledger.pool, booked);
  await commitBooking(ledger.pool, booked);
  const [task] = await mirrorsToDo(ledger.pool, key, 1);
  const page = await openTransaction(ledger.pool);
  await page.query('SELECT lock_connection($1, $2)', [key.tenantId, key.connectionId]);
  await page.query('SELECT pg_current_xact_id()');
  const applied = mirrorApplied(ledger.pool, key, {
    ...task!,
    nativeId: 'n',
    etag: null,
    spent: false,
  });
  expect(await isWaiting(applied)).toBe(true);
  await page.query(
    `WITH c AS (UPDATE connection SET seq = seq + 1 WHERE id = $1 RETURNING seq)
     SELECT append_entry($2, $3, seq, 'event.added', '{}') FROM c`,
    [key.connectionId, TENANT, `connection/${key.connectionId}`],
  );
  await page.end('COMMIT');
  await applied;
  expect(await entriesOf(ledger.pool, `connection/${key.connectionId}`)).toEqual([
    'event.added',
    'mirror.present',
  ]);
});

test('of all that happens to connections and bookings at once nothing is read reversed', async () => {
  const resourceId = await addResource(ledger.admin, { capacity: 40 });
  const key = await addConnection(ledger.admin, { resourceId });
  const bookings = Array.from({ length: 30 }, () => aHold(resourceId));
  const statuses = async () => {
    for (let n = 0; n < 30; n += 1)
      await setConnectionStatus(ledger.pool, key, { status: 'failing', reason: String(n) });
  };
  const mirrors = async () => {
    for (let n = 0; n < 60; n += 1)
      for (const task of await mirrorsToDo(ledger.pool, key, 50))
        await mirrorApplied(ledger.pool, key, { ...task, nativeId: 'n', spent: false });
  };
  const pages = async () => {
    for (let n = 0; n < 20; n += 1)
      await sync(ledger.pool, key, { changes: listed(anEvent(`e${n % 3}`, [20 + n, 21 + n])) });
  };
  const booking = async (input: (typeof bookings)[number]) => {
    await holdUnits(ledger.pool, input);
    await commitBooking(ledger.pool, input);
  };
  await Promise.all([statuses(), mirrors(), pages(), ...bookings.map(booking)]);
  const { rows } = await ledger.pool.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM journal WHERE tenant_id = $1`,
    [TENANT],
  );
  const next = new Map<string, number>();
  for (const { subject, seq } of await untilRead(TENANT, rows[0]!.count)) {
    expect(seq).toBe((next.get(subject) ?? 0) + 1);
    next.set(subject, seq);
  }
});
