import type pg from 'pg';
import type { HoldAnswer, StartBooking } from '../commands.ts';

/** `connections` are to show the hold now. */
export type Held = HoldAnswer & { connections?: string[] };

/**
 * Takes a unit, or says why not. The database function decides; expired holds in the way are ended
 * in a transaction of their own and the hold is tried once more, so expiry needs no worker.
 */
export async function holdUnits(pool: pg.Pool, input: StartBooking): Promise<Held> {
  const first = await callHold(pool, input);
  if (first.kind !== 'refused' || first.refusal !== 'taken') return first;
  const { rows } = await pool.query<{ ended: number }>({
    name: 'end-expired',
    text: `SELECT end_expired($1, $2, $3::timestamptz - $5 * interval '1 millisecond',
             $4::timestamptz + $6 * interval '1 millisecond') AS ended`,
    values: [
      input.tenantId,
      input.resourceId,
      input.startAt,
      input.endAt,
      input.bufferBeforeMs,
      input.bufferAfterMs,
    ],
  });
  return rows[0]?.ended ? callHold(pool, input) : first;
}

async function callHold(pool: pg.Pool, input: StartBooking): Promise<Held> {
  const { tenantId, bookingId, resourceId, ...rest } = input;
  const { rows } = await pool.query<{ answer: HoldAnswer; connections: string[] | null }>({
    name: 'hold',
    text: 'SELECT hold_units($1) AS answer, mirrors_waiting($2, $3) AS connections',
    values: [
      JSON.stringify({ ...rest, tenant: tenantId, booking: bookingId, resource: resourceId }),
      tenantId,
      bookingId,
    ],
  });
  const { answer, connections } = rows[0]!;
  return { ...answer, ...(connections && { connections }) };
}

/** Tenant and id of holds whose time is long up: their workflow should have ended them. */
export async function holdsLeftOpen(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<{ tenantId: string; bookingId: string }[]> {
  const { rows } = await pool.query<{ tenantId: string; bookingId: string }>(
    `SELECT tenant_id AS "tenantId", id AS "bookingId" FROM booking
      WHERE confirmed_at IS NULL AND ended_at IS NULL
        AND hold_expires_at < clock_timestamp() - $1 * interval '1 millisecond'
      ORDER BY hold_expires_at LIMIT $2`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}
