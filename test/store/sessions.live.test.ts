import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StartBooking } from '../../src/commands.ts';
import { readAvailability } from '../../src/store/availability.ts';
import { commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { cancelSession, changeCapacity, createSessions } from '../../src/store/sessions.ts';
import { change } from '../../src/store/transactions.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
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
  ledger = await openLedger({ poolSize: 64 });
  database = openDatabase({ url: ledger.appUrl, poolSize: 4 });
});
afterAll(async () => {
  await database.close();
  await ledger.close();
});

interface Tour {
  resourceId: string;
  sessionId: string;
}

/** From hour 10 to hour 12. */
async function aTour(capacity: number): Promise<Tour> {
  const resourceId = await addResource(ledger.admin, { soldBy: 'session' });
  const sessionId = randomUUID();
  const made = await change(database, (tx) =>
    createSessions(tx, { tenantId: TENANT, resourceId }, [
      { id: sessionId, startAt: hour(10), endAt: hour(12), capacity, price: null },
    ]),
  );
  expect(made.kind).toBe('scheduled');
  return { resourceId, sessionId };
}

const places = ({ resourceId, sessionId }: Tour, input: Partial<StartBooking> = {}) =>
  aHold(resourceId, { sessionId, startAt: hour(10), endAt: hour(12), ...input });

const kindOf = async (input: StartBooking): Promise<string> => {
  const answer = await holdUnits(ledger.pool, input);
  return answer.kind === 'refused' ? answer.refusal : answer.kind;
};

const takenOf = async ({ sessionId }: Tour): Promise<{ taken: number; seats: number }> => {
  const { rows } = await ledger.pool.query<{ taken: number; seats: number }>(
    `SELECT taken, (SELECT coalesce(sum(seats), 0)::integer FROM occupancy WHERE session_id = s.id
       AND live) AS seats FROM session s WHERE id = $1`,
    [sessionId],
  );
  return rows[0]!;
};

const blockOver = ({ resourceId }: Tour) =>
  ledger.admin.query(
    `INSERT INTO block (tenant_id, id, resource_id, start_at, end_at) VALUES ($1, $2, $2, $3, $4)`,
    [TENANT, resourceId, hour(11), hour(13)],
  );

describe('places', () => {
  test('of a session are sold once each to 400 rivals, and every one of them', async () => {
    const tour = await aTour(100);
    const answers = await Promise.all(Array.from({ length: 400 }, () => kindOf(places(tour))));
    expect(answers.filter((one) => one === 'held')).toHaveLength(100);
    expect(new Set(answers)).toEqual(new Set(['held', 'session-full']));
    expect(await takenOf(tour)).toEqual({ taken: 100, seats: 100 });
    expect(await deadlocksIn(ledger)).toBe(0);
  });

  test('of parties among 10,000 are all together or not at all', async () => {
    const tour = await aTour(10_000);
    const parties = Array.from({ length: 120 }, (_, n) => 1 + ((n * 71) % 400));
    const answers = await Promise.all(parties.map((party) => kindOf(places(tour, { party }))));
    const held = parties.filter((_, n) => answers[n] === 'held');
    const seats = held.reduce((sum, one) => sum + one, 0);
    expect(seats).toBeLessThanOrEqual(10_000);
    expect(await takenOf(tour)).toEqual({ taken: seats, seats });
    const refused = parties.filter((_, n) => answers[n] !== 'held');
    expect(Math.min(...refused) + seats).toBeGreaterThan(10_000);
  });

  test('are given back once, whoever lets them go and however often', async () => {
    const tour = await aTour(10);
    const input = places(tour, { party: 4 });
    expect(await kindOf(input)).toBe('held');
    expect(await kindOf(input)).toBe('repeat');
    expect(await takenOf(tour)).toEqual({ taken: 4, seats: 4 });
    const release = () =>
      releaseBooking(ledger.pool, { ...input, state: 'cancelled', reason: 'guest' });
    await Promise.all([release(), release(), release()]);
    expect(await takenOf(tour)).toEqual({ taken: 0, seats: 0 });
  });

  test('of holds that are over go to who asks for a full session, without any worker', async () => {
    const tour = await aTour(6);
    const old = places(tour, { party: 5, holdTtlMs: 1 });
    await holdUnits(ledger.pool, old);
    const sold = places(tour);
    await holdUnits(ledger.pool, sold);
    await commitBooking(ledger.pool, sold);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const answers = await Promise.all(Array.from({ length: 30 }, () => kindOf(places(tour))));
    expect(answers.filter((one) => one === 'held')).toHaveLength(5);
    expect(await takenOf(tour)).toEqual({ taken: 6, seats: 6 });
    expect(await entriesOf(ledger.pool, `booking/${old.bookingId}`)).toEqual([
      'booking.held',
      'booking.expired',
    ]);
    expect(await commitBooking(ledger.pool, sold)).toMatchObject({ kind: 'confirmed' });
  });

  test('that are held when their session is cancelled are not sold any more', async () => {
    const tour = await aTour(4);
    const held = places(tour);
    const sold = places(tour);
    await holdUnits(ledger.pool, held);
    await holdUnits(ledger.pool, sold);
    await commitBooking(ledger.pool, sold);
    await change(database, (tx) => cancelSession(tx, { tenantId: TENANT, ...tour }));
    expect(await commitBooking(ledger.pool, held)).toMatchObject({ kind: 'ended' });
    expect(await commitBooking(ledger.pool, sold)).toMatchObject({ kind: 'confirmed' });
  });

  test('are not sold of what is unknown, elsewhere, cancelled, over, too small, busy or blocked', async () => {
    const tour = await aTour(5);
    const other = await aTour(5);
    expect(await kindOf(places({ ...tour, sessionId: 'nobody' }))).toBe('no-such-session');
    expect(await kindOf(places({ ...tour, sessionId: other.sessionId }))).toBe('no-such-session');
    expect(await kindOf(places(tour, { party: 6 }))).toBe('too-large');
    const key = await addConnection(ledger.admin, { resourceId: other.resourceId });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [9, 10])) });
    expect(await kindOf(places(other))).toBe('held');
    await sync(ledger.pool, key, { changes: listed(anEvent('b', [11, 14])) });
    expect(await kindOf(places(other))).toBe('busy');
    await blockOver(tour);
    expect(await kindOf(places(tour))).toBe('blocked');
    const third = await aTour(5);
    await change(database, (tx) => cancelSession(tx, { tenantId: TENANT, ...third }));
    expect(await kindOf(places(third))).toBe('no-such-session');
    const past = await aTour(5);
    await ledger.admin.query(`UPDATE session SET start_at = now() WHERE id = $1`, [past.sessionId]);
    expect(await kindOf(places(past))).toBe('session-over');
  });

  test('follow the limits of holds', async () => {
    const tour = await aTour(50);
    await ledger.admin.query(
      `UPDATE resource SET settings = settings || '{"holdLimits": {"perResource": 2}}' WHERE id = $1`,
      [tour.resourceId],
    );
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => kindOf(places(tour, { party: 2 }))),
    );
    expect(answers.filter((one) => one === 'held')).toHaveLength(2);
    expect(new Set(answers)).toEqual(new Set(['held', 'holds-of-resource']));
  });
});

