/**
 * One statement, hence one snapshot and one round trip, for a resource and all that it is linked to.
 * `busy_of_resource` (tenant, resource, end_at; start_at and unit included) answers busy time without
 * touching the table; occupancies come by the exclusion's GiST index; the rest is a handful of rows by
 * key. Spans are widened by the resource's own buffers here, and to where its sessions end, because
 * only its rows know them (`OFFSET 0` keeps that from being worked out again for every row). Unconfirmed holds that are over
 * count as free, as the hold itself treats them. What few resources have (links, sessions, a limit of
 * days) is behind conditions that are looked at once.
 */
const busyOf = (resource: string, unit: string): string => `
  (SELECT json_agg(json_build_array(ms(b.start_at), ms(b.end_at), ${unit})) FROM busy b
    WHERE b.tenant_id = r.tenant_id AND b.resource_id = ${resource}
      AND b.end_at > w.from_at AND b.start_at < w.to_at)`;

const blocksOf = (resource: string, unit: string): string => `
  (SELECT json_agg(json_build_array(ms(k.start_at), ms(k.end_at), ${unit})) FROM block k
    WHERE k.tenant_id = r.tenant_id AND k.resource_id = ${resource} AND k.removed_at IS NULL
      AND k.end_at > w.from_at AND k.start_at < w.to_at)`;

const connectionsOf = (resource: string): string => `
  (SELECT json_agg(json_build_object('id', c.id, 'channel', c.channel, 'status', c.status,
        'settings', c.settings, 'confirmedAt', ms(c.confirmed_at),
        'watchedUntil', ms(c.watched_until), 'pollMs', c.poll_in_force_ms,
        'knownUntil', ms(c.known_until),
        'withheld', (SELECT count(*) FROM channel_event e WHERE e.tenant_id = c.tenant_id
           AND e.connection_id = c.id AND upper_inf(e.recorded) AND e.withheld_reason IS NOT NULL),
        'newest', (SELECT json_build_object('visibleAt', ms(lower(e.recorded)),
             'notifiedAt', ms(e.notified_at), 'updatedAt', e.event->>'updatedAt')
           FROM channel_event e WHERE e.tenant_id = c.tenant_id AND e.connection_id = c.id
            ORDER BY e.feed_position DESC LIMIT 1)) ORDER BY c.id)
     FROM (SELECT *, least(coalesce(expanded_until, created_at), covers_until) AS known_until
             FROM connection) c WHERE c.tenant_id = r.tenant_id AND c.resource_id = ${resource}
      AND c.disconnected_at IS NULL)`;

// From `$5` and `$6` on at most `$7`, null for all. What is taken by holds that are over is not
// counted; only a session that sells has any.
const SESSIONS = `
  CASE WHEN r.settings->>'soldBy' = 'session' THEN (
    SELECT json_agg(json_build_object('id', s.id, 'startAt', ms(s.start_at), 'endAt', ms(s.end_at),
        'capacity', s.capacity, 'price', s.price, 'taken', s.taken - CASE WHEN s.taken = 0 THEN 0 ELSE (
          SELECT coalesce(sum(h.party), 0) FROM booking h WHERE h.tenant_id = s.tenant_id
             AND h.session_id = s.id AND h.confirmed_at IS NULL AND h.ended_at IS NULL
             AND h.hold_expires_at <= statement_timestamp()) + (
          SELECT coalesce(sum(x.seats), 0) FROM occupancy x WHERE x.tenant_id = s.tenant_id
             AND x.session_id = s.id AND x.live AND x.change_id IS NOT NULL AND x.confirmed_at IS NULL
             AND x.expires_at <= statement_timestamp()) END) ORDER BY s.start_at, s.id)
      FROM (SELECT * FROM session WHERE tenant_id = r.tenant_id AND resource_id = r.id
         AND cancelled_at IS NULL AND start_at < $4::timestamptz
         AND start_at >= greatest($3::timestamptz, $5::timestamptz)
         AND ($5::timestamptz IS NULL OR (start_at, id) > ($5::timestamptz, $6::text))
         ORDER BY start_at, id LIMIT $7) s) END`;

const BEGINS = `
  CASE WHEN r.settings->>'maxPerDay' IS NOT NULL THEN (SELECT json_agg(ms(g.start_at)) FROM booking g
    WHERE g.tenant_id = r.tenant_id AND g.resource_id = r.id
      AND g.start_at >= w.from_at - interval '2 days' AND g.start_at < w.to_at + interval '2 days'
      AND g.state IN ('held', 'paying', 'confirmed')
      AND (g.confirmed_at IS NOT NULL OR g.hold_expires_at > statement_timestamp())) END`;

export const READ_AVAILABILITY = `
SELECT r.id, r.id = own.id AS own, place.units, r.archived_at IS NOT NULL AS archived,
  r.time_zone AS "timeZone", r.capacity, r.settings,
  date_part('epoch', statement_timestamp()) * 1000 AS "nowAt",
  ${busyOf('r.id', 'b.unit')} AS busy,
  ${blocksOf('r.id', 'k.unit')} AS blocks,
  (SELECT json_agg(json_build_array(ms(lower(o.span)), ms(upper(o.span)), o.unit)) FROM occupancy o
    WHERE o.tenant_id = r.tenant_id AND o.resource_id = r.id AND o.live AND o.unit > 0
      AND o.span && tstzrange(w.from_at, w.to_at)
      AND (o.confirmed_at IS NOT NULL OR o.expires_at > statement_timestamp())) AS occupied,
  ${BEGINS} AS begins, ${SESSIONS} AS sessions,
  ${connectionsOf('r.id')} AS connections,
  CASE WHEN r.linked THEN (
    SELECT json_agg(json_build_object('id', whole, 'busy', ${busyOf('whole', 'NULL')},
        'blocks', ${blocksOf('whole', 'NULL')}, 'connections', ${connectionsOf('whole')}))
      FROM wholes_above(r.tenant_id, r.id) AS whole) END AS wholes
FROM resource own
CROSS JOIN LATERAL (
  SELECT own.id, NULL::integer AS units
  UNION ALL
  SELECT l.resource_id, l.units FROM links_of(own.tenant_id, own.id) l WHERE own.linked AND l.takes
) place
JOIN resource r ON r.tenant_id = own.tenant_id AND r.id = place.id
CROSS JOIN LATERAL (SELECT
  $3::timestamptz - coalesce((r.settings->>'bufferBeforeMs')::float8, 0) * interval '1 ms' AS from_at,
  greatest($4::timestamptz + coalesce((r.settings->>'bufferAfterMs')::float8, 0) * interval '1 ms',
    CASE WHEN r.settings->>'soldBy' = 'session' THEN (SELECT max(s.end_at) FROM session s
      WHERE s.tenant_id = r.tenant_id AND s.resource_id = r.id AND s.cancelled_at IS NULL
        AND s.start_at >= $3::timestamptz AND s.start_at < $4::timestamptz) END) AS to_at
  OFFSET 0) w
WHERE own.tenant_id = $1 AND own.id = $2 AND own.archived_at IS NULL`.replaceAll(
  /\bms\(((?:[^()]|\([^()]*\))*)\)/g,
  "date_part('epoch', $1) * 1000",
);
