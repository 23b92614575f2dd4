-- Links that stay true while a part grows, while the whole is booked several times at once, and
-- however they are knotted.

-- What was booked of the whole takes its new part too; false when somebody else is there, when two of
-- them would want it at one time, or when one of them is about to get another time.
CREATE OR REPLACE FUNCTION take_parts(p_tenant text, p_whole text, p_part text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM parts_to_take(p_tenant, p_whole, p_part) t JOIN booking_change c
      ON c.tenant_id = p_tenant AND c.booking_id = t.booking_id AND c.state = 'open'
     AND c.progress ? 'heldUntil' AND NOT c.progress ?| '{switchedAt,undoneAt}') THEN
    RETURN false;
  END IF;
  INSERT INTO occupancy (tenant_id, booking_id, change_id, resource_id, unit, span, held_at, expires_at,
    confirmed_at)
  SELECT p_tenant, t.* FROM parts_to_take(p_tenant, p_whole, p_part) t
  ON CONFLICT DO NOTHING;
  IF EXISTS (SELECT FROM parts_to_take(p_tenant, p_whole, p_part) t WHERE NOT EXISTS (
      SELECT FROM occupancy o WHERE o.tenant_id = p_tenant AND o.resource_id = t.resource_id
         AND o.unit = t.unit AND o.unit > 0 AND o.live AND o.span && t.span
         AND o.booking_id = t.booking_id)) THEN
    RAISE SQLSTATE 'HF003';
  END IF;
  RETURN true;
EXCEPTION WHEN SQLSTATE 'HF003' THEN
  -- Rolled back to the beginning: nobody took a part of it.
  RETURN false;
END $$;

-- A whole takes every unit of its parts, so units that a part gets are taken by what is booked of its
-- wholes. The caller has the part alone, and so nobody is about to book a whole of it.
CREATE FUNCTION take_new_units(p_tenant text, p_part text, p_beyond integer) RETURNS void
LANGUAGE sql VOLATILE AS $$
  INSERT INTO occupancy (tenant_id, booking_id, change_id, resource_id, unit, span, held_at, expires_at,
    confirmed_at)
  SELECT p_tenant, t.* FROM resource_link l, parts_to_take(p_tenant, l.resource_id, p_part) t
   WHERE l.tenant_id = p_tenant AND l.linked_id = p_part AND l.kind = 'part'
     AND t.resource_id = p_part AND t.unit > p_beyond
  ON CONFLICT DO NOTHING;
$$;

-- Whether one more link would have some resource lead to others in more than a thousand ways. Each hold
-- walks them all, and where ways part and meet again they multiply.
CREATE FUNCTION is_knotted(p_tenant text, p_all text[], p_resource text, p_linked text) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  WITH RECURSIVE down AS (
    SELECT r AS root, l.linked_id AS id FROM unnest(p_all) AS r
      JOIN resource_link l ON l.tenant_id = p_tenant AND l.resource_id = r
    UNION ALL
    SELECT d.root, l.linked_id FROM down d
      JOIN resource_link l ON l.tenant_id = p_tenant AND l.resource_id = d.id
  ), ways AS (
    SELECT r AS root, count(d.id) AS ways,
      count(*) FILTER (WHERE d.id = p_resource) + (r = p_resource)::integer AS here
    FROM unnest(p_all) AS r LEFT JOIN down d ON d.root = r GROUP BY r
  )
  SELECT EXISTS (SELECT FROM ways w, ways further WHERE further.root = p_linked
    AND w.ways + w.here * (1 + further.ways) > 1000);
$$;

-- Making a link. Answers {kind: linked | exists | no-such-resource | cycle | too-many-units | sessions |
-- too-many-links | in-use | again}; `again`: other links were made meanwhile.
CREATE OR REPLACE FUNCTION link_resources(
  p_tenant text, p_resource text, p_linked text, p_kind text, p_units integer
) RETURNS jsonb LANGUAGE plpgsql AS $$
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
  IF cardinality(v_all) > 100 OR is_knotted(p_tenant, v_all, p_resource, p_linked) THEN
    RETURN '{"kind": "too-many-links"}';
  END IF;
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
