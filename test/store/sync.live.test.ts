import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commitBooking } from '../../src/store/bookings.ts';
import {
  clearDisconnected,
  dropCheckpoint,
  setConnectionStatus,
  startGeneration,
} from '../../src/store/connection-status.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import { beganAt } from '../../src/store/passes.ts';
import { missingEvents } from '../../src/store/sync-absence.ts';
import { openPass } from '../../src/store/sync.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  begin,
  bring,
  entriesOf,
  gone,
  hour,
  isWaiting,
  listed,
  openLedger,
  openTransaction,
  sync,
} from '../support/ledger.ts';

let ledger: Ledger;
let resourceId: string;
let key: ConnectionKey;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const start = async (unit: number | null = null) => {
  resourceId = await addResource(ledger.admin, { capacity: 3 });
  key = await addConnection(ledger.admin, { resourceId, unit });
};
const entries = () => entriesOf(ledger.pool, `connection/${key.connectionId}`);
const connectionRow = async () => {
  const { rows } = await ledger.pool.query<Record<string, unknown>>(
    'SELECT * FROM connection WHERE tenant_id = $1 AND id = $2',
    [key.tenantId, key.connectionId],
  );
  return rows[0]!;
};
const current = async () => {
  const { rows } = await ledger.pool.query<{ id: string }>(
    `SELECT native_id AS id FROM channel_event WHERE connection_id = $1 AND upper_inf(recorded)
      ORDER BY native_id`,
    [key.connectionId],
  );
  return rows.map((row) => row.id);
};
/** Hours that busy time covers, stale or not, as availability sees it. */
const busy = async () => {
  const { rows } = await ledger.pool.query<{ from: number; to: number }>(
    `SELECT (extract(epoch FROM start_at - $2::timestamptz) / 3600)::float8 AS from,
        (extract(epoch FROM end_at - $2::timestamptz) / 3600)::float8 AS to
       FROM busy WHERE connection_id = $1 ORDER BY start_at, end_at`,
    [key.connectionId, hour(0)],
  );
  return rows.map((row) => [row.from, row.to]);
};

describe('a page', () => {
  test('writes entries, busy time and one journal entry per change, and moves the cursor', async () => {
    await start();
    const applied = await sync(ledger.pool, key, {
      changes: listed(anEvent('a', [0, 1]), anEvent('b', [2, 3])),
    });
    expect(applied).toMatchObject({ fromVersion: 0, cursorVersion: 1, added: 2, changed: 0 });
    const next = await sync(ledger.pool, key, {
      changes: [...listed(anEvent('a', [5, 6])), ...gone('b')],
    });
    expect(next).toMatchObject({ fromVersion: 1, added: 0, changed: 1, removed: 1, more: false });
    expect(await current()).toEqual(['a']);
    expect(await busy()).toEqual([[5, 6]]);
    expect(await entries()).toEqual([
      'event.added',
      'event.added',
      'event.changed',
      'event.removed',
    ]);
    const row = await connectionRow();
    expect(row).toMatchObject({ checkpoint: null, seq: '4', cursor_version: '2' });
    expect(String(row['cursor'])).toBe('v2');
    expect(row['confirmed_at']).toEqual(row['pass_started_at']);
  });

  test('without changes moves the cursor and writes nothing else', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])) });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1], { etag: 'new' })) });
    expect(await connectionRow()).toMatchObject({ cursor_version: '2', seq: '1' });
    expect(await entries()).toEqual(['event.added']);
  });

  test('applied a second time answers what the first attempt stored, and changes nothing', async () => {
    await start();
    const pass = await begin(ledger.pool, key);
    const page = { changes: listed(anEvent('a', [0, 1])) };
    const first = await bring(ledger.pool, key, { pass, page });
    expect(await bring(ledger.pool, key, { pass, page })).toEqual(first);
    expect(await entries()).toEqual(['event.added']);
    expect(await connectionRow()).toMatchObject({ cursor_version: '1' });
  });

  test('read twice at once is applied once', async () => {
    await start();
    const pass = await begin(ledger.pool, key);
    const page = { changes: listed(anEvent('a', [0, 1])) };
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => bring(ledger.pool, key, { pass, page })),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(await entries()).toEqual(['event.added']);
  });

  test('read from a position that another pass left is refused', async () => {
    await start();
    const pass = await begin(ledger.pool, key);
    await sync(ledger.pool, key);
    await sync(ledger.pool, key);
    await expect(bring(ledger.pool, key, { pass, page: {} })).rejects.toThrow(/Another pass/);
  });

  test('never overtakes a new generation that began while it was read', async () => {
    await start();
    const pass = await begin(ledger.pool, key);
    // Holds the page after its look at the version, before its cursor is written.
    const barrier = await openTransaction(ledger.admin);
    await barrier.query(
      `INSERT INTO channel_event (tenant_id, connection_id, native_id, root_id, event, hash,
         recorded, feed_position)
       VALUES ($1, $2, 'a', 'a', '{}', '', tstzrange(now(), NULL), 0)`,
      [key.tenantId, key.connectionId],
    );
    const page = bring(ledger.pool, key, { pass, page: { changes: listed(anEvent('a', [0, 1])) } });
    expect(await isWaiting(page)).toBe(true);
    const generation = startGeneration(ledger.pool, key);
    expect(await isWaiting(generation)).toBe(true);
    await barrier.end('ROLLBACK');
    await Promise.all([page, generation]);
    expect(await connectionRow()).toMatchObject({ cursor: null, full_pass: true, generation: 1 });
  });

  test('of a connection that was disconnected is refused, and nothing of it blocks', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])) });
    const pass = await begin(ledger.pool, key);
    await setConnectionStatus(ledger.pool, key, { status: 'disconnected', reason: null });
    await clearDisconnected(ledger.pool, key);
    await expect(bring(ledger.pool, key, { pass, page: {} })).rejects.toThrow(/removed/);
    expect(await openPass(ledger.pool, { ...key, fromVersion: 1 })).toBeNull();
    expect([await busy(), await current()]).toEqual([[], []]);
  });

  test('keeps settings that are younger than the connection at their defaults', async () => {
    resourceId = await addResource(ledger.admin);
    key = await addConnection(ledger.admin, { resourceId, settings: { mirror: 'none' } });
    expect((await begin(ledger.pool, key)).settings).toMatchObject({
      mirror: 'none',
      tentative: 'busy',
      pollMinMs: 60_000,
      pollMaxMs: 1_800_000,
    });
  });
});

