import type pg from 'pg';
import type { FeedPlatform, PublishedSource } from '../domain/published.ts';

/** A feed as its address finds it, and all that it has to say. */
export interface FeedToServe {
  tenantId: string;
  feedId: string;
  platform: FeedPlatform;
  shows: 'busy' | 'reference';
  timeZone: string;
  capacity: number;
  unit: number | null;
  sources: PublishedSource[];
}

interface Row extends Omit<FeedToServe, 'sources'> {
  sources: [key: string, startAt: number, endAt: number, unit: number | null][] | null;
}

/** Null when no live feed has this token, by its SHA-256. */
export async function feedToServe(
  pool: pg.Pool,
  ask: { tokenHash: Uint8Array; pastMs: number; horizonMs: number },
): Promise<FeedToServe | null> {
  const { rows } = await pool.query<Row>(FEED_TO_SERVE, [ask.tokenHash, ask.pastMs, ask.horizonMs]);
  const row = rows[0];
  if (!row) return null;
  const sources = (row.sources ?? []).map(([key, startAt, endAt, unit]) => ({
    key,
    startAt,
    endAt,
    unit,
  }));
  return { ...row, sources };
}

// Whatever of a part is taken keeps its whole from being had, and what of a whole is taken outside
// keeps its parts; a booking that has both is told of once. `OFFSET 0` has each place looked up.
const BESIDE = `t.key, t.from_at, t.to_at, NULL FROM f, beside CROSS JOIN LATERAL (
      SELECT 'booking/' || o.booking_id AS key, min(lower(o.span)) AS from_at,
        max(upper(o.span)) AS to_at FROM occupancy o
       WHERE beside.id IN (SELECT id FROM part) AND o.tenant_id = f.tenant_id
         AND o.resource_id = beside.id AND o.live AND o.unit > 0 AND o.confirmed_at IS NOT NULL
         AND o.span && f.within AND NOT EXISTS (
           SELECT FROM occupancy own WHERE own.tenant_id = f.tenant_id
              AND own.booking_id = o.booking_id AND own.resource_id = f.resource_id AND own.live)
       GROUP BY o.booking_id
      UNION ALL
      SELECT 'block/' || k.id, k.start_at, k.end_at FROM block k
       WHERE k.tenant_id = f.tenant_id AND k.resource_id = beside.id AND k.removed_at IS NULL
         AND k.end_at > lower(f.within) AND k.start_at < upper(f.within)
      UNION ALL
      SELECT 'busy/' || b.connection_id || '/' || b.root_id || '/' || date_part('epoch', b.start_at),
        b.start_at, b.end_at FROM busy b
       WHERE b.tenant_id = f.tenant_id AND b.resource_id = beside.id
         AND b.end_at > lower(f.within) AND b.start_at < upper(f.within)
         AND NOT EXISTS (SELECT FROM feed_connection l WHERE l.tenant_id = f.tenant_id
           AND l.feed_id = f.id AND l.connection_id = b.connection_id)
         AND NOT is_echo(b.tenant_id, b.connection_id, b.root_id)
      OFFSET 0) t`;

// Holds are left out: they are over before any platform asks again. So is what the feed's own
// subscriber said, and what any subscriber only says after us.
const FEED_TO_SERVE = `
  WITH f AS (
    SELECT f.*, r.time_zone, r.capacity, tstzrange(
        clock_timestamp() - $2 * interval '1 millisecond',
        clock_timestamp() + $3 * interval '1 millisecond') AS within
    FROM feed f JOIN resource r ON r.tenant_id = f.tenant_id AND r.id = f.resource_id
    WHERE f.token_hash = $1 AND f.revoked_at IS NULL
  ), part AS (
    SELECT parts_below(tenant_id, resource_id) AS id FROM f
  ), beside AS (
    SELECT id FROM part UNION SELECT wholes_above(tenant_id, resource_id) FROM f
  ), source AS (
    SELECT 'booking/' || o.booking_id AS key, lower(o.span) AS from_at, upper(o.span) AS to_at, o.unit
      FROM f JOIN occupancy o ON o.tenant_id = f.tenant_id AND o.resource_id = f.resource_id
       AND o.live AND o.unit > 0 AND o.confirmed_at IS NOT NULL AND o.span && f.within
    UNION ALL
    SELECT 'block/' || k.id, k.start_at, k.end_at, k.unit
      FROM f JOIN block k ON k.tenant_id = f.tenant_id AND k.resource_id = f.resource_id
       AND k.removed_at IS NULL AND k.end_at > lower(f.within) AND k.start_at < upper(f.within)
    UNION ALL
    SELECT 'busy/' || b.connection_id || '/' || b.root_id || '/' || date_part('epoch', b.start_at),
      b.start_at, b.end_at, b.unit
      FROM f JOIN busy b ON b.tenant_id = f.tenant_id AND b.resource_id = f.resource_id
       AND b.end_at > lower(f.within) AND b.start_at < upper(f.within)
     WHERE NOT EXISTS (SELECT FROM feed_connection l WHERE l.tenant_id = f.tenant_id
         AND l.feed_id = f.id AND l.connection_id = b.connection_id)
       AND NOT is_echo(b.tenant_id, b.connection_id, b.root_id)
    UNION ALL
    SELECT 'session/' || s.id, s.start_at, s.end_at, NULL
      FROM f JOIN session s ON s.tenant_id = f.tenant_id AND s.resource_id = f.resource_id
       AND s.cancelled_at IS NULL AND s.taken >= s.capacity
       AND s.end_at > lower(f.within) AND s.start_at < upper(f.within)
    UNION ALL
    SELECT ${BESIDE}
  )
  SELECT f.tenant_id AS "tenantId", f.id AS "feedId", f.platform, f.shows, f.unit, f.capacity,
    f.time_zone AS "timeZone",
    (SELECT json_agg(json_build_array(key, date_part('epoch', from_at) * 1000,
       date_part('epoch', to_at) * 1000, unit) ORDER BY from_at, to_at, key) FROM source) AS sources
  FROM f`;
