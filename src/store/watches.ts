import type pg from 'pg';
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

/** The channel took the watch: the connection is watched until it expires. */
export async function watchTaken(
  pool: pg.Pool,
  key: ConnectionKey,
  watch: { watchId: string; nativeId: string; expiresAt: string },
): Promise<void> {
  await pool.query(
    `WITH taken AS (
       UPDATE watch SET native_id = $4, expires_at = $5::timestamptz WHERE tenant_id = $1 AND id = $3)
     UPDATE connection SET watched_until = $5::timestamptz WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, key.connectionId, watch.watchId, watch.nativeId, watch.expiresAt],
  );
}

/** Watches to stop: every open one except the newest kept. */
export async function openWatches(
  pool: pg.Pool,
  key: ConnectionKey,
  keepId: string | null,
): Promise<StoredWatch[]> {
  const { rows } = await pool.query<StoredWatch>(
    `SELECT id AS "watchId", native_id AS "nativeId", expires_at AS "expiresAt" FROM watch
      WHERE tenant_id = $1 AND connection_id = $2 AND stopped_at IS NULL AND id IS DISTINCT FROM $3`,
    [key.tenantId, key.connectionId, keepId],
  );
  return rows;
}

export async function watchStopped(
  pool: pg.Pool,
  key: ConnectionKey,
  watchId: string,
): Promise<void> {
  await pool.query(
    `UPDATE watch SET stopped_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2`,
    [key.tenantId, watchId],
  );
}

/** The channel refused or lost the watch: polling carries the connection. */
export async function notWatched(pool: pg.Pool, key: ConnectionKey): Promise<void> {
  await pool.query(`UPDATE connection SET watched_until = NULL WHERE tenant_id = $1 AND id = $2`, [
    key.tenantId,
    key.connectionId,
  ]);
}
