import type pg from 'pg';
import { transaction } from './database.ts';
import type { ConnectionKey } from './sync.ts';

/** Desired state of our bookings in one outside calendar, and how far it is carried out. */
export interface MirrorTask {
  bookingId: string;
  desired: 'present' | 'absent';
  desiredVersion: number;
  /** 0 where none was. */
  appliedVersion: number;
  /** Attempts since then, this one not included. */
  attempts: number;
  generation: number;
  nativeId: string | null;
  etag: string | null;
  startAt: Date;
  endAt: Date;
}

export async function mirrorsToDo(
  pool: pg.Pool,
  key: ConnectionKey,
  limit: number,
): Promise<MirrorTask[]> {
  const { rows } = await pool.query<MirrorTask>(
    `SELECT booking_id AS "bookingId", desired, desired_version AS "desiredVersion",
       applied_version AS "appliedVersion", attempts, generation, native_id AS "nativeId", etag, start_at AS "startAt", end_at AS "endAt" FROM mirror
     WHERE tenant_id = $1 AND connection_id = $2 AND applied_version < desired_version
     ORDER BY attempts, updated_at LIMIT $3`,
    [key.tenantId, key.connectionId, limit],
  );
  return rows;
}

/** How many wait for their first attempt; those that failed have a pace of their own. */
export async function mirrorsNotTried(pool: pg.Pool, key: ConnectionKey): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM mirror
      WHERE tenant_id = $1 AND connection_id = $2 AND applied_version < desired_version
        AND attempts = 0`,
    [key.tenantId, key.connectionId],
  );
  return rows[0]?.count ?? 0;
}

/** Counts an attempt that is about to be made. */
export async function mirrorAttempted(
  pool: pg.Pool,
  key: ConnectionKey,
  { bookingId }: MirrorTask,
): Promise<void> {
  await pool.query(
    `UPDATE mirror SET attempts = attempts + 1, updated_at = clock_timestamp()
      WHERE tenant_id = $1 AND connection_id = $2 AND booking_id = $3`,
    [key.tenantId, key.connectionId, bookingId],
  );
}

/** Records that a version is in place; a newer wish stays to do. */
export async function mirrorApplied(
  pool: pg.Pool,
  key: ConnectionKey,
  done: MirrorTask & { spent: boolean },
): Promise<void> {
  const ids = [key.tenantId, key.connectionId];
  await transaction(pool, async (client) => {
    // Before the first write, so that its entry's place is after those of a page under way.
    await client.query(`SELECT lock_connection($1, $2)`, ids);
    await client.query(MIRROR_APPLIED, [
      ...ids,
      done.bookingId,
      done.desiredVersion,
      done.nativeId,
      done.etag,
      done.spent,
      done.desired,
    ]);
  });
}

const MIRROR_APPLIED = `
  WITH applied AS (
    UPDATE mirror SET applied_version = $4, native_id = $5, etag = $6,
      generation = generation + CASE WHEN $7 THEN 1 ELSE 0 END, failure = NULL, attempts = 0,
      updated_at = clock_timestamp()
    WHERE tenant_id = $1 AND connection_id = $2 AND booking_id = $3 AND applied_version < $4
    RETURNING 1
  ), counted AS (
    UPDATE connection SET seq = seq + 1 WHERE tenant_id = $1 AND id = $2 AND EXISTS (SELECT FROM applied)
    RETURNING seq
  ) SELECT append_entry($1, 'connection/' || $2, seq, 'mirror.' || $8::text,
      jsonb_build_object('bookingId', $3::text)) FROM counted`;

/** Notes why a mirror could not be written; it stays to do, behind those that never failed. */
export async function mirrorFailed(
  pool: pg.Pool,
  key: ConnectionKey,
  failed: { bookingId: string; failure: string; newGeneration: boolean },
): Promise<void> {
  await pool.query(
    `UPDATE mirror SET failure = $4, updated_at = clock_timestamp(),
       generation = generation + CASE WHEN $5 THEN 1 ELSE 0 END,
       etag = CASE WHEN $5 THEN NULL ELSE etag END
     WHERE tenant_id = $1 AND connection_id = $2 AND booking_id = $3`,
    [key.tenantId, key.connectionId, failed.bookingId, failed.failure, failed.newGeneration],
  );
}

/** Connections with a mirror that waited this long: their signal was lost, or the write failed. */
export async function mirrorsLeft(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<ConnectionKey[]> {
  const { rows } = await pool.query<ConnectionKey>(
    `SELECT DISTINCT m.tenant_id AS "tenantId", m.connection_id AS "connectionId"
     FROM mirror m JOIN connection c ON c.tenant_id = m.tenant_id AND c.id = m.connection_id
     WHERE m.applied_version < m.desired_version AND c.disconnected_at IS NULL
       AND c.status NOT IN ('paused', 'needs-reauthorization')
       AND m.updated_at < clock_timestamp()
         - least($1 * power(2, least(m.attempts, 8)), 600000) * interval '1 millisecond'
     LIMIT $2`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}
