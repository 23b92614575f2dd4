import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import type { BookingState, PaymentKind } from '../domain/booking.ts';
import type { PaymentState } from '../payments/payment-provider.ts';

/** What a payment step needs to know, in one read. Sealed values stay sealed here. */
export interface PaymentCase {
  state: BookingState;
  paymentKind: PaymentKind;
  /** Charged now: the deposit or all of it, and never more than was authorized. */
  dueMinor: number;
  isDeposit: boolean;
  /** Whether the method is kept for charges without the payer. */
  keepsMethod: boolean;
  /** It was confirmed once, whatever became of it. */
  wasConfirmed: boolean;
  currency: string | null;
  accountId: string | null;
  sealedAccount: Buffer | null;
  /** Sealed payment method; null where the payer gives one in a browser, and once it was answered. */
  sealedDraft: Buffer | null;
  intentId: string | null;
  /** Nothing may be confirmed or taken by it: another stands in for it, or a person put it right. */
  fenced: boolean;
  customerId: string | null;
  /** The mark that the service has news of it, as text; see `recordPayment`. */
  newsAt: string | null;
  capturedMinor: number;
  refundedMinor: number;
}

export async function loadPaymentCase(
  pool: pg.Pool,
  ref: BookingRef & { paymentAccountId: string | null },
): Promise<PaymentCase | null> {
  const { rows } = await pool.query<PaymentCase>({
    name: 'payment-case',
    text: `SELECT b.state, b.payment_kind AS "paymentKind", b.currency,
        least(coalesce(b.deposit_minor, b.amount_minor), p.amount_minor)::float8 AS "dueMinor",
        b.deposit_minor IS NOT NULL AS "isDeposit",
        (b.deposit_minor IS NOT NULL OR r.settings->>'lapse' = 'renew') AS "keepsMethod",
        b.confirmed_at IS NOT NULL AS "wasConfirmed",
        a.id AS "accountId", a.sealed AS "sealedAccount", d.payment AS "sealedDraft",
        p.intent_id AS "intentId", p.customer_id AS "customerId",
        p.fenced_at IS NOT NULL OR p.by_hand_at IS NOT NULL AS fenced, p.news_at::text AS "newsAt",
        coalesce(p.captured_minor, 0)::float8 AS "capturedMinor",
        coalesce(p.refunded_minor, 0)::float8 AS "refundedMinor"
      FROM booking b
      JOIN resource r ON r.tenant_id = b.tenant_id AND r.id = b.resource_id
      LEFT JOIN payment p ON p.tenant_id = b.tenant_id AND p.booking_id = b.id AND p.n = 1
      LEFT JOIN payment_account a ON a.tenant_id = b.tenant_id
        AND a.id = coalesce(p.payment_account_id, $3)
      LEFT JOIN booking_draft d ON d.tenant_id = b.tenant_id AND d.booking_id = b.id
      WHERE b.tenant_id = $1 AND b.id = $2`,
    values: [ref.tenantId, ref.bookingId, ref.paymentAccountId],
  });
  return rows[0] ?? null;
}

export const PAYMENT_PURPOSES = ['booking', 'deposit', 'balance', 'difference', 'renewal'] as const;
export type PaymentPurpose = (typeof PAYMENT_PURPOSES)[number];

/**
 * Stores the intent's id before anything can move, and says that the booking is being paid. False
 * when the hold ended meanwhile: then nothing may be confirmed.
 */
export async function recordIntent(
  pool: pg.Pool,
  input: BookingRef & {
    /** The booking's first payment unless told. */
    n?: number;
    purpose?: PaymentPurpose;
    accountId: string;
    state: PaymentState;
    customerId?: string | null;
    sealedClientSecret: Buffer | null;
  },
): Promise<boolean> {
  const { state, n = 1, purpose = 'booking', accountId, customerId } = input;
  const { intentId, status, amountMinor, currency } = state;
  const { rows } = await pool.query<{ recorded: boolean }>({
    name: 'record-intent',
    text: 'SELECT record_intent($1, $2, $3, $4) AS recorded',
    values: [
      input.tenantId,
      input.bookingId,
      input.sealedClientSecret,
      JSON.stringify({
        n,
        purpose,
        accountId,
        intentId,
        status,
        amountMinor,
        currency,
        customerId: customerId ?? state.customerId ?? null,
      }),
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

/**
 * Takes over what the payment service says, unless it said more before; one entry when it is news.
 * `newsAt` is the mark that was read before the service was asked: it goes, a later one stays.
 */
export async function recordPayment(
  pool: pg.Pool,
  input: BookingRef & { state: PaymentState; newsAt?: string | null },
): Promise<void> {
  const { clientSecret: _, ...said } = input.state;
  await pool.query({
    name: 'record-payment',
    text: 'SELECT record_payment($1, $2, $3)',
    values: [
      input.tenantId,
      input.bookingId,
      JSON.stringify({ ...said, newsAt: input.newsAt ?? null }),
    ],
  });
}

/** Money of these is not where the booking's state says; a person may have put it right by hand. */
const ASTRAY = `p.intent_id IS NOT NULL AND p.by_hand_at IS NULL AND (
  b.state IN ('expired', 'declined', 'cancelled') AND (p.status NOT IN ('captured', 'cancelled')
    OR (SELECT sum(q.captured_minor) FROM payment q WHERE q.tenant_id = b.tenant_id
         AND q.booking_id = b.id) - given_back(b.tenant_id, b.id, NULL) > b.owed_minor)
  OR b.state = 'confirmed' AND (p.n = 1 OR p.fenced_at IS NOT NULL)
    AND p.status NOT IN ('captured', 'cancelled'))`;

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
        WHERE (p.status NOT IN ('captured', 'cancelled') OR p.captured_minor > p.refunded_minor)
          AND p.updated_at < clock_timestamp() - $1 * interval '1 millisecond' AND ${ASTRAY}
        ORDER BY p.updated_at LIMIT $2 FOR NO KEY UPDATE OF p SKIP LOCKED)
     RETURNING tenant_id AS "tenantId", booking_id AS "bookingId"`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}

/** Whether the booking has money that is not where its state says. */
export async function isMoneyAstray(pool: pg.Pool, ref: BookingRef): Promise<boolean> {
  const { rowCount } = await pool.query(
    `SELECT FROM payment p JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id
      WHERE p.tenant_id = $1 AND p.booking_id = $2 AND ${ASTRAY} LIMIT 1`,
    [ref.tenantId, ref.bookingId],
  );
  return rowCount === 1;
}

/** Of money that came for nothing and went back: told to the caller. */
export async function recordReturned(pool: pg.Pool, ref: BookingRef): Promise<void> {
  await pool.query(
    `UPDATE payment SET ending = 'refunded' WHERE tenant_id = $1 AND booking_id = $2
        AND ending IS NULL AND captured_minor > 0 AND refunded_minor = captured_minor`,
    [ref.tenantId, ref.bookingId],
  );
}
