import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StartBooking } from '../../src/commands.ts';
import { commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import { holdUnits } from '../../src/store/holds.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addConnection,
  addResource,
  addTenant,
  aHold,
  anEvent,
  begin,
  bring,
  deadlocksIn,
  entriesOf,
  hour,
  isWaiting,
  listed,
  openLedger,
  openTransaction,
  sync,
  TENANT,
} from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 64 });
});
afterAll(() => ledger.close());

const hold = (resourceId: string, input: Partial<StartBooking> = {}) =>
  holdUnits(ledger.pool, aHold(resourceId, input));

const kindOf = async (resourceId: string, input: Partial<StartBooking> = {}) => {
  const answer = await hold(resourceId, input);
  return answer.kind === 'refused' ? answer.refusal : answer.kind;
};

describe('rivals', () => {
  test.each([
    [1, 64],
    [7, 64],
  ])('of a resource with %i units, as many of %i rivals win', async (capacity, rivals) => {
    const resourceId = await addResource(ledger.admin, { capacity });
    const answers = await Promise.all(Array.from({ length: rivals }, () => hold(resourceId)));
    const units = answers.flatMap((one) => (one.kind === 'held' ? one.units : []));
    expect(units.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: capacity }, (_, n) => n + 1),
    );
    const rest = answers.filter((one) => one.kind !== 'held');
    expect(new Set(rest.map((one) => one.kind === 'refused' && one.refusal))).toEqual(
      new Set(['taken']),
    );
    expect(await deadlocksIn(ledger)).toBe(0);
  });

  test('of many lengths and starts never share a unit, and none deadlocks', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 3 });
    await Promise.all(
      Array.from({ length: 120 }, (_, n) =>
        hold(resourceId, {
          startAt: hour((n * 7) % 10),
          endAt: hour(((n * 7) % 10) + 1 + (n % 3)),
        }),
      ),
    );
    expect(await overlapsOf(resourceId)).toBe(0);
    expect(await deadlocksIn(ledger)).toBe(0);
  });

  test('parties, single holds and incoming pages at once sell no unit twice', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 6 });
    const key = await addConnection(ledger.admin, { resourceId, unit: 2 });
    const pages = async () => {
      for (let n = 0; n < 8; n += 1)
        await sync(ledger.pool, key, { changes: listed(anEvent(`e${n}`, [n, n + 2])) });
    };
    const holds = Array.from({ length: 90 }, (_, n) =>
      hold(resourceId, {
        party: 1 + (n % 4 === 0 ? n % 5 : 0),
        startAt: hour(n % 8),
        endAt: hour((n % 8) + 2),
      }),
    );
    await Promise.all([pages(), ...holds]);
    expect(await overlapsOf(resourceId)).toBe(0);
    expect(await uncontestedOverlapsOf(resourceId)).toBe(0);
    expect(await deadlocksIn(ledger)).toBe(0);
  });

  test('a party takes all its units or none', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 4 });
    await hold(resourceId, { party: 2 });
    expect(await kindOf(resourceId, { party: 3 })).toBe('taken');
    expect(await hold(resourceId, { party: 2 })).toMatchObject({ kind: 'held', units: [3, 4] });
    expect(await kindOf(resourceId, { party: 5 })).toBe('too-large');
  });

  test('the same ids at two tenants never meet', async () => {
    await addTenant(ledger.admin, 'other');
    await addResource(ledger.admin, { id: 'shared-name' });
    await addResource(ledger.admin, { id: 'shared-name', tenantId: 'other' });
    const twin = { bookingId: 'one', key: 'one' };
    expect(await kindOf('shared-name', twin)).toBe('held');
    expect(await kindOf('shared-name', { ...twin, tenantId: 'other' })).toBe('held');
  });
});

