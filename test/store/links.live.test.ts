import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StartBooking } from '../../src/commands.ts';
import { commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { createLink, removeLink, type LinkKind } from '../../src/store/links.ts';
import { change } from '../../src/store/transactions.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
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
  ledger = await openLedger({ poolSize: 24 });
  database = openDatabase({ url: ledger.appUrl, poolSize: 4 });
});
afterAll(async () => {
  await database.close();
  await ledger.close();
});

const link = async (
  resourceId: string,
  linkedId: string,
  kind: LinkKind,
  units: number | null = null,
) =>
  (
    await change(database, (tx) =>
      createLink(tx, { tenantId: TENANT, resourceId }, { linkedId, kind, units }),
    )
  ).kind;

const kindOf = async (resourceId: string, input: Partial<StartBooking> = {}): Promise<string> => {
  const answer = await holdUnits(ledger.pool, aHold(resourceId, input));
  return answer.kind === 'refused' ? answer.refusal : answer.kind;
};

/** What a booking holds: units by resource. */
async function heldBy({ bookingId }: StartBooking): Promise<Record<string, number[]>> {
  const { rows } = await ledger.pool.query<{ id: string; units: number[] }>(
    `SELECT resource_id AS id, array_agg(unit ORDER BY unit) AS units FROM occupancy
      WHERE booking_id = $1 AND live GROUP BY 1 ORDER BY 1`,
    [bookingId],
  );
  return Object.fromEntries(rows.map((row) => [row.id, row.units]));
}

async function aVilla() {
  const villa = await addResource(ledger.admin);
  const dorm = await addResource(ledger.admin, { capacity: 3, bufferAfterMs: 1_800_000 });
  const suite = await addResource(ledger.admin);
  for (const room of [dorm, suite]) expect(await link(villa, room, 'part')).toBe('linked');
  return { villa, dorm, suite };
}

async function aTreatment() {
  const treatment = await addResource(ledger.admin, { capacity: 5 });
  const people = await addResource(ledger.admin, { capacity: 3 });
  const room = await addResource(ledger.admin, { capacity: 2 });
  expect(await link(treatment, people, 'need', 1)).toBe('linked');
  expect(await link(treatment, room, 'need', 1)).toBe('linked');
  return { treatment, people, room };
}

