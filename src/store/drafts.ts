import type { Database } from './database.ts';

/**
 * What a booking needs before its hold exists. `guest` is sealed for `[tenantId, 'booking.guest',
 * bookingId]`, where it goes unchanged; `payment` for `[tenantId, 'booking_draft.payment',
 * bookingId]`.
 */
export interface Draft {
  tenantId: string;
  bookingId: string;
  guest: Uint8Array<ArrayBuffer> | null;
  payment: Uint8Array<ArrayBuffer>;
}

/**
 * Leaves the draft, or answers the payment part of the one that is there: a second request under one
 * key must not change what the first one pays with.
 */
export async function leaveDraft(database: Database, draft: Draft): Promise<Buffer | null> {
  const { rows } = await database.pool.query<{ payment: Buffer | null; mine: boolean }>({
    name: 'leave-draft',
    text: `WITH mine AS (
             INSERT INTO booking_draft (tenant_id, booking_id, guest, payment)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true)
           SELECT true AS mine, NULL::bytea AS payment FROM mine
           UNION ALL
           SELECT false, payment FROM booking_draft WHERE tenant_id = $1 AND booking_id = $2
           LIMIT 1`,
    values: [draft.tenantId, draft.bookingId, draft.guest, draft.payment],
  });
  if (rows.length > 0) return rows[0]!.payment;
  // A twin's draft that was committed after our snapshot.
  const { rows: others } = await database.pool.query<{ payment: Buffer | null }>(
    'SELECT payment FROM booking_draft WHERE tenant_id = $1 AND booking_id = $2',
    [draft.tenantId, draft.bookingId],
  );
  return others[0]?.payment ?? null;
}
