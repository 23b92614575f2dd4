-- A refusal names what is linked and in the way, staff may pass over a day's limit also when a booking
-- is moved, and an extension that was made stays one after the hold has ended.

-- Links ----------------------------------------------------------------------------------------------

-- The whole above a resource whose outside time or block, whatever of it that names, takes its parts
-- then; null when there is none.
CREATE FUNCTION whole_in_the_way(p_tenant text, p_resource text, p_from timestamptz, p_to timestamptz)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_whole text;
BEGIN
  FOR v_whole IN SELECT w FROM wholes_above(p_tenant, p_resource) AS w ORDER BY w COLLATE "C" LOOP
    IF EXISTS (SELECT FROM busy WHERE tenant_id = p_tenant AND resource_id = v_whole
        AND end_at > p_from AND start_at < p_to)
      OR EXISTS (SELECT FROM block WHERE tenant_id = p_tenant AND resource_id = v_whole
        AND removed_at IS NULL AND end_at > p_from AND start_at < p_to) THEN
      RETURN v_whole;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- A hold that touches links: every linked resource is judged as if it were booked itself for the same
-- time, with its own buffers, and all are taken or none. `p` and the answer as with hold_units; the
-- refusal `linked-taken` says by `linkedId` what is in the way.
CREATE OR REPLACE FUNCTION hold_linked(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v_resource text := p->>'resource';
  v_links jsonb := links_as_json(v_tenant, v_resource);
  v_also text[] := ids_in(v_links, false);
  v_takes text[] := ids_in(v_links, true);
  v_alone boolean := v_takes <> '{}' OR (p->>'party')::integer > 1 OR p ? 'alone';
  v_whole text;
  v_answer jsonb;
  v_rows jsonb;
  v_now timestamptz;
  v_expires timestamptz;
BEGIN
  -- Several units of several resources are taken alone: rivals would wait for each other in a ring.
  PERFORM lock_mixed(v_tenant, CASE WHEN v_alone THEN v_takes || v_resource ELSE '{}' END,
    v_also || v_resource);
  PERFORM pg_advisory_xact_lock(lock_key(v_tenant, 'booking', p->>'booking'));
  -- From here on no link of these can be made or removed.
  v_links := links_as_json(v_tenant, v_resource);
  IF NOT (ids_in(v_links, false) <@ v_also AND ids_in(v_links, true) <@ v_takes) THEN
    RETURN '{"kind": "again", "how": "linked"}';
  END IF;
  v_also := ids_in(v_links, false);
  v_takes := ids_in(v_links, true);
  v_answer := hold_known(p);
  IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
  p := p || jsonb_build_object('alsoLocks', to_jsonb(v_also));
  IF v_takes = '{}' THEN
    v_whole := whole_in_the_way(v_tenant, v_resource,
      (p->>'startAt')::timestamptz - (p->>'bufferBeforeMs')::bigint * interval '1 millisecond',
      (p->>'endAt')::timestamptz + (p->>'bufferAfterMs')::bigint * interval '1 millisecond');
    IF v_whole IS NOT NULL THEN
      RETURN jsonb_build_object('kind', 'refused', 'refusal', 'linked-taken', 'linkedId', v_whole);
    END IF;
    RETURN hold_units(p);
  END IF;

  v_answer := choose_linked(p, v_links);
  IF v_answer->>'kind' <> 'chosen' THEN RETURN v_answer; END IF;
  v_rows := v_answer->'rows';
  v_answer := hold_rules_say(p || '{"alone": true}');
  IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
  v_now := clock_timestamp();
  v_expires := v_now + (p->>'holdTtlMs')::bigint * interval '1 millisecond';
  INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at)
  SELECT v_tenant, p->>'booking', r.resource, r.unit, tstzrange(r.from_at, r.to_at), v_now, v_expires
    FROM jsonb_to_recordset(v_rows) AS r(resource text, unit integer, from_at timestamptz, to_at timestamptz);
  RETURN enter_hold(p,
    ARRAY(SELECT (r->>'unit')::integer FROM jsonb_array_elements(v_rows) r WHERE r->>'resource' = v_resource
      ORDER BY 1),
    v_expires,
    jsonb_build_object('linked', (SELECT jsonb_object_agg(one.resource, one.units) FROM (
      SELECT r->>'resource' AS resource, jsonb_agg(r->'unit') AS units FROM jsonb_array_elements(v_rows) r
       WHERE r->>'resource' <> v_resource GROUP BY 1) AS one)));
