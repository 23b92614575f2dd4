import type { Database } from './database.ts';

/**
 * What a booking needs before its hold exists. `guest` is sealed for `[tenantId, 'booking.guest',
 * bookingId]`, where it goes unchanged; `payment` (the payment method) for `[tenantId,
 * 'booking_draft.payment', bookingId]`.
 */
export interface DraftParts {
  guest: Uint8Array | null;
  payment: Uint8Array | null;
  /** HMAC of the customer reference; see `src/api/customer-reference.ts`. */
  referenceHash: Uint8Array | null;
}

/**
 * Leaves a draft, or answers the one that is there: a second request under one key must not change
 * what the first one pays with.
 */
export async function leaveDraft(
  database: Database,
  draft: DraftParts & { tenantId: string; bookingId: string },
): Promise<Omit<DraftParts, 'referenceHash'> | null> {
  const { rowCount } = await database.pool.query({
    name: 'leave-draft',
    text: `INSERT INTO booking_draft (tenant_id, booking_id, guest, payment, reference_hash)
           VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    values: [draft.tenantId, draft.bookingId, draft.guest, draft.payment, draft.referenceHash],
  });
  if (rowCount === 1) return null;
  const { rows } = await database.pool.query<Omit<DraftParts, 'referenceHash'>>(
    'SELECT guest, payment FROM booking_draft WHERE tenant_id = $1 AND booking_id = $2',
    [draft.tenantId, draft.bookingId],
  );
  return rows[0] ?? null;
}
