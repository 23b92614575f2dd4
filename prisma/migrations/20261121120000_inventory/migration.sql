-- Holds of units, of places and of what is linked; their limits, their extension and their end.

-- Whether a hold of the resource has to ask more than what is in the way: asked with its capacity, so
-- that most resources pay nothing for it.
ALTER TABLE resource
  ADD COLUMN linked boolean NOT NULL DEFAULT false,
  ADD COLUMN has_hold_rules boolean NOT NULL GENERATED ALWAYS AS (
    linked OR settings->>'maxPerDay' IS NOT NULL OR settings#>>'{holdLimits,perKey}' IS NOT NULL
    OR settings#>>'{holdLimits,perReference}' IS NOT NULL
    OR settings#>>'{holdLimits,perResource}' IS NOT NULL) STORED;

-- Whether a hold counts against limits: made of a resource that has rules for holds. Others are in no
-- index of holds, which are small, and of columns that move when a booking is confirmed or ended.
ALTER TABLE booking ADD COLUMN hold_counted boolean NOT NULL DEFAULT false;
CREATE INDEX booking_held_of_resource ON booking (tenant_id, resource_id)
  WHERE hold_counted AND confirmed_at IS NULL AND ended_at IS NULL;
CREATE INDEX booking_held_by_key ON booking (tenant_id, made_by)
  WHERE hold_counted AND confirmed_at IS NULL AND ended_at IS NULL;
CREATE INDEX booking_held_by_reference ON booking (tenant_id, reference_hash)
  WHERE hold_counted AND confirmed_at IS NULL AND ended_at IS NULL;
CREATE INDEX booking_held_of_session ON booking (tenant_id, session_id)
  WHERE confirmed_at IS NULL AND ended_at IS NULL AND session_id IS NOT NULL;
-- What a change holds beside its booking, while it does.
CREATE INDEX occupancy_of_change ON occupancy (tenant_id, session_id) WHERE live AND change_id IS NOT NULL;

-- The constraint's index knows units from 1 on only, and is used only where a query says so.
CREATE OR REPLACE FUNCTION free_units(
  p_tenant text, p_resource text, p_capacity integer, p_from timestamptz, p_to timestamptz, p_limit integer
) RETURNS SETOF integer LANGUAGE sql VOLATILE AS $$
  SELECT u FROM generate_series(1, p_capacity) AS u
  WHERE NOT EXISTS (SELECT FROM occupancy o WHERE o.tenant_id = p_tenant AND o.resource_id = p_resource
      AND o.unit = u AND o.unit > 0 AND o.live AND o.span && tstzrange(p_from, p_to))
    AND NOT EXISTS (SELECT FROM busy b WHERE b.tenant_id = p_tenant AND b.resource_id = p_resource
      AND b.end_at > p_from AND b.start_at < p_to AND b.unit = u)
    AND NOT EXISTS (SELECT FROM block k WHERE k.tenant_id = p_tenant AND k.resource_id = p_resource
      AND k.removed_at IS NULL AND k.end_at > p_from AND k.start_at < p_to AND k.unit = u)
  ORDER BY u LIMIT p_limit;
$$;

CREATE OR REPLACE FUNCTION too_many(
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
     WHERE o.tenant_id = p_tenant AND o.resource_id = p_resource AND o.live AND o.unit > 0
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

-- Holding ------------------------------------------------------------------------------------------

-- p: tenant, booking, key, fingerprint, resource, startAt, endAt, bufferBeforeMs, bufferAfterMs,
--    party, amountMinor, currency, depositMinor, balanceDueAt, terms, madeBy, paymentKind, holdTtlMs,
--    askedAt (absent: now), sessionId (hold_places); and beside what the caller of a booking says:
--    alone (have the resource alone), alsoLocks (hold_linked: what is linked, and its locks are taken).
-- Answers {kind: held | repeat | mismatch | fenced | refused, …}, or {kind: again, how: alone |
-- linked}: this takes more locks, and they come before everything else in a transaction.
CREATE OR REPLACE FUNCTION hold_units(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v_booking text := p->>'booking';
  v_resource text := p->>'resource';
  v_party integer := (p->>'party')::integer;
  v_start timestamptz := (p->>'startAt')::timestamptz;
  v_end timestamptz := (p->>'endAt')::timestamptz;
  v_from timestamptz := v_start - (p->>'bufferBeforeMs')::bigint * interval '1 millisecond';
  v_to timestamptz := v_end + (p->>'bufferAfterMs')::bigint * interval '1 millisecond';
  v_amount bigint := (p->>'amountMinor')::bigint;
  v_fingerprint text;
  v_fenced boolean;
  v_capacity integer;
  v_ruled boolean;
  v_units integer[] := '{}';
  v_busy boolean;
  v_blocked boolean;
  v_first_taken boolean;
  v_somewhere integer;
  v_now timestamptz;
  v_expires timestamptz;
  v_answer jsonb;
BEGIN
  IF v_party > 1 OR p ? 'alone' THEN
    PERFORM pg_advisory_xact_lock(lock_key(v_tenant, 'resource', v_resource)),
      pg_advisory_xact_lock(lock_key(v_tenant, 'booking', v_booking));
  ELSE
    PERFORM pg_advisory_xact_lock_shared(lock_key(v_tenant, 'resource', v_resource)),
      pg_advisory_xact_lock(lock_key(v_tenant, 'booking', v_booking));
  END IF;

  -- A statement of its own after the locks: it sees what they waited for.
  SELECT (SELECT fingerprint FROM idempotency WHERE tenant_id = v_tenant AND key = p->>'key'),
    EXISTS (SELECT FROM booking_fence WHERE tenant_id = v_tenant AND booking_id = v_booking),
    (SELECT CASE WHEN has_hold_rules THEN -capacity ELSE capacity END FROM resource
      WHERE tenant_id = v_tenant AND id = v_resource AND archived_at IS NULL),
    bool_or(t.unit IS NULL) FILTER (WHERE t.outside), bool_or(t.unit IS NULL) FILTER (WHERE NOT t.outside),
    bool_or(t.unit = 1), count(*) FILTER (WHERE t.unit = 0)
  INTO v_fingerprint, v_fenced, v_capacity, v_busy, v_blocked, v_first_taken, v_somewhere
  FROM (
    SELECT b.unit, true AS outside FROM busy b
     WHERE b.tenant_id = v_tenant AND b.resource_id = v_resource AND b.end_at > v_from AND b.start_at < v_to
    UNION ALL
    SELECT k.unit, false FROM block k
     WHERE k.tenant_id = v_tenant AND k.resource_id = v_resource AND k.removed_at IS NULL
       AND k.end_at > v_from AND k.start_at < v_to
  ) AS t;
  IF v_fingerprint IS NOT NULL THEN
    IF v_fingerprint <> p->>'fingerprint' THEN RETURN '{"kind": "mismatch"}'; END IF;
    RETURN booking_answer(v_tenant, v_booking) || '{"kind": "repeat"}';
  END IF;
  -- Nobody waits any more for what was asked before the workers came back.
  IF v_fenced OR (p->>'askedAt')::timestamptz < clock_timestamp() - interval '10 minutes' THEN
    RETURN '{"kind": "fenced"}';
  END IF;
  IF v_capacity IS NULL THEN RETURN '{"kind": "refused", "refusal": "no-such-resource"}'; END IF;
  -- One look at the resource tells both.
  v_ruled := v_capacity < 0;
  v_capacity := abs(v_capacity);
  IF v_party > v_capacity THEN RETURN '{"kind": "refused", "refusal": "too-large"}'; END IF;
  IF v_busy THEN RETURN '{"kind": "refused", "refusal": "busy"}'; END IF;
  IF v_blocked THEN RETURN '{"kind": "refused", "refusal": "blocked"}'; END IF;
  IF v_ruled THEN
    v_answer := hold_rules_say(p);
    IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
  END IF;
  -- Taken somewhere, nobody tells where: so many units are to stay free beside the ones chosen.
  IF v_somewhere > 0 THEN v_somewhere := most_somewhere(v_tenant, v_resource, v_from, v_to); END IF;
  IF v_party + v_somewhere > v_capacity THEN RETURN '{"kind": "refused", "refusal": "busy"}'; END IF;

  v_now := clock_timestamp();
  v_expires := v_now + (p->>'holdTtlMs')::bigint * interval '1 millisecond';
  -- A party is alone on the resource: what is counted free stays free. One among rivals either takes
  -- a unit, or waited for a rival who took it; a unit is lost at most once per rival committed, and
  -- rivals end, so rounds are bounded by capacity. Whoever chooses the lowest of more units than he
  -- needs leaves the highest of them alone, so rivals together leave as many as are taken somewhere.
  FOR v_round IN 1 .. v_capacity + 1 LOOP
    IF v_capacity > 1 THEN
      SELECT array_agg(u ORDER BY u) INTO v_units
        FROM free_units(v_tenant, v_resource, v_capacity, v_from, v_to, v_party + v_somewhere) AS u;
    ELSE
      -- Nothing to choose: the constraint itself looks whether the one unit is taken, once.
      v_units := CASE WHEN v_round = 1 AND v_first_taken IS NOT TRUE THEN '{1}'::integer[] END;
    END IF;
    IF coalesce(cardinality(v_units), 0) < v_party + v_somewhere THEN
      RETURN '{"kind": "refused", "refusal": "taken"}';
    END IF;
    v_units := v_units[1:v_party];
    WITH taken AS (
      INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at)
      SELECT v_tenant, v_booking, v_resource, u, tstzrange(v_from, v_to), v_now, v_expires
        FROM unnest(v_units) AS u ORDER BY u
      ON CONFLICT DO NOTHING
      RETURNING unit
    ), held AS (
      SELECT FROM taken HAVING count(*) = v_party
    ), claimed AS (
      INSERT INTO idempotency (tenant_id, key, fingerprint, booking_id)
      SELECT v_tenant, p->>'key', p->>'fingerprint', v_booking FROM held
    ), booked AS (
      INSERT INTO booking (tenant_id, id, resource_id, state, start_at, end_at, party, units,
        amount_minor, currency, deposit_minor, balance_due_at, terms, payment_kind, made_by, also_locks,
        guest, reference_hash, hold_expires_at, hold_counted, seq)
      SELECT v_tenant, v_booking, v_resource, 'held', v_start, v_end, v_party, v_units,
        v_amount, p->>'currency', (p->>'depositMinor')::bigint, (p->>'balanceDueAt')::timestamptz,
        coalesce(p->'terms', '{}'), p->>'paymentKind', p->>'madeBy',
        CASE WHEN p ? 'alsoLocks' THEN texts_of(p->'alsoLocks') ELSE '{}' END,
        d.guest, d.reference_hash, v_expires, v_ruled, 1
      FROM held LEFT JOIN booking_draft d ON d.tenant_id = v_tenant AND d.booking_id = v_booking
    )
    INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
    SELECT v_tenant, (SELECT max(epoch) FROM journal_epoch), 'booking/' || v_booking, 1, 'booking.held',
      jsonb_build_object('resourceId', v_resource, 'startAt', v_start, 'endAt', v_end,
        'units', to_jsonb(v_units), 'holdExpiresAt', v_expires)
        || CASE WHEN p ? 'overrides' THEN jsonb_build_object('overrides', p->'overrides') ELSE '{}' END
    FROM held;
    IF FOUND THEN
      RETURN jsonb_build_object('kind', 'held', 'state', 'held', 'reason', NULL,
        'units', to_jsonb(v_units), 'holdExpiresAt', v_expires, 'amountMinor', v_amount,
        'currency', p->>'currency');
    END IF;
    IF v_party > 1 THEN RAISE EXCEPTION 'a unit was taken beside a party that had the resource alone'; END IF;
  END LOOP;
  RETURN '{"kind": "refused", "refusal": "taken"}';
END $$;

CREATE FUNCTION texts_of(p jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(one), '{}') FROM jsonb_array_elements_text(p) AS one;
$$;

-- What was answered under the key before, or that nobody waits any more; null when it is new. The
-- caller holds the booking's lock.
CREATE FUNCTION hold_known(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE v_fingerprint text;
BEGIN
  SELECT fingerprint INTO v_fingerprint FROM idempotency
   WHERE tenant_id = p->>'tenant' AND key = p->>'key';
  IF v_fingerprint <> p->>'fingerprint' THEN RETURN '{"kind": "mismatch"}'; END IF;
  IF v_fingerprint IS NOT NULL THEN
    RETURN booking_answer(p->>'tenant', p->>'booking') || '{"kind": "repeat"}';
  END IF;
  IF (p->>'askedAt')::timestamptz < clock_timestamp() - interval '10 minutes' OR EXISTS (
      SELECT FROM booking_fence WHERE tenant_id = p->>'tenant' AND booking_id = p->>'booking') THEN
    RETURN '{"kind": "fenced"}';
  END IF;
  RETURN NULL;
END $$;

-- What a resource's own rules say of one more hold beside what is in the way: an answer, or null. A
-- limit is exact: who counts is alone with what he counts until his hold is in. Locks of keys and
-- references come after all others, and before the first write.
CREATE FUNCTION hold_rules_say(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v_resource text := p->>'resource';
  v_reference bytea;
  v record;
BEGIN
  SELECT linked, time_zone, (settings->>'maxPerDay')::integer AS per_day,
    (settings#>>'{holdLimits,perKey}')::integer AS per_key,
    (settings#>>'{holdLimits,perReference}')::integer AS per_reference,
    (settings#>>'{holdLimits,perResource}')::integer AS per_resource
  INTO v FROM resource WHERE tenant_id = v_tenant AND id = v_resource;
  IF v.linked AND NOT p ? 'alsoLocks' AND p->>'sessionId' IS NULL THEN
    RETURN '{"kind": "again", "how": "linked"}';
  END IF;
  IF v.per_day IS NOT NULL OR v.per_resource IS NOT NULL THEN
    IF (p->>'party')::integer = 1 AND NOT p ? 'alone' THEN RETURN '{"kind": "again", "how": "alone"}'; END IF;
    IF NOT coalesce(p->'overrides' ? 'day-limit', false)
        AND v.per_day <= begun_on_day(v_tenant, v_resource, v.time_zone, (p->>'startAt')::timestamptz) THEN
      RETURN '{"kind": "refused", "refusal": "day-full"}';
    END IF;
    IF v.per_resource <= (SELECT count(*) FROM booking WHERE tenant_id = v_tenant
        AND resource_id = v_resource AND hold_counted AND confirmed_at IS NULL AND ended_at IS NULL
        AND hold_expires_at > clock_timestamp()) THEN
      RETURN '{"kind": "refused", "refusal": "holds-of-resource"}';
    END IF;
  END IF;
  IF v.per_key IS NOT NULL AND p->>'madeBy' IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(lock_key(v_tenant, 'holds-of-key', p->>'madeBy'));
    IF v.per_key <= (SELECT count(*) FROM booking WHERE tenant_id = v_tenant
        AND made_by = p->>'madeBy' AND hold_counted AND confirmed_at IS NULL AND ended_at IS NULL
        AND hold_expires_at > clock_timestamp()) THEN
      RETURN '{"kind": "refused", "refusal": "holds-of-key"}';
    END IF;
  END IF;
  IF v.per_reference IS NOT NULL THEN
    SELECT reference_hash INTO v_reference FROM booking_draft
     WHERE tenant_id = v_tenant AND booking_id = p->>'booking';
    IF v_reference IS NULL THEN RETURN NULL; END IF;
    PERFORM pg_advisory_xact_lock(lock_key(v_tenant, 'holds-of-reference', encode(v_reference, 'hex')));
    IF v.per_reference <= (SELECT count(*) FROM booking WHERE tenant_id = v_tenant
        AND reference_hash = v_reference AND hold_counted AND confirmed_at IS NULL AND ended_at IS NULL
        AND hold_expires_at > clock_timestamp()) THEN
      RETURN '{"kind": "refused", "refusal": "holds-of-reference"}';
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- How many bookings of a resource begin on the local day of an instant.
CREATE FUNCTION begun_on_day(p_tenant text, p_resource text, p_zone text, p_at timestamptz) RETURNS integer
LANGUAGE sql VOLATILE AS $$
  SELECT count(*)::integer FROM booking b, (SELECT date_trunc('day', p_at AT TIME ZONE p_zone)) AS d(day)
   WHERE b.tenant_id = p_tenant AND b.resource_id = p_resource
     AND b.start_at >= d.day AT TIME ZONE p_zone
     AND b.start_at < (d.day + interval '1 day') AT TIME ZONE p_zone
     AND b.ended_at IS NULL AND (b.confirmed_at IS NOT NULL OR b.hold_expires_at > clock_timestamp());
$$;

-- What every hold writes beside its occupancies. Answers as a hold does.
CREATE FUNCTION enter_hold(p jsonb, p_units integer[], p_expires timestamptz, p_more jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v_booking text := p->>'booking';
BEGIN
  WITH claimed AS (
    INSERT INTO idempotency (tenant_id, key, fingerprint, booking_id)
    VALUES (v_tenant, p->>'key', p->>'fingerprint', v_booking)
  ), booked AS (
    INSERT INTO booking (tenant_id, id, resource_id, session_id, state, start_at, end_at, party, units,
      amount_minor, currency, deposit_minor, balance_due_at, terms, payment_kind, made_by, also_locks,
      guest, reference_hash, hold_expires_at, hold_counted, seq)
    SELECT v_tenant, v_booking, p->>'resource', p->>'sessionId', 'held', (p->>'startAt')::timestamptz,
      (p->>'endAt')::timestamptz, (p->>'party')::integer, p_units, (p->>'amountMinor')::bigint,
      p->>'currency', (p->>'depositMinor')::bigint, (p->>'balanceDueAt')::timestamptz,
      coalesce(p->'terms', '{}'), p->>'paymentKind', p->>'madeBy',
      texts_of(coalesce(p->'alsoLocks', '[]')), d.guest, d.reference_hash, p_expires,
      r.has_hold_rules, 1
    FROM resource r
    LEFT JOIN booking_draft d ON d.tenant_id = v_tenant AND d.booking_id = v_booking
    WHERE r.tenant_id = v_tenant AND r.id = p->>'resource'
  )
  INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
  SELECT v_tenant, max(epoch), 'booking/' || v_booking, 1, 'booking.held', p_more || jsonb_build_object(
    'resourceId', p->>'resource', 'startAt', (p->>'startAt')::timestamptz,
    'endAt', (p->>'endAt')::timestamptz, 'units', to_jsonb(p_units), 'holdExpiresAt', p_expires)
    || CASE WHEN p ? 'overrides' THEN jsonb_build_object('overrides', p->'overrides') ELSE '{}' END
  FROM journal_epoch;
  RETURN jsonb_build_object('kind', 'held', 'state', 'held', 'reason', NULL, 'units', to_jsonb(p_units),
    'holdExpiresAt', p_expires, 'amountMinor', (p->>'amountMinor')::bigint, 'currency', p->>'currency');
END $$;

-- Linked resources ---------------------------------------------------------------------------------

CREATE FUNCTION wholes_above(p_tenant text, p_resource text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  WITH RECURSIVE up AS (
    SELECT resource_id FROM resource_link
     WHERE tenant_id = p_tenant AND linked_id = p_resource AND kind = 'part'
    UNION
    SELECT l.resource_id FROM up u JOIN resource_link l ON l.tenant_id = p_tenant
       AND l.linked_id = u.resource_id AND l.kind = 'part'
  ) SELECT resource_id FROM up;
$$;

CREATE FUNCTION parts_below(p_tenant text, p_resource text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
  WITH RECURSIVE down AS (
    SELECT linked_id FROM resource_link
     WHERE tenant_id = p_tenant AND resource_id = p_resource AND kind = 'part'
    UNION
    SELECT l.linked_id FROM down d JOIN resource_link l ON l.tenant_id = p_tenant
       AND l.resource_id = d.linked_id AND l.kind = 'part'
  ) SELECT linked_id FROM down;
$$;

-- All that a booking of a resource touches beside it. `takes`: so many of its units, null for all;
-- along several ways they add up. Else it is a whole above one of these, whose time outside takes it.
CREATE FUNCTION links_of(p_tenant text, p_resource text)
RETURNS TABLE (resource_id text, units integer, takes boolean) LANGUAGE sql STABLE AS $$
  WITH RECURSIVE down AS (
    SELECT l.linked_id, l.units, l.kind FROM resource_link l
     WHERE l.tenant_id = p_tenant AND l.resource_id = p_resource
    UNION ALL
    SELECT l.linked_id, l.units, l.kind FROM down d
      JOIN resource_link l ON l.tenant_id = p_tenant AND l.resource_id = d.linked_id
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

-- Locks of both kinds in the one order.
CREATE FUNCTION lock_mixed(p_tenant text, p_alone text[], p_shared text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v record;
BEGIN
  FOR v IN
    SELECT r COLLATE "C" AS id, bool_or(alone) AS alone FROM (
      SELECT unnest(p_alone), true UNION ALL SELECT unnest(p_shared), false) AS wanted(r, alone)
     GROUP BY 1 ORDER BY 1
  LOOP
    PERFORM lock_resource(p_tenant, v.id, v.alone);
  END LOOP;
END $$;

CREATE FUNCTION ids_in(p_links jsonb, p_taken_only boolean) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(array_agg(l->>'resource_id'), '{}') FROM jsonb_array_elements(p_links) l
   WHERE NOT p_taken_only OR (l->>'takes')::boolean;
$$;

-- A hold that touches links: every linked resource is judged as if it were booked itself for the same
-- time, with its own buffers, and all are taken or none. `p` and the answer as with hold_units.
CREATE FUNCTION hold_linked(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v_resource text := p->>'resource';
  v_links jsonb := links_as_json(v_tenant, v_resource);
  v_also text[] := ids_in(v_links, false);
  v_takes text[] := ids_in(v_links, true);
  v_alone boolean := v_takes <> '{}' OR (p->>'party')::integer > 1 OR p ? 'alone';
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
    IF is_whole_in_the_way(v_tenant, v_resource,
        (p->>'startAt')::timestamptz - (p->>'bufferBeforeMs')::bigint * interval '1 millisecond',
        (p->>'endAt')::timestamptz + (p->>'bufferAfterMs')::bigint * interval '1 millisecond') THEN
      RETURN '{"kind": "refused", "refusal": "linked-taken"}';
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

CREATE FUNCTION links_as_json(p_tenant text, p_resource text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(jsonb_agg(to_jsonb(l) ORDER BY l.resource_id COLLATE "C"), '[]')
    FROM links_of(p_tenant, p_resource) l;
$$;

-- Outside time or a block of a whole, whatever of it they name, takes its parts.
CREATE FUNCTION is_whole_in_the_way(p_tenant text, p_resource text, p_from timestamptz, p_to timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v_whole text;
BEGIN
  FOR v_whole IN SELECT wholes_above(p_tenant, p_resource) LOOP
    IF EXISTS (SELECT FROM busy WHERE tenant_id = p_tenant AND resource_id = v_whole
        AND end_at > p_from AND start_at < p_to)
      OR EXISTS (SELECT FROM block WHERE tenant_id = p_tenant AND resource_id = v_whole
        AND removed_at IS NULL AND end_at > p_from AND start_at < p_to) THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END $$;

-- Units of the resource and of all that it takes: {kind: chosen, rows: [{resource, unit, from_at,
-- to_at}]}, or a refusal. The caller has all of them alone.
CREATE FUNCTION choose_linked(p jsonb, p_links jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v record;
  v_from timestamptz;
  v_to timestamptz;
  v_count integer;
  v_refusal text;
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
      IF v_refusal IS NULL AND is_whole_in_the_way(v_tenant, v.id, v_from, v_to) THEN
        v_refusal := 'linked-taken';
      END IF;
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
        'refusal', CASE WHEN v.own THEN v_refusal ELSE 'linked-taken' END);
    END IF;
    v_rows := v_rows || (SELECT jsonb_agg(jsonb_build_object('resource', v.id, 'unit', u,
      'from_at', v_from, 'to_at', v_to)) FROM unnest(v_units[1:coalesce(v.units, v.capacity)]) AS u);
  END LOOP;
  RETURN jsonb_build_object('kind', 'chosen', 'rows', v_rows);
END $$;

-- Making a link. Answers {kind: linked | exists | no-such-resource | cycle | too-many-units | sessions |
-- too-many-links | in-use | again}; `again`: other links were made meanwhile.
CREATE FUNCTION link_resources(p_tenant text, p_resource text, p_linked text, p_kind text, p_units integer)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_all text[] := linked_together(p_tenant, ARRAY[p_resource, p_linked]);
  v_capacity integer;
BEGIN
  PERFORM lock_resources(p_tenant, v_all, true);
  IF linked_together(p_tenant, ARRAY[p_resource, p_linked]) <> v_all THEN RETURN '{"kind": "again"}'; END IF;
  IF p_resource = p_linked THEN RETURN '{"kind": "cycle"}'; END IF;
  IF (SELECT count(*) FROM resource WHERE tenant_id = p_tenant AND id IN (p_resource, p_linked)
      AND archived_at IS NULL) < 2 THEN
    RETURN '{"kind": "no-such-resource"}';
  END IF;
  IF EXISTS (SELECT FROM resource_link WHERE tenant_id = p_tenant AND resource_id = p_resource
      AND linked_id = p_linked) THEN
    RETURN '{"kind": "exists"}';
  END IF;
  -- Places of a session take no units, so that nothing of another could be taken with them.
  IF EXISTS (SELECT FROM resource WHERE tenant_id = p_tenant AND id IN (p_resource, p_linked)
      AND settings->>'soldBy' = 'session') THEN
    RETURN '{"kind": "sessions"}';
  END IF;
  IF EXISTS (SELECT FROM links_of(p_tenant, p_linked) l
      WHERE l.takes AND l.resource_id = p_resource) THEN
    RETURN '{"kind": "cycle"}';
  END IF;
  IF cardinality(v_all) > 100 THEN RETURN '{"kind": "too-many-links"}'; END IF;
  SELECT capacity INTO v_capacity FROM resource WHERE tenant_id = p_tenant AND id = p_linked;
  IF p_units > v_capacity THEN
    RETURN jsonb_build_object('kind', 'too-many-units', 'capacity', v_capacity);
  END IF;
  IF p_kind = 'part' AND NOT take_parts(p_tenant, p_resource, p_linked) THEN RETURN '{"kind": "in-use"}'; END IF;
  INSERT INTO resource_link (tenant_id, resource_id, linked_id, kind, units)
  VALUES (p_tenant, p_resource, p_linked, p_kind, p_units);
  PERFORM enter_link(p_tenant, p_resource, 'resource.linked',
    jsonb_build_object('linkedId', p_linked, 'kind', p_kind, 'units', p_units));
  UPDATE resource SET linked = true WHERE tenant_id = p_tenant AND id IN (p_resource, p_linked);
  -- A move of a booking made before takes the locks of what is linked to it now.
  UPDATE booking b SET also_locks = more.locks FROM (
    SELECT o.id, ARRAY(SELECT DISTINCT one FROM (
        SELECT unnest(o.also_locks) UNION ALL SELECT l.resource_id FROM links_of(p_tenant, o.resource_id) l
      ) AS s(one) ORDER BY 1) AS locks
    FROM booking o WHERE o.tenant_id = p_tenant AND o.resource_id = ANY (v_all) AND o.ended_at IS NULL
     AND o.end_at > clock_timestamp()) AS more
   WHERE b.tenant_id = p_tenant AND b.id = more.id;
  RETURN '{"kind": "linked"}';
END $$;

-- Everything that links lead to and from, in the order of locks.
CREATE FUNCTION linked_together(p_tenant text, p_resources text[]) RETURNS text[] LANGUAGE sql VOLATILE AS $$
  WITH RECURSIVE together AS (
    SELECT unnest(p_resources) AS id
    UNION
    SELECT CASE WHEN l.resource_id = t.id THEN l.linked_id ELSE l.resource_id END
      FROM together t JOIN resource_link l ON l.tenant_id = p_tenant AND t.id IN (l.resource_id, l.linked_id)
  ) SELECT array_agg(DISTINCT id COLLATE "C" ORDER BY id COLLATE "C") FROM together;
$$;

CREATE FUNCTION enter_link(p_tenant text, p_resource text, p_type text, p_data jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  UPDATE resource SET seq = seq + 1 WHERE tenant_id = p_tenant AND id = p_resource RETURNING seq INTO v_seq;
  PERFORM append_entry(p_tenant, 'resource/' || p_resource, v_seq, p_type, p_data);
END $$;

CREATE FUNCTION buffer_of(p_resource resource, p_buffer text) RETURNS interval LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce((p_resource.settings->>p_buffer)::bigint, 0) * interval '1 millisecond';
$$;

-- What was booked of the whole takes its new part too; false when somebody else is there.
CREATE FUNCTION take_parts(p_tenant text, p_whole text, p_part text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM parts_to_take(p_tenant, p_whole, p_part) t JOIN occupancy o
      ON o.tenant_id = p_tenant AND o.resource_id = t.resource_id AND o.unit = t.unit AND o.unit > 0
     AND o.live AND o.span && t.span AND o.booking_id <> t.booking_id) THEN
    RETURN false;
  END IF;
  INSERT INTO occupancy (tenant_id, booking_id, change_id, resource_id, unit, span, held_at, expires_at,
    confirmed_at)
  SELECT p_tenant, t.* FROM parts_to_take(p_tenant, p_whole, p_part) t
  ON CONFLICT DO NOTHING;
  RETURN true;
END $$;

CREATE FUNCTION parts_to_take(p_tenant text, p_whole text, p_part text)
RETURNS TABLE (booking_id text, change_id text, resource_id text, unit integer, span tstzrange,
  held_at timestamptz, expires_at timestamptz, confirmed_at timestamptz) LANGUAGE sql VOLATILE AS $$
  SELECT DISTINCT ON (o.booking_id, o.change_id, r.id, u) o.booking_id, o.change_id, r.id, u,
    tstzrange(
      CASE WHEN o.change_id IS NULL THEN b.start_at ELSE lower(o.span) + buffer_of(w, 'bufferBeforeMs') END
        - buffer_of(r, 'bufferBeforeMs'),
      CASE WHEN o.change_id IS NULL THEN b.end_at ELSE upper(o.span) - buffer_of(w, 'bufferAfterMs') END
        + buffer_of(r, 'bufferAfterMs')),
    o.held_at, o.expires_at, o.confirmed_at
  FROM occupancy o
    JOIN booking b ON b.tenant_id = p_tenant AND b.id = o.booking_id
    JOIN resource w ON w.tenant_id = p_tenant AND w.id = p_whole
    JOIN resource r ON r.tenant_id = p_tenant
     AND r.id IN (SELECT p_part UNION ALL SELECT parts_below(p_tenant, p_part))
    CROSS JOIN LATERAL generate_series(1, r.capacity) AS u
  WHERE o.tenant_id = p_tenant AND o.resource_id = p_whole AND o.live AND o.unit > 0
    AND o.span && tstzrange(clock_timestamp(), NULL)
    AND (o.confirmed_at IS NOT NULL OR o.expires_at > clock_timestamp())
  ORDER BY o.booking_id, o.change_id, r.id, u;
$$;

-- False when there is no such link. What was booked keeps what it took.
CREATE FUNCTION unlink_resources(p_tenant text, p_resource text, p_linked text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE v_all text[] := linked_together(p_tenant, ARRAY[p_resource, p_linked]);
BEGIN
  PERFORM lock_resources(p_tenant, v_all, true);
  DELETE FROM resource_link WHERE tenant_id = p_tenant AND resource_id = p_resource AND linked_id = p_linked;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM enter_link(p_tenant, p_resource, 'resource.unlinked', jsonb_build_object('linkedId', p_linked));
  UPDATE resource r SET linked = EXISTS (SELECT FROM resource_link l WHERE l.tenant_id = p_tenant
      AND r.id IN (l.resource_id, l.linked_id))
   WHERE r.tenant_id = p_tenant AND r.id IN (p_resource, p_linked);
  RETURN true;
END $$;

-- Sessions -----------------------------------------------------------------------------------------

-- Places of a session, as hold_units takes units; the span is the session's own.
CREATE FUNCTION hold_places(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v_resource text := p->>'resource';
  v_party integer := (p->>'party')::integer;
  v_answer jsonb;
  v_refusal text;
  v_now timestamptz;
  v_expires timestamptz;
  v session;
BEGIN
  PERFORM lock_resource(v_tenant, v_resource, p ? 'alone'),
    pg_advisory_xact_lock(lock_key(v_tenant, 'booking', p->>'booking'));
  v_answer := hold_known(p);
  IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
  SELECT s.* INTO v FROM session s
    JOIN resource r ON r.tenant_id = s.tenant_id AND r.id = s.resource_id AND r.archived_at IS NULL
   WHERE s.tenant_id = v_tenant AND s.id = p->>'sessionId' AND s.resource_id = v_resource
     AND s.cancelled_at IS NULL;
  v_refusal := CASE
    WHEN v.id IS NULL THEN 'no-such-session'
    WHEN v.start_at <= clock_timestamp() THEN 'session-over'
    WHEN v_party > v.capacity THEN 'too-large'
    WHEN EXISTS (SELECT FROM busy b WHERE b.tenant_id = v_tenant AND b.resource_id = v_resource
      AND b.end_at > v.start_at AND b.start_at < v.end_at) THEN 'busy'
    WHEN EXISTS (SELECT FROM block k WHERE k.tenant_id = v_tenant AND k.resource_id = v_resource
      AND k.removed_at IS NULL AND k.end_at > v.start_at AND k.start_at < v.end_at) THEN 'blocked'
  END;
  IF v_refusal IS NOT NULL THEN RETURN jsonb_build_object('kind', 'refused', 'refusal', v_refusal); END IF;
  p := p || jsonb_build_object('startAt', v.start_at, 'endAt', v.end_at);
  IF (SELECT has_hold_rules FROM resource WHERE tenant_id = v_tenant AND id = v_resource) THEN
    v_answer := hold_rules_say(p || CASE WHEN p ? 'alone' THEN '{}'::jsonb ELSE '{"party": 1}' END);
    IF v_answer IS NOT NULL THEN RETURN v_answer; END IF;
  END IF;
  v_now := clock_timestamp();
  v_expires := v_now + (p->>'holdTtlMs')::bigint * interval '1 millisecond';
  -- The counter decides. Rivals wait here for each other, each until the one before has committed.
  UPDATE session SET taken = taken + v_party
   WHERE tenant_id = v_tenant AND id = v.id AND taken + v_party <= capacity;
  IF NOT FOUND THEN RETURN '{"kind": "refused", "refusal": "session-full"}'; END IF;
  INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, session_id, seats, span, held_at, expires_at)
  VALUES (v_tenant, p->>'booking', v_resource, 0, v.id, v_party, tstzrange(v.start_at, v.end_at), v_now, v_expires);
  RETURN enter_hold(p, '{}', v_expires, jsonb_build_object('sessionId', v.id, 'places', v_party));
END $$;

-- Whoever lets places go gives them back, and a row is let go once.
CREATE FUNCTION give_places_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE session SET taken = taken - OLD.seats WHERE tenant_id = OLD.tenant_id AND id = OLD.session_id;
  RETURN NULL;
END $$;
CREATE TRIGGER places_given_back AFTER UPDATE OF released_at ON occupancy FOR EACH ROW
  WHEN (OLD.unit = 0 AND OLD.released_at IS NULL AND NEW.released_at IS NOT NULL)
  EXECUTE FUNCTION give_places_back();

-- Ending -------------------------------------------------------------------------------------------

-- Ends holds whose time is up. Answers how many. All locks come before the first write; somebody at
-- work on a booking ends it himself, and waiting for him could deadlock.
CREATE FUNCTION end_holds(p_tenant text, p_bookings text[]) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_resources text[];
  v_booking text;
  v_locked text[] := '{}';
  v_changes text[];
  v_seq bigint;
  v_ended integer := 0;
BEGIN
  SELECT array_agg(DISTINCT r) INTO v_resources
    FROM booking b, unnest(b.also_locks || b.resource_id) AS r WHERE b.tenant_id = p_tenant AND b.id = ANY (p_bookings);
  IF v_resources IS NULL THEN RETURN 0; END IF;
  PERFORM lock_resources(p_tenant, v_resources, false);
  FOR v_booking IN SELECT DISTINCT b COLLATE "C" FROM unnest(p_bookings) AS b ORDER BY 1 LOOP
    IF pg_try_advisory_xact_lock(lock_key(p_tenant, 'booking', v_booking)) THEN
      v_locked := v_locked || v_booking;
    END IF;
  END LOOP;
  FOREACH v_booking IN ARRAY v_locked LOOP
    WITH ended AS (
      UPDATE occupancy o SET released_at = clock_timestamp()
       WHERE o.tenant_id = p_tenant AND o.booking_id = v_booking AND o.live AND o.confirmed_at IS NULL
         AND o.expires_at <= clock_timestamp() AND EXISTS (SELECT FROM booking b
           WHERE b.tenant_id = p_tenant AND b.id = v_booking
             AND b.also_locks || b.resource_id <@ v_resources)
      RETURNING coalesce(change_id, '') AS change_id
    ) SELECT array_agg(DISTINCT change_id) INTO v_changes FROM ended;
    CONTINUE WHEN v_changes IS NULL;
    v_ended := v_ended + 1;
    IF '' = ANY (v_changes) THEN
      PERFORM move_booking(p_tenant, v_booking, 'expired', 'hold-expired');
    ELSE
      -- The booking stands; what a change of it held is free again.
      UPDATE booking SET seq = seq + 1 WHERE tenant_id = p_tenant AND id = v_booking RETURNING seq INTO v_seq;
      PERFORM append_entry(p_tenant, 'booking/' || v_booking, v_seq, 'booking.change-hold-over',
        jsonb_build_object('changeId', v_changes[1]));
    END IF;
  END LOOP;
  RETURN v_ended;
END $$;

-- Over a span of a resource, so that expiry needs no worker.
CREATE OR REPLACE FUNCTION end_expired(p_tenant text, p_resource text, p_from timestamptz, p_to timestamptz)
RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RETURN end_holds(p_tenant, ARRAY(SELECT DISTINCT booking_id FROM occupancy
     WHERE tenant_id = p_tenant AND resource_id = p_resource AND live AND unit > 0 AND confirmed_at IS NULL
       AND expires_at <= clock_timestamp() AND span && tstzrange(p_from, p_to)));
END $$;

-- Of all that a booking of a resource would take; `p_from` and `p_to` without buffers.
CREATE FUNCTION end_expired_linked(p_tenant text, p_resource text, p_from timestamptz, p_to timestamptz)
RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RETURN end_holds(p_tenant, ARRAY(SELECT DISTINCT o.booking_id
    FROM (SELECT p_resource UNION ALL
      SELECT l.resource_id FROM links_of(p_tenant, p_resource) l WHERE l.takes) AS t(id)
    JOIN resource r ON r.tenant_id = p_tenant AND r.id = t.id
    JOIN occupancy o ON o.tenant_id = p_tenant AND o.resource_id = r.id AND o.live AND o.unit > 0
     AND o.span && tstzrange(p_from - buffer_of(r, 'bufferBeforeMs'), p_to + buffer_of(r, 'bufferAfterMs'))
   WHERE o.confirmed_at IS NULL AND o.expires_at <= clock_timestamp()));
END $$;

-- Answers whether it is worth while to ask for so many places again, also where a rival ended the
-- holds.
CREATE FUNCTION end_expired_places(p_tenant text, p_session text, p_party integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_over text[] := ARRAY(
    SELECT id FROM booking WHERE tenant_id = p_tenant AND session_id = p_session AND confirmed_at IS NULL
       AND ended_at IS NULL AND hold_expires_at <= clock_timestamp()
    UNION
    SELECT booking_id FROM occupancy WHERE tenant_id = p_tenant AND session_id = p_session AND live
       AND change_id IS NOT NULL AND confirmed_at IS NULL AND expires_at <= clock_timestamp()
    LIMIT 500);
  v_ended integer := end_holds(p_tenant, v_over);
BEGIN
  IF v_ended = 0 AND v_over <> '{}' THEN
    PERFORM FROM session WHERE tenant_id = p_tenant AND id = p_session FOR SHARE;
  END IF;
  RETURN v_ended + (SELECT count(*) FROM session
    WHERE tenant_id = p_tenant AND id = p_session AND taken + p_party <= capacity);
END $$;

-- Makes a hold longer by its resource's rule, once for each extension id, and never beyond its
-- booking's start. Answers {kind: extended, holdExpiresAt} or {kind: not-extendable, reason: no-rule |
-- used-up | over}.
CREATE FUNCTION extend_hold(p_tenant text, p_booking text, p_extension text) RETURNS jsonb LANGUAGE plpgsql AS $$
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
  IF v.state IS NULL OR v.state NOT IN ('held', 'paying') OR v.hold_expires_at <= clock_timestamp() THEN
    RETURN '{"kind": "not-extendable", "reason": "over"}';
  END IF;
  IF v.done THEN RETURN jsonb_build_object('kind', 'extended', 'holdExpiresAt', v.hold_expires_at); END IF;
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

-- Calendars of whatever a booking takes ----------------------------------------------------------

-- Whether a calendar's place is taken by a booking: its own units, or by a link.
CREATE FUNCTION takes_place_of(p_tenant text, p_booking text, p_resource text, p_unit integer) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM occupancy o WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking
    AND o.live AND o.resource_id = p_resource AND (p_unit IS NULL OR o.unit = p_unit));
$$;

CREATE OR REPLACE FUNCTION show_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO mirror (tenant_id, booking_id, connection_id, start_at, end_at, status, desired)
  SELECT NEW.tenant_id, NEW.id, c.id, NEW.start_at, NEW.end_at, 'tentative', 'present'
    FROM connection c WHERE c.tenant_id = NEW.tenant_id
     AND c.resource_id = ANY (NEW.also_locks || NEW.resource_id)
     AND (c.settings->>'mirrorHolds') = 'true' AND c.writable AND c.disconnected_at IS NULL
     AND coalesce(c.settings->>'mirror', 'busy') <> 'none'
     AND CASE WHEN NEW.also_locks = '{}' THEN c.unit IS NULL OR c.unit = ANY (NEW.units)
       ELSE takes_place_of(NEW.tenant_id, NEW.id, c.resource_id, c.unit) END;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION wish_mirrors(p_tenant text, p_connection text, p_anew boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  WITH c AS (
    SELECT resource_id, unit, coalesce(settings->>'mirrorHolds', 'false') = 'true' AS holds
      FROM connection WHERE tenant_id = p_tenant AND id = p_connection AND writable
       AND disconnected_at IS NULL AND coalesce(settings->>'mirror', 'busy') <> 'none'
  ), here AS (
    SELECT b.id FROM c JOIN booking b ON b.tenant_id = p_tenant AND b.resource_id = c.resource_id
       AND (c.unit IS NULL OR c.unit = ANY (b.units))
     WHERE b.end_at > v_now
    UNION
    SELECT o.booking_id FROM c JOIN occupancy o ON o.tenant_id = p_tenant AND o.resource_id = c.resource_id
       AND o.live AND o.unit > 0 AND o.span && tstzrange(v_now, NULL) AND o.change_id IS NULL
       AND (c.unit IS NULL OR c.unit = o.unit)
  ), wanted AS (
    SELECT b.id AS booking_id, NULL AS block_id, b.start_at, b.end_at,
      CASE b.state WHEN 'confirmed' THEN 'confirmed' ELSE 'tentative' END AS status
      FROM c, here h JOIN booking b ON b.tenant_id = p_tenant AND b.id = h.id
     WHERE b.end_at > v_now AND (b.state = 'confirmed'
        OR c.holds AND b.state IN ('held', 'paying') AND b.hold_expires_at > v_now)
    UNION ALL
    SELECT NULL, k.id, k.start_at, k.end_at, 'confirmed'
      FROM c JOIN block k ON k.tenant_id = p_tenant AND k.resource_id = c.resource_id
       AND (c.unit IS NULL OR k.unit IS NULL OR k.unit = c.unit)
     WHERE k.end_at > v_now AND k.removed_at IS NULL
  ), away AS (
    UPDATE mirror m SET desired = 'absent', desired_version = desired_version + 1, updated_at = v_now
     WHERE m.tenant_id = p_tenant AND m.connection_id = p_connection AND m.desired = 'present'
       AND m.end_at > v_now AND NOT EXISTS (
         SELECT FROM wanted w WHERE coalesce(w.booking_id, w.block_id) = m.subject_id)
  )
  INSERT INTO mirror (tenant_id, booking_id, block_id, connection_id, start_at, end_at, status, desired)
  SELECT p_tenant, booking_id, block_id, p_connection, start_at, end_at, status, 'present' FROM wanted
  ON CONFLICT (tenant_id, subject_id, connection_id) DO UPDATE
    SET desired = 'present', status = excluded.status, restored_at = '{}',
      desired_version = mirror.desired_version + 1, updated_at = v_now
    WHERE p_anew OR (mirror.desired, mirror.status) <> ('present', excluded.status);
END $$;
