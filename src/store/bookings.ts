import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import type { BookingState } from '../domain/booking.ts';

/** The moves of a booking after its hold. Each is one database function in one round trip. */
export type Committed =
  /** `connections` have a mirror to write now. */
  | { kind: 'confirmed'; connections: string[] }
  | { kind: 'contested' | 'expired' | 'missing' }
  | { kind: 'ended'; state: BookingState };

/** `reference`: the caller's own of an `external` payment. */
export async function commitBooking(
  pool: pg.Pool,
  ref: BookingRef & { reference?: string | null },
): Promise<Committed> {
  const { rows } = await pool.query<{ answer: Committed; connections: string[] | null }>({
    name: 'commit-booking',
    text: 'SELECT commit_booking($1, $2, $3) AS answer, mirrors_waiting($1, $2) AS connections',
    values: [ref.tenantId, ref.bookingId, ref.reference ?? null],
  });
  const { answer, connections } = rows[0]!;
  // Those that showed the hold are to show the booking.
  return answer.kind === 'confirmed' ? { ...answer, connections: connections ?? [] } : answer;
}

export type Released =
  /** `connections` showed the hold. */
  | { kind: 'released'; state?: BookingState; connections?: string[] }
  | { kind: 'already-confirmed' };

/** Lets the units go and fences the booking: a hold that arrives after this is refused. */
export async function releaseBooking(
  pool: pg.Pool,
  input: BookingRef & { state: 'expired' | 'declined' | 'cancelled'; reason: string },
): Promise<Released> {
  const { rows } = await pool.query<{ answer: Released; connections: string[] | null }>({
    name: 'release-booking',
    text: 'SELECT release_booking($1, $2, $3, $4) AS answer, mirrors_waiting($1, $2) AS connections',
    values: [input.tenantId, input.bookingId, input.state, input.reason],
  });
  const { answer, connections } = rows[0]!;
  return answer.kind === 'released' && connections ? { ...answer, connections } : answer;
}

export type Cancelled =
  | { kind: 'cancelled'; connections?: string[] }
  | { kind: 'not-confirmed'; state: BookingState | null };

export async function cancelBooking(
  pool: pg.Pool,
  input: BookingRef & { reason: string; keepMinor?: number },
): Promise<Cancelled> {
  const { rows } = await pool.query<{ answer: Cancelled }>({
    name: 'cancel-booking',
    text: 'SELECT cancel_booking($1, $2, $3) AS answer',
    values: [input.tenantId, input.bookingId, input.reason],
  });
  return rows[0]!.answer;
}

/** Calls a person: shown by the API beside the state, with one entry when it is news. */
export async function flagAttention(
  pool: pg.Pool,
  input: BookingRef & { attention: string },
): Promise<void> {
  await pool.query(`SELECT flag_attention($1, $2, $3)`, [
    input.tenantId,
    input.bookingId,
    input.attention,
  ]);
}

/** Takes the call back, if it is still the one that stands. */
export async function clearAttention(
  pool: pg.Pool,
  input: BookingRef & { attention: string },
): Promise<void> {
  await pool.query(`SELECT clear_attention($1, $2, $3)`, [
    input.tenantId,
    input.bookingId,
    input.attention,
  ]);
}
