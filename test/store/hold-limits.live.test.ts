import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { StartBooking } from '../../src/commands.ts';
import { commitBooking, releaseBooking } from '../../src/store/bookings.ts';
import { extendHold, holdUnits } from '../../src/store/holds.ts';
import { commandLookups } from '../../src/store/lookups.ts';
import type { Ledger } from '../support/ledger.ts';
import {
  addResource,
  aHold,
  deadlocksIn,
  entriesOf,
  hour,
  openLedger,
  TENANT,
} from '../support/ledger.ts';

let ledger: Ledger;
beforeAll(async () => {
  ledger = await openLedger({ poolSize: 64 });
});
afterAll(() => ledger.close());

const NO_LIMITS = { perKey: null, perReference: null, perResource: null };

const kindOf = async (input: StartBooking): Promise<string> => {
  const answer = await holdUnits(ledger.pool, input);
  return answer.kind === 'refused' ? answer.refusal : answer.kind;
};

/** How often each answer was given. */
const tally = (answers: readonly string[]): Record<string, number> =>
  Object.fromEntries(
    [...new Set(answers)].toSorted().map((one) => [one, answers.filter((a) => a === one).length]),
  );

async function ofReference(input: StartBooking, reference: string): Promise<StartBooking> {
  await ledger.pool.query(
    'INSERT INTO booking_draft (tenant_id, booking_id, reference_hash) VALUES ($1, $2, $3)',
    [TENANT, input.bookingId, Buffer.from(reference)],
  );
  return input;
}

describe('a limit of holds', () => {
  test('of a resource is exact among rivals, and what is confirmed or over counts no more', async () => {
    const resourceId = await addResource(ledger.admin, {
      capacity: 50,
      holdLimits: { ...NO_LIMITS, perResource: 3 },
    });
    const inputs = Array.from({ length: 40 }, () => aHold(resourceId));
    const answers = await Promise.all(inputs.map(kindOf));
    expect(tally(answers)).toEqual({ held: 3, 'holds-of-resource': 37 });
    const [one, two] = inputs.filter((_, n) => answers[n] === 'held');
    await commitBooking(ledger.pool, one!);
    await releaseBooking(ledger.pool, { ...two!, state: 'cancelled', reason: 'guest' });
    const again = await Promise.all(Array.from({ length: 9 }, () => kindOf(aHold(resourceId))));
    expect(tally(again)).toEqual({ held: 2, 'holds-of-resource': 7 });
    await ledger.admin.query(
      `UPDATE booking SET hold_expires_at = clock_timestamp() WHERE resource_id = $1`,
      [resourceId],
    );
    expect(await kindOf(aHold(resourceId))).toBe('held');
  });

  test('of a key counts over all resources that have limits, exactly among rivals', async () => {
    const limited = { capacity: 40, holdLimits: { ...NO_LIMITS, perKey: 5 } };
    const ids = [
      await addResource(ledger.admin, limited),
      await addResource(ledger.admin, limited),
    ];
    const madeBy = randomUUID();
    const rivals = Array.from({ length: 40 }, (_, n) => kindOf(aHold(ids[n % 2]!, { madeBy })));
    expect(tally(await Promise.all(rivals))).toEqual({ held: 5, 'holds-of-key': 35 });
    expect(await kindOf(aHold(ids[0]!, { madeBy: randomUUID() }))).toBe('held');
  });

  test('of a customer reference counts whoever asked, exactly among rivals', async () => {
    const resourceId = await addResource(ledger.admin, {
      capacity: 40,
      holdLimits: { ...NO_LIMITS, perReference: 2 },
    });
    const inputs = await Promise.all(
      Array.from({ length: 20 }, () =>
        ofReference(aHold(resourceId, { madeBy: randomUUID() }), 'the same'),
      ),
    );
    expect(tally(await Promise.all(inputs.map(kindOf)))).toEqual({
      held: 2,
      'holds-of-reference': 18,
    });
    expect(await kindOf(await ofReference(aHold(resourceId), 'another'))).toBe('held');
    expect(await kindOf(aHold(resourceId))).toBe('held');
  });

  test('never stands in the way of the answer that a key was given before', async () => {
    const resourceId = await addResource(ledger.admin, {
      capacity: 9,
      holdLimits: { ...NO_LIMITS, perResource: 1 },
    });
    const input = aHold(resourceId);
    expect(await kindOf(input)).toBe('held');
    expect(await kindOf(input)).toBe('repeat');
  });
});

describe('a limit of bookings a day', () => {
  test('is exact among rivals, by local days, also where one has 23 hours', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 60, maxPerDay: 4 });
    await ledger.admin.query(`UPDATE resource SET time_zone = 'Europe/Rome' WHERE id = $1`, [
      resourceId,
    ]);
    const begin = (startAt: string) =>
      kindOf(
        aHold(resourceId, {
          startAt,
          endAt: new Date(Date.parse(startAt) + 600_000).toISOString(),
        }),
      );
    // On 25 March 2035 Rome's clocks go forward: the day lasts from 23:00Z to 22:00Z.
    const rivals = Array.from({ length: 30 }, (_, n) =>
      begin(`2035-03-2${n % 2 ? '5T21:59' : '4T23:00'}:00.000Z`),
    );
    expect(tally(await Promise.all(rivals))).toEqual({ 'day-full': 26, held: 4 });
    expect(await begin('2035-03-24T22:59:00.000Z')).toBe('held');
    expect(await begin('2035-03-25T22:00:00.000Z')).toBe('held');
    expect(await deadlocksIn(ledger)).toBe(0);
  });

  test('counts a party as one, and is passed over by staff who say so', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 9, maxPerDay: 1 });
    expect(await kindOf(aHold(resourceId, { party: 3 }))).toBe('held');
    expect(await kindOf(aHold(resourceId))).toBe('day-full');
    expect(await kindOf(aHold(resourceId, { overrides: ['day-limit'] }))).toBe('held');
  });
});

