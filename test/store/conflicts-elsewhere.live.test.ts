import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StartBooking } from '../../src/commands.ts';
import { DEFAULT_RESOURCE_SETTINGS, type ConflictRule } from '../../src/domain/resource.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { conflictsOfPass, conflictTold, conflictsToTell } from '../../src/store/conflict-reads.ts';
import { weighConflict } from '../../src/store/conflicts.ts';
import { clearDisconnected, setConnectionStatus } from '../../src/store/connection-status.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
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
  gone,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';

/** Outside events over what a booking takes beside units of the resource that a calendar speaks of. */
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

const ruled = (rule: ConflictRule) => ({
  conflicts: { ...DEFAULT_RESOURCE_SETTINGS.conflicts, rule },
});

async function aVilla(rule: ConflictRule) {
  const villa = await addResource(ledger.admin, ruled(rule));
  const room = await addResource(ledger.admin, { capacity: 2, ...ruled(rule) });
  const linked = { linkedId: room, kind: 'part', units: null } as const;
  await change(database, (tx) => createLink(tx, { tenantId: TENANT, resourceId: villa }, linked));
  const [ofVilla, ofRoom] = [
    await addConnection(ledger.admin, { resourceId: villa }),
    await addConnection(ledger.admin, { resourceId: room, unit: 2 }),
  ];
  return { villa, room, ofVilla, ofRoom };
}

async function aTour(rule: ConflictRule) {
  const resourceId = await addResource(ledger.admin, { soldBy: 'session', ...ruled(rule) });
  const [sessionId, later] = [randomUUID(), randomUUID()];
  const times = [sessionId, later].map((id, n) => ({
    id,
    startAt: hour(n * 4),
    endAt: hour(n * 4 + 2),
    capacity: 5,
    price: null,
  }));
  await change(database, (tx) => createSessions(tx, { tenantId: TENANT, resourceId }, times));
  return { resourceId, sessionId, key: await addConnection(ledger.admin, { resourceId }) };
}

async function booked(resourceId: string, more: Partial<StartBooking> = {}): Promise<string> {
  const input = aHold(resourceId, more);
  expect((await holdUnits(ledger.pool, input)).kind).toBe('held');
  expect((await commitBooking(ledger.pool, input)).kind).toBe('confirmed');
  return input.bookingId;
}

const rowsOf = async (bookingId: string) =>
  (
    await ledger.admin.query<{ id: string; change_id: string; connection_id: string }>(
      'SELECT * FROM conflict WHERE booking_id = $1',
      [bookingId],
    )
  ).rows;
async function weigh(bookingId: string) {
  const [row, ...more] = await rowsOf(bookingId);
  expect(more).toEqual([]);
  return weighConflict(ledger.pool, { tenantId: TENANT, bookingId, changeId: row!.change_id });
}

describe('a whole and its parts', () => {
  test('an event over a whole is a conflict of whatever part is booked then, whichever unit', async () => {
    const { villa, room, ofVilla } = await aVilla('keep-theirs');
    const ids = [await booked(room), await booked(room)];
    const elsewhere = await booked(room, { startAt: hour(9), endAt: hour(10) });
    await sync(ledger.pool, ofVilla, { changes: listed(anEvent('a', [0, 3])) });
    for (const id of ids) expect(await weigh(id)).toEqual({ kind: 'theirs' });
    expect(await rowsOf(elsewhere)).toEqual([]);
    expect((await holdUnits(ledger.pool, aHold(villa))).kind).toBe('refused');
  });

  test('an event over one unit of a part is a conflict of the whole that is booked then', async () => {
    const { villa, ofRoom } = await aVilla('by-key');
    const id = await booked(villa);
    const early = { updatedAt: '2020-01-01T00:00:00Z' };
    await sync(ledger.pool, ofRoom, { changes: listed(anEvent('a', [0, 3], early)) });
    expect(await weigh(id)).toEqual({ kind: 'theirs' });
    await sync(ledger.pool, ofRoom, { changes: gone('a') });
    expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'gone' });
  });

  test('an event that came later gives way by key, from above as from below', async () => {
    const { villa, room, ofVilla, ofRoom } = await aVilla('by-key');
    const whole = await booked(villa);
    const part = await booked(room, { startAt: hour(5), endAt: hour(6) });
    await sync(ledger.pool, ofRoom, { changes: listed(anEvent('a', [0, 3])) });
    await sync(ledger.pool, ofVilla, { changes: listed(anEvent('b', [4, 7])) });
    for (const id of [whole, part])
      expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'kept-ours' });
  });

  test('a hold of a part under an event over its whole is contested, and commits no more', async () => {
    const { room, ofVilla } = await aVilla('ask');
    const held = aHold(room);
    await holdUnits(ledger.pool, held);
    await sync(ledger.pool, ofVilla, { changes: listed(anEvent('a', [0, 3])) });
    expect((await commitBooking(ledger.pool, held)).kind).toBe('contested');
  });
});

