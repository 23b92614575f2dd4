-- The same laws in fewer statements: what a hold and a commit cost is mostly the starting of each.

-- Room on each page, and a predicate that `paying` does not touch: most moves of a booking rewrite
-- its row beside itself and leave the indexes alone.
ALTER TABLE booking SET (fillfactor = 70);
ALTER TABLE payment SET (fillfactor = 70);
DROP INDEX booking_hold_over;
CREATE INDEX booking_hold_over ON booking (hold_expires_at) WHERE confirmed_at IS NULL AND ended_at IS NULL;

-- A booking keeps its key for ever; only answers of other requests grow old.
DROP INDEX idempotency_age;
CREATE INDEX idempotency_age ON idempotency (created_at) WHERE booking_id IS NULL;

-- `p_seq` comes from the subject's own row, which the caller holds locked.
CREATE OR REPLACE FUNCTION append_entry(p_tenant text, p_subject text, p_seq bigint, p_type text, p_data jsonb)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
  VALUES (p_tenant, (SELECT max(epoch) FROM journal_epoch), p_subject, p_seq, p_type, p_data);
END $$;

-- Locks a booking and its resource; answers the resource, or null when there is no such booking.
CREATE OR REPLACE FUNCTION lock_booking(p_tenant text, p_booking text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_resource text;
BEGIN
  LOOP
    SELECT resource_id INTO v_resource FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
    IF FOUND THEN
      PERFORM pg_advisory_xact_lock_shared(lock_key(p_tenant, 'resource', v_resource)),
        pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking));
      RETURN v_resource;
    END IF;
    BEGIN
      PERFORM pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking));
      IF NOT EXISTS (SELECT FROM booking WHERE tenant_id = p_tenant AND id = p_booking) THEN
        RETURN NULL;
      END IF;
      RAISE SQLSTATE 'HF001';
    EXCEPTION WHEN SQLSTATE 'HF001' THEN
      -- Its hold was under way. Rolled back to here, the lock is free again, so that the resource's
      -- can be taken before it.
    END;
  END LOOP;
END $$;

-- Moves a booking and writes the one entry that says so. The caller holds its lock.
CREATE OR REPLACE FUNCTION move_booking(p_tenant text, p_booking text, p_state text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  WITH moved AS (
    UPDATE booking SET state = p_state, reason = p_reason, seq = seq + 1,
      confirmed_at = CASE WHEN p_state = 'confirmed' THEN clock_timestamp() ELSE confirmed_at END,
      ended_at = CASE WHEN p_state IN ('expired', 'declined', 'cancelled') THEN clock_timestamp() END
    WHERE tenant_id = p_tenant AND id = p_booking
    RETURNING seq, resource_id, start_at, end_at, units
  )
  INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
  SELECT p_tenant, (SELECT max(epoch) FROM journal_epoch), 'booking/' || p_booking, v.seq,
    'booking.' || p_state,
    jsonb_build_object('resourceId', v.resource_id, 'startAt', v.start_at, 'endAt', v.end_at,
      'units', to_jsonb(v.units), 'reason', p_reason)
  FROM moved v;
END $$;

-- p: tenant, booking, key, fingerprint, resource, startAt, endAt, bufferBeforeMs, bufferAfterMs,
--    party, amountMinor, currency, paymentKind, holdTtlMs, askedAt (absent: now).
-- Answers {kind: held | repeat | mismatch | fenced | refused, …}.
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
  v_units integer[] := '{}';
  v_busy boolean;
  v_blocked boolean;
  v_first_taken boolean;
  v_somewhere integer;
  v_now timestamptz;
  v_expires timestamptz;
BEGIN
  IF v_party > 1 THEN
    PERFORM pg_advisory_xact_lock(lock_key(v_tenant, 'resource', v_resource)),
      pg_advisory_xact_lock(lock_key(v_tenant, 'booking', v_booking));
  ELSE
    PERFORM pg_advisory_xact_lock_shared(lock_key(v_tenant, 'resource', v_resource)),
      pg_advisory_xact_lock(lock_key(v_tenant, 'booking', v_booking));
  END IF;

  -- A statement of its own after the locks: it sees what they waited for.
  SELECT (SELECT fingerprint FROM idempotency WHERE tenant_id = v_tenant AND key = p->>'key'),
    EXISTS (SELECT FROM booking_fence WHERE tenant_id = v_tenant AND booking_id = v_booking),
    (SELECT capacity FROM resource WHERE tenant_id = v_tenant AND id = v_resource AND archived_at IS NULL),
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
  IF v_party > v_capacity THEN RETURN '{"kind": "refused", "refusal": "too-large"}'; END IF;
  IF v_busy THEN RETURN '{"kind": "refused", "refusal": "busy"}'; END IF;
  IF v_blocked THEN RETURN '{"kind": "refused", "refusal": "blocked"}'; END IF;
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
        amount_minor, currency, payment_kind, guest, hold_expires_at, seq)
      SELECT v_tenant, v_booking, v_resource, 'held', v_start, v_end, v_party, v_units,
        v_amount, p->>'currency', p->>'paymentKind',
        (SELECT guest FROM booking_draft WHERE tenant_id = v_tenant AND booking_id = v_booking),
        v_expires, 1
      FROM held
    )
    INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
    SELECT v_tenant, (SELECT max(epoch) FROM journal_epoch), 'booking/' || v_booking, 1, 'booking.held',
      jsonb_build_object('resourceId', v_resource, 'startAt', v_start, 'endAt', v_end,
        'units', to_jsonb(v_units), 'holdExpiresAt', v_expires)
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

