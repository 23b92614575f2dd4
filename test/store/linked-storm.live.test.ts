import { afterAll, beforeAll, expect, test } from 'vitest';
import type { StartBooking } from '../../src/commands.ts';
import { commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { extendHold, holdUnits } from '../../src/store/holds.ts';
import { createLink, removeLink } from '../../src/store/links.ts';
import { createSessions } from '../../src/store/sessions.ts';
import { change } from '../../src/store/transactions.ts';
import { diceOf } from '../chaos/dice.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  deadlocksIn,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';

/** Two villas that share a garden, treatments that need people and one villa's room, and a tour. */
const PARTS = [
  ['a-villa', 'm-room'],
  ['a-villa', 'b-garden'],
  ['z-villa', 'b-garden'],
  ['z-villa', 'c-loft'],
] as const;
const NEEDS = [
  ['x-massage', 'd-people', 1],
  ['x-massage', 'm-room', 1],
  ['e-couple', 'd-people', 2],
  ['e-couple', 'x-massage', 1],
] as const;
const CAPACITIES = {
  'a-villa': 1,
  'z-villa': 1,
  'm-room': 3,
  'b-garden': 2,
  'c-loft': 1,
  'd-people': 4,
  'x-massage': 3,
  'e-couple': 1,
};
const IDS = Object.keys(CAPACITIES);
const WORKERS = 24;
const STEPS = 30;

let ledger: Ledger;
let database: Database;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: WORKERS });
  database = openDatabase({ url: ledger.appUrl, poolSize: 4 });
  for (const [id, capacity] of Object.entries(CAPACITIES))
    await addResource(ledger.admin, {
      id,
      capacity,
      holdExtension: { byMs: 1_000, times: 3 },
      ...(id === 'd-people' && { maxPerDay: 20 }),
    });
  await addResource(ledger.admin, { id: 'k-tour', soldBy: 'session' });
  for (const [from, to] of PARTS) await link(from, to, 'part', null);
  for (const [from, to, units] of NEEDS) await link(from, to, 'need', units);
  await change(database, (tx) =>
    createSessions(tx, { tenantId: TENANT, resourceId: 'k-tour' }, [
      { id: 'tour', startAt: hour(3), endAt: hour(4), capacity: 60, price: null },
    ]),
  );
}, 60_000);
afterAll(async () => {
  await database.close();
  await ledger.close();
});

const link = (resourceId: string, linkedId: string, kind: 'part' | 'need', units: number | null) =>
  change(database, (tx) =>
    createLink(tx, { tenantId: TENANT, resourceId }, { linkedId, kind, units }),
  );

/** One at work: holds, confirms, lets go, makes longer, and lets expire, by its own dice. */
async function work(seed: number): Promise<void> {
  const dice = diceOf(seed);
  const mine: StartBooking[] = [];
  for (let n = 0; n < STEPS; n += 1) {
    const from = dice.below(10);
    const isTour = dice.chance(1 / 6);
    const resourceId = isTour ? 'k-tour' : dice.one(IDS);
    const input = aHold(resourceId, {
      sessionId: isTour ? 'tour' : null,
      startAt: hour(isTour ? 3 : from),
      endAt: hour(isTour ? 4 : from + 1 + dice.below(2)),
      party: dice.chance(1 / 4) ? 2 : 1,
      holdTtlMs: dice.chance(1 / 3) ? 5 : 60_000,
    });
    if ((await holdUnits(ledger.pool, input)).kind === 'held') mine.push(input);
    const one = mine.length > 0 && dice.one(mine);
    if (!one) continue;
    const move = dice.below(5);
    if (move === 0) await commitBooking(ledger.pool, one);
    if (move <= 2)
      await releaseBooking(ledger.pool, { ...one, state: 'cancelled', reason: 'guest' });
    if (move === 3) await extendHold(ledger.pool, { ...one, extensionId: String(n) });
  }
}

async function pages(resourceId: string): Promise<void> {
  const key = await addConnection(ledger.admin, { resourceId });
  for (let n = 0; n < 6; n += 1)
    await sync(ledger.pool, key, {
      changes: listed(anEvent('e', [n * 2, n * 2 + 1])),
    });
}

async function relink(): Promise<void> {
  for (let n = 0; n < 6; n += 1) {
    await change(database, (tx) =>
      removeLink(tx, { tenantId: TENANT, resourceId: 'e-couple' }, 'd-people'),
    );
    await link('e-couple', 'd-people', 'need', 2);
  }
}

const countOf = async (query: string): Promise<number> => {
  const { rows } = await ledger.admin.query<{ n: number }>(
    `SELECT count(*)::integer AS n FROM ${query}`,
  );
  return rows[0]!.n;
};

test('a storm over linked resources, pages, sessions and links deadlocks nobody and sells nothing twice', async () => {
  await Promise.all([
    ...Array.from({ length: WORKERS }, (_, n) => work(n + 1)),
    pages('a-villa'),
    pages('m-room'),
    pages('d-people'),
    relink(),
  ]);
  expect(await deadlocksIn(ledger)).toBe(0);
  expect(await countOf(OVERLAPPING)).toBe(0);
  expect(await countOf(HALF_HELD)).toBe(0);
  expect(await countOf(UNPAIRED)).toBe(0);
  expect(await countOf(UNCONTESTED)).toBe(0);
  expect(await countOf(MISCOUNTED)).toBe(0);
  expect(await countOf(GAPS)).toBe(0);
  expect(await countOf(`booking WHERE state = 'confirmed'`)).toBeGreaterThan(0);
}, 120_000);

const OVERLAPPING = `occupancy a JOIN occupancy b ON a.tenant_id = b.tenant_id
  AND a.resource_id = b.resource_id AND a.unit = b.unit AND a.unit > 0 AND a.id < b.id AND a.span && b.span
  WHERE a.live AND b.live`;
/** Live bookings some of whose rows are not, and ended ones that hold something. */
const HALF_HELD = `booking b WHERE (b.ended_at IS NULL) <> (SELECT coalesce(bool_and(o.live), false)
  FROM occupancy o WHERE o.booking_id = b.id)
  AND (b.ended_at IS NULL OR EXISTS (SELECT FROM occupancy o WHERE o.booking_id = b.id AND o.live))`;
/** Wholes without every unit of each part. */
const UNPAIRED = `booking b JOIN resource_link l ON l.resource_id = b.resource_id AND l.kind = 'part'
  JOIN resource r ON r.id = l.linked_id
  WHERE b.ended_at IS NULL AND r.capacity <> (SELECT count(*) FROM occupancy o
    WHERE o.booking_id = b.id AND o.resource_id = r.id AND o.live)`;
/** Outside time over what is held of the resource or of a part of it, and nobody was told. */
const UNCONTESTED = `busy z JOIN occupancy o ON o.live AND o.unit > 0
  AND o.span && tstzrange(z.start_at, z.end_at)
  AND (o.resource_id = z.resource_id OR o.resource_id IN (SELECT parts_below(z.tenant_id, z.resource_id)))
  WHERE NOT z.stale AND o.contested_at IS NULL
    AND NOT EXISTS (SELECT FROM conflict k WHERE k.booking_id = o.booking_id)`;
const MISCOUNTED = `session s WHERE s.taken <> (SELECT coalesce(sum(seats), 0) FROM occupancy o
  WHERE o.session_id = s.id AND o.live)`;
const GAPS = `(SELECT subject FROM journal GROUP BY subject HAVING count(*) <> max(seq)
  OR array_agg(seq ORDER BY txid, position) <> array_agg(seq ORDER BY seq)) AS gap`;
