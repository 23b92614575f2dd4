import { randomUUID } from 'node:crypto';
import type { StartBooking } from '../../src/commands.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { holdUnits } from '../../src/store/holds.ts';
import { ratioLine, type Bench } from './bench.ts';
import { closedLoop, interleaved } from './measure.ts';
import { settle, type Stage } from './stage.ts';
import { PLAIN_TERMS } from '../support/plain-terms.ts';

const CONCURRENCY = 16;
const ROUNDS = 5;
const ROUND_MS = 3_000;
const RESOURCES = 200;
const HOUR_MS = 3_600_000;
const BASE_AT = Date.UTC(2030, 0, 1);

const REFERENCE_TABLE = `
  CREATE TABLE bench_slot (
    tenant_id text NOT NULL, booking_id text NOT NULL, resource_id text NOT NULL,
    unit integer NOT NULL, span tstzrange NOT NULL, live boolean NOT NULL DEFAULT true,
    PRIMARY KEY (tenant_id, booking_id, unit),
    EXCLUDE USING gist (tenant_id WITH =, resource_id WITH =, unit WITH =, span WITH &&) WHERE (live))`;

/** Transactions in the ledger, from one Node client, against plain inserts under the same constraint. */
export const store: Bench = {
  name: 'store',
  async run(stage) {
    await stage.owner.query(REFERENCE_TABLE);
    await stage.owner.query(
      `INSERT INTO resource (tenant_id, id, name, time_zone, capacity, settings)
       SELECT $1, 's-' || n, 'A room', 'UTC', 1, '{}' FROM generate_series(0, $2 - 1) AS n`,
      [stage.tenantId, RESOURCES],
    );
    let taken = 0;
    const place = () => {
      const n = (taken += 1);
      const startAt = BASE_AT + Math.floor(n / RESOURCES) * HOUR_MS;
      return { resourceId: `s-${n % RESOURCES}`, startAt, endAt: startAt + HOUR_MS };
    };
    const perSecond = async (durationMs: number, work: () => Promise<void>) =>
      (await closedLoop({ concurrency: CONCURRENCY, durationMs }, work)).perSecond;
    const plain = () => insertSlot(stage, place());
    const pair = () => holdAndCommit(stage, place());
    await perSecond(ROUND_MS, pair);
    await perSecond(ROUND_MS, plain);
    await settle(stage);
    const { value, reference } = await interleaved(ROUNDS, {
      reference: () => perSecond(ROUND_MS, plain),
      // A pair is two transactions.
      product: async () => 2 * (await perSecond(ROUND_MS, pair)),
    });
    const measured = { name: 'store', unit: 'holds and commits/s', value, reference };
    return [ratioLine(measured, { atLeast: 0.7 })];
  },
};

interface Place {
  resourceId: string;
  startAt: number;
  endAt: number;
}

async function insertSlot({ database, tenantId }: Stage, place: Place): Promise<void> {
  await database.pool.query({
    name: 'bench-slot',
    text: `INSERT INTO bench_slot (tenant_id, booking_id, resource_id, unit, span)
      VALUES ($1, $2, $3, 1, tstzrange($4, $5))`,
    values: [
      tenantId,
      randomUUID(),
      place.resourceId,
      instant(place.startAt),
      instant(place.endAt),
    ],
  });
}

async function holdAndCommit({ database, tenantId }: Stage, place: Place): Promise<void> {
  const bookingId = randomUUID();
  const hold: StartBooking = {
    tenantId,
    bookingId,
    key: bookingId,
    fingerprint: bookingId,
    resourceId: place.resourceId,
    startAt: instant(place.startAt),
    endAt: instant(place.endAt),
    bufferBeforeMs: 0,
    bufferAfterMs: 0,
    party: 1,
    amountMinor: 0,
    currency: null,
    paymentKind: 'none',
    paymentAccountId: null,
    holdTtlMs: 15 * 60_000,
    ...PLAIN_TERMS,
  };
  const held = await holdUnits(database.pool, hold);
  if (held.kind !== 'held') throw new Error(`A hold was answered ${held.kind}.`);
  const committed = await commitBooking(database.pool, { ...hold, reference: null });
  if (committed.kind !== 'confirmed') throw new Error(`A commit was answered ${committed.kind}.`);
}

const instant = (at: number): string => new Date(at).toISOString();