-- The pivot. Answers {kind: confirmed | contested | expired | ended | missing, connections: […]}:
-- the connections whose calendars now lack a mirror. `p_reference` is the caller's own of an
-- `external` payment, recorded only with a booking that it pays for.
CREATE OR REPLACE FUNCTION commit_booking(p_tenant text, p_booking text, p_reference text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_resource text;
  v record;
  v_connections jsonb;
BEGIN
  v_resource := lock_booking(p_tenant, p_booking);
  IF v_resource IS NULL THEN RETURN '{"kind": "missing"}'; END IF;
  -- Only a page of a channel contests, and it has the resource alone: this stays so until the end.
  SELECT b.state, b.hold_expires_at, b.payment_kind, b.amount_minor, b.currency,
    EXISTS (SELECT FROM payment p WHERE p.tenant_id = p_tenant AND p.booking_id = p_booking
      AND p.fenced_at IS NOT NULL) AS fenced,
    EXISTS (SELECT FROM occupancy o WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking
      AND o.contested_at IS NOT NULL) AS contested
  INTO v FROM booking b WHERE b.tenant_id = p_tenant AND b.id = p_booking;
  IF v.state = 'confirmed' THEN RETURN '{"kind": "confirmed", "connections": []}'; END IF;
  IF v.state NOT IN ('held', 'paying') THEN
    RETURN jsonb_build_object('kind', 'ended', 'state', v.state);
  END IF;
  IF v.hold_expires_at <= clock_timestamp() THEN RETURN '{"kind": "expired"}'; END IF;
  IF v.fenced THEN RETURN '{"kind": "ended", "state": "cancelled"}'; END IF;
  IF v.contested AND (SELECT coalesce(settings->>'contested', 'refuse') FROM resource
      WHERE tenant_id = p_tenant AND id = v_resource) = 'refuse' THEN
    RETURN '{"kind": "contested"}';
  END IF;

  IF v.payment_kind = 'external' AND p_reference IS NOT NULL THEN
    INSERT INTO payment (tenant_id, booking_id, n, status, amount_minor, currency, captured_minor, reference)
    VALUES (p_tenant, p_booking, 1, 'captured', v.amount_minor, coalesce(v.currency, ''), v.amount_minor,
      p_reference)
    ON CONFLICT (tenant_id, booking_id, n) DO NOTHING;
  END IF;
  WITH kept AS (
    UPDATE occupancy SET confirmed_at = clock_timestamp() WHERE tenant_id = p_tenant AND booking_id = p_booking
  ), moved AS (
    UPDATE booking SET state = 'confirmed', reason = NULL, seq = seq + 1, confirmed_at = clock_timestamp()
     WHERE tenant_id = p_tenant AND id = p_booking
    RETURNING seq, resource_id, start_at, end_at, units
  ), told AS (
    INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
    SELECT p_tenant, (SELECT max(epoch) FROM journal_epoch), 'booking/' || p_booking, m.seq,
      'booking.confirmed',
      jsonb_build_object('resourceId', m.resource_id, 'startAt', m.start_at, 'endAt', m.end_at,
        'units', to_jsonb(m.units), 'reason', NULL)
    FROM moved m
  ), wanted AS (
    INSERT INTO mirror (tenant_id, booking_id, connection_id, start_at, end_at, desired)
    SELECT p_tenant, p_booking, c.id, m.start_at, m.end_at, 'present' FROM moved m, connection c
     WHERE c.tenant_id = p_tenant AND c.resource_id = v_resource AND c.writable
       AND c.disconnected_at IS NULL AND coalesce(c.settings->>'mirror', 'busy') <> 'none'
       AND (c.unit IS NULL OR c.unit = ANY (m.units))
    ON CONFLICT DO NOTHING
    RETURNING connection_id
  ) SELECT coalesce(jsonb_agg(connection_id), '[]') INTO v_connections FROM wanted;
  -- Kept although an outside event is there: then a person has to settle it.
  IF v.contested THEN
    INSERT INTO conflict (tenant_id, booking_id, connection_id, root_id)
    SELECT DISTINCT p_tenant, p_booking, b.connection_id, b.root_id
      FROM occupancy o JOIN busy b ON b.tenant_id = o.tenant_id AND b.resource_id = o.resource_id
       AND b.end_at > lower(o.span) AND b.start_at < upper(o.span) AND (b.unit IS NULL OR b.unit = o.unit
         OR EXISTS (SELECT FROM too_many(p_tenant, v_resource, greatest(b.start_at, lower(o.span)),
           least(b.end_at, upper(o.span)))))
     WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking AND NOT b.stale
    ON CONFLICT DO NOTHING;
    PERFORM flag_attention(p_tenant, p_booking, 'conflict');
  END IF;
  RETURN jsonb_build_object('kind', 'confirmed', 'connections', v_connections);
END $$;

-- What the payment service says now. The draft has served its purpose once money is authorized.
-- Words may arrive late: money taken or given back stays so, and an ended payment has ended.
CREATE OR REPLACE FUNCTION record_payment(
  p_tenant text, p_booking text, p_intent text, p_status text, p_captured bigint, p_refunded bigint
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  WITH paid AS (
    UPDATE payment SET status = p_status, captured_minor = p_captured, refunded_minor = p_refunded,
      updated_at = clock_timestamp()
    WHERE tenant_id = p_tenant AND booking_id = p_booking AND intent_id = p_intent
      AND (status, captured_minor, refunded_minor) IS DISTINCT FROM (p_status, p_captured, p_refunded)
      AND captured_minor <= p_captured AND refunded_minor <= p_refunded
      AND (status NOT IN ('captured', 'cancelled') OR p_status IN ('captured', 'cancelled'))
    RETURNING n
  ), counted AS (
    UPDATE booking SET seq = seq + 1
     WHERE tenant_id = p_tenant AND id = p_booking AND EXISTS (SELECT FROM paid) RETURNING seq
  ), served AS (
    DELETE FROM booking_draft
     WHERE tenant_id = p_tenant AND booking_id = p_booking AND EXISTS (SELECT FROM paid)
  )
  INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
  SELECT p_tenant, (SELECT max(epoch) FROM journal_epoch), 'booking/' || p_booking, c.seq,
    'payment.' || p_status, jsonb_build_object('capturedMinor', p_captured, 'refundedMinor', p_refunded)
  FROM counted c;
END $$;
