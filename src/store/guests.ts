import type { Database } from './database.ts';
import { transaction } from './database.ts';

/** Erases a booking's guest data wherever it stands. False when there is no such booking. */
export async function eraseGuest(
  database: Database,
  { tenantId, bookingId }: { tenantId: string; bookingId: string },
): Promise<boolean> {
  return transaction(database.pool, async (client) => {
    const { rows: locked } = await client.query<{ resource: string | null }>(
      'SELECT lock_booking($1, $2) AS resource',
      [tenantId, bookingId],
    );
    if (!locked[0]?.resource) return false;
    const { rows } = await client.query<{ seq: string }>(
      `UPDATE booking SET guest = NULL, seq = seq + 1
        WHERE tenant_id = $1 AND id = $2 AND guest IS NOT NULL RETURNING seq`,
      [tenantId, bookingId],
    );
    await client.query(
      'UPDATE booking_draft SET guest = NULL WHERE tenant_id = $1 AND booking_id = $2',
      [tenantId, bookingId],
    );
    // Erasing what is already erased changes nothing, so it has no entry.
    if (rows[0])
      await client.query('SELECT append_entry($1, $2, $3, $4, $5)', [
        tenantId,
        `booking/${bookingId}`,
        rows[0].seq,
        'booking.guest-erased',
        {},
      ]);
    return true;
  });
}
