import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import type { BookingState, PaymentKind } from '../domain/booking.ts';
import type { PaymentState } from '../payments/payment-provider.ts';

/** What a payment step needs to know, in one read. Sealed values stay sealed here. */
export interface PaymentCase {
  state: BookingState;
  paymentKind: PaymentKind;
  amountMinor: number;
  currency: string | null;
  accountId: string | null;
  sealedAccount: Buffer | null;
  /** Sealed draft of a first payment; null once the intent's row exists. */
  sealedDraft: Buffer | null;
  intentId: string | null;
  capturedMinor: number;
  refundedMinor: number;
}

export async function loadPaymentCase(
  pool: pg.Pool,
  ref: BookingRef & { paymentAccountId: string | null },
): Promise<PaymentCase | null> {
  const { rows } = await pool.query<PaymentCase>({
    name: 'payment-case',
    text: `SELECT b.state, b.payment_kind AS "paymentKind", b.amount_minor::float8 AS "amountMinor",
        b.currency, a.id AS "accountId", a.sealed AS "sealedAccount", d.payment AS "sealedDraft",
        p.intent_id AS "intentId", coalesce(p.captured_minor, 0)::float8 AS "capturedMinor",
        coalesce(p.refunded_minor, 0)::float8 AS "refundedMinor"
      FROM booking b
      LEFT JOIN payment p ON p.tenant_id = b.tenant_id AND p.booking_id = b.id AND p.n = 1
      LEFT JOIN payment_account a ON a.tenant_id = b.tenant_id
        AND a.id = coalesce(p.payment_account_id, $3)
      LEFT JOIN booking_draft d ON d.tenant_id = b.tenant_id AND d.booking_id = b.id
      WHERE b.tenant_id = $1 AND b.id = $2`,
    values: [ref.tenantId, ref.bookingId, ref.paymentAccountId],
  });
  return rows[0] ?? null;
}

/**
 * Stores the intent's id before anything can move, and says that the booking is being paid. False
 * when the hold ended meanwhile: then nothing may be confirmed.
 */
export async function recordIntent(
  pool: pg.Pool,
  input: BookingRef & {
    accountId: string;
    state: PaymentState;
    sealedClientSecret: Buffer | null;
  },
): Promise<boolean> {
  const { rows } = await pool.query<{ recorded: boolean }>({
    name: 'record-intent',
    text: 'SELECT record_intent($1, $2, $3, $4, $5, $6, $7, $8) AS recorded',
    values: [
      input.tenantId,
      input.bookingId,
      input.accountId,
      input.state.intentId,
      input.sealedClientSecret,
      input.state.status,
      input.state.amountMinor,
      input.state.currency,
    ],
  });
  return rows[0]?.recorded ?? false;
}

export type Fenced = { kind: 'confirmed' } | { kind: 'fenced'; intentId: string | null };

/** Nothing may be confirmed for this booking any more, unless it is confirmed and the money owed. */
export async function fencePayment(pool: pg.Pool, ref: BookingRef): Promise<Fenced> {
  const { rows } = await pool.query<{ answer: Fenced }>('SELECT fence_payment($1, $2) AS answer', [
    ref.tenantId,
    ref.bookingId,
  ]);
  return rows[0]!.answer;
}

/** Takes over what the payment service says, unless it said more before; one entry when it is news. */
export async function recordPayment(
  pool: pg.Pool,
  input: BookingRef & { state: PaymentState },
): Promise<void> {
  const { state } = input;
  await pool.query({
    name: 'record-payment',
    text: 'SELECT record_payment($1, $2, $3, $4, $5, $6)',
    values: [
      input.tenantId,
      input.bookingId,
      state.intentId,
      state.status,
      state.capturedMinor,
      state.refundedMinor,
    ],
  });
}

/**
 * Bookings whose money is not where their state says, and which nobody has touched for a while: their
 * workflow is gone. Answers each at most once per `olderThanMs`.
 */
export async function moneyLeftOpen(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<BookingRef[]> {
  const { rows } = await pool.query<BookingRef>(
    `UPDATE payment SET updated_at = clock_timestamp() WHERE (tenant_id, booking_id, n) IN (
       SELECT p.tenant_id, p.booking_id, p.n FROM payment p
         JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id
        WHERE p.intent_id IS NOT NULL
          AND (p.status NOT IN ('captured', 'cancelled') OR p.captured_minor > p.refunded_minor)
          AND p.updated_at < clock_timestamp() - $1 * interval '1 millisecond'
          AND (b.state IN ('expired', 'declined', 'cancelled')
            OR b.state = 'confirmed' AND p.status <> 'captured')
        ORDER BY p.updated_at LIMIT $2 FOR NO KEY UPDATE OF p SKIP LOCKED)
     RETURNING tenant_id AS "tenantId", booking_id AS "bookingId"`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}
