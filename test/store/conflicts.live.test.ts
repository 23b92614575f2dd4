import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_RESOURCE_SETTINGS } from '../../src/domain/resource.ts';
import { cancelBooking, commitBooking } from '../../src/store/bookings.ts';
import { closeChange, openChange } from '../../src/store/changes.ts';
import { conflictsOfPass, conflictsToTell, conflictTold } from '../../src/store/conflict-reads.ts';
import { decideConflict, weighConflict } from '../../src/store/conflicts.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  entriesOf,
  gone,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const ruled = (rule: string, more: object = {}) => ({
  conflicts: { ...DEFAULT_RESOURCE_SETTINGS.conflicts, rule, ...more } as never,
});

interface Place {
  resourceId: string;
  key: ConnectionKey;
}

async function place(rule: string, more: object = {}): Promise<Place> {
  const resourceId = await addResource(ledger.admin, ruled(rule, more));
  return { resourceId, key: await addConnection(ledger.admin, { resourceId }) };
}

async function booked({ resourceId }: { resourceId: string }, from = 0): Promise<string> {
  const held = aHold(resourceId, { startAt: hour(from), endAt: hour(from + 1) });
  await holdUnits(ledger.pool, held);
  await commitBooking(ledger.pool, held);
  return held.bookingId;
}

interface Row {
  id: string;
  change_id: string;
  state: string;
  outcome: string | null;
  decision: string | null;
  decided_by: string | null;
  asked_because: string | null;
  round: number;
}
const conflictsOf = async (bookingId: string): Promise<Row[]> =>
  (
    await ledger.admin.query<Row>(
      'SELECT * FROM conflict WHERE booking_id = $1 ORDER BY connection_id, root_id',
      [bookingId],
    )
  ).rows;
const one = async (bookingId: string): Promise<Row> => (await conflictsOf(bookingId))[0]!;
const weigh = async (bookingId: string) =>
  weighConflict(ledger.pool, {
    tenantId: TENANT,
    bookingId,
    changeId: (await one(bookingId)).change_id,
  });
const attentionOf = async (bookingId: string): Promise<string | null> =>
  (
    await ledger.admin.query<{ attention: string | null }>(
      'SELECT attention FROM booking WHERE id = $1',
      [bookingId],
    )
  ).rows[0]!.attention;

const over = (id = 'a', hours: readonly [number, number] = [0, 1], updatedAt?: string) =>
  listed(anEvent(id, hours, updatedAt ? { updatedAt } : {}));

describe('a rule', () => {
  test('that keeps ours settles it with a word to the owner, and asks no person', async () => {
    const at = await place('keep-ours');
    const id = await booked(at);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 2]) });
    expect(await attentionOf(id)).toBeNull();
    expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'kept-ours' });
    expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'kept-ours' });
    expect((await entriesOf(ledger.pool, `booking/${id}`)).slice(2)).toEqual([
      'booking.conflict',
      'booking.conflict-decided',
      'booking.conflict-settled',
    ]);
  });

  test('that keeps theirs has the booking give way, decided once', async () => {
    const at = await place('keep-theirs');
    const id = await booked(at);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 2]) });
    expect(await weigh(id)).toEqual({ kind: 'theirs' });
    expect(await weigh(id)).toEqual({ kind: 'theirs' });
    expect(await one(id)).toMatchObject({ decision: 'theirs', decided_by: 'rule', state: 'open' });
  });

  test('that keeps theirs goes on giving way until its change is closed, whoever died in between', async () => {
    const at = await place('keep-theirs');
    const id = await booked(at);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 2]) });
    const { change_id: changeId } = await one(id);
    const ref = { tenantId: TENANT, bookingId: id, changeId };
    await weigh(id);
    const ask = { connectionId: at.key.connectionId, rootId: 'a' };
    await openChange(ledger.pool, { ...ref, reason: 'conflict', kind: 'conflict', ask });
    const callOff = { ...ref, reason: 'conflict', keepMinor: 0, quoteId: null };
    expect(await cancelBooking(ledger.pool, callOff)).toMatchObject({ kind: 'cancelled' });
    expect(await weigh(id)).toEqual({ kind: 'theirs' });
    expect(await cancelBooking(ledger.pool, callOff)).toMatchObject({ kind: 'cancelled' });
    await closeChange(ledger.pool, { ...ref, answer: { kind: 'done' }, outcome: {} });
    expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'cancelled' });
  });

  test('by key gives the time to who was there first, or to the higher priority', async () => {
    const early = '2020-01-01T00:00:00Z';
    const first = await place('by-key');
    const lost = await booked(first);
    await sync(ledger.pool, first.key, { changes: over('a', [0, 2], early) });
    expect(await weigh(lost)).toEqual({ kind: 'theirs' });
    const silent = await place('by-key');
    const kept = await booked(silent);
    await sync(ledger.pool, silent.key, { changes: over('a', [0, 2]) });
    expect(await weigh(kept)).toMatchObject({ outcome: 'kept-ours' });
    const high = await place('by-key', { priority: 200 });
    const won = await booked(high);
    await sync(ledger.pool, high.key, { changes: over('a', [0, 2], early) });
    expect(await weigh(won)).toMatchObject({ outcome: 'kept-ours' });
  });

  test('that asks waits for a person, whose word counts once', async () => {
    const at = await place('ask');
    const id = await booked(at);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 2]) });
    expect(await attentionOf(id)).toBe('conflict');
    expect(await weigh(id)).toMatchObject({ kind: 'wait', for: 'person' });
    const ref = { tenantId: TENANT, bookingId: id, changeId: (await one(id)).change_id };
    expect(await decideConflict(ledger.pool, { ...ref, keep: 'ours', by: 'k1' })).toBe(true);
    expect(await decideConflict(ledger.pool, { ...ref, keep: 'theirs', by: 'k2' })).toBe(false);
    expect(await weigh(id)).toMatchObject({ outcome: 'kept-ours' });
    expect(await one(id)).toMatchObject({ decision: 'ours', decided_by: 'operator' });
    expect(await attentionOf(id)).toBeNull();
  });

  test('that asks decides at its deadline by the database clock', async () => {
    const at = await place('ask', { deadlineMs: 60_000, onDeadline: 'keep-theirs' });
    const id = await booked(at);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 2]) });
    const waiting = await weigh(id);
    expect(waiting).toMatchObject({ kind: 'wait', forMs: expect.any(Number) });
    await ledger.admin.query(
      `UPDATE conflict SET deadline_at = clock_timestamp() WHERE booking_id = $1`,
      [id],
    );
    expect(await weigh(id)).toEqual({ kind: 'theirs' });
    expect(await one(id)).toMatchObject({ decided_by: 'deadline' });
  });

  test('decides nothing about what may be a copy of ours: a person does, for as long as it takes', async () => {
    const at = await place('keep-theirs');
    const id = await booked(at);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 1]) });
    expect(await one(id)).toMatchObject({ asked_because: 'copy' });
    expect(await weigh(id)).toEqual({ kind: 'wait', for: 'person', forMs: null });
  });
});

