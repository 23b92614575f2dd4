import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../../src/domain/failure.ts';
import { cancelBooking, commitBooking, releaseBooking } from '../../../src/store/bookings.ts';
import { setConnectionStatus } from '../../../src/store/connection-status.ts';
import { holdUnits } from '../../../src/store/holds.ts';
import { restoreByHand } from '../../../src/store/mirror-edits.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { removeMirrors } from '../../../temporal/activities/connection-mirrors.ts';
import type { Ledger } from '../../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  entriesOf,
  hour,
  openLedger,
} from '../../support/ledger.ts';
import { openCalendar, type MirrorScene } from './mirror-scene.ts';
import { FREELY } from '../../support/plain-terms.ts';

let ledger: Ledger;
let calendar: MirrorScene;
let resourceId: string;
let key: ConnectionKey;

beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  calendar = openCalendar(ledger);
  resourceId = await addResource(ledger.admin);
  await connect({});
});

/** Another calendar of the same resource; it has been read once, so that it is live. */
async function connect(settings: object): Promise<ConnectionKey> {
  key = await addConnection(ledger.admin, { resourceId, settings });
  await calendar.list(key);
  return key;
}

async function held(hours: [number, number] = [0, 1]) {
  const booking = aHold(resourceId, { startAt: hour(hours[0]), endAt: hour(hours[1]) });
  expect(await holdUnits(ledger.pool, booking)).toMatchObject({ kind: 'held' });
  return booking;
}

async function booked(hours?: [number, number]) {
  const booking = await held(hours);
  await commitBooking(ledger.pool, booking);
  await calendar.carryOut(key);
  return booking;
}

const utc = (hours: number) => ({ kind: 'utc' as const, at: hour(hours) });
const moved = { start: utc(3), end: utc(4) };
const idOf = ({ bookingId }: { bookingId: string }, generation = 0) => `${bookingId}:${generation}`;

async function rowOf(subjectId: string): Promise<Record<string, unknown>> {
  const { rows } = await ledger.pool.query<Record<string, unknown>>(
    'SELECT * FROM mirror WHERE subject_id = $1 AND connection_id = $2',
    [subjectId, key.connectionId],
  );
  return rows[0]!;
}

const attentionOf = async ({ bookingId }: { bookingId: string }) =>
  (
    await ledger.pool.query<{ attention: string | null }>(
      'SELECT attention FROM booking WHERE id = $1',
      [bookingId],
    )
  ).rows[0]!.attention;

const busy = async (): Promise<number> =>
  (
    await ledger.pool.query('SELECT FROM busy WHERE connection_id = $1 AND NOT stale', [
      key.connectionId,
    ])
  ).rowCount!;

describe('a mirror', () => {
  test('is read back after it was written, and what it says of itself causes no write', async () => {
    const booking = await booked();
    expect(calendar.asked).toEqual(['write', 'read']);
    expect(await rowOf(booking.bookingId)).toMatchObject({
      native_id: idOf(booking),
      etag: 'v1',
      copy: {
        startAt: Date.parse(hour(0)),
        endAt: Date.parse(hour(1)),
        status: 'confirmed',
        transparency: 'opaque',
      },
    });
    for (let n = 0; n < 3; n += 1) {
      await calendar.tell(key, idOf(booking));
      await calendar.list(key);
      expect(await calendar.carryOut(key)).toEqual({ written: 0, left: 0 });
    }
    expect(calendar.asked).toEqual(['write', 'read']);
    expect(await busy()).toBe(0);
  });

  test('shows a hold as tentative where that is asked for, and becomes the booking in place', async () => {
    await connect({ mirrorHolds: true });
    const booking = await held();
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ nativeId: idOf(booking), status: 'tentative' }]);
    expect(await commitBooking(ledger.pool, booking)).toMatchObject({
      connections: expect.arrayContaining([key.connectionId]),
    });
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ nativeId: idOf(booking), status: 'confirmed' }]);
  });

  test.each(['declined', 'expired'] as const)('of a hold that %s goes', async (state) => {
    await connect({ mirrorHolds: true });
    const booking = await held();
    await calendar.carryOut(key);
    const released = await releaseBooking(ledger.pool, { ...booking, state, reason: 'r' });
    expect(released).toMatchObject({ connections: [key.connectionId] });
    await calendar.carryOut(key);
    expect(calendar.ours()).toEqual([]);
  });

  test('is not made of a hold unless that is asked for', async () => {
    expect(await holdUnits(ledger.pool, aHold(resourceId))).not.toHaveProperty('connections');
    expect(await calendar.carryOut(key)).toEqual({ written: 0, left: 0 });
  });

  test('whose time, etag or answer the channel words otherwise is no edit', async () => {
    const booking = await booked();
    calendar.edit(idOf(booking), {
      start: { kind: 'zoned', local: '2035-01-01T01:00:00', zone: 'Europe/Paris' },
      end: { kind: 'zoned', local: '2035-01-01T02:00:00', zone: 'Europe/Paris' },
    });
    await calendar.tell(key, idOf(booking));
    expect(await calendar.carryOut(key)).toEqual({ written: 0, left: 0 });
    expect((await rowOf(booking.bookingId))['doubt']).toBeNull();
  });
});

