import type pg from 'pg';
import type { BookingRef } from '../commands.ts';

/** A payment that its payer may confirm by a link. Sealed values stay sealed here. */
export interface LinkedPayment {
  /** Makes and checks the link's token. */
  fingerprintKey: Buffer;
  /** `over`: called off, let go, or put in the place of another. */
  state: 'open' | 'paid' | 'over';
  amountMinor: number;
  currency: string;
  payUntilAt: Date | null;
  accountId: string;
  /** For `[tenantId, 'payment_account', accountId]`. */
  sealedAccount: Buffer;
  /** For `[tenantId, 'payment.client_secret', '<bookingId>:<n>']`. */
  sealedClientSecret: Buffer;
}

export async function findLinkedPayment(
  pool: pg.Pool,
  ref: BookingRef & { n: number },
): Promise<LinkedPayment | null> {
  const { rows } = await pool.query<LinkedPayment>(
    `SELECT t.fingerprint_key AS "fingerprintKey", p.amount_minor::float8 AS "amountMinor",
        p.currency, a.id AS "accountId", a.sealed AS "sealedAccount",
        p.client_secret AS "sealedClientSecret",
        CASE WHEN p.status IN ('authorized', 'captured', 'processing') THEN 'paid'
          WHEN b.state <> 'confirmed' OR p.status = 'cancelled' OR p.fenced_at IS NOT NULL THEN 'over'
          ELSE 'open' END AS state,
        (SELECT (c.progress->>'graceUntil')::timestamptz FROM booking_change c
          WHERE c.tenant_id = p.tenant_id AND c.booking_id = p.booking_id AND c.state <> 'done'
            AND (c.progress->>'n')::integer = p.n) AS "payUntilAt"
      FROM payment p JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id
      JOIN tenant t ON t.id = p.tenant_id
      JOIN payment_account a ON a.tenant_id = p.tenant_id AND a.id = p.payment_account_id
      WHERE p.tenant_id = $1 AND p.booking_id = $2 AND p.n = $3 AND p.n > 1
        AND p.client_secret IS NOT NULL`,
    [ref.tenantId, ref.bookingId, ref.n],
  );
  return rows[0] ?? null;
}