describe('an outside event over a session', () => {
  test('contests its holds and is a conflict with its bookings', async () => {
    const tour = await aTour(5);
    const key = await addConnection(ledger.admin, { resourceId: tour.resourceId });
    const [held, sold] = [places(tour), places(tour)];
    for (const one of [held, sold]) await holdUnits(ledger.pool, one);
    await commitBooking(ledger.pool, sold);
    await sync(ledger.pool, key, { changes: listed(anEvent('before', [9, 10])) });
    expect(await entriesOf(ledger.pool, `booking/${held.bookingId}`)).toEqual(['booking.held']);
    await sync(ledger.pool, key, { changes: listed(anEvent('over', [11, 12])) });
    expect(await entriesOf(ledger.pool, `booking/${held.bookingId}`)).toContain(
      'booking.contested',
    );
    expect(await entriesOf(ledger.pool, `booking/${sold.bookingId}`)).toContain('booking.conflict');
    expect(await commitBooking(ledger.pool, held)).toEqual({ kind: 'contested' });
  });
});

describe('a session', () => {
  test('shrinks to what is taken and not below, with one entry for each change', async () => {
    const tour = await aTour(10);
    await holdUnits(ledger.pool, places(tour, { party: 4 }));
    const resize = (capacity: number) =>
      change(database, (tx) => changeCapacity(tx, { tenantId: TENANT, ...tour }, capacity));
    expect(await resize(3)).toEqual({ kind: 'too-small', taken: 4 });
    expect(await resize(4)).toMatchObject({ kind: 'moved', session: { capacity: 4 } });
    expect(await resize(4)).toMatchObject({ kind: 'moved' });
    expect(await kindOf(places(tour))).toBe('session-full');
    expect(await resize(5)).toMatchObject({ kind: 'moved' });
    expect(await kindOf(places(tour))).toBe('held');
    expect(await entriesOf(ledger.pool, `session/${tour.sessionId}`)).toEqual([
      'session.created',
      'session.capacity-changed',
      'session.capacity-changed',
    ]);
  });

  test('is told of in availability with the places that are left, holds that are over as free', async () => {
    const tour = await aTour(10);
    await holdUnits(ledger.pool, places(tour, { party: 4 }));
    await holdUnits(ledger.pool, places(tour, { party: 3, holdTtlMs: 1 }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    const read = await readAvailability(database, {
      tenantId: TENANT,
      resourceId: tour.resourceId,
      from: hour(0),
      to: hour(24),
    });
    expect(read?.sessions).toMatchObject([{ id: tour.sessionId, capacity: 10, taken: 4 }]);
    expect(read?.facts.taken).toEqual([]);
  });

  test('is made only of a resource that sells sessions', async () => {
    const resourceId = await addResource(ledger.admin);
    const make = (id: string) =>
      change(database, (tx) =>
        createSessions(tx, { tenantId: TENANT, resourceId: id }, [
          { id: randomUUID(), startAt: hour(1), endAt: hour(2), capacity: 1, price: null },
        ]),
      );
    expect(await make(resourceId)).toEqual({ kind: 'not-sold' });
    expect(await make('nowhere')).toEqual({ kind: 'no-such-resource' });
  });
});