describe('what is in the way', () => {
  test('a resource that is unknown or archived cannot be held', async () => {
    const resourceId = await addResource(ledger.admin);
    await ledger.admin.query('UPDATE resource SET archived_at = now() WHERE id = $1', [resourceId]);
    expect(await kindOf(resourceId)).toBe('no-such-resource');
    expect(await kindOf('nowhere')).toBe('no-such-resource');
  });

  test('spans that touch do not overlap, and buffers keep a distance on both sides', async () => {
    const resourceId = await addResource(ledger.admin);
    const buffered = { bufferBeforeMs: 1_800_000, bufferAfterMs: 1_800_000 };
    expect(await kindOf(resourceId, { startAt: hour(4), endAt: hour(5), ...buffered })).toBe(
      'held',
    );
    expect(await kindOf(resourceId, { startAt: hour(5), endAt: hour(6) })).toBe('taken');
    expect(await kindOf(resourceId, { startAt: hour(3), endAt: hour(4) })).toBe('taken');
    expect(await kindOf(resourceId, { startAt: hour(5.5), endAt: hour(6) })).toBe('held');
    expect(await kindOf(resourceId, { startAt: hour(3), endAt: hour(3.5) })).toBe('held');
  });

  test('busy time of the whole resource refuses every unit, of one unit only that one', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 2 });
    const whole = await addConnection(ledger.admin, { resourceId });
    const second = await addConnection(ledger.admin, { resourceId, unit: 2 });
    await sync(ledger.pool, whole, { changes: listed(anEvent('a', [10, 11])) });
    await sync(ledger.pool, second, { changes: listed(anEvent('b', [20, 21])) });
    expect(await kindOf(resourceId, { startAt: hour(10.5), endAt: hour(12) })).toBe('busy');
    expect(await kindOf(resourceId, { startAt: hour(11), endAt: hour(12) })).toBe('held');
    const span = { startAt: hour(20), endAt: hour(21) };
    expect(await kindOf(resourceId, { ...span, party: 2 })).toBe('taken');
    expect(await hold(resourceId, span)).toMatchObject({ kind: 'held', units: [1] });
    expect(await kindOf(resourceId, span)).toBe('taken');
  });

  test('busy time within the buffers is in the way too', async () => {
    const resourceId = await addResource(ledger.admin);
    const key = await addConnection(ledger.admin, { resourceId });
    await sync(ledger.pool, key, { changes: listed(anEvent('a', [1.25, 2])) });
    expect(await kindOf(resourceId, { bufferAfterMs: 1_800_000 })).toBe('busy');
    expect(await kindOf(resourceId, { bufferAfterMs: 900_000 })).toBe('held');
  });

  test('a block closes the resource or one unit until it is removed', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 2 });
    const block = (id: string, unit: number | null, from: number) =>
      ledger.admin.query(
        `INSERT INTO block (tenant_id, id, resource_id, unit, start_at, end_at)
         VALUES ($1, $2, $3, $4, $5, $6)`,
        [TENANT, `${resourceId}-${id}`, resourceId, unit, hour(from), hour(from + 1)],
      );
    await block('whole', null, 0);
    await block('first', 1, 10);
    expect(await kindOf(resourceId)).toBe('blocked');
    const span = { startAt: hour(10), endAt: hour(11) };
    expect(await hold(resourceId, span)).toMatchObject({ kind: 'held', units: [2] });
    await ledger.admin.query('UPDATE block SET removed_at = now() WHERE id = $1', [
      `${resourceId}-whole`,
    ]);
    expect(await kindOf(resourceId)).toBe('held');
  });

  test('a hold waits for a page under way, and is not sold over what it brings', async () => {
    const resourceId = await addResource(ledger.admin);
    const page = await openTransaction(ledger.admin);
    await page.query('SELECT lock_resource($1, $2, true)', [TENANT, resourceId]);
    const key = await addConnection(ledger.pool, { resourceId });
    await page.query(
      `INSERT INTO busy (tenant_id, connection_id, root_id, start_at, end_at, resource_id)
       VALUES ($1, $2, 'e', $3, $4, $5)`,
      [TENANT, key.connectionId, hour(0), hour(1), resourceId],
    );
    const waiting = kindOf(resourceId);
    expect(await isWaiting(waiting)).toBe(true);
    await page.end('COMMIT');
    expect(await waiting).toBe('busy');
  });
});

describe('expiry', () => {
  test('an expired hold gives way without any worker, with one entry', async () => {
    const resourceId = await addResource(ledger.admin);
    const old = aHold(resourceId, { holdTtlMs: 1 });
    await holdUnits(ledger.pool, old);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const answers = await Promise.all(Array.from({ length: 20 }, () => hold(resourceId)));
    expect(answers.filter((one) => one.kind === 'held')).toHaveLength(1);
    expect(await entriesOf(ledger.pool, `booking/${old.bookingId}`)).toEqual([
      'booking.held',
      'booking.expired',
    ]);
    expect(await commitBooking(ledger.pool, old)).toEqual({ kind: 'ended', state: 'expired' });
    expect(await deadlocksIn(ledger)).toBe(0);
  });

  test('an expired party of all units gives way to another party', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 3 });
    await hold(resourceId, { party: 3, holdTtlMs: 1 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await hold(resourceId, { party: 2 })).toMatchObject({ kind: 'held', units: [1, 2] });
  });

  test('a confirmed booking never gives way, however old its hold', async () => {
    const resourceId = await addResource(ledger.admin);
    const first = aHold(resourceId, { holdTtlMs: 150 });
    await holdUnits(ledger.pool, first);
    await commitBooking(ledger.pool, first);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await kindOf(resourceId)).toBe('taken');
  });

  test('a hold whose time is up is not committed', async () => {
    const resourceId = await addResource(ledger.admin);
    const late = aHold(resourceId, { holdTtlMs: 1 });
    await holdUnits(ledger.pool, late);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await commitBooking(ledger.pool, late)).toEqual({ kind: 'expired' });
  });
});

