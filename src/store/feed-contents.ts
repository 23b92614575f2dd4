import type pg from 'pg';
import type { ClosedBy } from '../domain/closed-days.ts';
import type { FeedPlatform, PublishedNeed, PublishedSource } from '../domain/published.ts';
import type { ResourceSettings } from '../domain/resource.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../domain/resource.ts';

/** A feed as its address finds it, and all that it has to say. */
export interface FeedToServe {
  tenantId: string;
  feedId: string;
  platform: FeedPlatform;
  shows: 'busy' | 'reference';
  timeZone: string;
  settings: ResourceSettings;
  capacity: number;
  unit: number | null;
  /** Widened by buffers, as availability counts them. */
  sources: PublishedSource[];
  needs: PublishedNeed[];
  /** The resource itself and all that a booking of it takes. */
  closedBy: ClosedBy[];
  /** From where the feed begins, and the whole years that it lies in; epoch milliseconds. */
  fromAt: number;
  yearsFromAt: number;
  yearsToAt: number;
}

type Taken = [key: string, startAt: number, endAt: number, unit: number | null][];
type Ruled = { timeZone: string; settings: Partial<ResourceSettings> };
interface Row extends Omit<FeedToServe, 'settings' | 'sources' | 'needs' | 'closedBy'>, Ruled {
  sources: Taken | null;
  needs: (Ruled & { capacity: number; units: number; taken: Taken | null })[] | null;
  parts: Ruled[] | null;
}

/** Null when no live feed has this token, by its SHA-256. */
export async function feedToServe(
  pool: pg.Pool,
  ask: { tokenHash: Uint8Array; pastMs: number; horizonMs: number },
): Promise<FeedToServe | null> {
  const { rows } = await pool.query<Row>(FEED_TO_SERVE, [ask.tokenHash, ask.pastMs, ask.horizonMs]);
  const row = rows[0];
  if (!row) return null;
  const { parts, ...feed } = row;
  return {
    ...feed,
    settings: settingsOf(row),
    sources: sourcesOf(row.sources),
    needs: (row.needs ?? []).map(({ capacity, units, taken }) => ({
      capacity,
      units,
      taken: sourcesOf(taken),
    })),
    closedBy: [row, ...(row.needs ?? []), ...(parts ?? [])].map((one) => ({
      timeZone: one.timeZone,
      settings: settingsOf(one),
    })),
  };
}

const settingsOf = ({ settings }: Ruled): ResourceSettings => ({
  ...DEFAULT_RESOURCE_SETTINGS,
  ...settings,
});

const sourcesOf = (taken: Taken | null): PublishedSource[] =>
  (taken ?? []).map(([key, startAt, endAt, unit]) => ({ key, startAt, endAt, unit }));

// Holds are left out: they are over before any platform asks again. So is what the feed's own
// subscriber said, and what any subscriber only says after us.
const occupancyOf = (id: string): string => `
  SELECT 'booking/' || o.booking_id AS key, o.booking_id, lower(o.span) AS from_at,
    upper(o.span) AS to_at, o.unit FROM occupancy o
   WHERE o.tenant_id = f.tenant_id AND o.resource_id = ${id} AND o.live AND o.unit > 0
     AND o.confirmed_at IS NOT NULL AND o.span && f.within`;

const outsideOf = (id: string): string => `
  SELECT 'block/' || k.id AS key, k.start_at AS from_at, k.end_at AS to_at, k.unit FROM block k
   WHERE k.tenant_id = f.tenant_id AND k.resource_id = ${id} AND k.removed_at IS NULL
     AND k.end_at > lower(f.within) AND k.start_at < upper(f.within)
  UNION ALL
  SELECT 'busy/' || b.connection_id || '/' || b.root_id || '/' || date_part('epoch', b.start_at),
    b.start_at, b.end_at, b.unit FROM busy b
   WHERE b.tenant_id = f.tenant_id AND b.resource_id = ${id}
     AND b.end_at > lower(f.within) AND b.start_at < upper(f.within)
     AND NOT EXISTS (SELECT FROM feed_connection l WHERE l.tenant_id = f.tenant_id
       AND l.feed_id = f.id AND l.connection_id = b.connection_id)
     AND NOT is_echo(b.tenant_id, b.connection_id, b.root_id)`;

const hasOwn = (bookingId: string): string => `
  EXISTS (SELECT FROM occupancy own WHERE own.tenant_id = f.tenant_id
    AND own.booking_id = ${bookingId} AND own.resource_id = f.resource_id AND own.live)`;

// As availability has it: a booking keeps its buffers from whatever is taken.
const widened = (place: string): string => `t.from_at - ${place}.behind, t.to_at + ${place}.ahead`;

// Each with the buffers that it is judged by. Of what a booking takes, parts are taken as a whole and
// tell of themselves; of needs it takes so many units, and only their lack is told.
const PLACES = `
  f AS (
    SELECT f.*, r.time_zone, r.capacity, r.settings,
      tstzrange(clock_timestamp() - $2 * interval '1 millisecond',
        clock_timestamp() + $3 * interval '1 millisecond') AS within,
      b.ahead, b.behind
    FROM feed f JOIN resource r ON r.tenant_id = f.tenant_id AND r.id = f.resource_id
    CROSS JOIN LATERAL (SELECT buffer_of(r, 'bufferBeforeMs') AS ahead,
      buffer_of(r, 'bufferAfterMs') AS behind) b
    WHERE f.token_hash = $1 AND f.revoked_at IS NULL
  ), takes AS (
    SELECT r.id, l.units, r.id IN (SELECT parts_below(f.tenant_id, f.resource_id)) AS is_part,
      CASE WHEN r.archived_at IS NULL THEN r.capacity ELSE 0 END AS capacity, r.time_zone, r.settings,
      buffer_of(r, 'bufferBeforeMs') AS ahead, buffer_of(r, 'bufferAfterMs') AS behind
    FROM f, links_of(f.tenant_id, f.resource_id) l
    JOIN resource r ON r.id = l.resource_id
    WHERE l.takes AND r.tenant_id = f.tenant_id
  ), whole AS (
    SELECT w AS id, max(p.ahead) AS ahead, max(p.behind) AS behind FROM f, LATERAL (
      SELECT f.resource_id AS id, f.ahead, f.behind
      UNION ALL SELECT id, ahead, behind FROM takes WHERE is_part) p,
      wholes_above(f.tenant_id, p.id) AS w
     WHERE w NOT IN (SELECT id FROM takes)
     GROUP BY w
  )`;

