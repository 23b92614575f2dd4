import type { Database } from './database.ts';

/** Erases a booking's guest data wherever it stands. False when there is no such booking. */
export async function eraseGuest(
  { pool }: Pick<Database, 'pool'>,
  { tenantId, bookingId }: { tenantId: string; bookingId: string },
): Promise<boolean> {
  const { rows } = await pool.query<{ erased: boolean }>('SELECT erase_guest($1, $2) AS erased', [
    tenantId,
    bookingId,
  ]);
  return rows[0]!.erased;
}

const AT_ONCE = 200;

/**
 * Erases the guest of every booking of one customer reference, each in a transaction of its own, and
 * answers of how many. Afterwards nothing is found by the reference; broken off, it goes on when it
 * is asked for again.
 */
export async function eraseCustomer(
  database: Pick<Database, 'pool'>,
  { tenantId, referenceHash }: { tenantId: string; referenceHash: Uint8Array },
): Promise<number> {
  const { pool } = database;
  const { rows: drafts } = await pool.query<{ id: string }>(
    `UPDATE booking_draft SET guest = NULL, reference_hash = NULL
      WHERE tenant_id = $1 AND reference_hash = $2 RETURNING booking_id AS id`,
    [tenantId, referenceHash],
  );
  let erased = 0;
  // A hold under way may have taken the guest from its draft before: each is waited for.
  for (const { id } of drafts)
    if (await eraseGuest(database, { tenantId, bookingId: id })) erased += 1;
  for (;;) {
    const { rows } = await pool.query<{ id: string }>(
      `SELECT id FROM booking WHERE tenant_id = $1 AND reference_hash = $2
        ORDER BY created_at, id LIMIT ${AT_ONCE}`,
      [tenantId, referenceHash],
    );
    if (rows.length === 0) return erased;
    for (const { id } of rows)
      if (await eraseGuest(database, { tenantId, bookingId: id })) erased += 1;
  }
}
