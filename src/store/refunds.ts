import type pg from 'pg';
import type { BookingRef, Resolution } from '../commands.ts';
import type { RefundState } from '../payments/payment-provider.ts';

/** Money on its way back: one row for each time it was asked for, before the act. */
export interface RefundRow {
  /** Our key at the payment service; of a refund that somebody made there, `outside:<its id>`. */
  key: string;
  /** The payment that it goes back from. */
  n: number;
  amountMinor: number;
  /** A machine reason. */
  reason: string;
  status: 'asked' | 'pending' | 'succeeded' | 'failed';
  /** What a person decided about one that failed. */
  resolution: 'retried' | 'by-hand' | null;
  /** The caller's own, of money that went back outside the payment service. */
  reference: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export async function refundsOf(pool: pg.Pool, ref: BookingRef): Promise<RefundRow[]> {
  const { rows } = await pool.query<RefundRow>({
    name: 'refunds-of',
    text: `SELECT key, payment_n AS n, amount_minor::float8 AS "amountMinor", reason, status,
        resolution, reference, created_at AS "createdAt", updated_at AS "updatedAt"
      FROM refund WHERE tenant_id = $1 AND booking_id = $2 ORDER BY created_at, key`,
    values: [ref.tenantId, ref.bookingId],
  });
  return rows;
}

/**
 * Of all that went back or is on its way. One that failed counts too until a person had it asked for
 * anew: until then nothing else is to go back in its place.
 */
export const countsAsGivenBack = ({ status, resolution }: RefundRow): boolean =>
  status !== 'failed' || resolution !== 'retried';

/** Null when refunds were written since `counted` of them were read: then look again. */
export async function askRefund(
  pool: pg.Pool,
  input: BookingRef & { n: number; amountMinor: number; reason: string; counted: number },
): Promise<string | null> {
  const { rows } = await pool.query<{ key: string | null }>(
    'SELECT ask_refund($1, $2, $3, $4, $5, $6) AS key',
    [input.tenantId, input.bookingId, input.n, input.amountMinor, input.reason, input.counted],
  );
  return rows[0]?.key ?? null;
}

/** Takes over what the payment service says; a refund that failed calls a person. */
export async function recordRefunds(
  pool: pg.Pool,
  input: BookingRef & { n: number; refunds: readonly RefundState[] },
): Promise<void> {
  await pool.query('SELECT record_refunds($1, $2, $3, $4)', [
    input.tenantId,
    input.bookingId,
    input.n,
    JSON.stringify(input.refunds),
  ]);
}

/** The money went back another way before this refund could be made. */
export async function withdrawRefund(
  pool: pg.Pool,
  input: BookingRef & { key: string },
): Promise<void> {
  await pool.query('SELECT withdraw_refund($1, $2, $3)', [
    input.tenantId,
    input.bookingId,
    input.key,
  ]);
}

/** What a cancelled booking was to keep and nothing is left to take from; calls a person. */
export async function disownFee(pool: pg.Pool, ref: BookingRef): Promise<void> {
  await pool.query('SELECT disown_fee($1, $2)', [ref.tenantId, ref.bookingId]);
}

export type GrantedRefund =
  { kind: 'granted' | 'missing' } | { kind: 'too-much'; refundableMinor: number };

/** Once for each change: of what is kept, so much is owed no more. */
export async function grantRefund(
  pool: pg.Pool,
  input: BookingRef & {
    changeId: string;
    amountMinor: number;
    reason: string;
  },
): Promise<GrantedRefund> {
  const { rows } = await pool.query<{ answer: GrantedRefund }>(
    'SELECT grant_refund($1, $2, $3, $4, $5) AS answer',
    [input.tenantId, input.bookingId, input.changeId, input.amountMinor, input.reason],
  );
  return rows[0]!.answer;
}

/** What staff may still give back; null when there is no such booking. */
export async function refundableOf(pool: pg.Pool, ref: BookingRef): Promise<number | null> {
  const { rows } = await pool.query<{ left: number | null }>(
    'SELECT refundable_minor($1, $2)::float8 AS left',
    [ref.tenantId, ref.bookingId],
  );
  return rows[0]?.left ?? null;
}

/** Money of `external` payments that the tenant gave back by other means. Answers how many rows. */
export async function refundsByHand(
  pool: pg.Pool,
  input: BookingRef & { reference: string },
): Promise<number> {
  const { rows } = await pool.query<{ done: number }>(
    'SELECT refunds_by_hand($1, $2, $3) AS done',
    [input.tenantId, input.bookingId, input.reference],
  );
  return rows[0]!.done;
}

/**
 * What a person decided about money that no run waits with. `retry` has a refund that failed asked for
 * anew under another key, by whoever settles the booking next, and what is unpaid charged once more.
 */
export async function resolveMoney(
  pool: pg.Pool,
  input: BookingRef & { resolution: Resolution },
): Promise<'nothing' | 'resolved' | 'settle'> {
  const { resolution } = input;
  const isRetry = resolution.kind === 'retry';
  const { rows } = await pool.query<{ settle: boolean | null }>(
    'SELECT resolve_money($1, $2, $3, $4, $5, $6) AS settle',
    [
      input.tenantId,
      input.bookingId,
      resolution.attention ?? null,
      isRetry ? 'retried' : 'by-hand',
      resolution.by,
      isRetry ? null : resolution.reason,
    ],
  );
  const settle = rows[0]?.settle ?? null;
  if (settle === null) return 'nothing';
  return settle ? 'settle' : 'resolved';
}

/**
 * Bookings with a refund that was asked for or is pending since long: the service is asked. Answers
 * each at most once per `olderThanMs`.
 */
export async function refundsToFollow(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<BookingRef[]> {
  const { rows } = await pool.query<BookingRef>(
    `UPDATE refund SET updated_at = clock_timestamp() WHERE (tenant_id, booking_id, key) IN (
       SELECT r.tenant_id, r.booking_id, r.key FROM refund r
         JOIN payment p ON p.tenant_id = r.tenant_id AND p.booking_id = r.booking_id
          AND p.n = r.payment_n AND p.intent_id IS NOT NULL AND p.by_hand_at IS NULL
        WHERE r.status IN ('asked', 'pending')
          AND r.updated_at < clock_timestamp() - $1 * interval '1 millisecond'
        ORDER BY r.updated_at LIMIT $2 FOR NO KEY UPDATE OF r SKIP LOCKED)
     RETURNING tenant_id AS "tenantId", booking_id AS "bookingId"`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}