// A booking that has a part and its whole, or several parts, is told of once. `OFFSET 0` has each place looked up.
const SOURCES = `
    SELECT t.key, ${widened('f')}, t.unit
      FROM f CROSS JOIN LATERAL (
        SELECT key, from_at, to_at, unit FROM (${occupancyOf('f.resource_id')}) o
        UNION ALL ${outsideOf('f.resource_id')}) t
    UNION ALL
    SELECT 'session/' || s.id, s.start_at, s.end_at, NULL
      FROM f JOIN session s ON s.tenant_id = f.tenant_id AND s.resource_id = f.resource_id
       AND s.cancelled_at IS NULL AND s.taken >= s.capacity
       AND s.end_at > lower(f.within) AND s.start_at < upper(f.within)
    UNION ALL
    SELECT t.key, min(t.from_at - part.behind), max(t.to_at + part.ahead), NULL FROM f,
      (SELECT * FROM takes WHERE is_part OFFSET 0) part
      CROSS JOIN LATERAL (SELECT * FROM (${occupancyOf('part.id')}) o OFFSET 0) t
     WHERE NOT ${hasOwn('t.booking_id')}
     GROUP BY t.key
    UNION ALL
    SELECT t.key, ${widened('part')}, NULL FROM f,
      (SELECT * FROM takes WHERE is_part OFFSET 0) part
      CROSS JOIN LATERAL (SELECT * FROM (${outsideOf('part.id')}) o OFFSET 0) t
    UNION ALL
    SELECT t.key, ${widened('whole')}, NULL FROM f JOIN whole ON whole.id <> f.resource_id
      CROSS JOIN LATERAL (SELECT * FROM (${outsideOf('whole.id')}) o OFFSET 0) t`;

// Beside needs, what the resource itself takes of its parts: by its bookings, and by all that is taken of
// it outside, whichever unit that names; and parts that are sold no more.
const NEEDS = `
    SELECT need.capacity, coalesce(need.units, greatest(need.capacity, 1)) AS units,
      need.time_zone AS "timeZone", need.settings,
      (SELECT json_agg(json_build_array(key, date_part('epoch', from_at) * 1000,
          date_part('epoch', to_at) * 1000, unit)) FROM (
        SELECT t.key, ${widened('need')}, t.unit FROM (
          SELECT key, from_at, to_at, unit FROM (${occupancyOf('need.id')}) o
          UNION ALL ${outsideOf('need.id')}
          UNION ALL SELECT o.key, o.from_at, o.to_at, NULL FROM wholes_above(f.tenant_id, need.id) AS w
            CROSS JOIN LATERAL (${outsideOf('w')}) o) t) AS t(key, from_at, to_at, unit)) AS taken
    FROM f, (SELECT * FROM takes WHERE NOT is_part OFFSET 0) need
    UNION ALL
    SELECT 1, 1, f.time_zone, f.settings,
      (SELECT json_agg(json_build_array(key, date_part('epoch', from_at) * 1000,
          date_part('epoch', to_at) * 1000, NULL)) FROM (
        SELECT t.key, ${widened('whole')} FROM whole, LATERAL (${outsideOf('f.resource_id')}) t
         WHERE whole.id = f.resource_id
        UNION ALL
        SELECT t.key, ${widened('part')} FROM (SELECT * FROM takes WHERE is_part OFFSET 0) part
          CROSS JOIN LATERAL (${occupancyOf('part.id')}) t WHERE ${hasOwn('t.booking_id')}) AS t(key, from_at, to_at))
    FROM f WHERE EXISTS (SELECT FROM takes WHERE is_part)
    UNION ALL
    SELECT 0, 1, time_zone, settings, NULL FROM takes WHERE is_part AND capacity = 0`;

const FEED_TO_SERVE = `
  WITH ${PLACES}, source(key, from_at, to_at, unit) AS (${SOURCES}), need AS (${NEEDS})
  SELECT f.tenant_id AS "tenantId", f.id AS "feedId", f.platform, f.shows, f.unit, f.capacity,
    f.time_zone AS "timeZone", f.settings, date_part('epoch', lower(f.within)) * 1000 AS "fromAt",
    date_part('epoch', date_trunc('year', lower(f.within), 'UTC')) * 1000 AS "yearsFromAt",
    date_part('epoch', date_trunc('year', upper(f.within) + interval '1 year', 'UTC')) * 1000 AS "yearsToAt",
    (SELECT json_agg(json_build_array(key, date_part('epoch', from_at) * 1000,
       date_part('epoch', to_at) * 1000, unit) ORDER BY from_at, to_at, key) FROM source) AS sources,
    (SELECT json_agg(need) FROM need) AS needs,
    (SELECT json_agg(json_build_object('timeZone', time_zone, 'settings', settings)) FROM takes
      WHERE is_part) AS parts
  FROM f`;