test('an event in the calendar of what a booking needs is a conflict of the booking', async () => {
  const rule = ruled('keep-theirs');
  const [massage, people] = [
    await addResource(ledger.admin, rule),
    await addResource(ledger.admin, { capacity: 2 }),
  ];
  const need = { linkedId: people, kind: 'need', units: 1 } as const;
  await change(database, (tx) => createLink(tx, { tenantId: TENANT, resourceId: massage }, need));
  const [first, second] = [
    await addConnection(ledger.admin, { resourceId: people, unit: 1 }),
    await addConnection(ledger.admin, { resourceId: people, unit: 2 }),
  ];
  const id = await booked(massage);
  await sync(ledger.pool, second, { changes: listed(anEvent('a', [0, 3])) });
  expect(await rowsOf(id)).toEqual([]);
  await sync(ledger.pool, first, { changes: listed(anEvent('a', [0, 3])) });
  expect(await weigh(id)).toEqual({ kind: 'theirs' });
});

describe('a session', () => {
  test('under an event is a conflict of each booking of its places, and of no other session', async () => {
    const { resourceId, sessionId, key } = await aTour('keep-theirs');
    const place = { sessionId, endAt: hour(2) };
    const ids = [
      await booked(resourceId, { ...place, party: 2 }),
      await booked(resourceId, { ...place, party: 3 }),
    ];
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [1, 3])) });
    for (const id of ids) expect(await weigh(id)).toEqual({ kind: 'theirs' });
    const again = await sync(ledger.pool, key, { changes: listed(anEvent('a', [2, 4])) });
    expect(again.changed).toBe(1);
    for (const id of ids) expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'gone' });
  });

  test('that looks like its copy in the calendar is left to a person', async () => {
    const { resourceId, sessionId, key } = await aTour('keep-theirs');
    const id = await booked(resourceId, { sessionId, endAt: hour(2) });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 2])) });
    expect(await weigh(id)).toEqual({ kind: 'wait', for: 'person', forMs: null });
  });

  test('with a hold of its places is contested by an event', async () => {
    const { resourceId, sessionId, key } = await aTour('ask');
    const held = aHold(resourceId, { sessionId, endAt: hour(2) });
    await holdUnits(ledger.pool, held);
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [1, 3])) });
    expect((await commitBooking(ledger.pool, held)).kind).toBe('contested');
  });
});

test('a calendar that is disconnected leaves its conflicts at once, as news to their workflows', async () => {
  const { room, ofVilla } = await aVilla('ask');
  const id = await booked(room);
  await sync(ledger.pool, ofVilla, { changes: listed(anEvent('a', [0, 3])) });
  for (const one of await conflictsOfPass(ledger.pool, ofVilla, 9))
    await conflictTold(ledger.pool, one);
  await setConnectionStatus(ledger.pool, ofVilla, { status: 'disconnected', reason: null });
  await clearDisconnected(ledger.pool, ofVilla);
  const left = await conflictsToTell(ledger.pool, { againAfterMs: 3_600_000, limit: 999 });
  expect(left.map((one) => one.change.bookingId)).toContain(id);
  expect(await weigh(id)).toEqual({ kind: 'settled', outcome: 'gone' });
});