describe('a pass of several pages', () => {
  test('never leaves more free in the middle than both before and after it', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1]), anEvent('b', [2, 3])) });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [5, 6])), more: true });
    expect(await busy()).toEqual([[0, 1], [2, 3], [5, 6]]); // prettier-ignore
    await sync(ledger.pool, key, { changes: gone('b'), more: true });
    expect(await busy()).toEqual([[0, 1], [2, 3], [5, 6]]); // prettier-ignore
    await sync(ledger.pool, key, { changes: listed(anEvent('c', [8, 9])) });
    expect(await busy()).toEqual([[5, 6], [8, 9]]); // prettier-ignore
  });

  test('keeps its cursor until the end, and its checkpoint from page to page', async () => {
    await start();
    await sync(ledger.pool, key);
    await sync(ledger.pool, key, { more: true });
    const middle = await connectionRow();
    expect([String(middle['cursor']), String(middle['checkpoint'])]).toEqual(['v1', 'v2']);
    const startedAt = middle['pass_started_at'];
    await sync(ledger.pool, key);
    const row = await connectionRow();
    expect([String(row['cursor']), row['checkpoint']]).toEqual(['v3', null]);
    expect(row['confirmed_at']).toEqual(startedAt);
  });

  test('begun again from its cursor drops at its end what the broken one left stale', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])) });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [5, 6])), more: true });
    await dropCheckpoint(ledger.pool, key);
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])), more: true });
    expect(await busy()).toEqual([[0, 1], [5, 6]]); // prettier-ignore
    await sync(ledger.pool, key);
    expect(await busy()).toEqual([[0, 1]]);
  });
});

describe('a full pass', () => {
  const heldBack = { gone: [], heldBack: ['a'], guarded: true };

  test('misses exactly what none of its pages listed, and forgets what it saw', async () => {
    await start();
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id, n) => anEvent(id, [n, n + 1]));
    await sync(ledger.pool, key, { changes: listed(a!, b!, c!, d!) });
    await startGeneration(ledger.pool, key);
    await sync(ledger.pool, key, { changes: listed(a!), more: true, fullPass: true });
    const pass = await begin(ledger.pool, key);
    expect(pass.fullPass).toBe(true);
    const seen = { generation: pass.generation, from: beganAt(pass), seen: ['b'] };
    const found = await missingEvents(ledger.pool, key, seen);
    expect(found.missing.map((one) => one.nativeId).toSorted()).toEqual(['c', 'd']);
    expect(found).toMatchObject({ futureSpans: 4 });
    expect(found.missing[0]).toMatchObject({ futureSpans: 1, missingSinceAt: null });
    const verdict = { gone: ['c'], heldBack: ['d'], guarded: false };
    await bring(ledger.pool, key, { pass, page: { changes: listed(b!), fullPass: true, verdict } });
    expect(await current()).toEqual(['a', 'b', 'd']);
    const { rows } = await ledger.pool.query('SELECT FROM pass_seen WHERE connection_id = $1', [
      key.connectionId,
    ]);
    expect(rows).toHaveLength(0);
  });

  test('that holds removals back keeps them blocking and the copy unconfirmed', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])) });
    const before = (await connectionRow())['confirmed_at'];
    await sync(ledger.pool, key, { fullPass: true, verdict: heldBack });
    expect(await busy()).toEqual([[0, 1]]);
    const pass = await begin(ledger.pool, key);
    expect(pass.missingSinceAt).toBeTypeOf('number');
    await bring(ledger.pool, key, { pass, page: {} });
    expect((await connectionRow())['confirmed_at']).toEqual(before);
  });

  test('remembers since when an entry is missing, until it is listed or gone', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1]), anEvent('b', [2, 3])) });
    await sync(ledger.pool, key, { fullPass: true, verdict: heldBack });
    const since = (await begin(ledger.pool, key)).missingSinceAt;
    await sync(ledger.pool, key, { fullPass: true, verdict: heldBack });
    expect((await begin(ledger.pool, key)).missingSinceAt).toBe(since);
    const back = { gone: [], heldBack: [], guarded: false };
    await sync(ledger.pool, key, { fullPass: true, verdict: back });
    expect((await begin(ledger.pool, key)).missingSinceAt).toBeNull();
  });

  test('counts neither our own mirrors nor exceptions as lost busy time', async () => {
    await start();
    const weekly = { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=4'] };
    await sync(ledger.pool, key, {
      changes: listed(
        anEvent('m', [0, 1], { marker: 'booking' }),
        anEvent('s', [10, 11], weekly),
        anEvent('s2', [40, 41], {
          seriesId: 's',
          originalStart: { kind: 'utc', at: hour(10) },
        }),
      ),
    });
    const found = await missingEvents(ledger.pool, key, { generation: 0, from: 1, seen: [] });
    const spans = Object.fromEntries(found.missing.map((one) => [one.nativeId, one.futureSpans]));
    expect(spans).toEqual({ m: 0, s: 4, s2: 0 });
    expect(found.futureSpans).toBe(4);
  });
});

