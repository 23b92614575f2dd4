import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import type { BookingState } from '../domain/booking.ts';
import type { PaymentStatus } from '../payments/payment-provider.ts';
import type { RefundRow } from './refunds.ts';
import { refundsOf } from './refunds.ts';

/** All of a booking's money as its rows have it. Amounts in minor units; sealed values stay sealed. */
export interface Money {
  state: BookingState;
  owedMinor: number;
  /** By number. */
  payments: PaymentRow[];
  /** Oldest first. */
  refunds: RefundRow[];
}

export interface PaymentRow {
  n: number;
  purpose: 'booking' | 'deposit' | 'balance' | 'difference' | 'renewal';
  status: PaymentStatus;
  amountMinor: number;
  capturedMinor: number;
  currency: string;
  /** Null of an `external` payment, and before the service knows of it. */
  intentId: string | null;
  accountId: string | null;
  sealedAccount: Buffer | null;
  customerId: string | null;
  methodId: string | null;
  /** Nothing may be confirmed or taken by it. */
  fenced: boolean;
  /** A person put it right at the service: nothing of ours touches it any more. */
  byHand: boolean;
  dispute: 'opened' | 'won' | 'lost' | null;
  declineCode: string | null;
  /** The mark that the service has news of it, as text. */
  newsAt: string | null;
}

export async function loadMoney(pool: pg.Pool, ref: BookingRef): Promise<Money | null> {
  const { rows } = await pool.query<
    { state: BookingState; owedMinor: number } & ({ n: null } | PaymentRow)
  >({
    name: 'load-money',
    text: `SELECT b.state, b.owed_minor::float8 AS "owedMinor", p.n, p.purpose, p.status,
        p.amount_minor::float8 AS "amountMinor", p.captured_minor::float8 AS "capturedMinor",
        p.currency, p.intent_id AS "intentId", a.id AS "accountId", a.sealed AS "sealedAccount",
        p.customer_id AS "customerId", p.method_id AS "methodId",
        p.fenced_at IS NOT NULL AS fenced, p.by_hand_at IS NOT NULL AS "byHand",
        p.dispute, p.decline_code AS "declineCode", p.news_at::text AS "newsAt"
      FROM booking b
      LEFT JOIN payment p ON p.tenant_id = b.tenant_id AND p.booking_id = b.id
      LEFT JOIN payment_account a ON a.tenant_id = p.tenant_id AND a.id = p.payment_account_id
      WHERE b.tenant_id = $1 AND b.id = $2 ORDER BY p.n`,
    values: [ref.tenantId, ref.bookingId],
  });
  const [first] = rows;
  if (!first) return null;
  return {
    state: first.state,
    owedMinor: first.owedMinor,
    payments: rows.filter((row): row is (typeof rows)[number] & PaymentRow => row.n !== null),
    refunds: await refundsOf(pool, ref),
  };
}
