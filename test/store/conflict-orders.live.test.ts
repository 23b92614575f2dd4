import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_CONNECTION_SETTINGS } from '../../src/domain/connection.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../../src/domain/resource.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { weighConflict } from '../../src/store/conflicts.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
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

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());

const CAPACITY = 2;
const day = (n: number): string => new Date(Date.UTC(2030, 0, 1 + n)).toISOString();

/** What the channels say, each event in its own order; `at` null: it was removed. */
interface Word {
  connection: number;
  event: number;
  version: number;
  at: readonly [number, number] | null;
  changedOn: number | null;
}
type Arrival = ({ kind: 'word' } & Word) | { kind: 'block'; from: number };

const arrivals = fc
  .array(
    fc.record({
      kind: fc.constantFrom<'word' | 'block'>('word', 'word', 'word', 'block'),
      connection: fc.nat({ max: 2 }),
      event: fc.nat({ max: 1 }),
      from: fc.nat({ max: 4 }),
      // Never a booking's own time: that may be a copy, which only a person decides about.
      hours: fc.constantFrom(1, 3),
      isGone: fc.constantFrom(false, false, false, true),
      changedOn: fc.option(fc.nat({ max: 9 })),
    }),
    { minLength: 2, maxLength: 6 },
  )
  .map((all) =>
    all.map(({ kind, from, hours, isGone, ...more }, version): Arrival => {
      if (kind === 'block') return { kind, from: 30 + from };
      return { kind, ...more, version, at: isGone ? null : [from, from + hours] };
    }),
  );

const bookings = fc.uniqueArray(
  fc.record({ from: fc.constantFrom(0, 2, 4), confirmedOn: fc.nat({ max: 9 }) }),
  // Of three a person would be asked, as of a calendar pasted by mistake.
  { minLength: 1, maxLength: 2, selector: ({ confirmedOn }) => confirmedOn },
);

/** Orders that a channel can tell an event's versions in: newest last. */
const isTold = (order: readonly Arrival[]): boolean =>
  order.every(
    (one, n) =>
      one.kind === 'block' ||
      order
        .slice(0, n)
        .every(
          (other) =>
            other.kind === 'block' ||
            other.connection !== one.connection ||
            other.event !== one.event ||
            other.version < one.version,
        ),
  );

function* permutations<T>(all: readonly T[]): Generator<T[]> {
  if (all.length === 0) yield [];
  for (const [n, first] of all.entries())
    for (const rest of permutations(all.toSpliced(n, 1))) yield [first, ...rest];
}

interface Sold {
  from: number;
  confirmedOn: number;
}

/** Bookings that stand, then what comes in this order; answers who gives way by the key. */
async function fates(sold: readonly Sold[], order: readonly Arrival[]): Promise<unknown> {
  const conflicts = { ...DEFAULT_RESOURCE_SETTINGS.conflicts, rule: 'by-key' as const };
  const resourceId = await addResource(ledger.admin, { capacity: CAPACITY, conflicts });
  const settings = (more: object) => ({ ...DEFAULT_CONNECTION_SETTINGS, ...more });
  const keys = [
    await addConnection(ledger.admin, { resourceId, settings: settings({ priority: 90 }) }),
    await addConnection(ledger.admin, { resourceId, unit: 1 }),
    await addConnection(ledger.admin, { resourceId, settings: settings({ takes: 'unit' }) }),
  ];
  const ids: string[] = [];
  for (const { from, confirmedOn } of sold) {
    const held = aHold(resourceId, { startAt: hour(from), endAt: hour(from + 2) });
    const answer = await holdUnits(ledger.pool, held);
    if (answer.kind !== 'held') continue;
    await commitBooking(ledger.pool, held);
    await ledger.admin.query('UPDATE occupancy SET confirmed_at = $2 WHERE booking_id = $1', [
      held.bookingId,
      day(confirmedOn),
    ]);
    ids.push(held.bookingId);
  }
  for (const one of order) await arrive(resourceId, keys, one);
  return Promise.all(ids.map(verdictOn));
}

async function arrive(resourceId: string, keys: ConnectionKey[], one: Arrival): Promise<void> {
  if (one.kind === 'block') {
    await ledger.admin.query(
      `INSERT INTO block (tenant_id, id, resource_id, start_at, end_at)
       VALUES ($1, gen_random_uuid(), $2, $3, $4)`,
      [TENANT, resourceId, hour(one.from), hour(one.from + 1)],
    );
    return;
  }
  const id = `e${one.event}`;
  const updatedAt = one.changedOn === null ? null : day(one.changedOn);
  const changes = one.at === null ? gone(id) : listed(anEvent(id, one.at, { updatedAt }));
  await sync(ledger.pool, keys[one.connection]!, { changes });
}

async function verdictOn(bookingId: string): Promise<'stays' | 'gives way'> {
  const { rows } = await ledger.admin.query<{ changeId: string }>(
    `SELECT change_id AS "changeId" FROM conflict WHERE booking_id = $1 AND state = 'open'`,
    [bookingId],
  );
  const ref = { tenantId: TENANT, bookingId };
  const ends: string[] = [];
  for (const { changeId } of rows)
    ends.push((await weighConflict(ledger.pool, { ...ref, changeId })).kind);
  expect(ends).not.toContain('wait');
  return ends.includes('theirs') ? 'gives way' : 'stays';
}

test('every order of up to six arrivals over the bookings that stand ends in the same decisions', async () => {
  await fc.assert(
    fc.asyncProperty(bookings, arrivals, fc.integer(), async (sold, all, seed) => {
      const orders = [...permutations(all)].filter(isTold);
      const first = await fates(sold, orders[0]!);
      for (let n = 1; n < Math.min(orders.length, 7); n += 1) {
        const order = orders[Math.abs(seed + n * 7_919) % orders.length]!;
        expect(await fates(sold, order)).toEqual(first);
      }
    }),
    { numRuns: 12 },
  );
}, 120_000);
