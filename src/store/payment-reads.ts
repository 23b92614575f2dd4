import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import type { PaymentRow } from './money.ts';

/** A booking's payments as the API shows them. Amounts in minor units. */
export interface StoredPayment {
  n: number;
  purpose: PaymentRow['purpose'];
  status: string;
  amountMinor: number;
  capturedMinor: number;
  refundedMinor: number;
  currency: string;
  declineCode: string | null;
  dispute: PaymentRow['dispute'];
  ending: string | null;
  reference: string | null;
  captureBeforeAt: Date | null;
  createdAt: Date;
}

/** Money that is still to be collected, by a change that waits for its time or its payer. */
export interface StoredDue {
  kind: 'balance' | 'reauthorize';
  /** Its payment; null before it was tried. */
  n: number | null;
  amountMinor: number;
  /** When it is charged, tried again or looked at next. */
  nextAt: Date;
  /** The payer's turn: pay by the link, until then. */
  payUntilAt: Date | null;
}

export async function listPayments(
  pool: pg.Pool,
  ref: BookingRef,
): Promise<{ payments: StoredPayment[]; due: StoredDue[] }> {
  const values = [ref.tenantId, ref.bookingId];
  const payments = await pool.query<StoredPayment>(
    `SELECT n, purpose, status, amount_minor::float8 AS "amountMinor",
        captured_minor::float8 AS "capturedMinor", refunded_minor::float8 AS "refundedMinor",
        currency, decline_code AS "declineCode", dispute, ending, reference,
        capture_before AS "captureBeforeAt", created_at AS "createdAt"
      FROM payment WHERE tenant_id = $1 AND booking_id = $2 ORDER BY n`,
    values,
  );
  const due = await pool.query<StoredDue>(
    `SELECT c.kind, p.n, coalesce(p.amount_minor,
          b.amount_minor - b.waived_minor - b.owed_minor)::float8 AS "amountMinor",
        coalesce(c.due_at, c.created_at) AS "nextAt",
        (c.progress->>'graceUntil')::timestamptz AS "payUntilAt"
      FROM booking_change c
      JOIN booking b ON b.tenant_id = c.tenant_id AND b.id = c.booking_id
      LEFT JOIN payment p ON p.tenant_id = c.tenant_id AND p.booking_id = c.booking_id
       AND p.n = (c.progress->>'n')::integer
      WHERE c.tenant_id = $1 AND c.booking_id = $2 AND c.kind IN ('balance', 'reauthorize')
        AND c.state <> 'done' ORDER BY c.due_at`,
    values,
  );
  return { payments: payments.rows, due: due.rows };
}
