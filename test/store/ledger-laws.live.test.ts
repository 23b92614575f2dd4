import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BookingState } from '../../src/domain/booking.ts';
import { BOOKING_STATES, isLive, mayMove } from '../../src/domain/booking.ts';
import { cancelBooking, commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { recordIntent } from '../../src/store/payments.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  deadlocksIn,
  entriesOf,
  gone,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';
import { FREELY } from '../support/plain-terms.ts';

/*
 Whatever holds, commits, releases, cancels and outside events come at once, in whatever order: the
 ledger's rules hold after every wave of them.
*/

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 20 });
  await ledger.admin.query(
    `INSERT INTO payment_account (tenant_id, id, service, sealed) VALUES ($1, 'p', 'stripe', '\\x07')`,
    [TENANT],
  );
});
afterAll(() => ledger.close());

const span = fc.record({
  from: fc.integer({ min: 0, max: 8 }),
  length: fc.integer({ min: 1, max: 4 }),
});
const act = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('hold' as const),
      span,
      party: fc.integer({ min: 1, max: 3 }),
      lateMs: fc.constantFrom(1, 60_000, 60_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'commit' as const,
        'release' as const,
        'cancel' as const,
        'pay' as const,
      ),
      nth: fc.nat(30),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('page' as const),
      span,
      event: fc.integer({ min: 0, max: 3 }),
      isGone: fc.boolean(),
      more: fc.boolean(),
      which: fc.nat(1),
    }),
  },
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;
type World = {
  resourceId: string;
  connections: ConnectionKey[];
  bookings: ReturnType<typeof aHold>[];
};

async function perform(world: World, one: Act): Promise<void> {
  const { pool } = ledger;
  if (one.kind === 'hold') {
    const times = { startAt: hour(one.span.from), endAt: hour(one.span.from + one.span.length) };
    const booking = aHold(world.resourceId, {
      ...times,
      party: one.party,
      holdTtlMs: one.lateMs,
      bufferAfterMs: 600_000,
    });
    world.bookings.push(booking);
    await holdUnits(pool, booking);
    return;
  }
  if (one.kind === 'page') {
    const { from, length } = one.span;
    const id = `e${one.event}`;
    const changes = one.isGone ? gone(id) : listed(anEvent(id, [from, from + length]));
    // Two pages read from one position: one of them is read again, as its activity would be.
    await sync(pool, world.connections[one.which]!, { changes, more: one.more }).catch(
      (error: Error) => {
        if (!error.message.includes('Another pass')) throw error;
      },
    );
    return;
  }
  const booking = world.bookings[one.nth % Math.max(world.bookings.length, 1)];
  if (!booking) return;
  if (one.kind === 'commit') await commitBooking(pool, booking);
  if (one.kind === 'cancel') await cancelBooking(pool, { ...booking, ...FREELY, reason: 'guest' });
  if (one.kind === 'release')
    await releaseBooking(pool, { ...booking, state: 'cancelled', reason: 'failed' });
  if (one.kind === 'pay' && (await exists(booking.bookingId)))
    await recordIntent(pool, {
      ...booking,
      accountId: 'p',
      state: { ...INTENT, intentId: booking.bookingId },
      sealedClientSecret: null,
    });
}

const INTENT = {
  status: 'needs-method',
  amountMinor: 0,
  currency: 'eur',
  capturableMinor: 0,
  capturedMinor: 0,
  refundedMinor: 0,
  captureBeforeAt: null,
  clientSecret: null,
  declineCode: null,
  customerId: null,
  methodId: null,
} as const;

const exists = async (bookingId: string) =>
  (await ledger.pool.query('SELECT FROM booking WHERE id = $1', [bookingId])).rowCount === 1;

test('whatever happens at once, the rules of the ledger hold', async () => {
  const waves = fc.array(fc.array(act, { minLength: 1, maxLength: 14 }), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(waves, fc.integer({ min: 1, max: 4 }), async (acts, capacity) => {
      const resourceId = await addResource(ledger.admin, { capacity });
      const connections = [
        await addConnection(ledger.admin, { resourceId }),
        await addConnection(ledger.admin, { resourceId, unit: 1 }),
      ];
      const world: World = { resourceId, connections, bookings: [] };
      for (const wave of acts) {
        await Promise.all(wave.map((one) => perform(world, one)));
        await expectRules(world);
      }
      expect(await deadlocksIn(ledger)).toBe(0);
    }),
    { numRuns: 40 },
  );
});

async function expectRules({ resourceId, connections }: World): Promise<void> {
  const none = async (text: string) =>
    expect((await ledger.pool.query(text, [resourceId])).rows).toEqual([]);
  // No two live occupancies overlap on a unit.
  await none(`SELECT a.booking_id FROM occupancy a JOIN occupancy b ON a.resource_id = b.resource_id
      AND a.unit = b.unit AND a.booking_id < b.booking_id AND a.span && b.span
    WHERE a.resource_id = $1 AND a.live AND b.live`);
  // Nothing stands over outside busy time unless it was there first, and then somebody is told.
  await none(`SELECT o.booking_id FROM occupancy o JOIN busy b ON b.resource_id = o.resource_id
      AND NOT b.stale AND (b.unit IS NULL OR b.unit = o.unit) AND o.span && tstzrange(b.start_at, b.end_at)
    WHERE o.resource_id = $1 AND o.live AND o.contested_at IS NULL AND NOT EXISTS (
      SELECT FROM conflict k WHERE k.booking_id = o.booking_id AND k.connection_id = b.connection_id
        AND k.root_id = b.root_id)`);
  // No contested hold was confirmed after it was contested.
  await none(`SELECT booking_id FROM occupancy
    WHERE resource_id = $1 AND confirmed_at > contested_at`);
  const { rows } = await ledger.pool.query<{
    id: string;
    state: BookingState;
    party: number;
    live: number;
    seq: number;
  }>(
    `SELECT id, state, party, seq::integer, (SELECT count(*)::integer FROM occupancy o
        WHERE o.booking_id = b.id AND o.live AND o.unit = ANY (b.units)) AS live
       FROM booking b WHERE resource_id = $1`,
    [resourceId],
  );
  for (const row of rows) {
    expect(row.live).toBe(isLive(row.state) ? row.party : 0);
    const entries = await entriesOf(ledger.pool, `booking/${row.id}`);
    expect(entries).toHaveLength(row.seq);
    expectLegal(entries, row.state);
  }
  for (const { connectionId } of connections)
    await entriesOf(ledger.pool, `connection/${connectionId}`);
}

/** Entries tell every move of a booking, each of them allowed, and end where the row is. */
function expectLegal(entries: string[], state: BookingState): void {
  const path = entries
    .map((type) => type.replace('booking.', ''))
    .filter((one): one is BookingState => BOOKING_STATES.includes(one as BookingState));
  expect(path[0]).toBe('held');
  expect(path.at(-1)).toBe(state);
  for (let n = 1; n < path.length; n += 1) expect(mayMove(path[n - 1]!, path[n]!)).toBe(true);
}
