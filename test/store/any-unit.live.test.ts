import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusalOf } from '../../src/domain/availability.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { changeConnection } from '../../src/store/connection-change.ts';
import type { Database } from '../../src/store/database.ts';
import { openDatabase } from '../../src/store/database.ts';
import { readAvailability } from '../../src/store/availability.ts';
import { ZONES } from '../support/api.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  begin,
  bring,
  deadlocksIn,
  entriesOf,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';

let ledger: Ledger;
let database: Database;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 40 });
  database = openDatabase({ url: ledger.appUrl, poolSize: 4 });
});
afterAll(async () => {
  await database.close();
  await ledger.close();
});

const ANY = { settings: { takes: 'unit' } };
const hold = async (resourceId: string, from: number, to: number, more: object = {}) => {
  const input = aHold(resourceId, { startAt: hour(from), endAt: hour(to), ...more });
  return { input, answer: await holdUnits(ledger.pool, input) };
};

/** At the fullest moment: units held or booked, and events that take any one. */
async function fullest(resourceId: string): Promise<{ units: number; most: number }> {
  const { rows } = await ledger.pool.query<{ units: number; most: number }>(
    `WITH t AS (
       SELECT lower(span) AS s, upper(span) AS e, true AS ours FROM occupancy
        WHERE resource_id = $1 AND live
       UNION ALL SELECT start_at, end_at, false FROM busy WHERE resource_id = $1)
     SELECT (SELECT count(*)::integer FROM t WHERE ours) AS units, max(n)::integer AS most
       FROM (SELECT (SELECT count(*) FROM t WHERE t.s <= m.s AND t.e > m.s) AS n FROM t m) AS counted`,
    [resourceId],
  );
  return rows[0]!;
}

test('rivals of every length never sell what is taken somewhere, and no unit is left unsold', async () => {
  for (let round = 0; round < 6; round += 1) {
    const capacity = 4;
    const resourceId = await addResource(ledger.admin, { capacity });
    const key = await addConnection(ledger.admin, { resourceId, ...ANY });
    await sync(ledger.pool, key, {
      changes: listed(anEvent('a', [0, 12]), anEvent('b', [8, 20]), anEvent('c', [30, 40])),
    });
    const asked = Array.from({ length: 60 }, (_, n) => {
      const from = (n * 7 + round) % 36;
      return hold(resourceId, from, from + 1 + ((n * 5) % 6), n % 9 === 0 ? { party: 2 } : {});
    });
    await Promise.all(asked);
    const { most } = await fullest(resourceId);
    expect(most).toBe(capacity);
  }
  expect(await deadlocksIn(ledger)).toBe(0);
});

test('the hold and the answer go by one rule', async () => {
  const resourceId = await addResource(ledger.admin, { capacity: 3 });
  const key = await addConnection(ledger.admin, { resourceId, ...ANY });
  await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 4]), anEvent('b', [3, 6])) });
  await hold(resourceId, 2, 5);
  for (const [from, to, party] of [
    [0, 1, 2],
    [0, 3, 2],
    [3, 4, 1],
    [5, 8, 2],
    [0, 8, 1],
    [0, 8, 3],
    [6, 8, 3],
  ] as const) {
    const span = { startAt: Date.parse(hour(from)), endAt: Date.parse(hour(to)) };
    const read = await readAvailability(database, {
      tenantId: TENANT,
      resourceId,
      from: hour(from),
      to: hour(to),
    });
    const facts = { ...read!.facts, knownUntilAt: null };
    const { input, answer } = await hold(resourceId, from, to, { party });
    const refusal = refusalOf(facts, { span, party, zones: ZONES });
    expect([from, to, party, answer.kind === 'held' ? null : answer]).toMatchObject([
      from,
      to,
      party,
      refusal === null ? null : { kind: 'refused', refusal },
    ]);
    await ledger.pool.query(`SELECT release_booking($1, $2, 'expired', 'test')`, [
      TENANT,
      input.bookingId,
    ]);
  }
});

test('an event too many contests the youngest hold, and over bookings alone is a conflict', async () => {
  const resourceId = await addResource(ledger.admin, { capacity: 2 });
  const key = await addConnection(ledger.admin, { resourceId, ...ANY });
  const first = await hold(resourceId, 0, 2);
  await commitBooking(ledger.pool, first.input);
  await sync(ledger.pool, key, { changes: listed(anEvent('a', [1, 3])) });
  expect(await entriesOf(ledger.pool, `booking/${first.input.bookingId}`)).not.toContain(
    'booking.conflict',
  );
  const second = await hold(resourceId, 2, 4, { party: 1 });
  expect(second.answer).toMatchObject({ kind: 'held', units: [1] });
  await sync(ledger.pool, key, {
    changes: listed(anEvent('a', [1, 3]), anEvent('b', [1, 3])),
  });
  expect(await entriesOf(ledger.pool, `booking/${second.input.bookingId}`)).toContain(
    'booking.contested',
  );
  expect(await entriesOf(ledger.pool, `booking/${first.input.bookingId}`)).toContain(
    'booking.conflict',
  );
});