describe('a whole and its parts', () => {
  test('take each other: the whole every unit of each part, with the buffers of each', async () => {
    const { villa, dorm, suite } = await aVilla();
    const whole = aHold(villa);
    expect(await holdUnits(ledger.pool, whole)).toMatchObject({ kind: 'held', units: [1] });
    expect(await heldBy(whole)).toEqual({ [villa]: [1], [dorm]: [1, 2, 3], [suite]: [1] });
    expect([await kindOf(dorm), await kindOf(suite), await kindOf(villa)]).toEqual(
      Array(3).fill('taken'),
    );
    expect(await kindOf(dorm, { startAt: hour(1), endAt: hour(2) })).toBe('taken');
    expect(await kindOf(suite, { startAt: hour(1), endAt: hour(2) })).toBe('held');
    expect(await kindOf(villa, { startAt: hour(1.5), endAt: hour(3) })).toBe('linked-taken');
    expect(await kindOf(villa, { startAt: hour(2), endAt: hour(3) })).toBe('held');
  });

  test('are let go together, when the hold is released and when it is over', async () => {
    const { villa, dorm, suite } = await aVilla();
    const whole = aHold(villa);
    await holdUnits(ledger.pool, whole);
    await releaseBooking(ledger.pool, { ...whole, state: 'cancelled', reason: 'guest' });
    expect(await heldBy(whole)).toEqual({});
    const old = aHold(villa, { holdTtlMs: 1 });
    await holdUnits(ledger.pool, old);
    const older = aHold(suite, { holdTtlMs: 1, startAt: hour(9), endAt: hour(10) });
    await holdUnits(ledger.pool, older);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await kindOf(dorm, { party: 3 })).toBe('held');
    expect(await heldBy(old)).toEqual({});
    expect(await kindOf(villa, { startAt: hour(9), endAt: hour(10) })).toBe('held');
    expect(await entriesOf(ledger.pool, `booking/${older.bookingId}`)).toEqual([
      'booking.held',
      'booking.expired',
    ]);
  });

  test('outside time and blocks of the whole take its parts, and contest what is there', async () => {
    const { villa, dorm, suite } = await aVilla();
    const [held, sold] = [aHold(dorm), aHold(suite)];
    for (const one of [held, sold]) await holdUnits(ledger.pool, one);
    await commitBooking(ledger.pool, sold);
    const key = await addConnection(ledger.admin, { resourceId: villa });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0.5, 2])) });
    expect(await kindOf(dorm, { startAt: hour(1), endAt: hour(3) })).toBe('linked-taken');
    // The dormitory's buffer reaches over the event's beginning.
    expect(
      await kindOf(dorm, { startAt: hour(0), endAt: hour(0.25), bufferAfterMs: 1_800_000 }),
    ).toBe('linked-taken');
    expect(await kindOf(suite, { startAt: hour(2), endAt: hour(3) })).toBe('held');
    expect(await entriesOf(ledger.pool, `booking/${held.bookingId}`)).toContain(
      'booking.contested',
    );
    expect(await entriesOf(ledger.pool, `booking/${sold.bookingId}`)).toContain('booking.conflict');
    await ledger.admin.query(
      `INSERT INTO block (tenant_id, id, resource_id, start_at, end_at) VALUES ($1, $2, $2, $3, $4)`,
      [TENANT, villa, hour(20), hour(21)],
    );
    expect(await kindOf(suite, { startAt: hour(20), endAt: hour(21) })).toBe('linked-taken');
  });

  test('outside time of a part takes the whole, and nothing of the other parts', async () => {
    const { villa, dorm, suite } = await aVilla();
    const key = await addConnection(ledger.admin, { resourceId: dorm, unit: 2 });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [0, 1])) });
    expect(await kindOf(villa)).toBe('linked-taken');
    expect(await kindOf(suite)).toBe('held');
    expect(await kindOf(dorm, { party: 2 })).toBe('held');
  });

  test('are shown in the calendars of all that a booking takes', async () => {
    const { villa, dorm, suite } = await aVilla();
    const [ofDorm, ofBed, ofSuite] = [
      await addConnection(ledger.admin, { resourceId: dorm }),
      await addConnection(ledger.admin, { resourceId: dorm, unit: 3 }),
      await addConnection(ledger.admin, { resourceId: suite }),
    ];
    const [whole, bed] = [aHold(villa), aHold(dorm, { startAt: hour(5), endAt: hour(6) })];
    for (const one of [whole, bed]) {
      await holdUnits(ledger.pool, one);
      await commitBooking(ledger.pool, one);
    }
    const { rows } = await ledger.pool.query<{ booking: string; connection: string }>(
      `SELECT booking_id AS booking, connection_id AS connection FROM mirror WHERE tenant_id = $1`,
      [TENANT],
    );
    const shown = (id: string) =>
      rows
        .filter((row) => row.booking === id)
        .map((row) => row.connection)
        .toSorted();
    expect(shown(whole.bookingId)).toEqual(
      [ofDorm, ofBed, ofSuite].map((one) => one.connectionId).toSorted(),
    );
    expect(shown(bed.bookingId)).toEqual([ofDorm.connectionId]);
  });
});

