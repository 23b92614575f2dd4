import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import type { BookingState } from '../domain/booking.ts';
import type { StaleCopy } from '../domain/connection.ts';
import { STALE_COPIES } from './stale-copies.ts';

/** The moves of a booking after its hold. Each is one database function in one round trip. */
export type Committed =
  /** `connections` have a mirror to write now. */
  | { kind: 'confirmed'; connections: string[] }
  | { kind: 'contested' | 'expired' | 'missing' }
  /** Nothing was done: these copies are too old, and are to be read again first. */
  | { kind: 'stale'; copies: StaleCopy[] }
  | { kind: 'ended'; state: BookingState };

/**
 * `reference`: the caller's own of an `external` payment. `onlyFresh` commits nothing while a copy of
 * an outside calendar is older than it may be.
 */
export async function commitBooking(
  pool: pg.Pool,
  ref: BookingRef & { reference?: string | null; onlyFresh?: boolean },
): Promise<Committed> {
  const { rows } = await pool.query<{ answer: Committed; connections: string[] | null }>({
    name: ref.onlyFresh ? 'commit-fresh-booking' : 'commit-booking',
    text: ref.onlyFresh ? COMMIT_FRESH : COMMIT,
    values: [ref.tenantId, ref.bookingId, ref.reference ?? null],
  });
  const { answer, connections } = rows[0]!;
  // Those that showed the hold are to show the booking.
  return answer.kind === 'confirmed' ? { ...answer, connections: connections ?? [] } : answer;
}

const COMMIT =
  'SELECT commit_booking($1, $2, $3) AS answer, mirrors_waiting($1, $2) AS connections';
const COMMIT_FRESH = `
  SELECT CASE WHEN s.stale IS NULL THEN commit_booking($1, $2, $3)
           ELSE jsonb_build_object('kind', 'stale', 'copies', s.stale) END AS answer,
         mirrors_waiting($1, $2) AS connections FROM (SELECT (${STALE_COPIES}) AS stale) s`;

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
  | { kind: 'not-confirmed'; state: BookingState | null }
  /** The quote is over, served another change, or rests on what is no more. */
  | { kind: 'quote-over' };

/** Of what was paid `keepMinor` is kept, or what the quote said. */
export async function cancelBooking(
  pool: pg.Pool,
  input: BookingRef & {
    changeId: string;
    reason: string;
    keepMinor: number;
    quoteId: string | null;
  },
): Promise<Cancelled> {
  const { rows } = await pool.query<{ answer: Cancelled }>({
    name: 'cancel-booking',
    text: 'SELECT cancel_booking($1, $2, $3, $4, $5, $6) AS answer',
    values: [
      input.tenantId,
      input.bookingId,
      input.reason,
      input.keepMinor,
      input.quoteId,
      input.changeId,
    ],
  });
  return rows[0]!.answer;
}

/**
 * Calls a person: shown by the API beside the state, with one entry when it is news. The call of an
 * id is made once, however often and late it is asked for.
 */
export async function flagAttention(
  pool: pg.Pool,
  input: BookingRef & { attention: string; callId?: string },
): Promise<void> {
  await pool.query(`SELECT call_person($1, $2, $3, $4)`, [
    input.tenantId,
    input.bookingId,
    input.attention,
    input.callId ?? null,
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

/** A person says that it is done, and why. False when no such call stands. */
export async function resolveByHand(
  pool: pg.Pool,
  input: BookingRef & { attention: string; by: string; reason: string },
): Promise<boolean> {
  const { rows } = await pool.query<{ resolved: boolean }>(
    'SELECT resolve_by_hand($1, $2, $3, $4, $5) AS resolved',
    [input.tenantId, input.bookingId, input.attention, input.by, input.reason],
  );
  return rows[0]?.resolved ?? false;
}