describe('an outside event', () => {
  test('that goes away or moves off settles it, decided or not', async () => {
    for (const changes of [gone('a'), listed(anEvent('a', [5, 6]))]) {
      const at = await place('ask');
      const id = await booked(at);
      await sync(ledger.pool, at.key, { changes: over('a', [0, 2]) });
      for (const told of await conflictsOfPass(ledger.pool, at.key, 9))
        await conflictTold(ledger.pool, told);
      await sync(ledger.pool, at.key, { changes });
      expect(await conflictsOfPass(ledger.pool, at.key, 9)).toHaveLength(1);
      expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'gone' });
      expect(await attentionOf(id)).toBeNull();
    }
  });

  test('that was let be is asked about again only with another time', async () => {
    const at = await place('keep-ours');
    const id = await booked(at);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 2]) });
    await weigh(id);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 2], '2034-01-01T00:00:00Z') });
    expect(await one(id)).toMatchObject({ state: 'settled', round: 1 });
    await sync(ledger.pool, at.key, { changes: over('a', [0, 3]) });
    const again = await one(id);
    expect(again).toMatchObject({ state: 'open', round: 2, decision: null });
    expect(again.change_id).not.toBe(`conflict-${again.id}`);
    expect(await weigh(id)).toMatchObject({ outcome: 'kept-ours' });
  });

  test('whose booking is called off by somebody else is settled with it, and nobody is called', async () => {
    const at = await place('ask');
    const id = await booked(at);
    await sync(ledger.pool, at.key, { changes: over('a', [0, 2]) });
    const asked = { tenantId: TENANT, bookingId: id, changeId: 'c', reason: 'guest' };
    await cancelBooking(ledger.pool, { ...asked, keepMinor: 0, quoteId: null });
    expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'booking-over' });
    expect(await attentionOf(id)).toBeNull();
  });
});

test('a calendar pasted over most bookings has a person asked about all of them', async () => {
  const at = await place('keep-theirs');
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) ids.push(await booked(at, 3 * n));
  await sync(ledger.pool, at.key, { changes: over('a', [0, 2]), more: true });
  await sync(ledger.pool, at.key, {
    changes: ids.slice(1).flatMap((_, n) => over(`b${n}`, [3 * n + 3, 3 * n + 5])),
  });
  for (const id of ids) {
    expect(await weigh(id)).toEqual({ kind: 'wait', for: 'person', forMs: null });
    expect(await one(id)).toMatchObject({ asked_because: 'mass' });
  }
  const told = await entriesOf(ledger.pool, `connection/${at.key.connectionId}`);
  expect(told.filter((type) => type === 'connection.mass-conflict')).toHaveLength(1);
});

test('what no workflow has heard of is told by the sweeper, and not in the middle of a pass', async () => {
  const at = await place('keep-theirs');
  const id = await booked(at);
  const left = async () =>
    (await conflictsToTell(ledger.pool, { againAfterMs: 3_600_000, limit: 999 })).filter(
      ({ change }) => change.bookingId === id,
    );
  await sync(ledger.pool, at.key, { changes: over('a', [0, 2]), more: true });
  expect(await left()).toHaveLength(0);
  await sync(ledger.pool, at.key, {});
  const [found] = await left();
  await conflictTold(ledger.pool, found!);
  expect(await left()).toHaveLength(0);
  await ledger.admin.query(
    `UPDATE conflict SET told_at = told_at - interval '2 hours' WHERE booking_id = $1`,
    [id],
  );
  expect(await left()).toHaveLength(1);
});