describe('what a resource needs', () => {
  test('is taken with it, all or nothing, so many units for each booking', async () => {
    const { treatment, people, room } = await aTreatment();
    const first = aHold(treatment, { party: 2 });
    expect(await holdUnits(ledger.pool, first)).toMatchObject({ kind: 'held', units: [1, 2] });
    expect(await heldBy(first)).toEqual({ [treatment]: [1, 2], [people]: [1], [room]: [1] });
    expect(await kindOf(treatment)).toBe('held');
    expect(await kindOf(treatment)).toBe('linked-taken');
    // The third practitioner is free, and was not taken by who found no room.
    expect(await kindOf(people)).toBe('held');
    expect(await kindOf(people)).toBe('taken');
  });

  test('knows nothing of who needs it: alone it is taken as ever', async () => {
    const { treatment, room } = await aTreatment();
    expect(await kindOf(room, { party: 2 })).toBe('held');
    expect(await kindOf(treatment)).toBe('linked-taken');
    expect(await kindOf(treatment, { startAt: hour(1), endAt: hour(2) })).toBe('held');
  });

  test('adds up along several ways, and parts of what is needed are taken with it', async () => {
    const { treatment, people } = await aTreatment();
    const ritual = await addResource(ledger.admin);
    const spa = await aVilla();
    for (const [id, units] of [
      [treatment, 1],
      [people, 2],
      [spa.villa, null],
    ] as const)
      expect(await link(ritual, id, 'need', units)).toBe('linked');
    const booking = aHold(ritual);
    expect(await holdUnits(ledger.pool, booking)).toMatchObject({ kind: 'held' });
    expect(await heldBy(booking)).toMatchObject({
      [treatment]: [1],
      [people]: [1, 2, 3],
      [spa.dorm]: [1, 2, 3],
      [spa.suite]: [1],
    });
    expect(await kindOf(people)).toBe('taken');
    expect(await kindOf(treatment)).toBe('linked-taken');
  });
});

describe('a link', () => {
  test('leads in no circle, to what exists, once, with units that there are, and to no sessions', async () => {
    const { villa, suite } = await aVilla();
    const bed = await addResource(ledger.admin, { capacity: 2 });
    const tours = await addResource(ledger.admin, { soldBy: 'session' });
    expect(await link(suite, bed, 'part')).toBe('linked');
    expect(await link(bed, villa, 'need', 1)).toBe('cycle');
    expect(await link(villa, villa, 'need', 1)).toBe('cycle');
    expect(await link(villa, suite, 'need', 1)).toBe('exists');
    expect(await link(villa, 'nowhere', 'part')).toBe('no-such-resource');
    expect(await link(villa, bed, 'need', 3)).toBe('too-many-units');
    expect(await link(villa, tours, 'need', 1)).toBe('sessions');
  });

  test('to a new part has bookings of the whole take it, unless somebody else is there', async () => {
    const { villa } = await aVilla();
    const booked = aHold(villa);
    await holdUnits(ledger.pool, booked);
    await commitBooking(ledger.pool, booked);
    const [annex, shed] = [
      await addResource(ledger.admin, { capacity: 2 }),
      await addResource(ledger.admin),
    ];
    await holdUnits(ledger.pool, aHold(shed));
    expect(await link(villa, shed, 'part')).toBe('in-use');
    expect(await link(villa, annex, 'part')).toBe('linked');
    expect(await heldBy(booked)).toMatchObject({ [annex]: [1, 2] });
    expect(await kindOf(annex)).toBe('taken');
    const { rows } = await ledger.pool.query<{ locks: string[] }>(
      'SELECT also_locks AS locks FROM booking WHERE id = $1',
      [booked.bookingId],
    );
    expect(rows[0]!.locks).toContain(annex);
  });

  test('that is removed leaves what was booked, and binds nobody after', async () => {
    const { villa, dorm, suite } = await aVilla();
    const booked = aHold(villa);
    await holdUnits(ledger.pool, booked);
    const unlink = (linkedId: string) =>
      change(database, (tx) => removeLink(tx, { tenantId: TENANT, resourceId: villa }, linkedId));
    expect([await unlink(dorm), await unlink(dorm), await unlink(suite)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(await kindOf(dorm)).toBe('taken');
    expect(await kindOf(dorm, { startAt: hour(5), endAt: hour(6) })).toBe('held');
    expect(await kindOf(villa, { startAt: hour(5), endAt: hour(6) })).toBe('held');
    const { rows } = await ledger.pool.query<{ linked: boolean }>(
      'SELECT linked FROM resource WHERE id = ANY ($1)',
      [[villa, dorm, suite]],
    );
    expect(rows.map((row) => row.linked)).toEqual([false, false, false]);
  });
});
