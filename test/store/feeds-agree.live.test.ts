import { createHash, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import { refusalOf } from '../../src/domain/availability.ts';
import { closedDays } from '../../src/domain/closed-days.ts';
import { overlaps } from '../../src/domain/interval.ts';
import { publishedEntries, type PublishedEntry } from '../../src/domain/published.ts';
import type { ResourceSettings } from '../../src/domain/resource.ts';
import { readAvailability } from '../../src/store/availability.ts';
import { commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import { openDatabase, type Database } from '../../src/store/database.ts';
import { feedToServe } from '../../src/store/feed-contents.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { createLink, type LinkKind } from '../../src/store/links.ts';
import { change } from '../../src/store/transactions.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  hour,
  listed,
  openLedger,
  sync,
  TENANT,
} from '../support/ledger.ts';

/** What a feed shows as busy, and what availability refuses, of the same resource. */
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

const zones = { toInstant: wallToInstant, toWall: instantToWall, isKnown: zoneIsKnown, instantOf };
const HOURS = 24;
const HOUR_MS = 3_600_000;
const spanOf = (n: number) => ({ startAt: Date.parse(hour(n)), endAt: Date.parse(hour(n + 1)) });

const link = (resourceId: string, linkedId: string, kind: LinkKind, units: number | null = null) =>
  change(database, (tx) =>
    createLink(tx, { tenantId: TENANT, resourceId }, { linkedId, kind, units }),
  );

/** Hours that the resource's feed does not leave free. */
async function busyHours(resourceId: string): Promise<number[]> {
  const entries = await entriesOf(resourceId);
  return hoursWhere((n) => entries.some((one) => overlaps(one, spanOf(n))));
}

async function entriesOf(resourceId: string): Promise<PublishedEntry[]> {
  const tokenHash = createHash('sha256').update(randomUUID()).digest();
  await ledger.admin.query(
    `INSERT INTO feed (tenant_id, id, resource_id, subscriber, platform, shows, token, token_hash)
     VALUES ($1, $2, $3, 's', 'other', 'busy', '', $4)`,
    [TENANT, randomUUID(), resourceId, tokenHash],
  );
  const horizonMs = 4_000 * 86_400_000;
  const feed = (await feedToServe(ledger.pool, { tokenHash, pastMs: 0, horizonMs }))!;
  const always = { startAt: feed.yearsFromAt, endAt: feed.yearsToAt };
  const closed = feed.closedBy.flatMap((by) => closedDays(by, { within: always, zones }));
  return publishedEntries(feed.sources, { ...feed, closed, always });
}

/** Hours that cannot be booked, by themselves, for one. */
async function refusedHours(resourceId: string): Promise<number[]> {
  const ask = { tenantId: TENANT, resourceId, from: hour(0), to: hour(HOURS) };
  const { facts } = (await readAvailability(database, ask))!;
  return hoursWhere((n) => refusalOf(facts, { span: spanOf(n), party: 1, zones }) !== null);
}

/** Whether a hold of an hour is refused, by itself and for one; nothing of it stays. */
async function isHoldRefused(resourceId: string, n: number, [before, after]: [number, number]) {
  const held = aHold(resourceId, {
    startAt: hour(n),
    endAt: hour(n + 1),
    bufferBeforeMs: before * HOUR_MS,
    bufferAfterMs: after * HOUR_MS,
  });
  const { kind } = await holdUnits(ledger.pool, held);
  if (kind === 'held')
    await releaseBooking(ledger.pool, { ...held, state: 'cancelled', reason: 'probe' });
  return kind === 'refused';
}

const hoursWhere = (is: (n: number) => boolean): number[] =>
  Array.from({ length: HOURS }, (_, n) => n).filter(is);

const hours = fc.tuple(fc.nat(HOURS - 4), fc.integer({ min: 1, max: 3 }));
const someHours = fc.array(fc.nat(HOURS - 1), { minLength: 4, maxLength: 4 });
const place = fc.record({
  capacity: fc.integer({ min: 1, max: 3 }),
  buffers: fc.tuple(fc.nat(1), fc.nat(1)),
});
const world = fc.record({
  own: place,
  need: place,
  part: place,
  units: fc.integer({ min: 1, max: 3 }),
  isPartNeeding: fc.boolean(),
  happens: fc.array(
    fc.tuple(
      fc.constantFrom('own', 'need', 'part', 'whole', 'aboveNeed'),
      fc.constantFrom('booking', 'block', 'event'),
      fc.nat(3),
      hours,
    ),
    { maxLength: 8 },
  ),
});
type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

async function build({ own, need, part, units, isPartNeeding, happens }: World) {
  const settings = ([before, after]: [number, number]): Partial<ResourceSettings> => ({
    bufferBeforeMs: before * HOUR_MS,
    bufferAfterMs: after * HOUR_MS,
  });
  const add = ({ capacity, buffers }: World['own']) =>
    addResource(ledger.admin, { capacity, ...settings(buffers) });
  const ids = {
    own: await add(own),
    need: await add(need),
    part: await add(part),
    whole: await addResource(ledger.admin),
    aboveNeed: await addResource(ledger.admin),
  };
  await link(ids.own, ids.part, 'part');
  await link(isPartNeeding ? ids.part : ids.own, ids.need, 'need', Math.min(units, need.capacity));
  await link(ids.whole, ids.part, 'part');
  await link(ids.aboveNeed, ids.need, 'part');
  const capacities: Record<string, number> = {
    own: own.capacity,
    need: need.capacity,
    part: part.capacity,
    whole: 1,
    aboveNeed: 1,
  };
  const buffers = { own: own.buffers, need: need.buffers, part: part.buffers } as const;
  for (const [where, what, unit, [from, length]] of happens) {
    const [startAt, endAt] = [hour(from), hour(from + length)];
    const ofUnit = unit === 0 ? null : Math.min(unit, capacities[where]!);
    if (what === 'booking') {
      const [before, after] = buffers[where as 'own'] ?? [0, 0];
      const held = aHold(ids[where], {
        startAt,
        endAt,
        bufferBeforeMs: before * HOUR_MS,
        bufferAfterMs: after * HOUR_MS,
      });
      if ((await holdUnits(ledger.pool, held)).kind === 'held')
        await commitBooking(ledger.pool, held);
    } else if (what === 'block')
      await ledger.admin.query(
        `INSERT INTO block (tenant_id, id, resource_id, start_at, end_at, unit)
         VALUES ($1, gen_random_uuid(), $2, $3, $4, $5)`,
        [TENANT, ids[where], startAt, endAt, ofUnit],
      );
    else {
      const key = await addConnection(ledger.admin, { resourceId: ids[where], unit: ofUnit });
      await ledger.admin.query(
        `UPDATE connection SET expanded_until = '2040-01-01' WHERE id = $1`,
        [key.connectionId],
      );
      await sync(ledger.pool, key, { changes: listed(anEvent('a', [from, from + length])) });
    }
  }
  return ids;
}

test('a feed shows as busy exactly the hours that cannot be booked, and those no hold gets, whatever of all that is linked is taken', async () => {
  await fc.assert(
    fc.asyncProperty(world, someHours, async (one, probes) => {
      const ids = await build(one);
      for (const name of ['own', 'need', 'part'] as const) {
        const refused = await refusedHours(ids[name]);
        expect(await busyHours(ids[name])).toEqual(refused);
        for (const n of probes)
          expect(await isHoldRefused(ids[name], n, one[name].buffers)).toBe(refused.includes(n));
      }
    }),
    { numRuns: 25 },
  );
});

test('a need that can never be had closes the feed for good', async () => {
  const [own, need] = [await addResource(ledger.admin), await addResource(ledger.admin)];
  await link(own, need, 'need', 1);
  expect(await busyHours(own)).toEqual([]);
  await ledger.admin.query('UPDATE resource SET archived_at = now() WHERE id = $1', [need]);
  expect(await busyHours(own)).toEqual(await refusedHours(own));
  expect(await busyHours(own)).toHaveLength(HOURS);
});

test('days that exceptions close are busy, also where only what a booking needs is closed', async () => {
  const exceptions = [
    { fromDay: '2034-12-01', toDay: '2035-01-31', open: [] },
    { fromDay: '2035-01-01', toDay: '2035-01-01', open: [{ from: '00:00', to: '24:00' }] },
  ];
  const closed = await addResource(ledger.admin, { exceptions: exceptions.slice(0, 1) });
  const [open, needing] = [
    await addResource(ledger.admin, { exceptions }),
    await addResource(ledger.admin),
  ];
  await link(needing, closed, 'need', 1);
  expect([await busyHours(closed), await busyHours(open), await busyHours(needing)]).toEqual([
    await refusedHours(closed),
    [],
    await refusedHours(needing),
  ]);
  expect(await busyHours(needing)).toHaveLength(HOURS);
});

test('a booking of several parts is told of once, by one name', async () => {
  const [villa, floor, ...rooms] = await Promise.all(
    Array.from({ length: 4 }, (_, n) => addResource(ledger.admin, { bufferAfterMs: n * HOUR_MS })),
  );
  await link(villa!, floor!, 'part');
  for (const room of rooms) await link(floor!, room, 'part');
  const held = aHold(floor!, { startAt: hour(1), endAt: hour(2), bufferAfterMs: HOUR_MS });
  expect((await holdUnits(ledger.pool, held)).kind).toBe('held');
  await commitBooking(ledger.pool, held);
  const keys = (await entriesOf(villa!)).map((one) => one.key);
  expect(keys).toEqual([`booking/${held.bookingId}`]);
  expect(await busyHours(villa!)).toEqual(await refusedHours(villa!));
});

test('a part that can never be had closes the feed for good', async () => {
  const [villa, room] = [await addResource(ledger.admin), await addResource(ledger.admin)];
  await link(villa, room, 'part');
  await ledger.admin.query('UPDATE resource SET archived_at = now() WHERE id = $1', [room]);
  expect(await refusedHours(villa)).toHaveLength(HOURS);
  expect(await busyHours(villa)).toHaveLength(HOURS);
});
