import type pg from 'pg';
import type { PushRefusal } from '../domain/connection.ts';
import { hashSecret } from './gate.ts';
import type { ConnectionKey } from './sync.ts';

/** Push registrations. A row exists before the channel is asked, so an early notification is known. */
export interface StoredWatch {
  watchId: string;
  nativeId: string | null;
  expiresAt: Date | null;
}

export async function insertWatch(
  pool: pg.Pool,
  key: ConnectionKey,
  watch: { watchId: string; secret: string },
): Promise<void> {
  await pool.query(
    `INSERT INTO watch (tenant_id, id, connection_id, secret_hash) VALUES ($1, $2, $3, $4)`,
    [key.tenantId, watch.watchId, key.connectionId, hashSecret(watch.secret)],
  );
}

/**
 * The channel took the watch, or extended it: the connection is watched until it expires. False when
 * the channel said meanwhile that it is gone.
 */
export async function watchTaken(
  pool: pg.Pool,
  key: ConnectionKey,
  watch: { watchId: string; nativeId: string; expiresAt: string },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `WITH taken AS (
       UPDATE watch SET native_id = $4, expires_at = $5::timestamptz
        WHERE tenant_id = $1 AND id = $3 AND stopped_at IS NULL RETURNING 1)
     UPDATE connection SET watched_until = $5::timestamptz, push_refused = NULL
      WHERE tenant_id = $1 AND id = $2 AND EXISTS (SELECT FROM taken)`,
    [key.tenantId, key.connectionId, watch.watchId, watch.nativeId, watch.expiresAt],
  );
  return rowCount === 1;
}

/** Open watches, except one; the one that lasts longest first. */
export async function openWatches(
  pool: pg.Pool,
  key: ConnectionKey,
  keepId: string | null,
): Promise<StoredWatch[]> {
  const { rows } = await pool.query<StoredWatch>(
    `SELECT id AS "watchId", native_id AS "nativeId", expires_at AS "expiresAt" FROM watch
      WHERE tenant_id = $1 AND connection_id = $2 AND stopped_at IS NULL AND id IS DISTINCT FROM $3
      ORDER BY expires_at DESC NULLS LAST`,
    [key.tenantId, key.connectionId, keepId],
  );
  return rows;
}

/** We are done with a watch; `gone` where it is known to be gone at the channel too. */
export async function watchStopped(
  pool: pg.Pool,
  key: ConnectionKey,
  { watchId, gone }: { watchId: string; gone: boolean },
): Promise<void> {
  await pool.query(
    `UPDATE watch SET stopped_at = coalesce(stopped_at, clock_timestamp()),
       gone_at = CASE WHEN $3 THEN clock_timestamp() ELSE gone_at END
      WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, watchId, gone],
  );
}

/** The connection has no watch: polling carries it. */
export async function notWatched(
  pool: pg.Pool,
  key: ConnectionKey,
  refused: PushRefusal | null,
): Promise<void> {
  await pool.query(
    `UPDATE connection SET watched_until = NULL, push_refused = $3
      WHERE tenant_id = $1 AND id = $2
        AND (watched_until IS NOT NULL OR push_refused IS DISTINCT FROM $3)`,
    [key.tenantId, key.connectionId, refused],
  );
}

/** The watch is cared for from here on; what the channel says later is said anew. */
export async function takeWatchWish(pool: pg.Pool, key: ConnectionKey): Promise<void> {
  await pool.query(
    `UPDATE connection SET watch_wanted_at = NULL
      WHERE tenant_id = $1 AND id = $2 AND watch_wanted_at IS NOT NULL`,
    [key.tenantId, key.connectionId],
  );
}

export interface Orphan extends ConnectionKey {
  watchId: string;
  accountId: string;
  channel: string;
}

/** How long one who tries to stop an orphan has it alone. */
const ORPHAN_TRY = '1 minute';

/**
 * A watch that we are done with and that goes on notifying, for its one stop in a while; null when
 * somebody is at it, or when it is gone and its last words were only late.
 */
export async function takeOrphan(pool: pg.Pool, watchId: string): Promise<Orphan | null> {
  const { rows } = await pool.query<Orphan>(
    `UPDATE watch w SET orphan_tried_at = clock_timestamp() FROM connection c
      WHERE w.id = $1 AND c.tenant_id = w.tenant_id AND c.id = w.connection_id
        AND w.stopped_at IS NOT NULL AND w.gone_at IS NULL
        AND (w.orphan_tried_at IS NULL
          OR w.orphan_tried_at < clock_timestamp() - interval '${ORPHAN_TRY}')
     RETURNING w.tenant_id AS "tenantId", w.connection_id AS "connectionId", w.id AS "watchId",
       c.account_id AS "accountId", c.channel`,
    [watchId],
  );
  return rows[0] ?? null;
}