describe('one key, one booking', () => {
  test('the same key and payload answers the same, another payload is a mismatch', async () => {
    const resourceId = await addResource(ledger.admin);
    const input = aHold(resourceId);
    const first = await holdUnits(ledger.pool, input);
    const again = await holdUnits(ledger.pool, input);
    expect(again).toEqual({ ...first, kind: 'repeat' });
    expect(await holdUnits(ledger.pool, { ...input, fingerprint: 'g' })).toEqual({
      kind: 'mismatch',
    });
    expect(await entriesOf(ledger.pool, `booking/${input.bookingId}`)).toEqual(['booking.held']);
  });

  test('twins at once make one booking', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 5 });
    const input = aHold(resourceId);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => holdUnits(ledger.pool, input)),
    );
    const kinds = answers.map((one) => one.kind).toSorted();
    expect(kinds).toEqual(['held', ...Array.from({ length: 19 }, () => 'repeat')]);
  });

  test('a hold that arrives after its release is refused', async () => {
    const resourceId = await addResource(ledger.admin);
    const late = aHold(resourceId);
    const released = { ...late, state: 'cancelled', reason: 'failed' } as const;
    expect(await releaseBooking(ledger.pool, released)).toEqual({ kind: 'released' });
    expect(await holdUnits(ledger.pool, late)).toEqual({ kind: 'fenced' });
    expect(await kindOf(resourceId)).toBe('held');
  });

  test('hold and release of one booking at once leave it released or never held', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 50 });
    const inputs = Array.from({ length: 25 }, () => aHold(resourceId));
    await Promise.all(
      inputs.flatMap((input) => [
        holdUnits(ledger.pool, input),
        releaseBooking(ledger.pool, { ...input, state: 'cancelled', reason: 'failed' }),
      ]),
    );
    const { rows } = await ledger.pool.query(
      'SELECT FROM occupancy WHERE resource_id = $1 AND live',
      [resourceId],
    );
    expect(rows).toHaveLength(0);
    expect(await deadlocksIn(ledger)).toBe(0);
  });

  test('a release that waited for its hold still waits for a page of the resource', async () => {
    const resourceId = await addResource(ledger.admin);
    const input = aHold(resourceId);
    const holding = await openTransaction(ledger.pool);
    await holding.query('SELECT hold_units($1)', [
      { ...input, tenant: TENANT, booking: input.bookingId, resource: resourceId },
    ]);
    const release = releaseBooking(ledger.pool, { ...input, state: 'cancelled', reason: 'x' });
    expect(await isWaiting(release, 80)).toBe(true);
    const page = await openTransaction(ledger.pool);
    const alone = page.query('SELECT lock_resource($1, $2, true)', [TENANT, resourceId]);
    expect(await isWaiting(alone, 80)).toBe(true);
    await holding.end('COMMIT');
    await alone;
    expect(await isWaiting(release)).toBe(true);
    await page.end('COMMIT');
    expect(await release).toEqual({ kind: 'released', state: 'cancelled' });
  });
});

describe('an outside event over a live hold', () => {
  const contest = async (contested: 'refuse' | 'keep-ours') => {
    const resourceId = await addResource(ledger.admin, { contested });
    const key = await addConnection(ledger.admin, { resourceId });
    const held = aHold(resourceId);
    await holdUnits(ledger.pool, held);
    const pass = await begin(ledger.pool, key);
    const changes = listed(anEvent('a', [0, 1]), anEvent('b', [0.5, 3]), anEvent('c', [1, 2]));
    await bring(ledger.pool, key, { pass, page: { changes } });
    return held;
  };

  test('contests it once, and its commit is refused', async () => {
    const held = await contest('refuse');
    expect(await commitBooking(ledger.pool, held)).toEqual({ kind: 'contested' });
    expect(await entriesOf(ledger.pool, `booking/${held.bookingId}`)).toEqual([
      'booking.held',
      'booking.contested',
    ]);
  });

  test('does not keep it from being committed where the resource keeps ours', async () => {
    const held = await contest('keep-ours');
    expect(await commitBooking(ledger.pool, held)).toMatchObject({ kind: 'confirmed' });
  });
});

async function overlapsOf(resourceId: string): Promise<number> {
  const { rows } = await ledger.pool.query(
    `SELECT FROM occupancy a JOIN occupancy b ON a.resource_id = b.resource_id AND a.unit = b.unit
        AND a.booking_id < b.booking_id AND a.span && b.span
      WHERE a.resource_id = $1 AND a.live AND b.live`,
    [resourceId],
  );
  return rows.length;
}

async function uncontestedOverlapsOf(resourceId: string): Promise<number> {
  const { rows } = await ledger.pool.query(
    `SELECT FROM occupancy o JOIN busy b ON b.resource_id = o.resource_id
        AND (b.unit IS NULL OR b.unit = o.unit) AND o.span && tstzrange(b.start_at, b.end_at)
      WHERE o.resource_id = $1 AND o.live AND o.contested_at IS NULL`,
    [resourceId],
  );
  return rows.length;
}
