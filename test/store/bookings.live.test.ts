import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StartBooking } from '../../src/commands.ts';
import {
  cancelBooking,
  commitBooking,
  clearAttention,
  flagAttention,
  releaseBooking,
} from '../../src/store/bookings.ts';
import { holdsLeftOpen, holdUnits } from '../../src/store/holds.ts';
import { commandLookups } from '../../src/store/lookups.ts';
import {
  mirrorApplied,
  mirrorAttempted,
  mirrorFailed,
  mirrorsLeft,
  mirrorsNotTried,
  mirrorsToDo,
} from '../../src/store/mirrors.ts';
import { dropOldRows } from '../../src/store/old-rows.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  entriesOf,
  hour,
  openLedger,
  TENANT,
} from '../support/ledger.ts';
import { FREELY } from '../support/plain-terms.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const held = async (input: Partial<StartBooking> & { capacity?: number } = {}) => {
  const { capacity = 1, ...rest } = input;
  const booking = aHold(await addResource(ledger.admin, { capacity }), rest);
  await holdUnits(ledger.pool, booking);
  return booking;
};
const release = (booking: StartBooking) =>
  releaseBooking(ledger.pool, { ...booking, state: 'declined', reason: 'card_declined' });
const entries = (booking: StartBooking) => entriesOf(ledger.pool, `booking/${booking.bookingId}`);
const stateOf = (booking: StartBooking) => commandLookups(ledger.pool).bookingState(booking);
const liveUnits = async (booking: StartBooking) => {
  const { rows } = await ledger.pool.query('SELECT FROM occupancy WHERE booking_id = $1 AND live', [
    booking.bookingId,
  ]);
  return rows.length;
};

describe('commit', () => {
  test('confirms once; repeated, it says so again without a second entry', async () => {
    const booking = await held();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => commitBooking(ledger.pool, booking)),
    );
    expect(answers.every((one) => one.kind === 'confirmed')).toBe(true);
    expect(await entries(booking)).toEqual(['booking.held', 'booking.confirmed']);
  });

  test('of an unknown booking says that it is missing', async () => {
    const booking = aHold('nowhere');
    expect(await commitBooking(ledger.pool, booking)).toEqual({ kind: 'missing' });
  });

  test('wishes a mirror in every writable calendar of its units, by the settings in force', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 2 });
    const connect = (input: { unit?: number; settings?: object; writable?: boolean } = {}) =>
      addConnection(ledger.admin, { resourceId, ...input });
    const [whole, own, defaults] = [await connect(), await connect({ unit: 1 }), await connect({ settings: {} })]; // prettier-ignore
    await connect({ unit: 2 });
    await connect({ settings: { mirror: 'none' } });
    await connect({ writable: false });
    const booking = aHold(resourceId);
    await holdUnits(ledger.pool, booking);
    const committed = await commitBooking(ledger.pool, booking);
    const told = committed.kind === 'confirmed' ? committed.connections.toSorted() : [];
    expect(told).toEqual([whole, own, defaults].map((one) => one.connectionId).toSorted());
    expect(await mirrorsToDo(ledger.pool, whole, 10)).toMatchObject([
      { bookingId: booking.bookingId, desired: 'present', desiredVersion: 1, nativeId: null },
    ]);
  });

  test('and release at once: the row decides, and both answers agree with it', async () => {
    for (let n = 0; n < 20; n += 1) {
      const booking = await held();
      const [committed, released] = await Promise.all([
        commitBooking(ledger.pool, booking),
        release(booking),
      ]);
      const state = await stateOf(booking);
      expect([committed.kind, released.kind]).toEqual(
        state === 'confirmed' ? ['confirmed', 'already-confirmed'] : ['ended', 'released'],
      );
      expect(await liveUnits(booking)).toBe(state === 'confirmed' ? 1 : 0);
    }
  });
});

