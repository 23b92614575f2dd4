-- Holds. Each function is volatile PL/pgSQL under READ COMMITTED: every statement after the lock
-- sees what the lock waited for (one SQL statement that locks and checks would not).
--
-- Locks come first, always in this order: resource, then booking, then rows. A transaction gets its
-- id at its first write, so ids follow lock order and no subject's entries arrive reversed.

CREATE FUNCTION lock_key(p_tenant text, p_kind text, p_id text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT hashtextextended(p_kind || '/' || p_tenant || '/' || p_id, 0);
$$;

-- Single holds share a resource; a party or an incoming page of a channel has it alone.
CREATE FUNCTION lock_resource(p_tenant text, p_resource text, p_alone boolean) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF p_alone THEN
    PERFORM pg_advisory_xact_lock(lock_key(p_tenant, 'resource', p_resource));
  ELSE
    PERFORM pg_advisory_xact_lock_shared(lock_key(p_tenant, 'resource', p_resource));
  END IF;
END $$;

-- For whoever appends entries about a connection; after the resource's lock, where both are needed.
CREATE FUNCTION lock_connection(p_tenant text, p_connection text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(lock_key(p_tenant, 'connection', p_connection));
END $$;

-- Locks a booking and its resource; answers the resource, or null when there is no such booking.
CREATE FUNCTION lock_booking(p_tenant text, p_booking text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_resource text;
BEGIN
  LOOP
    SELECT resource_id INTO v_resource FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
    IF FOUND THEN
      PERFORM lock_resource(p_tenant, v_resource, false);
      PERFORM pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking));
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

CREATE FUNCTION booking_answer(p_tenant text, p_booking text) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('state', state, 'reason', reason, 'units', to_jsonb(units),
    'holdExpiresAt', hold_expires_at, 'amountMinor', amount_minor, 'currency', currency)
  FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
$$;

-- Moves a booking and writes the one entry that says so. The caller holds its lock.
CREATE FUNCTION move_booking(p_tenant text, p_booking text, p_state text, p_reason text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v booking;
BEGIN
  UPDATE booking SET state = p_state, reason = p_reason, seq = seq + 1,
    confirmed_at = CASE WHEN p_state = 'confirmed' THEN clock_timestamp() ELSE confirmed_at END,
    ended_at = CASE WHEN p_state IN ('expired', 'declined', 'cancelled') THEN clock_timestamp() END
  WHERE tenant_id = p_tenant AND id = p_booking RETURNING * INTO v;
  PERFORM append_entry(p_tenant, 'booking/' || p_booking, v.seq, 'booking.' || p_state,
    jsonb_build_object('resourceId', v.resource_id, 'startAt', v.start_at, 'endAt', v.end_at,
      'units', to_jsonb(v.units), 'reason', p_reason));
END $$;

-- The first unit free for the whole span, by the one rule that availability uses too.
CREATE FUNCTION free_units(
  p_tenant text, p_resource text, p_capacity integer, p_from timestamptz, p_to timestamptz, p_limit integer
) RETURNS SETOF integer LANGUAGE sql VOLATILE AS $$
  SELECT u FROM generate_series(1, p_capacity) AS u
  WHERE NOT EXISTS (SELECT FROM occupancy o WHERE o.tenant_id = p_tenant AND o.resource_id = p_resource
      AND o.unit = u AND o.live AND o.span && tstzrange(p_from, p_to))
    AND NOT EXISTS (SELECT FROM busy b WHERE b.tenant_id = p_tenant AND b.resource_id = p_resource
      AND b.end_at > p_from AND b.start_at < p_to AND b.unit = u)
    AND NOT EXISTS (SELECT FROM block k WHERE k.tenant_id = p_tenant AND k.resource_id = p_resource
      AND k.removed_at IS NULL AND k.end_at > p_from AND k.start_at < p_to AND k.unit = u)
  ORDER BY u LIMIT p_limit;
$$;

-- p: tenant, booking, key, fingerprint, resource, startAt, endAt, bufferBeforeMs, bufferAfterMs,
--    party, amountMinor, currency, paymentKind, holdTtlMs, askedAt (absent: now).
-- Answers {kind: held | repeat | mismatch | fenced | refused, …}.
CREATE FUNCTION hold_units(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v_booking text := p->>'booking';
  v_resource text := p->>'resource';
  v_party integer := (p->>'party')::integer;
  v_start timestamptz := (p->>'startAt')::timestamptz;
  v_end timestamptz := (p->>'endAt')::timestamptz;
  v_from timestamptz := v_start - (p->>'bufferBeforeMs')::bigint * interval '1 millisecond';
  v_to timestamptz := v_end + (p->>'bufferAfterMs')::bigint * interval '1 millisecond';
  v_fingerprint text;
  v_capacity integer;
  v_units integer[] := '{}';
  v_unit integer;
  v_whole boolean;
  v_first_busy boolean;
  v_first_blocked boolean;
  v_now timestamptz;
  v_expires timestamptz;
BEGIN
  PERFORM lock_resource(v_tenant, v_resource, v_party > 1);
  PERFORM pg_advisory_xact_lock(lock_key(v_tenant, 'booking', v_booking));

  SELECT fingerprint INTO v_fingerprint FROM idempotency
   WHERE tenant_id = v_tenant AND key = p->>'key';
  IF FOUND THEN
    IF v_fingerprint <> p->>'fingerprint' THEN RETURN '{"kind": "mismatch"}'; END IF;
    RETURN booking_answer(v_tenant, v_booking) || '{"kind": "repeat"}';
  END IF;
  IF EXISTS (SELECT FROM booking_fence WHERE tenant_id = v_tenant AND booking_id = v_booking) THEN
    RETURN '{"kind": "fenced"}';
  END IF;
  -- Nobody waits any more for what was asked before the workers came back.
  IF (p->>'askedAt')::timestamptz < clock_timestamp() - interval '10 minutes' THEN
    RETURN '{"kind": "fenced"}';
  END IF;

  SELECT capacity INTO v_capacity FROM resource
   WHERE tenant_id = v_tenant AND id = v_resource AND archived_at IS NULL;
  IF NOT FOUND THEN RETURN '{"kind": "refused", "refusal": "no-such-resource"}'; END IF;
  IF v_party > v_capacity THEN RETURN '{"kind": "refused", "refusal": "too-large"}'; END IF;
  SELECT bool_or(b.unit IS NULL), bool_or(b.unit = 1) INTO v_whole, v_first_busy FROM busy b
   WHERE b.tenant_id = v_tenant AND b.resource_id = v_resource AND b.end_at > v_from AND b.start_at < v_to;
  IF v_whole THEN RETURN '{"kind": "refused", "refusal": "busy"}'; END IF;
  SELECT bool_or(k.unit IS NULL), bool_or(k.unit = 1) INTO v_whole, v_first_blocked FROM block k
   WHERE k.tenant_id = v_tenant AND k.resource_id = v_resource AND k.removed_at IS NULL
     AND k.end_at > v_from AND k.start_at < v_to;
  IF v_whole THEN RETURN '{"kind": "refused", "refusal": "blocked"}'; END IF;

  v_now := clock_timestamp();
  v_expires := v_now + (p->>'holdTtlMs')::bigint * interval '1 millisecond';
  IF v_party > 1 THEN
    -- Alone on the resource: what is counted free stays free.
    SELECT array_agg(u ORDER BY u) INTO v_units
      FROM free_units(v_tenant, v_resource, v_capacity, v_from, v_to, v_party) AS u;
    IF coalesce(cardinality(v_units), 0) < v_party THEN
      RETURN '{"kind": "refused", "refusal": "taken"}';
    END IF;
    INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at)
    SELECT v_tenant, v_booking, v_resource, u, tstzrange(v_from, v_to), v_now, v_expires
      FROM unnest(v_units) AS u ORDER BY u;
  ELSE
    -- Among rivals: each round either takes a unit, or waited for a rival who took it. A unit is
    -- lost at most once per rival committed, and rivals end, so rounds are bounded by capacity.
    FOR v_round IN 1 .. v_capacity + 1 LOOP
      IF v_capacity > 1 THEN
        SELECT u INTO v_unit FROM free_units(v_tenant, v_resource, v_capacity, v_from, v_to, 1) AS u;
      ELSE
        -- Nothing to choose: the constraint itself looks whether the one unit is taken, once.
        v_unit := CASE WHEN v_round = 1 AND v_first_busy IS NOT TRUE AND v_first_blocked IS NOT TRUE THEN 1 END;
      END IF;
      EXIT WHEN v_unit IS NULL;
      INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at)
      VALUES (v_tenant, v_booking, v_resource, v_unit, tstzrange(v_from, v_to), v_now, v_expires)
      ON CONFLICT DO NOTHING;
      IF FOUND THEN v_units := ARRAY[v_unit]; EXIT; END IF;
    END LOOP;
    IF cardinality(v_units) = 0 THEN RETURN '{"kind": "refused", "refusal": "taken"}'; END IF;
  END IF;

  INSERT INTO idempotency (tenant_id, key, fingerprint, booking_id)
  VALUES (v_tenant, p->>'key', p->>'fingerprint', v_booking);
  INSERT INTO booking (tenant_id, id, resource_id, state, start_at, end_at, party, units,
    amount_minor, currency, payment_kind, guest, hold_expires_at, seq)
  SELECT v_tenant, v_booking, v_resource, 'held', v_start, v_end, v_party, v_units,
    (p->>'amountMinor')::bigint, p->>'currency', p->>'paymentKind',
    (SELECT guest FROM booking_draft WHERE tenant_id = v_tenant AND booking_id = v_booking),
    v_expires, 1;
  PERFORM append_entry(v_tenant, 'booking/' || v_booking, 1, 'booking.held', jsonb_build_object(
    'resourceId', v_resource, 'startAt', v_start, 'endAt', v_end, 'units', to_jsonb(v_units),
    'holdExpiresAt', v_expires));
  RETURN jsonb_build_object('kind', 'held', 'state', 'held', 'reason', NULL, 'units', to_jsonb(v_units),
    'holdExpiresAt', v_expires, 'amountMinor', (p->>'amountMinor')::bigint, 'currency', p->>'currency');
END $$;

-- The pivot. Answers {kind: confirmed | contested | expired | ended | missing, connections: […]}:
-- the connections whose calendars now lack a mirror. `p_reference` is the caller's own of an
-- `external` payment, recorded only with a booking that it pays for.
CREATE FUNCTION commit_booking(p_tenant text, p_booking text, p_reference text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_resource text;
  v booking;
  v_contested boolean;
  v_connections jsonb;
BEGIN
  v_resource := lock_booking(p_tenant, p_booking);
  IF v_resource IS NULL THEN RETURN '{"kind": "missing"}'; END IF;
  SELECT * INTO v FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  IF v.state = 'confirmed' THEN RETURN '{"kind": "confirmed", "connections": []}'; END IF;
  IF v.state NOT IN ('held', 'paying') THEN
    RETURN jsonb_build_object('kind', 'ended', 'state', v.state);
  END IF;
  IF v.hold_expires_at <= clock_timestamp() THEN RETURN '{"kind": "expired"}'; END IF;
  IF EXISTS (SELECT FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking
      AND fenced_at IS NOT NULL) THEN
    RETURN '{"kind": "ended", "state": "cancelled"}';
  END IF;
  -- Only a page of a channel contests, and it has the resource alone: this stays so until the end.
  SELECT bool_or(contested_at IS NOT NULL) INTO v_contested FROM occupancy
   WHERE tenant_id = p_tenant AND booking_id = p_booking;
  IF v_contested AND (SELECT coalesce(settings->>'contested', 'refuse') FROM resource
      WHERE tenant_id = p_tenant AND id = v_resource) = 'refuse' THEN
    RETURN '{"kind": "contested"}';
  END IF;

  IF v.payment_kind = 'external' AND p_reference IS NOT NULL THEN
    INSERT INTO payment (tenant_id, booking_id, n, status, amount_minor, currency, captured_minor, reference)
    VALUES (p_tenant, p_booking, 1, 'captured', v.amount_minor, coalesce(v.currency, ''), v.amount_minor,
      p_reference)
    ON CONFLICT (tenant_id, booking_id, n) DO NOTHING;
  END IF;
  UPDATE occupancy SET confirmed_at = clock_timestamp() WHERE tenant_id = p_tenant AND booking_id = p_booking;
  PERFORM move_booking(p_tenant, p_booking, 'confirmed', NULL);
  -- Kept although an outside event is there: then a person has to settle it.
  IF v_contested THEN
    INSERT INTO conflict (tenant_id, booking_id, connection_id, root_id)
    SELECT DISTINCT p_tenant, p_booking, b.connection_id, b.root_id
      FROM occupancy o JOIN busy b ON b.tenant_id = o.tenant_id AND b.resource_id = o.resource_id
       AND b.end_at > lower(o.span) AND b.start_at < upper(o.span) AND (b.unit IS NULL OR b.unit = o.unit)
     WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking AND NOT b.stale
    ON CONFLICT DO NOTHING;
    PERFORM flag_attention(p_tenant, p_booking, 'conflict');
  END IF;
  WITH wanted AS (
    INSERT INTO mirror (tenant_id, booking_id, connection_id, start_at, end_at, desired)
    SELECT p_tenant, p_booking, c.id, v.start_at, v.end_at, 'present' FROM connection c
     WHERE c.tenant_id = p_tenant AND c.resource_id = v_resource AND c.writable
       AND c.disconnected_at IS NULL AND coalesce(c.settings->>'mirror', 'busy') <> 'none'
       AND (c.unit IS NULL OR c.unit = ANY (v.units))
    ON CONFLICT DO NOTHING
    RETURNING connection_id
  ) SELECT coalesce(jsonb_agg(connection_id), '[]') INTO v_connections FROM wanted;
  RETURN jsonb_build_object('kind', 'confirmed', 'connections', v_connections);
END $$;

-- The undo of a hold, and its fence. Answers {kind: released | already-confirmed, state}.
CREATE FUNCTION release_booking(p_tenant text, p_booking text, p_state text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE v_state text;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT state INTO v_state FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  IF NOT FOUND THEN
    INSERT INTO booking_fence (tenant_id, booking_id) VALUES (p_tenant, p_booking) ON CONFLICT DO NOTHING;
    RETURN '{"kind": "released"}';
  END IF;
  IF v_state = 'confirmed' THEN RETURN '{"kind": "already-confirmed"}'; END IF;
  IF v_state IN ('held', 'paying') THEN
    UPDATE occupancy SET released_at = clock_timestamp()
     WHERE tenant_id = p_tenant AND booking_id = p_booking AND live;
    PERFORM move_booking(p_tenant, p_booking, p_state, p_reason);
    DELETE FROM booking_draft WHERE tenant_id = p_tenant AND booking_id = p_booking;
    v_state := p_state;
  END IF;
  RETURN jsonb_build_object('kind', 'released', 'state', v_state);
END $$;

-- Ends holds over a span whose time is up, so that expiry needs no worker. Answers how many.
CREATE FUNCTION end_expired(p_tenant text, p_resource text, p_from timestamptz, p_to timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_booking text;
  v_locked text[] := '{}';
  v_ended integer := 0;
BEGIN
  PERFORM lock_resource(p_tenant, p_resource, false);
  -- All locks before the first write. Somebody at work on a booking ends it himself, and waiting for
  -- him could deadlock.
  FOR v_booking IN
    SELECT DISTINCT booking_id FROM occupancy WHERE tenant_id = p_tenant AND resource_id = p_resource
       AND live AND confirmed_at IS NULL AND expires_at <= clock_timestamp()
       AND span && tstzrange(p_from, p_to) ORDER BY booking_id
  LOOP
    IF pg_try_advisory_xact_lock(lock_key(p_tenant, 'booking', v_booking)) THEN
      v_locked := v_locked || v_booking;
    END IF;
  END LOOP;
  FOREACH v_booking IN ARRAY v_locked LOOP
    UPDATE occupancy SET released_at = clock_timestamp()
     WHERE tenant_id = p_tenant AND booking_id = v_booking AND live AND confirmed_at IS NULL
       AND expires_at <= clock_timestamp();
    CONTINUE WHEN NOT FOUND;
    PERFORM move_booking(p_tenant, v_booking, 'expired', 'hold-expired');
    v_ended := v_ended + 1;
  END LOOP;
  RETURN v_ended;
END $$;

-- Calls a confirmed booking off. Answers {kind: cancelled | not-confirmed, state, connections}.
CREATE FUNCTION cancel_booking(p_tenant text, p_booking text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE v_state text;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT state INTO v_state FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  IF v_state IS DISTINCT FROM 'confirmed' THEN
    RETURN jsonb_build_object('kind', CASE v_state WHEN 'cancelled' THEN 'cancelled' ELSE 'not-confirmed' END,
      'state', v_state);
  END IF;
  UPDATE occupancy SET released_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND live;
  PERFORM move_booking(p_tenant, p_booking, 'cancelled', p_reason);
  UPDATE mirror SET desired = 'absent', desired_version = desired_version + 1, updated_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND desired = 'present';
  RETURN jsonb_build_object('kind', 'cancelled', 'state', 'cancelled', 'connections',
    (SELECT coalesce(jsonb_agg(connection_id), '[]') FROM mirror
      WHERE tenant_id = p_tenant AND booking_id = p_booking AND applied_version < desired_version));
END $$;

-- Beside the state: why a person has to look. One entry when it is news; another reason that stands
-- already is not overwritten.
CREATE FUNCTION flag_attention(p_tenant text, p_booking text, p_attention text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE booking SET attention = p_attention, seq = seq + 1
   WHERE tenant_id = p_tenant AND id = p_booking AND attention IS NULL
  RETURNING seq INTO v_seq;
  IF FOUND THEN
    PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, 'booking.needs-attention',
      jsonb_build_object('attention', p_attention));
  END IF;
END $$;

-- What a person was called for has settled by itself.
CREATE FUNCTION clear_attention(p_tenant text, p_booking text, p_attention text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE booking SET attention = NULL, seq = seq + 1
   WHERE tenant_id = p_tenant AND id = p_booking AND attention = p_attention
  RETURNING seq INTO v_seq;
  IF FOUND THEN
    PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, 'booking.settled',
      jsonb_build_object('attention', p_attention));
  END IF;
END $$;

-- The intent's id is stored before anything can move. False when the hold ended or the payment was
-- given up meanwhile: then the caller must not confirm it.
CREATE FUNCTION record_intent(
  p_tenant text, p_booking text, p_account text, p_intent text, p_secret bytea, p_status text,
  p_amount bigint, p_currency text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v_state text;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  INSERT INTO payment (tenant_id, booking_id, n, payment_account_id, intent_id, client_secret, status,
    amount_minor, currency)
  VALUES (p_tenant, p_booking, 1, p_account, p_intent, p_secret, p_status, p_amount, p_currency)
  ON CONFLICT (tenant_id, booking_id, n) DO NOTHING;
  IF NOT EXISTS (SELECT FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = 1
      AND intent_id = p_intent AND fenced_at IS NULL) THEN
    RETURN false;
  END IF;
  SELECT state INTO v_state FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  IF v_state = 'held' THEN
    PERFORM move_booking(p_tenant, p_booking, 'paying', NULL);
  END IF;
  RETURN v_state IN ('held', 'paying', 'confirmed');
END $$;

-- The undo of paying begins here: no intent may be confirmed for this booking any more. Answers
-- {kind: confirmed}, where the payment is owed, or {kind: fenced, intentId} with what is to cancel.
CREATE FUNCTION fence_payment(p_tenant text, p_booking text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE v_intent text;
BEGIN
  IF lock_booking(p_tenant, p_booking) IS NULL THEN RETURN '{"kind": "fenced", "intentId": null}'; END IF;
  IF (SELECT state FROM booking WHERE tenant_id = p_tenant AND id = p_booking) = 'confirmed' THEN
    RETURN '{"kind": "confirmed"}';
  END IF;
  INSERT INTO payment (tenant_id, booking_id, n, status, amount_minor, currency, fenced_at)
  SELECT p_tenant, p_booking, 1, 'cancelled', amount_minor, coalesce(currency, ''), clock_timestamp()
    FROM booking WHERE tenant_id = p_tenant AND id = p_booking
  ON CONFLICT (tenant_id, booking_id, n) DO UPDATE SET fenced_at = coalesce(payment.fenced_at, clock_timestamp())
  RETURNING intent_id INTO v_intent;
  RETURN jsonb_build_object('kind', 'fenced', 'intentId', v_intent);
END $$;

-- What the payment service says now. The draft has served its purpose once money is authorized.
-- Words may arrive late: money taken or given back stays so, and an ended payment has ended.
CREATE FUNCTION record_payment(
  p_tenant text, p_booking text, p_intent text, p_status text, p_captured bigint, p_refunded bigint
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE payment SET status = p_status, captured_minor = p_captured, refunded_minor = p_refunded,
    updated_at = clock_timestamp()
  WHERE tenant_id = p_tenant AND booking_id = p_booking AND intent_id = p_intent
    AND (status, captured_minor, refunded_minor) IS DISTINCT FROM (p_status, p_captured, p_refunded)
    AND captured_minor <= p_captured AND refunded_minor <= p_refunded
    AND (status NOT IN ('captured', 'cancelled') OR p_status IN ('captured', 'cancelled'));
  IF FOUND THEN
    UPDATE booking SET seq = seq + 1 WHERE tenant_id = p_tenant AND id = p_booking RETURNING seq INTO v_seq;
    PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, 'payment.' || p_status,
      jsonb_build_object('capturedMinor', p_captured, 'refundedMinor', p_refunded));
    DELETE FROM booking_draft WHERE tenant_id = p_tenant AND booking_id = p_booking;
  END IF;
END $$;

GRANT USAGE ON SCHEMA public TO holdfast_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO holdfast_app;
REVOKE UPDATE, DELETE, TRUNCATE ON journal, journal_epoch FROM holdfast_app;
REVOKE INSERT ON journal_epoch FROM holdfast_app;
DO $$ BEGIN
  -- There is none in the shadow database of Prisma's own command line.
  IF to_regclass('_prisma_migrations') IS NOT NULL THEN
    REVOKE INSERT, UPDATE, DELETE ON _prisma_migrations FROM holdfast_app;
  END IF;
END $$;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO holdfast_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO holdfast_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO holdfast_app;