describe('a write that meets another version', () => {
  test('reads it and writes over it, however often, within bounds', async () => {
    await connect({ mirrorHolds: true });
    const booking = await held();
    await calendar.carryOut(key);
    await commitBooking(ledger.pool, booking);
    let storm = 2;
    calendar.onWrite = () => {
      if (storm-- > 0) calendar.edit(idOf(booking), moved);
    };
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ status: 'confirmed', start: utc(0) }]);
    expect((await rowOf(booking.bookingId))['restored_at']).toEqual([]);
  });

  test('gives way to a storm, and tries again later', async () => {
    await connect({ mirrorHolds: true });
    const booking = await held();
    await calendar.carryOut(key);
    await commitBooking(ledger.pool, booking);
    calendar.onWrite = () => calendar.edit(idOf(booking), moved);
    await expect(calendar.carryOut(key)).rejects.toMatchObject({ code: 'contended' });
    calendar.onWrite = () => undefined;
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ status: 'confirmed', start: utc(0) }]);
  });

  test('finds its own work after a lost answer, and leaves one event', async () => {
    const booking = await held();
    await commitBooking(ledger.pool, booking);
    const write = calendar.deps.channels.get('google')!;
    const real = write.write;
    Object.assign(write, {
      write: async (input: Parameters<typeof real>[0]) => {
        await real(input);
        throw new Failure({ kind: 'unavailable', code: 'no-answer' });
      },
    });
    await expect(calendar.carryOut(key)).rejects.toMatchObject({ code: 'no-answer' });
    await calendar.tell(key, idOf(booking));
    expect(await busy()).toBe(0);
    Object.assign(write, { write: real });
    await calendar.carryOut(key);
    expect(calendar.ours()).toHaveLength(1);
  });
});

