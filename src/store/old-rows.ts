import type pg from 'pg';

/** Rows that have served: drafts nobody waits for, used consents, answers past their promise. */
export async function dropOldRows(pool: pg.Pool): Promise<void> {
  await pool.query(
    `DELETE FROM booking_draft d WHERE created_at < clock_timestamp() - interval '1 hour'
       AND NOT EXISTS (SELECT FROM booking b WHERE b.tenant_id = d.tenant_id AND b.id = d.booking_id
         AND b.state IN ('held', 'paying'))`,
  );
  await pool.query(
    `DELETE FROM oauth_state WHERE expires_at < clock_timestamp() - interval '1 day'`,
  );
  await pool.query(`DELETE FROM watch WHERE stopped_at < clock_timestamp() - interval '30 days'`);
  await pool.query(
    `DELETE FROM idempotency WHERE created_at < clock_timestamp() - interval '30 days'
       AND booking_id IS NULL`,
  );
}
