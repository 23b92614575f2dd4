import type pg from 'pg';
import type { ConnectionKey, OpenPass } from './sync.ts';

/** The edge of what is expanded, for connections that no pass moves on with the days. */

/** Passes move the edge once a day; whoever is this far behind makes none. */
const BEHIND = '2 days';
const TRY_EVERY = '1 hour';

/** Each is answered once in a while, so that one that cannot be moved keeps no other waiting. */
export async function edgesBehind(
  pool: pg.Pool,
  options: { horizonMs: number; limit: number },
): Promise<ConnectionKey[]> {
  const { rows } = await pool.query<ConnectionKey>(EDGES_BEHIND, [
    options.horizonMs,
    options.limit,
  ]);
  return rows;
}

const EDGES_BEHIND = `
  WITH behind AS MATERIALIZED (
    SELECT tenant_id, id FROM connection
     WHERE disconnected_at IS NULL AND last_page IS NOT NULL
       AND expanded_until < clock_timestamp() + $1 * interval '1 millisecond' - interval '${BEHIND}'
       AND (edge_tried_at IS NULL OR edge_tried_at < clock_timestamp() - interval '${TRY_EVERY}')
     ORDER BY edge_tried_at NULLS FIRST LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
  UPDATE connection c SET edge_tried_at = clock_timestamp() FROM behind b
   WHERE c.tenant_id = b.tenant_id AND c.id = b.id
  RETURNING c.tenant_id AS "tenantId", c.id AS "connectionId"`;

/** Says how far everything is expanded; false when a page came in between, which says it itself. */
export async function moveEdge(
  pool: pg.Pool,
  key: ConnectionKey,
  { pass, untilAt, expandedWith }: { pass: OpenPass; untilAt: number; expandedWith: string },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE connection SET expanded_until = $4, expanded_with = $5
      WHERE tenant_id = $1 AND id = $2 AND cursor_version = $3 AND disconnected_at IS NULL`,
    [key.tenantId, key.connectionId, pass.cursorVersion, new Date(untilAt), expandedWith],
  );
  return rowCount === 1;
}
