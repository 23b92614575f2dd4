import type { BookingRef } from '../commands.ts';
import type { Database } from './database.ts';

/** A payment that a payer can confirm in a browser. Sealed values stay sealed here. */
export interface BrowserPayment {
  n: number;
  accountId: string;
  /** For `[tenantId, 'payment.client_secret', bookingId]`. */
  sealedClientSecret: Buffer;
  /** For `[tenantId, 'payment_account', accountId]`. */
  sealedAccount: Buffer;
}

/**
 * The payment that waits for its payer: of a live hold its first, of a confirmed booking one that was
 * asked for since. Null when there is none.
 */
export async function findBrowserPayment(
  database: Database,
  ref: BookingRef,
): Promise<BrowserPayment | null> {
  const { rows } = await database.pool.query<BrowserPayment>({
    name: 'find-browser-payment',
    text: `SELECT p.n, a.id AS "accountId", p.client_secret AS "sealedClientSecret",
        a.sealed AS "sealedAccount"
      FROM payment p JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id
      JOIN payment_account a ON a.tenant_id = p.tenant_id AND a.id = p.payment_account_id
      WHERE p.tenant_id = $1 AND p.booking_id = $2 AND p.client_secret IS NOT NULL
        AND p.fenced_at IS NULL AND p.status IN ('needs-method', 'needs-action')
        AND (b.state IN ('held', 'paying') AND p.n = 1 OR b.state = 'confirmed' AND p.n > 1)
      ORDER BY p.n DESC LIMIT 1`,
    values: [ref.tenantId, ref.bookingId],
  });
  return rows[0] ?? null;
}
