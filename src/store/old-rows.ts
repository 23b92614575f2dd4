import type pg from 'pg';
import { dropIdleLimits } from './limits.ts';

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
  // Longer than what was served explains what comes back; the last one says where a feed stands.
  await pool.query(
    `DELETE FROM feed_serving s WHERE last_at < clock_timestamp() - interval '8 days'
       AND EXISTS (SELECT FROM feed_serving later WHERE later.tenant_id = s.tenant_id
         AND later.feed_id = s.feed_id AND later.n > s.n)`,
  );
  await pool.query(`DELETE FROM watch WHERE stopped_at < clock_timestamp() - interval '30 days'`);
  await pool.query(
    `DELETE FROM idempotency WHERE created_at < clock_timestamp() - interval '30 days'
       AND booking_id IS NULL`,
  );
  await dropIdleLimits(pool);
}