END $$;

-- Units of the resource and of all that it takes: {kind: chosen, rows: [{resource, unit, from_at,
-- to_at}]}, or a refusal. The caller has all of them alone.
CREATE OR REPLACE FUNCTION choose_linked(p jsonb, p_links jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v record;
  v_from timestamptz;
  v_to timestamptz;
  v_count integer;
  v_refusal text;
  v_whole text;
  v_units integer[];
  v_rows jsonb := '[]';
BEGIN
  FOR v IN
    SELECT t.id, t.own, t.units, r.capacity, r.archived_at IS NULL AND r.id IS NOT NULL AS sold,
      coalesce((r.settings->>'bufferBeforeMs')::bigint, 0) * interval '1 millisecond' AS ahead,
      coalesce((r.settings->>'bufferAfterMs')::bigint, 0) * interval '1 millisecond' AS behind
    FROM (
      SELECT p->>'resource' AS id, true AS own, (p->>'party')::integer AS units
      UNION ALL
      SELECT l->>'resource_id', false, (l->>'units')::integer FROM jsonb_array_elements(p_links) l
       WHERE (l->>'takes')::boolean) AS t
    LEFT JOIN resource r ON r.tenant_id = v_tenant AND r.id = t.id
    ORDER BY t.own DESC, t.id COLLATE "C"
  LOOP
    IF v.own THEN
      v.ahead := (p->>'bufferBeforeMs')::bigint * interval '1 millisecond';
      v.behind := (p->>'bufferAfterMs')::bigint * interval '1 millisecond';
    END IF;
    v_from := (p->>'startAt')::timestamptz - v.ahead;
    v_to := (p->>'endAt')::timestamptz + v.behind;
    v_count := coalesce(v.units, v.capacity);
    v_refusal := NULL;
    v_whole := NULL;
    v_units := NULL;
    IF NOT v.sold THEN v_refusal := 'no-such-resource';
    ELSIF v_count > v.capacity THEN v_refusal := 'too-large';
    ELSE
      SELECT CASE WHEN bool_or(outside) THEN 'busy' WHEN count(*) > 0 THEN 'blocked' END INTO v_refusal
        FROM (
          SELECT true AS outside FROM busy b WHERE b.tenant_id = v_tenant AND b.resource_id = v.id
             AND b.end_at > v_from AND b.start_at < v_to AND b.unit IS NULL
          UNION ALL
          SELECT false FROM block k WHERE k.tenant_id = v_tenant AND k.resource_id = v.id
             AND k.removed_at IS NULL AND k.end_at > v_from AND k.start_at < v_to AND k.unit IS NULL
        ) AS t;
      IF v_refusal IS NULL THEN v_whole := whole_in_the_way(v_tenant, v.id, v_from, v_to); END IF;
      IF v_whole IS NOT NULL THEN v_refusal := 'linked-taken'; END IF;
    END IF;
    IF v_refusal IS NULL THEN
      v_count := v_count + most_somewhere(v_tenant, v.id, v_from, v_to);
      SELECT array_agg(u ORDER BY u) INTO v_units
        FROM free_units(v_tenant, v.id, v.capacity, v_from, v_to, v_count) AS u;
      IF coalesce(cardinality(v_units), 0) < v_count THEN
        v_refusal := CASE WHEN v_count > v.capacity THEN 'busy' ELSE 'taken' END;
      END IF;
    END IF;
    IF v_refusal IS NOT NULL THEN
      RETURN jsonb_build_object('kind', 'refused',
          'refusal', CASE WHEN v.own THEN v_refusal ELSE 'linked-taken' END)
        || CASE WHEN v_whole IS NOT NULL OR NOT v.own
          THEN jsonb_build_object('linkedId', coalesce(v_whole, v.id)) ELSE '{}' END;
    END IF;
    v_rows := v_rows || (SELECT jsonb_agg(jsonb_build_object('resource', v.id, 'unit', u,
      'from_at', v_from, 'to_at', v_to)) FROM unnest(v_units[1:coalesce(v.units, v.capacity)]) AS u);
  END LOOP;
  RETURN jsonb_build_object('kind', 'chosen', 'rows', v_rows);
END $$;

DROP FUNCTION is_whole_in_the_way(text, text, timestamptz, timestamptz);

-- Moving ---------------------------------------------------------------------------------------------

-- What a booking would take at another time, by the checks of a hold and as if it were not there
-- itself: units that it has are kept where they are free. `p`: startAt, endAt, sessionId, party,
-- bufferBeforeMs, bufferAfterMs, overrides. Answers {kind: chosen, startAt, endAt, rows: [{resource,
-- unit, from_at, to_at}], sessionId, extra, overrides} or a refusal. The caller has all of it alone.
CREATE OR REPLACE FUNCTION choose_for_change(p_booking booking, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_answer jsonb;
  v_own jsonb;
BEGIN
  IF NOT coalesce(p->'overrides' ? 'day-limit', false)
      AND is_day_full(p_booking, (p->>'startAt')::timestamptz) THEN
    RETURN '{"kind": "refused", "refusal": "day-full"}';
  END IF;
  IF p->>'sessionId' IS NOT NULL OR p_booking.session_id IS NOT NULL THEN
    RETURN with_overrides(choose_places(p_booking, p), p);
  END IF;
  SELECT jsonb_agg(jsonb_build_array(resource_id, unit)) INTO v_own FROM occupancy
   WHERE tenant_id = p_booking.tenant_id AND booking_id = p_booking.id AND live AND change_id IS NULL;
  BEGIN
    UPDATE occupancy SET released_at = clock_timestamp()
     WHERE tenant_id = p_booking.tenant_id AND booking_id = p_booking.id AND live;
    v_answer := choose_linked(
      p || jsonb_build_object('tenant', p_booking.tenant_id, 'resource', p_booking.resource_id),
      links_as_json(p_booking.tenant_id, p_booking.resource_id));
    IF v_answer ? 'rows' THEN
      v_answer := v_answer || jsonb_build_object('startAt', p->'startAt', 'endAt', p->'endAt',
        'rows', stay_put(p_booking.tenant_id, v_answer->'rows', v_own));
    END IF;
    RAISE SQLSTATE 'HF002';
  EXCEPTION WHEN SQLSTATE 'HF002' THEN
    -- Only looked at: rolled back to here, the booking has its time as before.
  END;
  RETURN with_overrides(v_answer, p);
END $$;

-- What was chosen is all that the switch knows of what was asked.
CREATE FUNCTION with_overrides(p_answer jsonb, p jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT p_answer || CASE WHEN p_answer->>'kind' = 'chosen' AND p ? 'overrides'
    THEN jsonb_build_object('overrides', p->'overrides') ELSE '{}' END;
$$;

-- Beside the booking itself, which may begin on that day already. Staff may have said of its open
-- change that it counts for nothing.
CREATE OR REPLACE FUNCTION is_day_full(p_booking booking, p_at timestamptz) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  SELECT coalesce((SELECT (settings->>'maxPerDay')::integer <=
      begun_on_day(p_booking.tenant_id, p_booking.resource_id, time_zone, p_at)
      - (date_trunc('day', p_at AT TIME ZONE time_zone)
        = date_trunc('day', p_booking.start_at AT TIME ZONE time_zone))::integer
    FROM resource WHERE tenant_id = p_booking.tenant_id AND id = p_booking.resource_id
     AND settings->>'maxPerDay' IS NOT NULL
     AND NOT EXISTS (SELECT FROM booking_change c WHERE c.tenant_id = p_booking.tenant_id
       AND c.booking_id = p_booking.id AND c.state = 'open'
       AND c.progress->'overrides' ? 'day-limit')), false);
$$;

-- Extending -------------------------------------------------------------------------------------------

-- Makes a hold longer by its resource's rule, once for each extension id, and never beyond its
-- booking's start. Answers {kind: extended, holdExpiresAt} or {kind: not-extendable, reason: no-rule |
-- used-up | over}; of an extension that was made always the former, though the hold be over by now.
CREATE OR REPLACE FUNCTION extend_hold(p_tenant text, p_booking text, p_extension text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v record;
  v_expires timestamptz;
  v_seq bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT b.state, b.hold_expires_at, b.start_at, b.extensions,
    (r.settings#>>'{holdExtension,byMs}')::bigint * interval '1 millisecond' AS longer,
    (r.settings#>>'{holdExtension,times}')::integer AS times,
    EXISTS (SELECT FROM journal j WHERE j.tenant_id = p_tenant AND j.subject = 'booking/' || p_booking
      AND j.type = 'booking.hold-extended' AND j.data->>'extensionId' = p_extension) AS done
  INTO v FROM booking b JOIN resource r ON r.tenant_id = b.tenant_id AND r.id = b.resource_id
   WHERE b.tenant_id = p_tenant AND b.id = p_booking;
  IF v.done THEN RETURN jsonb_build_object('kind', 'extended', 'holdExpiresAt', v.hold_expires_at); END IF;
  IF v.state IS NULL OR v.state NOT IN ('held', 'paying') OR v.hold_expires_at <= clock_timestamp() THEN
    RETURN '{"kind": "not-extendable", "reason": "over"}';
  END IF;
  IF v.times IS NULL THEN RETURN '{"kind": "not-extendable", "reason": "no-rule"}'; END IF;
  v_expires := least(v.hold_expires_at + v.longer, v.start_at);
  IF v.extensions >= v.times OR v_expires <= v.hold_expires_at THEN
    RETURN '{"kind": "not-extendable", "reason": "used-up"}';
  END IF;
  UPDATE occupancy SET expires_at = v_expires
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND live AND change_id IS NULL;
  UPDATE booking SET hold_expires_at = v_expires, extensions = extensions + 1, seq = seq + 1
   WHERE tenant_id = p_tenant AND id = p_booking RETURNING seq INTO v_seq;
  PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, 'booking.hold-extended',
    jsonb_build_object('extensionId', p_extension, 'holdExpiresAt', v_expires));
  RETURN jsonb_build_object('kind', 'extended', 'holdExpiresAt', v_expires);
END $$;

-- Choosing -------------------------------------------------------------------------------------------

-- What is taken is read once: asked unit by unit, a week of 500 units took a tenth of a second. The
-- constraint's index knows units from 1 on only, and is used only where a query says so.
CREATE OR REPLACE FUNCTION free_units(
  p_tenant text, p_resource text, p_capacity integer, p_from timestamptz, p_to timestamptz, p_limit integer
) RETURNS SETOF integer LANGUAGE sql VOLATILE AS $$
  SELECT u FROM generate_series(1, p_capacity) AS u
  WHERE u NOT IN (
    SELECT o.unit FROM occupancy o WHERE o.tenant_id = p_tenant AND o.resource_id = p_resource
       AND o.unit > 0 AND o.live AND o.span && tstzrange(p_from, p_to)
    UNION ALL
    SELECT b.unit FROM busy b WHERE b.tenant_id = p_tenant AND b.resource_id = p_resource
       AND b.end_at > p_from AND b.start_at < p_to AND b.unit > 0
    UNION ALL
    SELECT k.unit FROM block k WHERE k.tenant_id = p_tenant AND k.resource_id = p_resource
       AND k.removed_at IS NULL AND k.end_at > p_from AND k.start_at < p_to AND k.unit > 0)
  ORDER BY u LIMIT p_limit;
$$;

-- Everything that links lead to and from, in the order of locks. Each step asks both indexes: joined by
-- either end at once, every link of the tenant was looked at in each.
CREATE OR REPLACE FUNCTION linked_together(p_tenant text, p_resources text[]) RETURNS text[]
LANGUAGE sql VOLATILE AS $$
  WITH RECURSIVE together AS (
    SELECT unnest(p_resources) AS id
    UNION
    SELECT next.id FROM together t CROSS JOIN LATERAL (
      SELECT linked_id AS id FROM resource_link WHERE tenant_id = p_tenant AND resource_id = t.id
      UNION ALL
      SELECT resource_id FROM resource_link WHERE tenant_id = p_tenant AND linked_id = t.id) AS next
  ) SELECT array_agg(DISTINCT id COLLATE "C" ORDER BY id COLLATE "C") FROM together;
$$;

-- Links are walked by their indexes, a few rows at each step (`OFFSET 0`): joined, all links of the
-- tenant may be read for each of them, and every hold of what is linked walks them.
CREATE OR REPLACE FUNCTION wholes_above(p_tenant text, p_resource text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE up AS (
    SELECT resource_id FROM resource_link
     WHERE tenant_id = p_tenant AND linked_id = p_resource AND kind = 'part'
    UNION
    SELECT l.resource_id FROM up u CROSS JOIN LATERAL (SELECT resource_id FROM resource_link
      WHERE tenant_id = p_tenant AND linked_id = u.resource_id AND kind = 'part' OFFSET 0) l
  ) SELECT resource_id FROM up;
$$;

CREATE OR REPLACE FUNCTION parts_below(p_tenant text, p_resource text) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
  WITH RECURSIVE down AS (
    SELECT linked_id FROM resource_link
     WHERE tenant_id = p_tenant AND resource_id = p_resource AND kind = 'part'
    UNION
    SELECT l.linked_id FROM down d CROSS JOIN LATERAL (SELECT linked_id FROM resource_link
      WHERE tenant_id = p_tenant AND resource_id = d.linked_id AND kind = 'part' OFFSET 0) l
  ) SELECT linked_id FROM down;
$$;

-- All that a booking of a resource touches beside it. `takes`: so many of its units, null for all;
-- along several ways they add up. Else it is a whole above one of these, whose time outside takes it.
CREATE OR REPLACE FUNCTION links_of(p_tenant text, p_resource text)
RETURNS TABLE (resource_id text, units integer, takes boolean) LANGUAGE sql STABLE AS $$
  WITH RECURSIVE down AS (
    SELECT l.linked_id, l.units FROM resource_link l
     WHERE l.tenant_id = p_tenant AND l.resource_id = p_resource
    UNION ALL
    SELECT l.linked_id, l.units FROM down d CROSS JOIN LATERAL (SELECT r.linked_id, r.units
      FROM resource_link r WHERE r.tenant_id = p_tenant AND r.resource_id = d.linked_id OFFSET 0) l
  ), taken AS (
    SELECT linked_id AS id, CASE WHEN bool_and(down.units IS NOT NULL) THEN sum(down.units)::integer END AS units
      FROM down GROUP BY linked_id
  )
  SELECT id, taken.units, true FROM taken
  UNION ALL
  SELECT DISTINCT w, NULL::integer, false FROM (SELECT p_resource UNION ALL SELECT id FROM taken) AS t(id),
    wholes_above(p_tenant, t.id) AS w
   WHERE w <> p_resource AND w NOT IN (SELECT id FROM taken);
$$;