describe('an outside edit, by the rule `restore`,', () => {
  test.each([
    ['moved', moved],
    ['shown as free', { transparency: 'transparent' as const }],
    ['made tentative', { status: 'tentative' as const }],
    ['made to recur', { recurrence: ['RRULE:FREQ=DAILY'] }],
  ])('of an event that was %s is written over', async (_name, change) => {
    const booking = await booked();
    const before = calendar.ours()[0]!;
    calendar.edit(idOf(booking), change);
    await calendar.tell(key, idOf(booking));
    expect(await busy()).toBe(0);
    await calendar.carryOut(key);
    const { status, transparency } = before;
    expect(calendar.ours()).toMatchObject([{ start: before.start, status, transparency }]);
    expect(await entriesOf(ledger.pool, `connection/${key.connectionId}`)).toContain(
      'mirror.edited',
    );
  });

  test.each(['tombstone', 'absence'])('by its removal (%s) writes it anew', async (how) => {
    const booking = await booked();
    await calendar.list(key);
    calendar.events.delete(idOf(booking));
    await (how === 'absence' ? calendar.list(key) : calendar.tell(key, idOf(booking)));
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ nativeId: idOf(booking, 1), start: utc(0) }]);
  });

  test('that comes a fourth time within a day is left to a person', async () => {
    const booking = await booked();
    for (let n = 0; n < 4; n += 1) {
      calendar.edit(idOf(booking), moved);
      await calendar.tell(key, idOf(booking));
      await calendar.carryOut(key);
    }
    expect(calendar.ours()).toMatchObject([{ start: utc(3) }]);
    expect((await rowOf(booking.bookingId))['attention']).toBe('edited-again-and-again');
    expect(await attentionOf(booking)).toBe('mirror-edited-again-and-again');
    // A day later nothing is restored either: nobody has settled it.
    calendar.setNow(Date.now() + 2 * 86_400_000);
    calendar.edit(idOf(booking), { start: utc(5), end: utc(6) });
    await calendar.tell(key, idOf(booking));
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ start: utc(5) }]);

    expect(await restoreByHand(ledger.pool, key, booking.bookingId)).toBe(true);
    expect(await attentionOf(booking)).toBeNull();
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ start: utc(0) }]);
  });

  test('put back by whoever made it settles the call by itself', async () => {
    const booking = await booked();
    for (let n = 0; n < 4; n += 1) {
      calendar.edit(idOf(booking), moved);
      await calendar.tell(key, idOf(booking));
      await calendar.carryOut(key);
    }
    calendar.edit(idOf(booking), { start: utc(0), end: utc(1) });
    await calendar.tell(key, idOf(booking));
    expect(await attentionOf(booking)).not.toBeNull();
    await calendar.carryOut(key);
    expect(await attentionOf(booking)).toBeNull();
    expect((await rowOf(booking.bookingId))['attention']).toBeNull();
  });
});

describe('an outside edit, by the rule `follow`,', () => {
  const follow = async () => {
    await connect({ outsideEdits: 'follow' });
    return booked();
  };

  test('that removed the event calls the booking off, once', async () => {
    const booking = await follow();
    calendar.events.delete(idOf(booking));
    await calendar.tell(key, idOf(booking));
    await calendar.carryOut(key);
    await calendar.carryOut(key);
    expect(calendar.cancelled).toEqual([booking.bookingId]);
    expect(calendar.ours()).toEqual([]);
  });

  test('never believes absence, a reset, or a removal that reading denies', async () => {
    const booking = await follow();
    const event = calendar.events.get(idOf(booking))!;
    calendar.events.delete(idOf(booking));
    await calendar.tell(key, idOf(booking));
    calendar.events.set(idOf(booking), event);
    await calendar.carryOut(key);
    expect(calendar.cancelled).toEqual([]);
    await calendar.list(key);
    calendar.events.delete(idOf(booking));
    await calendar.list(key);
    await calendar.carryOut(key);
    expect(calendar.cancelled).toEqual([]);
    expect(calendar.ours()).toMatchObject([{ nativeId: idOf(booking, 1) }]);
  });

  test('waits until the connection is live', async () => {
    const booking = await follow();
    calendar.events.delete(idOf(booking));
    await calendar.tell(key, idOf(booking));
    await setConnectionStatus(ledger.pool, key, { status: 'failing', reason: 'not-found' });
    await calendar.carryOut(key);
    expect(calendar.cancelled).toEqual([]);
    await setConnectionStatus(ledger.pool, key, { status: 'live', reason: null });
    await calendar.carryOut(key);
    expect(calendar.cancelled).toEqual([booking.bookingId]);
  });

  test('asks a person when a whole calendar was cleared, and calls nothing off', async () => {
    await connect({ outsideEdits: 'follow' });
    const bookings = [await booked([0, 1]), await booked([2, 3]), await booked([4, 5])];
    calendar.events.clear();
    await calendar.tell(key, ...bookings.map((one) => idOf(one)));
    await calendar.carryOut(key);
    await calendar.carryOut(key);
    expect(calendar.cancelled).toEqual([]);
    expect(await attentionOf(bookings[2]!)).toBe('mirror-many-removed-at-channel');
    await restoreByHand(ledger.pool, key, bookings[2]!.bookingId);
    await expect(calendar.carryOut(key)).rejects.toMatchObject({ code: 'id-spent' });
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ nativeId: idOf(bookings[2]!, 1) }]);
  });

  test('that moved the event to where there is no room asks a person, and leaves it where it is', async () => {
    const booking = await follow();
    calendar.edit(idOf(booking), moved);
    await calendar.tell(key, idOf(booking));
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ start: utc(3) }]);
    expect(await attentionOf(booking)).toBe('mirror-moved-at-channel');
    await restoreByHand(ledger.pool, key, booking.bookingId);
    await calendar.carryOut(key);
    expect(calendar.ours()).toMatchObject([{ start: utc(0) }]);
    expect(await attentionOf(booking)).toBeNull();
  });

  test('of a booking that is called off meanwhile removes what is there', async () => {
    const booking = await follow();
    calendar.edit(idOf(booking), moved);
    await calendar.tell(key, idOf(booking));
    await cancelBooking(ledger.pool, { ...booking, ...FREELY, reason: 'guest' });
    await calendar.carryOut(key);
    expect(calendar.ours()).toEqual([]);
    expect(await calendar.carryOut(key)).toEqual({ written: 0, left: 0 });
  });
});

