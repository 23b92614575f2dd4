import type pg from 'pg';
import type { ConnectionStatus } from '../domain/connection.ts';
import type { ConnectionKey } from './sync.ts';
import { transaction } from './database.ts';

/**
 * Moves a connection to a status, with one entry when it is another than before. Answers whether it
 * changed; false also when the connection is gone.
 */
export async function setConnectionStatus(
  pool: pg.Pool,
  key: ConnectionKey,
  next: { status: ConnectionStatus; reason: string | null },
): Promise<boolean> {
  return transaction(pool, async (client) => {
    await client.query(`SELECT lock_connection($1, $2)`, [key.tenantId, key.connectionId]);
    const { rowCount } = await client.query(
      `WITH moved AS (
         UPDATE connection SET status = $3, status_reason = $4, status_since = clock_timestamp(),
           seq = seq + 1,
           disconnected_at = CASE WHEN $3 = 'disconnected' THEN clock_timestamp() END
         WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL
           AND (status, coalesce(status_reason, '')) IS DISTINCT FROM ($3, coalesce($4, ''))
           -- A pass that ends after its account was refused has nothing to say of what comes next.
           AND ($3 NOT IN ('live', 'guarded') OR EXISTS (SELECT FROM account a
             WHERE a.tenant_id = $1 AND a.id = account_id AND a.state = 'active'))
         RETURNING seq
       ) SELECT append_entry($1, 'connection/' || $2, seq, 'connection.' || $3,
           jsonb_build_object('reason', $4::text)) FROM moved`,
      [key.tenantId, key.connectionId, next.status, next.reason],
    );
    return rowCount === 1;
  });
}

/**
 * Forgets a disconnected connection's busy time and watches: it blocks nothing and is told nothing. Its
 * conflicts have lost what they were about, which is news.
 */
export async function clearDisconnected(pool: pg.Pool, key: ConnectionKey): Promise<void> {
  await transaction(pool, async (client) => {
    const ids = [key.tenantId, key.connectionId];
    await client.query(
      `SELECT lock_resource($1, resource_id, true) FROM connection WHERE tenant_id = $1 AND id = $2`,
      ids,
    );
    await client.query(`DELETE FROM busy WHERE tenant_id = $1 AND connection_id = $2`, ids);
    await client.query('SELECT conflicts_left($1, $2)', ids);
    await client.query(`DELETE FROM pass_seen WHERE tenant_id = $1 AND connection_id = $2`, ids);
    await client.query(
      `UPDATE channel_event
          SET recorded = tstzrange(lower(recorded), greatest(lower(recorded), clock_timestamp()))
        WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)`,
      ids,
    );
    await client.query(
      `UPDATE watch SET stopped_at = clock_timestamp()
        WHERE tenant_id = $1 AND connection_id = $2 AND stopped_at IS NULL`,
      ids,
    );
    await client.query(
      `UPDATE connection SET cursor = NULL, checkpoint = NULL, dirty = false
        WHERE tenant_id = $1 AND id = $2`,
      ids,
    );
  });
}

/**
 * Starts over: the next pass lists everything beside what is there, as a new generation. Answers the
 * new version, to which no page under way applies any more.
 */
export const startGeneration = (pool: pg.Pool, key: ConnectionKey): Promise<number> =>
  setBack(
    pool,
    key,
    'cursor = NULL, full_pass = true, generation = generation + 1, expanded_with = NULL',
  );

/** Gives up where a pass stands between pages; the next page starts it again from its cursor. */
export const dropCheckpoint = (pool: pg.Pool, key: ConnectionKey): Promise<number> =>
  setBack(pool, key, 'full_pass = false');

async function setBack(pool: pg.Pool, key: ConnectionKey, what: string): Promise<number> {
  const ids = [key.tenantId, key.connectionId];
  return transaction(pool, async (client) => {
    // A page being applied has looked at the version already; it must not overwrite this one.
    await client.query(`SELECT lock_connection($1, $2)`, ids);
    const { rows } = await client.query<{ version: string }>(
      `WITH forgotten AS (DELETE FROM pass_seen WHERE tenant_id = $1 AND connection_id = $2)
       UPDATE connection SET checkpoint = NULL, last_page = NULL,
         cursor_version = cursor_version + 1, ${what}
       WHERE tenant_id = $1 AND id = $2 RETURNING cursor_version AS version`,
      ids,
    );
    return Number(rows[0]?.version ?? 0);
  });
}