describe('overlaps', () => {
  test('with a confirmed booking are one conflict per outside series, with one entry', async () => {
    await start();
    const held = aHold(resourceId);
    await holdUnits(ledger.pool, held);
    await commitBooking(ledger.pool, held);
    const over = listed(anEvent('a', [0, 1]));
    await sync(ledger.pool, key, { changes: over });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 2])) });
    const { rows } = await ledger.pool.query(
      'SELECT root_id, state FROM conflict WHERE booking_id = $1',
      [held.bookingId],
    );
    expect(rows).toEqual([{ root_id: 'a', state: 'open' }]);
    expect(await entriesOf(ledger.pool, `booking/${held.bookingId}`)).toEqual([
      'booking.held',
      'booking.confirmed',
      'booking.conflict',
    ]);
  });

  test('concern a connection of one unit only on that unit', async () => {
    await start(2);
    const [first, second] = [aHold(resourceId), aHold(resourceId)];
    await holdUnits(ledger.pool, first);
    await holdUnits(ledger.pool, second);
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])) });
    const { rows } = await ledger.pool.query(
      `SELECT booking_id FROM occupancy WHERE resource_id = $1 AND contested_at IS NOT NULL`,
      [resourceId],
    );
    expect(rows).toEqual([{ booking_id: second.bookingId }]);
  });

  test('with spans that only touch are none', async () => {
    await start();
    const held = aHold(resourceId);
    await holdUnits(ledger.pool, held);
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [1, 2]), anEvent('b', [-1, 0])) });
    expect(await commitBooking(ledger.pool, held)).toMatchObject({ kind: 'confirmed' });
  });
});

describe('versions', () => {
  test('answer as of then: one version of an entry at every instant it was there', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1]), anEvent('b', [0, 1])) });
    for (let n = 1; n < 6; n += 1)
      await sync(ledger.pool, key, {
        changes: listed(anEvent('a', [n, n + 1]), anEvent('b', [n, n + 1])),
      });
    const { rows } = await ledger.pool.query<{ gaps: number; moments: number; versions: number }>(
      `SELECT count(*)::integer AS versions, count(DISTINCT lower(recorded))::integer AS moments,
         (SELECT count(*)::integer FROM channel_event e WHERE e.connection_id = $1
           AND NOT upper_inf(e.recorded) AND NOT EXISTS (SELECT FROM channel_event n
             WHERE n.connection_id = $1 AND n.native_id = e.native_id
               AND lower(n.recorded) = upper(e.recorded))) AS gaps
       FROM channel_event WHERE connection_id = $1`,
      [key.connectionId],
    );
    expect(rows[0]).toEqual({ versions: 12, moments: 6, gaps: 0 });
  });

  test('survive a clock that was set back', async () => {
    await start();
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])) });
    await ledger.admin.query(
      `UPDATE channel_event SET recorded = tstzrange(clock_timestamp() + interval '1 hour', NULL)
        WHERE connection_id = $1`,
      [key.connectionId],
    );
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [1, 2])) });
    expect(await busy()).toEqual([[1, 2]]);
    await ledger.admin.query(
      `UPDATE resource_version SET recorded = tstzrange(clock_timestamp() + interval '1 hour', NULL)
        WHERE resource_id = $1`,
      [resourceId],
    );
    await ledger.pool.query('UPDATE resource SET capacity = 5 WHERE id = $1', [resourceId]);
  });
});