describe('a party', () => {
  test('of any size up to 500 units takes all its units or none, in a storm', async () => {
    const resourceId = await addResource(ledger.admin, { capacity: 500 });
    const parties = Array.from({ length: 60 }, (_, n) => 1 + ((n * 37) % 120));
    const answers = await Promise.all(
      parties.map((party) => holdUnits(ledger.pool, aHold(resourceId, { party }))),
    );
    const units = answers.flatMap((one) => (one.kind === 'held' ? one.units : []));
    expect(new Set(units).size).toBe(units.length);
    const sizes = answers.map((one) => (one.kind === 'held' ? one.units.length : 0));
    expect(sizes).toEqual(parties.map((party, n) => (sizes[n] === 0 ? 0 : party)));
    // Who was refused would not fit beside those who were not.
    const refused = parties.filter((_, n) => sizes[n] === 0);
    expect(Math.min(...refused) + units.length).toBeGreaterThan(500);
    expect(await kindOf(aHold(resourceId, { party: 501 }))).toBe('too-large');
    expect(await deadlocksIn(ledger)).toBe(0);
  });
});

describe('a hold is made longer', () => {
  const byRule = (rule: { byMs: number; times: number } | null) =>
    addResource(ledger.admin, { holdExtension: rule });
  const extend = (input: StartBooking, extensionId: string) =>
    extendHold(ledger.pool, { ...input, extensionId });

  test('by its rule, once for each extension id, with one entry each', async () => {
    const input = aHold(await byRule({ byMs: 60_000, times: 2 }), { holdTtlMs: 60_000 });
    const held = await holdUnits(ledger.pool, input);
    const endOf = (ms: number) =>
      held.kind === 'held' ? Date.parse(held.holdExpiresAt) + ms : Number.NaN;
    const told = async (id: string) => {
      const answer = await extend(input, id);
      return answer.kind === 'extended' ? Date.parse(answer.holdExpiresAt) : answer.reason;
    };
    expect(await told('a')).toBe(endOf(60_000));
    expect(await told('a')).toBe(endOf(60_000));
    expect(await told('b')).toBe(endOf(120_000));
    expect(await told('c')).toBe('used-up');
    expect(await entriesOf(ledger.pool, `booking/${input.bookingId}`)).toEqual([
      'booking.held',
      'booking.hold-extended',
      'booking.hold-extended',
    ]);
    const { rows } = await ledger.pool.query(
      `SELECT o.expires_at = b.hold_expires_at AS same FROM occupancy o JOIN booking b ON b.id = o.booking_id
        WHERE b.id = $1`,
      [input.bookingId],
    );
    expect(rows).toEqual([{ same: true }]);
  });

  test('not without a rule, not after its end, and never beyond the start of the booking', async () => {
    const plain = aHold(await byRule(null));
    await holdUnits(ledger.pool, plain);
    expect(await extend(plain, 'a')).toEqual({ kind: 'not-extendable', reason: 'no-rule' });
    const rule = { byMs: 86_400_000, times: 9 };
    const startAt = new Date(Date.now() + 3_600_000).toISOString();
    const soon = aHold(await byRule(rule), { startAt, endAt: hour(1) });
    await holdUnits(ledger.pool, soon);
    expect(await extend(soon, 'a')).toMatchObject({ kind: 'extended' });
    const { rows } = await ledger.pool.query<{ at: Date }>(
      'SELECT hold_expires_at AS at FROM booking WHERE id = $1',
      [soon.bookingId],
    );
    expect(rows[0]!.at.toISOString()).toBe(startAt);
    expect(await extend(soon, 'b')).toEqual({ kind: 'not-extendable', reason: 'used-up' });
    const over = aHold(await byRule(rule), { holdTtlMs: 1 });
    await holdUnits(ledger.pool, over);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await extend(over, 'a')).toEqual({ kind: 'not-extendable', reason: 'over' });
    await commitBooking(ledger.pool, plain);
    expect(await extend(plain, 'b')).toEqual({ kind: 'not-extendable', reason: 'over' });
  });

  test('and stays so for whoever asks again when it is over or paid, as its lookup knows', async () => {
    const { extendedTo } = commandLookups(ledger.pool);
    for (const end of ['expired', 'confirmed']) {
      const input = aHold(await byRule({ byMs: 1_000, times: 1 }), { holdTtlMs: 1_000 });
      await holdUnits(ledger.pool, input);
      const made = await extend(input, 'a');
      if (end === 'confirmed') await commitBooking(ledger.pool, input);
      else
        await releaseBooking(ledger.pool, { ...input, state: 'expired', reason: 'hold-expired' });
      expect(await extend(input, 'a')).toEqual(made);
      expect(await extend(input, 'b')).toEqual({ kind: 'not-extendable', reason: 'over' });
      const known = made.kind === 'extended' ? Date.parse(made.holdExpiresAt) : null;
      expect(Date.parse((await extendedTo({ ...input, extensionId: 'a' }))!)).toBe(known);
      expect(await extendedTo({ ...input, extensionId: 'b' })).toBeNull();
    }
  });
});