describe('release', () => {
  test('frees the units once, says why, and refuses a later commit', async () => {
    const booking = await held({ party: 2, capacity: 2 });
    expect(await release(booking)).toEqual({ kind: 'released', state: 'declined' });
    expect(await release(booking)).toEqual({ kind: 'released', state: 'declined' });
    expect(await commitBooking(ledger.pool, booking)).toEqual({ kind: 'ended', state: 'declined' });
    expect(await liveUnits(booking)).toBe(0);
    expect(await entries(booking)).toEqual(['booking.held', 'booking.declined']);
    expect(await holdUnits(ledger.pool, booking)).toMatchObject({
      kind: 'repeat',
      state: 'declined',
      reason: 'card_declined',
    });
  });

  test('after the commit changes nothing', async () => {
    const booking = await held();
    await commitBooking(ledger.pool, booking);
    expect(await release(booking)).toEqual({ kind: 'already-confirmed' });
    expect(await liveUnits(booking)).toBe(1);
  });
});

describe('cancel', () => {
  const cancel = (booking: StartBooking) =>
    cancelBooking(ledger.pool, { ...booking, ...FREELY, reason: 'guest' });

  test('frees a confirmed booking and wishes its mirrors away, once', async () => {
    const resourceId = await addResource(ledger.admin);
    const key = await addConnection(ledger.admin, { resourceId });
    const booking = aHold(resourceId);
    await holdUnits(ledger.pool, booking);
    await commitBooking(ledger.pool, booking);
    expect(await cancel(booking)).toEqual({
      kind: 'cancelled',
      state: 'cancelled',
      connections: [key.connectionId],
    });
    expect(await cancel(booking)).toMatchObject({ kind: 'cancelled' });
    expect(await liveUnits(booking)).toBe(0);
    expect(await mirrorsToDo(ledger.pool, key, 10)).toMatchObject([
      { desired: 'absent', desiredVersion: 2 },
    ]);
    expect(await entries(booking)).toHaveLength(3);
  });

  test('leaves alone what is not confirmed, or not there', async () => {
    const booking = await held();
    expect(await cancel(booking)).toEqual({ kind: 'not-confirmed', state: 'held' });
    expect(await cancel(aHold('nowhere'))).toEqual({ kind: 'not-confirmed', state: null });
  });
});

describe('a mirror', () => {
  const mirrored = async () => {
    const resourceId = await addResource(ledger.admin);
    const key = await addConnection(ledger.admin, { resourceId });
    const booking = aHold(resourceId);
    await holdUnits(ledger.pool, booking);
    await commitBooking(ledger.pool, booking);
    const [task] = await mirrorsToDo(ledger.pool, key, 1);
    return { key, booking, task: task! };
  };
  const done = { nativeId: 'n', etag: 'e', spent: false };

  test('that was carried out is entered by what was carried out, not by a newer wish', async () => {
    const { key, booking, task } = await mirrored();
    await cancelBooking(ledger.pool, { ...booking, ...FREELY, reason: 'guest' });
    await mirrorApplied(ledger.pool, key, { ...task, ...done });
    await mirrorApplied(ledger.pool, key, { ...task, ...done });
    const [next] = await mirrorsToDo(ledger.pool, key, 1);
    expect(next).toMatchObject({ desired: 'absent', nativeId: 'n', desiredVersion: 2 });
    await mirrorApplied(ledger.pool, key, { ...next!, nativeId: null, etag: null, spent: true });
    expect(await mirrorsToDo(ledger.pool, key, 1)).toEqual([]);
    expect(await entriesOf(ledger.pool, `connection/${key.connectionId}`)).toEqual([
      'mirror.present',
      'mirror.absent',
    ]);
  });

  test('that failed stays to do, and is left to the sweeper later and later', async () => {
    const { key, booking, task } = await mirrored();
    const left = async () =>
      (await mirrorsLeft(ledger.pool, { olderThanMs: 1_000, limit: 500 })).some(
        (one) => one.connectionId === key.connectionId,
      );
    const wait = (ms: number) =>
      ledger.admin.query(
        `UPDATE mirror SET updated_at = clock_timestamp() - $2 * interval '1 ms' WHERE booking_id = $1`,
        [booking.bookingId, ms],
      );
    await wait(1_500);
    expect(await left()).toBe(true);
    const failed = { subjectId: booking.bookingId, failure: 'id-spent', newGeneration: true };
    await mirrorAttempted(ledger.pool, key, task);
    await mirrorFailed(ledger.pool, key, failed);
    expect(await mirrorsNotTried(ledger.pool, key)).toBe(0);
    expect(await mirrorsToDo(ledger.pool, key, 1)).toMatchObject([{ generation: 1, etag: null }]);
    await wait(1_500);
    expect(await left()).toBe(false);
    await wait(2_500);
    expect(await left()).toBe(true);
  });
});