test('what events take is changed at once, in both directions', async () => {
  const resourceId = await addResource(ledger.admin, { capacity: 2 });
  const key = await addConnection(ledger.admin, { resourceId });
  await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 4])) });
  expect((await hold(resourceId, 0, 1)).answer).toMatchObject({ refusal: 'busy' });
  const takes = (what: 'unit' | 'resource') =>
    changeConnection({ database, allows: () => undefined }, key, { settings: { takes: what } });
  await takes('unit');
  expect((await hold(resourceId, 0, 1)).answer).toMatchObject({ kind: 'held', units: [1] });
  expect((await hold(resourceId, 0, 1)).answer).toMatchObject({ refusal: 'taken' });
  await takes('resource');
  expect((await hold(resourceId, 2, 3)).answer).toMatchObject({ refusal: 'busy' });
});

test('a hold that is over shields no booking from being found too many', async () => {
  const resourceId = await addResource(ledger.admin, { capacity: 2 });
  const key = await addConnection(ledger.admin, { resourceId, ...ANY });
  const sold = [await hold(resourceId, 0, 2), await hold(resourceId, 1, 3)];
  for (const { input } of sold) await commitBooking(ledger.pool, input);
  const over = await hold(resourceId, 0, 1);
  expect(over.answer).toMatchObject({ kind: 'held', units: [2] });
  await ledger.admin.query(
    `UPDATE occupancy SET expires_at = clock_timestamp() - interval '1 second' WHERE booking_id = $1`,
    [over.input.bookingId],
  );
  await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1]), anEvent('b', [0, 1])) });
  expect(await entriesOf(ledger.pool, `booking/${sold[0]!.input.bookingId}`)).toContain(
    'booking.conflict',
  );
  expect(await entriesOf(ledger.pool, `booking/${over.input.bookingId}`)).not.toContain(
    'booking.contested',
  );
});

describe('the unit that a calendar speaks of', () => {
  const place = (key: ConnectionKey, unit: number | null) =>
    changeConnection({ database, allows: () => undefined }, key, { settings: {}, unit });

  test('is changed at once, and what it spoke of before is free', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 2 });
    const key = await addConnection(ledger.admin, { resourceId, unit: 1 });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 4])) });
    expect((await hold(resourceId, 0, 1)).answer).toMatchObject({ kind: 'held', units: [2] });
    expect(await place(key, 2)).toMatchObject({ kind: 'changed', connection: { unit: 2 } });
    expect((await hold(resourceId, 2, 3)).answer).toMatchObject({ kind: 'held', units: [1] });
    await place(key, null);
    expect((await hold(resourceId, 3, 4)).answer).toMatchObject({ refusal: 'busy' });
    expect(await entriesOf(ledger.pool, `connection/${key.connectionId}`)).toEqual([
      'event.added',
      'connection.settings-changed',
      'connection.settings-changed',
    ]);
  });

  test('flags what it lies over from now on: a hold is contested, a booking in conflict', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 2 });
    const key = await addConnection(ledger.admin, { resourceId, unit: 2 });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 4])) });
    const sold = await hold(resourceId, 0, 2);
    await commitBooking(ledger.pool, sold.input);
    const held = await hold(resourceId, 2, 3);
    expect([sold.answer, held.answer]).toMatchObject([{ units: [1] }, { units: [1] }]);
    await place(key, 1);
    expect(await entriesOf(ledger.pool, `booking/${sold.input.bookingId}`)).toContain(
      'booking.conflict',
    );
    expect(await entriesOf(ledger.pool, `booking/${held.input.bookingId}`)).toContain(
      'booking.contested',
    );
  });

  test('goes for a page, too, that was read before it changed', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 2 });
    const key = await addConnection(ledger.admin, { resourceId, unit: 1 });
    await sync(ledger.pool, key);
    const pass = await begin(ledger.pool, key);
    await place(key, 2);
    await bring(ledger.pool, key, { pass, page: { changes: listed(anEvent('a', [0, 4])) } });
    expect((await hold(resourceId, 0, 1)).answer).toMatchObject({ kind: 'held', units: [1] });
    expect((await hold(resourceId, 0, 1)).answer).toMatchObject({ refusal: 'taken' });
  });

  test('shows the bookings of that unit in the calendar, and the others no more', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 2 });
    const key = await addConnection(ledger.admin, { resourceId, unit: 1 });
    const sold = [await hold(resourceId, 0, 2), await hold(resourceId, 0, 2)];
    for (const { input } of sold) await commitBooking(ledger.pool, input);
    await place(key, 2);
    const { rows } = await ledger.pool.query(
      `SELECT b.units, m.desired FROM mirror m JOIN booking b ON b.id = m.booking_id
        WHERE m.connection_id = $1 ORDER BY b.units`,
      [key.connectionId],
    );
    expect(rows).toEqual([
      { units: [1], desired: 'absent' },
      { units: [2], desired: 'present' },
    ]);
  });

  test('must be one of the resource, and have no calendar twice', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 2 });
    const key = await addConnection(ledger.admin, { resourceId, unit: 1 });
    const other = await addConnection(ledger.admin, { resourceId, unit: 2 });
    await ledger.admin.query(
      `UPDATE connection c SET account_id = o.account_id, calendar_id = o.calendar_id
         FROM connection o WHERE c.id = $1 AND o.id = $2`,
      [key.connectionId, other.connectionId],
    );
    expect(await place(key, 3)).toEqual({ kind: 'no-such-unit' });
    expect(await place(key, 2)).toEqual({
      kind: 'already-connected',
      connectionId: other.connectionId,
    });
    expect(await place({ ...key, connectionId: 'nobody' }, 1)).toEqual({ kind: 'missing' });
  });
});
