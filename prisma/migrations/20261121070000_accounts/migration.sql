-- What a connection's events take, whose accounts they are read with, and what became of a consent.

-- busy.unit: null takes the whole resource, a number that unit, and 0 any one of its units, where the
-- connection says so and its calendar tells no unit.

-- The most that is taken somewhere at one time within a span, by events that name no unit. What ends
-- makes room for what begins at the same moment.
CREATE FUNCTION most_somewhere(
  p_tenant text, p_resource text, p_from timestamptz, p_to timestamptz
) RETURNS integer LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(max(n), 0)::integer FROM (
    SELECT sum(step) OVER (ORDER BY at, step) AS n FROM busy b
    CROSS JOIN LATERAL (VALUES (greatest(b.start_at, p_from), 1), (b.end_at, -1)) AS s(at, step)
    WHERE b.tenant_id = p_tenant AND b.resource_id = p_resource AND b.unit = 0
      AND b.end_at > p_from AND b.start_at < p_to
  ) AS steps;
$$;

-- The moments of a span at which what is taken somewhere, with all units that are taken, is more than
-- there are units; `excess` is by how many. Answers nothing where nothing is taken somewhere.
CREATE FUNCTION too_many(
  p_tenant text, p_resource text, p_from timestamptz, p_to timestamptz
) RETURNS TABLE (at timestamptz, excess integer) LANGUAGE sql VOLATILE AS $$
  WITH taken AS (
    SELECT b.start_at, b.end_at, b.unit FROM busy b
     WHERE b.tenant_id = p_tenant AND b.resource_id = p_resource AND b.unit IS NOT NULL AND NOT b.stale
       AND b.end_at > p_from AND b.start_at < p_to
    UNION ALL
    SELECT k.start_at, k.end_at, k.unit FROM block k
     WHERE k.tenant_id = p_tenant AND k.resource_id = p_resource AND k.unit IS NOT NULL
       AND k.removed_at IS NULL AND k.end_at > p_from AND k.start_at < p_to
    UNION ALL
    SELECT lower(o.span), upper(o.span), o.unit FROM occupancy o
     WHERE o.tenant_id = p_tenant AND o.resource_id = p_resource AND o.live
       AND o.span && tstzrange(p_from, p_to)
       AND (o.confirmed_at IS NOT NULL OR o.expires_at > clock_timestamp())
  ), moment AS (
    SELECT DISTINCT greatest(start_at, p_from) AS at FROM taken
     WHERE EXISTS (SELECT FROM taken AS any_one WHERE any_one.unit = 0)
  ), counted AS (
    SELECT m.at, count(*) FILTER (WHERE t.unit = 0) AS somewhere,
      count(DISTINCT t.unit) FILTER (WHERE t.unit > 0) AS units
    FROM moment m JOIN taken t ON t.start_at <= m.at AND t.end_at > m.at GROUP BY m.at
  )
  SELECT c.at, (c.somewhere + c.units - r.capacity)::integer FROM counted c
    JOIN resource r ON r.tenant_id = p_tenant AND r.id = p_resource
   WHERE c.somewhere > 0 AND c.somewhere + c.units > r.capacity;
$$;

-- Accounts -----------------------------------------------------------------------------------------

ALTER TABLE account
  -- When its calendars were last listed, to notice what was renamed, removed or is shared no more.
  ADD COLUMN calendars_checked_at timestamptz;
-- Who comes back with a consent may have been here before.
CREATE INDEX account_of_subject ON account (tenant_id, channel, subject) WHERE subject IS NOT NULL;

ALTER TABLE connection
  -- Its calendar's name as the channel listed it last, sealed.
  ADD COLUMN calendar_name bytea,
  -- Whether the calendar is somebody else's who shares it; null where the channel does not tell.
  ADD COLUMN calendar_shared boolean,
  -- Why nothing is written there although it was once: the right to write is gone.
  ADD COLUMN read_only_since timestamptz;

-- A consent that came back stays for a while, to tell a second arrival from an unknown one.
ALTER TABLE oauth_state ADD COLUMN used_at timestamptz;