test('calls for a person of several kinds stand beside each other, each entered when it is news and when it is settled', async () => {
  const booking = await held();
  const flag = (attention: string) => flagAttention(ledger.pool, { ...booking, attention });
  const clear = (attention: string) => clearAttention(ledger.pool, { ...booking, attention });
  const shown = async () => {
    const text = 'SELECT attention, attentions FROM booking WHERE id = $1';
    const { rows } = await ledger.pool.query<{ attention: string | null; attentions: string[] }>(
      text,
      [booking.bookingId],
    );
    return [rows[0]!.attention, rows[0]!.attentions];
  };
  await flag('stuck-void-payment');
  await flag('stuck-void-payment');
  await flag('another');
  expect(await shown()).toEqual(['stuck-void-payment', ['stuck-void-payment', 'another']]);
  await clear('stuck-void-payment');
  await clear('stuck-void-payment');
  expect(await shown()).toEqual(['another', ['another']]);
  await clear('another');
  expect(await shown()).toEqual([null, []]);
  expect(await entries(booking)).toEqual([
    'booking.held',
    'booking.needs-attention',
    'booking.needs-attention',
    'booking.settled',
    'booking.settled',
  ]);
});

test('a call that arrives late, after it was taken back, does not stand again; the next one does', async () => {
  const booking = await held();
  const attention = 'stuck-void-payment';
  const call = (callId: string) => flagAttention(ledger.pool, { ...booking, attention, callId });
  const calls = async () => {
    const text = 'SELECT attentions FROM booking WHERE id = $1';
    const { rows } = await ledger.pool.query<{ attentions: string[] }>(text, [booking.bookingId]);
    return rows[0]!.attentions;
  };
  await call('first');
  await clearAttention(ledger.pool, { ...booking, attention });
  await call('first');
  expect(await calls()).toEqual([]);
  await call('second');
  expect(await calls()).toEqual([attention]);
});

test('a hold long over whose workflow is gone is found for the sweeper', async () => {
  const [over, fresh] = [await held({ holdTtlMs: 1 }), await held()];
  await new Promise((resolve) => setTimeout(resolve, 30));
  const left = await holdsLeftOpen(ledger.pool, { olderThanMs: 10, limit: 100 });
  expect(left).toContainEqual({ tenantId: TENANT, bookingId: over.bookingId });
  expect(left).not.toContainEqual({ tenantId: TENANT, bookingId: fresh.bookingId });
});

test('a draft goes when its booking needs it no more, and not while it is paid for', async () => {
  const draft = async (booking: StartBooking) => {
    await ledger.admin.query(
      `INSERT INTO booking_draft (tenant_id, booking_id, guest, created_at)
       VALUES ($1, $2, '\\x01', now() - interval '2 hours')`,
      [TENANT, booking.bookingId],
    );
    return booking.bookingId;
  };
  const paying = await draft(await held());
  const done = await held();
  await commitBooking(ledger.pool, done);
  await draft(done);
  await draft(aHold('never-held'));
  await dropOldRows(ledger.pool);
  const { rows } = await ledger.pool.query('SELECT booking_id FROM booking_draft');
  expect(rows).toEqual([{ booking_id: paying }]);
});

test('the guest of a draft becomes the booking’s with its hold', async () => {
  const booking = aHold(await addResource(ledger.admin), { startAt: hour(50), endAt: hour(51) });
  await ledger.pool.query(
    `INSERT INTO booking_draft (tenant_id, booking_id, guest) VALUES ($1, $2, '\\x0102')`,
    [TENANT, booking.bookingId],
  );
  await holdUnits(ledger.pool, booking);
  const { rows } = await ledger.pool.query('SELECT guest FROM booking WHERE id = $1', [
    booking.bookingId,
  ]);
  expect(rows[0]).toEqual({ guest: Buffer.from([1, 2]) });
});