describe('an outside event of exactly the time of a mirrored booking', () => {
  const conflicts = async () =>
    (
      await ledger.pool.query<{ askedBecause: string | null; booking: string }>(
        'SELECT asked_because AS "askedBecause", booking_id AS booking FROM conflict WHERE connection_id = $1',
        [key.connectionId],
      )
    ).rows;

  test('blocks, and its conflict waits for a person', async () => {
    const { bookingId } = await booked();
    calendar.events.set('copy', anEvent('copy', [0, 1]));
    await calendar.tell(key, 'copy');
    expect(await busy()).toBe(1);
    expect(await conflicts()).toEqual([{ askedBecause: 'copy', booking: bookingId }]);
    expect(await calendar.carryOut(key)).toEqual({ written: 0, left: 0 });
  });

  test('of a hold that is shown does not end the hold', async () => {
    await connect({ mirrorHolds: true });
    const booking = await held();
    await calendar.carryOut(key);
    calendar.events.set('copy', anEvent('copy', [0, 1]));
    await calendar.tell(key, 'copy');
    expect(await conflicts()).toMatchObject([{ askedBecause: 'copy' }]);
    expect(await commitBooking(ledger.pool, booking)).toMatchObject({ kind: 'confirmed' });
  });

  test('is told from one of another time', async () => {
    await booked();
    calendar.events.set('other', anEvent('other', [0, 2]));
    await calendar.tell(key, 'other');
    expect(await conflicts()).toMatchObject([{ askedBecause: null }]);
  });
});

test('what has the UID and the time of our event in another calendar of the place is ours', async () => {
  const booking = await booked();
  const { uid } = calendar.events.get(idOf(booking))!;
  key = await addConnection(ledger.admin, { resourceId, settings: { mirror: 'none' } });
  calendar.events.clear();
  calendar.events.set('exported', anEvent('exported', [0, 1], { uid }));
  await calendar.list(key);
  expect(await busy()).toBe(0);
  calendar.edit('exported', moved);
  await calendar.tell(key, 'exported');
  expect(await busy()).toBe(1);
});

test('all that is ours goes before a connection ends, and nothing else', async () => {
  await booked();
  await booked([5, 6]);
  calendar.events.set('theirs', anEvent('theirs', [8, 9]));
  expect(await removeMirrors(calendar.deps, key)).toEqual({ written: 2, left: 0 });
  expect([...calendar.events.keys()]).toEqual(['theirs']);
  expect(await removeMirrors(calendar.deps, key)).toEqual({ written: 0, left: 0 });
});
