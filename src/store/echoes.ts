import type pg from 'pg';
import { transaction, type Queryable } from './database.ts';
import type { Interval } from '../domain/interval.ts';
import { flagOverlaps } from './sync-spans.ts';
import type { ConnectionKey } from './sync.ts';

/**
 * An echo is what a platform says only because we said it first: an entry of a linked connection
 * wholly inside what its subscriber was served not long ago. It blocks, and is published to nobody
 * until a while after the subscriber fetched a feed without it. It is no conflict while its source
 * lives; what comes after that may as well be the subscriber's own sale.
 */

/** How long what was served explains what comes back: platforms fetch every few hours. */
export const ECHO_WINDOW_MS = 48 * 3_600_000;

/** Judges the series that a page changed; inside the page's transaction, after its spans. */
export async function judgeEchoes(
  client: Queryable,
  { tenantId, connectionId }: ConnectionKey,
  rootIds: readonly string[],
): Promise<void> {
  if (rootIds.length === 0) return;
  const values = [tenantId, connectionId, rootIds];
  const linked = await client.query(
    `SELECT FROM feed_connection WHERE tenant_id = $1 AND connection_id = $2 LIMIT 1`,
    [tenantId, connectionId],
  );
  if (linked.rowCount === 0) return;
  await client.query(
    `DELETE FROM echo WHERE tenant_id = $1 AND connection_id = $2 AND root_id = ANY ($3)`,
    values,
  );
  await client.query(JUDGE_ECHOES, [...values, ECHO_WINDOW_MS]);
}

// A feed without it may have been fetched before it came: whatever was served after the last that
// holds it is without it. Of several feeds, one that still holds it, or did last, explains it.
const JUDGE_ECHOES = `
  WITH root AS (
    SELECT root_id, range_agg(tstzrange(start_at, end_at)) AS spans FROM busy
     WHERE tenant_id = $1 AND connection_id = $2 AND root_id = ANY ($3) AND NOT stale
     GROUP BY root_id)
  INSERT INTO echo (tenant_id, connection_id, root_id, feed_id, gone_since)
  SELECT DISTINCT ON (root.root_id) $1, $2, root.root_id, s.feed_id, gone.since
  FROM root
  JOIN feed_connection l ON l.tenant_id = $1 AND l.connection_id = $2
  JOIN feed f ON f.tenant_id = $1 AND f.id = l.feed_id AND f.revoked_at IS NULL
  JOIN feed_serving s ON s.tenant_id = $1 AND s.feed_id = f.id
   AND s.last_at > clock_timestamp() - $4 * interval '1 millisecond'
  CROSS JOIN LATERAL (SELECT min(first_at) AS since FROM feed_serving later
    WHERE later.tenant_id = $1 AND later.feed_id = f.id AND later.n > s.n) gone
  WHERE root.spans <@ s.served
  ORDER BY root.root_id, gone.since DESC NULLS FIRST, s.last_at DESC`;

/** Keeps what a subscriber has just been given, and notes which echoes lost their source by it. */
export async function keepServing(
  pool: pg.Pool,
  { tenantId, feedId }: { tenantId: string; feedId: string },
  serving: { etag: string; served: readonly Interval[] },
): Promise<void> {
  const served = `{${serving.served.map(rangeOf).join(',')}}`;
  await transaction(pool, async (client) => {
    // Two fetches at once must not both find the same last row.
    await client.query(`SELECT pg_advisory_xact_lock(lock_key($1, 'feed', $2))`, [
      tenantId,
      feedId,
    ]);
    const { rows } = await client.query<{ isNew: boolean }>(KEEP_SERVING, [
      tenantId,
      feedId,
      serving.etag,
      served,
    ]);
    if (rows[0]?.isNew) await client.query(NOTE_GONE, [tenantId, feedId, served]);
  });
}

const rangeOf = ({ startAt, endAt }: Interval): string =>
  `["${new Date(startAt).toISOString()}","${new Date(endAt).toISOString()}")`;

const KEEP_SERVING = `
  WITH last AS (
    SELECT n, etag FROM feed_serving WHERE tenant_id = $1 AND feed_id = $2 ORDER BY n DESC LIMIT 1
  ), again AS (
    UPDATE feed_serving s SET last_at = clock_timestamp() FROM last
     WHERE s.tenant_id = $1 AND s.feed_id = $2 AND s.n = last.n AND last.etag = $3 RETURNING 1
  ), made AS (
    INSERT INTO feed_serving (tenant_id, feed_id, etag, served)
    SELECT $1, $2, $3, $4::tstzmultirange WHERE NOT EXISTS (SELECT FROM again) RETURNING 1
  ) SELECT EXISTS (SELECT FROM made) AS "isNew"`;

const NOTE_GONE = `
  UPDATE echo e SET gone_since =
    CASE WHEN x.is_covered THEN NULL ELSE coalesce(e.gone_since, clock_timestamp()) END
  FROM (
    SELECT b.connection_id, b.root_id,
      bool_and(tstzrange(b.start_at, b.end_at) <@ $3::tstzmultirange) AS is_covered
    FROM echo o JOIN busy b ON b.tenant_id = o.tenant_id AND b.connection_id = o.connection_id
      AND b.root_id = o.root_id
    WHERE o.tenant_id = $1 AND o.feed_id = $2 AND b.end_at > clock_timestamp()
    GROUP BY b.connection_id, b.root_id) x
  WHERE e.tenant_id = $1 AND e.feed_id = $2 AND e.connection_id = x.connection_id
    AND e.root_id = x.root_id AND (e.gone_since IS NULL) <> x.is_covered`;

/** Connections with an entry that was an echo and is none any more, without a page to say so. */
export async function echoesOver(pool: pg.Pool, limit: number): Promise<ConnectionKey[]> {
  const { rows } = await pool.query<ConnectionKey>(
    `SELECT DISTINCT tenant_id AS "tenantId", connection_id AS "connectionId" FROM echo
      WHERE gone_since <= clock_timestamp() - interval '24 hours' LIMIT $1`,
    [limit],
  );
  return rows;
}

/** From now on they are ordinary entries, so that what they overlap is in conflict with them. */
export async function endEchoes(pool: pg.Pool, key: ConnectionKey): Promise<void> {
  const { tenantId, connectionId } = key;
  await transaction(pool, async (client) => {
    const { rows: places } = await client.query<{ resourceId: string; unit: number | null }>(
      `SELECT resource_id AS "resourceId", unit FROM connection WHERE tenant_id = $1 AND id = $2`,
      [tenantId, connectionId],
    );
    const place = places[0];
    if (!place) return;
    await client.query(`SELECT lock_resource($1, $2, true), lock_connection($1, $3)`, [
      tenantId,
      place.resourceId,
      connectionId,
    ]);
    const { rows } = await client.query<{ rootId: string }>(
      `DELETE FROM echo WHERE tenant_id = $1 AND connection_id = $2
          AND gone_since <= clock_timestamp() - interval '24 hours' RETURNING root_id AS "rootId"`,
      [tenantId, connectionId],
    );
    await flagOverlaps(client, { ...key, place, rootIds: rows.map((row) => row.rootId) });
  });
}
