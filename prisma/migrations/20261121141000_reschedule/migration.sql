-- A reschedule takes its new time beside the booking's own, and one switch lets the old one go.

-- What a change is to be paid with, sealed, until the change is over.
CREATE TABLE change_draft (
  tenant_id  text NOT NULL,
  booking_id text NOT NULL,
  change_id  text NOT NULL,
  payment    bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, booking_id, change_id),
  FOREIGN KEY (tenant_id, booking_id) REFERENCES booking (tenant_id, id)
);

-- Locks ----------------------------------------------------------------------------------------------

CREATE FUNCTION change_locks(p_tenant text, p_booking text) RETURNS text[] LANGUAGE sql VOLATILE AS $$
  SELECT array_agg(DISTINCT r COLLATE "C" ORDER BY r COLLATE "C") FROM (
    SELECT unnest(b.also_locks || b.resource_id || ARRAY(
        SELECT l.resource_id FROM links_of(p_tenant, b.resource_id) l)) AS r
      FROM booking b WHERE b.tenant_id = p_tenant AND b.id = p_booking) AS all_of_it;
$$;

-- Has everything alone that a booking takes or could take by its links. False when links were made
-- meanwhile: then ask again in a new transaction.
CREATE FUNCTION lock_for_change(p_tenant text, p_booking text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v_all text[] := change_locks(p_tenant, p_booking);
BEGIN
  PERFORM lock_resources(p_tenant, v_all, true);
  PERFORM pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking));
  RETURN change_locks(p_tenant, p_booking) IS NOT DISTINCT FROM v_all;
END $$;

-- Money ----------------------------------------------------------------------------------------------

-- What is to be kept of the money once the price is another one. While a balance is still to come it
-- takes the difference; else the difference is owed at once.
CREATE FUNCTION owed_after(p booking, p_amount bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN p.balance_due_at IS NOT NULL AND p.amount_minor - p.waived_minor > p.owed_minor
    THEN least(p.owed_minor, greatest(p_amount - p.waived_minor, 0))
    ELSE greatest(p_amount - p.waived_minor, 0) END;
$$;

-- The payment row for a difference. `p` is what was asked: {kind: kept | method | browser, accountId}.
-- Null when there is nothing to charge by.
CREATE FUNCTION open_difference(p booking, p_amount bigint, p_currency text, p_payment jsonb)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE v_n integer;
BEGIN
  INSERT INTO payment (tenant_id, booking_id, n, payment_account_id, status, amount_minor, currency,
    purpose, customer_id, method_id)
  SELECT p.tenant_id, p.id, (SELECT coalesce(max(n), 0) + 1 FROM payment
      WHERE tenant_id = p.tenant_id AND booking_id = p.id),
    a.account, 'needs-method', p_amount, p_currency, 'difference', a.customer, a.method
  FROM (
    SELECT payment_account_id AS account, customer_id AS customer, method_id AS method, n FROM payment
     WHERE p_payment->>'kind' = 'kept' AND tenant_id = p.tenant_id AND booking_id = p.id
       AND payment_account_id IS NOT NULL AND customer_id IS NOT NULL AND method_id IS NOT NULL
    UNION ALL
    SELECT p_payment->>'accountId', NULL, NULL, 0 WHERE p_payment->>'kind' IN ('method', 'browser')
  ) AS a ORDER BY a.n LIMIT 1
  RETURNING n INTO v_n;
  RETURN v_n;
END $$;

-- The new time -----------------------------------------------------------------------------------------

-- What a booking would take at another time, by the checks of a hold and as if it were not there
-- itself: units that it has are kept where they are free. `p`: startAt, endAt, sessionId, party,
-- bufferBeforeMs, bufferAfterMs. Answers {kind: chosen, startAt, endAt, rows: [{resource, unit,
-- from_at, to_at}], sessionId, extra} or a refusal. The caller has all of it alone.
CREATE FUNCTION choose_for_change(p_booking booking, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_answer jsonb;
  v_own jsonb;
BEGIN
  IF is_day_full(p_booking, (p->>'startAt')::timestamptz) THEN
    RETURN '{"kind": "refused", "refusal": "day-full"}';
  END IF;
  IF p->>'sessionId' IS NOT NULL OR p_booking.session_id IS NOT NULL THEN RETURN choose_places(p_booking, p); END IF;
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
  RETURN v_answer;
END $$;

-- Among as many units as were chosen, those that the booking has come first.
CREATE FUNCTION stay_put(p_tenant text, p_rows jsonb, p_own jsonb) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT jsonb_agg(jsonb_build_object('resource', w.resource, 'unit', f.unit, 'from_at', w.from_at, 'to_at', w.to_at))
    FROM (SELECT r.resource, r.from_at, r.to_at, count(*) AS units
      FROM jsonb_to_recordset(p_rows) AS r(resource text, from_at timestamptz, to_at timestamptz)
      GROUP BY 1, 2, 3) AS w
    JOIN resource s ON s.tenant_id = p_tenant AND s.id = w.resource
    CROSS JOIN LATERAL (
      SELECT u AS unit FROM free_units(p_tenant, w.resource, s.capacity, w.from_at, w.to_at, s.capacity) AS u
       ORDER BY p_own @> jsonb_build_array(jsonb_build_array(w.resource, u)) DESC, u LIMIT w.units) AS f;
$$;

-- Beside the booking itself, which may begin on that day already.
CREATE FUNCTION is_day_full(p_booking booking, p_at timestamptz) RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT coalesce((SELECT (settings->>'maxPerDay')::integer <=
      begun_on_day(p_booking.tenant_id, p_booking.resource_id, time_zone, p_at)
      - (date_trunc('day', p_at AT TIME ZONE time_zone)
        = date_trunc('day', p_booking.start_at AT TIME ZONE time_zone))::integer
    FROM resource WHERE tenant_id = p_booking.tenant_id AND id = p_booking.resource_id
     AND settings->>'maxPerDay' IS NOT NULL), false);
$$;

-- Places of a session: those that the booking has there already are not counted twice.
CREATE FUNCTION choose_places(p_booking booking, p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v session;
  v_party integer := (p->>'party')::integer;
  v_extra integer;
  v_refusal text;
BEGIN
  SELECT s.* INTO v FROM session s
    JOIN resource r ON r.tenant_id = s.tenant_id AND r.id = s.resource_id AND r.archived_at IS NULL
   WHERE s.tenant_id = p_booking.tenant_id AND s.id = p->>'sessionId'
     AND s.resource_id = p_booking.resource_id AND s.cancelled_at IS NULL;
  v_extra := greatest(0, v_party - CASE WHEN v.id = p_booking.session_id THEN p_booking.party ELSE 0 END);
  v_refusal := CASE
    WHEN v.id IS NULL THEN 'no-such-session'
    WHEN v.start_at <= clock_timestamp() THEN 'session-over'
    WHEN v_party > v.capacity THEN 'too-large'
    WHEN EXISTS (SELECT FROM busy b WHERE b.tenant_id = v.tenant_id AND b.resource_id = v.resource_id
      AND b.end_at > v.start_at AND b.start_at < v.end_at) THEN 'busy'
    WHEN EXISTS (SELECT FROM block k WHERE k.tenant_id = v.tenant_id AND k.resource_id = v.resource_id
      AND k.removed_at IS NULL AND k.end_at > v.start_at AND k.start_at < v.end_at) THEN 'blocked'
    WHEN v.taken + v_extra > v.capacity THEN 'session-full'
  END;
  IF v_refusal IS NOT NULL THEN RETURN jsonb_build_object('kind', 'refused', 'refusal', v_refusal); END IF;
  RETURN jsonb_build_object('kind', 'chosen', 'sessionId', v.id, 'startAt', v.start_at, 'endAt', v.end_at,
    'extra', v_extra);
END $$;

-- Takes the new time for an open change, beside the old one: where they overlap on a unit, only what
-- the new one adds. Once; repeated, it says how the change stands. `p`: tenant, booking, change,
-- quoteId, startAt, endAt, sessionId, party, bufferBeforeMs, bufferAfterMs, amountMinor, currency,
-- payment; a quote's own terms count in their place.
-- Answers {kind: taken | switched, dueMinor, heldUntil} | {kind: refused, refusal} |
-- {kind: not-confirmed, state} | {kind: undone, answer} | {kind: unpayable | quote-over | again}.
CREATE FUNCTION take_for_change(p jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_tenant text := p->>'tenant';
  v_change text := p->>'change';
  v booking;
  v_progress jsonb;
  v_terms jsonb;
  v_chosen jsonb;
  v_now timestamptz;
  v_expires timestamptz;
  v_due bigint;
  v_n integer;
  v_held integer;
BEGIN
  IF NOT lock_for_change(v_tenant, p->>'booking') THEN RETURN '{"kind": "again"}'; END IF;
  SELECT * INTO v FROM booking WHERE tenant_id = v_tenant AND id = p->>'booking';
  SELECT progress INTO v_progress FROM booking_change
   WHERE tenant_id = v_tenant AND booking_id = v.id AND id = v_change AND state = 'open';
  IF v_progress IS NULL OR v_progress ? 'undoneAt' THEN
    RETURN jsonb_build_object('kind', 'undone', 'answer', v_progress->'answer');
  END IF;
  IF v_progress ? 'heldUntil' THEN
    RETURN jsonb_build_object('kind', CASE WHEN v_progress ? 'switchedAt' THEN 'switched' ELSE 'taken' END,
      'dueMinor', v_progress->'dueMinor', 'heldUntil', v_progress->'heldUntil');
  END IF;
  IF v.state <> 'confirmed' THEN RETURN jsonb_build_object('kind', 'not-confirmed', 'state', v.state); END IF;
  IF p->>'quoteId' IS NOT NULL THEN
    v_terms := use_quote(v_tenant, v.id, p->>'quoteId', v_change, 'reschedule');
    IF v_terms IS NULL THEN RETURN '{"kind": "quote-over"}'; END IF;
    p := p || v_terms;
  END IF;

  v_chosen := choose_for_change(v, p);
  v_due := owed_after(v, (p->>'amountMinor')::bigint) - v.owed_minor;
  IF v_chosen->>'kind' = 'chosen' AND v_due > 0 AND p#>>'{payment,kind}' IN ('kept', 'method', 'browser') THEN
    v_n := open_difference(v, v_due, coalesce(v.currency, p->>'currency'), p->'payment');
  END IF;
  IF v_chosen->>'kind' = 'chosen' AND v_due > 0 AND v_n IS NULL AND p#>>'{payment,reference}' IS NULL THEN
    v_chosen := '{"kind": "unpayable"}';
  END IF;
  IF v_chosen->>'kind' <> 'chosen' THEN
    UPDATE quote SET used_by = NULL WHERE tenant_id = v_tenant AND id = p->>'quoteId' AND used_by = v_change;
    RETURN v_chosen;
  END IF;

  v_now := clock_timestamp();
  SELECT v_now + coalesce((settings->>'holdTtlMs')::bigint, 900000) * interval '1 millisecond' INTO v_expires
    FROM resource WHERE tenant_id = v_tenant AND id = v.resource_id;
  v_held := hold_for_change(v, v_change, v_chosen, v_expires);
  UPDATE booking SET also_locks = array_remove(change_locks(v_tenant, v.id), v.resource_id)
   WHERE tenant_id = v_tenant AND id = v.id;
  UPDATE booking_change SET progress = progress || v_chosen || jsonb_build_object(
      'dueMinor', v_due, 'heldUntil', v_expires, 'held', v_held, 'n', v_n,
      'party', p->'party', 'amountMinor', p->'amountMinor', 'currency', p->'currency',
      'quoteId', p->'quoteId', 'reference', p#>'{payment,reference}')
   WHERE tenant_id = v_tenant AND booking_id = v.id AND id = v_change;
  PERFORM append_money(v_tenant, v.id, 'booking.change-held', jsonb_build_object('changeId', v_change,
    'resourceId', v.resource_id, 'startAt', v_chosen->'startAt', 'endAt', v_chosen->'endAt',
    'holdExpiresAt', v_expires));
  RETURN jsonb_build_object('kind', 'taken', 'dueMinor', v_due, 'heldUntil', v_expires);
END $$;

-- Answers how many rows that took: none, where the new time lies within the old one.
CREATE FUNCTION hold_for_change(v booking, p_change text, p_chosen jsonb, p_expires timestamptz)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v_extra integer := coalesce((p_chosen->>'extra')::integer, 0);
  v_held integer;
BEGIN
  IF p_chosen ? 'sessionId' THEN
    IF v_extra = 0 THEN RETURN 0; END IF;
    UPDATE session SET taken = taken + v_extra WHERE tenant_id = v.tenant_id AND id = p_chosen->>'sessionId';
    INSERT INTO occupancy (tenant_id, booking_id, change_id, resource_id, unit, session_id, seats, span,
      held_at, expires_at)
    VALUES (v.tenant_id, v.id, p_change, v.resource_id, 0, p_chosen->>'sessionId', v_extra,
      tstzrange((p_chosen->>'startAt')::timestamptz, (p_chosen->>'endAt')::timestamptz),
      clock_timestamp(), p_expires);
    RETURN 1;
  END IF;
  INSERT INTO occupancy (tenant_id, booking_id, change_id, resource_id, unit, span, held_at, expires_at)
  SELECT v.tenant_id, v.id, p_change, r.resource, r.unit, part, clock_timestamp(), p_expires
    FROM jsonb_to_recordset(p_chosen->'rows') AS r(resource text, unit integer, from_at timestamptz, to_at timestamptz)
    CROSS JOIN LATERAL unnest(tstzmultirange(tstzrange(r.from_at, r.to_at)) - coalesce(
      (SELECT range_agg(o.span) FROM occupancy o WHERE o.tenant_id = v.tenant_id AND o.booking_id = v.id
        AND o.live AND o.change_id IS NULL AND o.resource_id = r.resource AND o.unit = r.unit),
      '{}')) AS part;
  GET DIAGNOSTICS v_held = ROW_COUNT;
  RETURN v_held;
END $$;

-- The switch -------------------------------------------------------------------------------------------

-- The pivot: the old time is let go and the new one is the booking's, with its price, its mirrors and
-- the day of its balance. Answers {kind: switched, payment, isExcess, connections} |
-- {kind: not-confirmed, state} | {kind: expired | contested | unpaid | day-full | undone | again}.
CREATE FUNCTION switch_change(p_tenant text, p_booking text, p_change text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v booking;
  c jsonb;
  v_contested boolean;
  v_held integer;
  v_owed bigint;
  v_due bigint;
BEGIN
  IF NOT lock_for_change(p_tenant, p_booking) THEN RETURN '{"kind": "again"}'; END IF;
  SELECT * INTO v FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  SELECT progress INTO c FROM booking_change
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change AND state = 'open';
  IF c ? 'switchedAt' THEN RETURN switch_answer(p_tenant, p_booking, c); END IF;
  IF c IS NULL OR NOT c ? 'heldUntil' OR c ? 'undoneAt' THEN RETURN '{"kind": "undone"}'; END IF;
  IF v.state <> 'confirmed' THEN RETURN jsonb_build_object('kind', 'not-confirmed', 'state', v.state); END IF;
  SELECT count(*), coalesce(bool_or(contested_at IS NOT NULL), false) INTO v_held, v_contested FROM occupancy
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND live AND change_id = p_change;
  IF (c->>'heldUntil')::timestamptz <= clock_timestamp() OR v_held <> (c->>'held')::integer THEN
    RETURN '{"kind": "expired"}';
  END IF;
  IF v_contested AND (SELECT coalesce(settings->>'contested', 'refuse') FROM resource
      WHERE tenant_id = p_tenant AND id = v.resource_id) = 'refuse' THEN
    RETURN '{"kind": "contested"}';
  END IF;
  -- A day's limit is no place that could be held: others may have begun on it since.
  IF is_day_full(v, (c->>'startAt')::timestamptz) THEN RETURN '{"kind": "day-full"}'; END IF;
  v_owed := owed_after(v, (c->>'amountMinor')::bigint);
  v_due := v_owed - v.owed_minor;
  IF v_due > 0 AND NOT owe_difference(v, c, v_due) THEN RETURN '{"kind": "unpaid"}'; END IF;

  UPDATE occupancy SET released_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND live;
  PERFORM put_in_force(v, c);
  PERFORM move_balance(v, c, v_owed);
  UPDATE booking_change SET progress = progress || jsonb_build_object('switchedAt', clock_timestamp(),
      'dueMinor', v_due, 'excess', v_due < 0)
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change
  RETURNING progress INTO c;
  PERFORM show_moved(p_tenant, p_booking);
  IF v_contested THEN PERFORM keep_contested(p_tenant, p_booking); END IF;
  PERFORM append_money(p_tenant, p_booking, 'booking.rescheduled', jsonb_build_object(
    'changeId', p_change, 'reason', p_reason, 'resourceId', v.resource_id,
    'from', jsonb_build_object('startAt', v.start_at, 'endAt', v.end_at, 'units', to_jsonb(v.units),
      'sessionId', v.session_id, 'party', v.party, 'amountMinor', v.amount_minor),
    'startAt', b.start_at, 'endAt', b.end_at, 'units', to_jsonb(b.units), 'sessionId', b.session_id,
    'party', b.party, 'amountMinor', b.amount_minor))
    FROM booking b WHERE b.tenant_id = p_tenant AND b.id = p_booking;
  RETURN switch_answer(p_tenant, p_booking, c);
END $$;

CREATE FUNCTION switch_answer(p_tenant text, p_booking text, p_progress jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
BEGIN
  RETURN jsonb_build_object('kind', 'switched', 'payment', p_progress->'n', 'isExcess', p_progress->'excess',
    'connections', to_jsonb(coalesce(mirrors_waiting(p_tenant, p_booking), '{}')));
END $$;

-- The money of the difference is there; false when it is not, or not all of it.
CREATE FUNCTION owe_difference(v booking, c jsonb, p_due bigint) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  IF c->>'n' IS NULL AND c->>'reference' IS NOT NULL THEN
    INSERT INTO payment (tenant_id, booking_id, n, status, amount_minor, currency, captured_minor,
      purpose, reference, owed_at)
    SELECT v.tenant_id, v.id, coalesce(max(n), 0) + 1, 'captured', p_due, coalesce(v.currency, c->>'currency'),
      p_due, 'difference', c->>'reference', clock_timestamp()
      FROM payment WHERE tenant_id = v.tenant_id AND booking_id = v.id;
    RETURN true;
  END IF;
  UPDATE payment SET owed_at = clock_timestamp()
   WHERE tenant_id = v.tenant_id AND booking_id = v.id AND n = (c->>'n')::integer AND fenced_at IS NULL
     AND status IN ('authorized', 'captured') AND amount_minor = p_due;
  RETURN FOUND;
END $$;

CREATE FUNCTION put_in_force(v booking, c jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
  v_party integer := (c->>'party')::integer;
BEGIN
  IF c ? 'sessionId' THEN
    UPDATE session SET taken = taken + v_party WHERE tenant_id = v.tenant_id AND id = c->>'sessionId';
    INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, session_id, seats, span, held_at,
      expires_at, confirmed_at)
    VALUES (v.tenant_id, v.id, v.resource_id, 0, c->>'sessionId', v_party,
      tstzrange((c->>'startAt')::timestamptz, (c->>'endAt')::timestamptz), v_now,
      (c->>'heldUntil')::timestamptz, v_now);
  ELSE
    INSERT INTO occupancy (tenant_id, booking_id, resource_id, unit, span, held_at, expires_at, confirmed_at)
    SELECT v.tenant_id, v.id, r.resource, r.unit, tstzrange(r.from_at, r.to_at), v_now,
      (c->>'heldUntil')::timestamptz, v_now
      FROM jsonb_to_recordset(c->'rows') AS r(resource text, unit integer, from_at timestamptz, to_at timestamptz);
  END IF;
  UPDATE booking SET start_at = (c->>'startAt')::timestamptz, end_at = (c->>'endAt')::timestamptz,
    party = v_party, session_id = c->>'sessionId',
    units = ARRAY(SELECT (r->>'unit')::integer FROM jsonb_array_elements(coalesce(c->'rows', '[]')) AS r
      WHERE r->>'resource' = v.resource_id ORDER BY 1)
   WHERE tenant_id = v.tenant_id AND id = v.id;
END $$;

-- The price, what is owed of it, and the day of a balance that is still to come.
CREATE FUNCTION move_balance(v booking, c jsonb, p_owed bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_amount bigint := (c->>'amountMinor')::bigint;
  v_due_at timestamptz := CASE WHEN v.balance_due_at IS NOT NULL AND v_amount - v.waived_minor > p_owed THEN
    v.balance_due_at + ((c->>'startAt')::timestamptz - v.start_at) END;
BEGIN
  UPDATE booking SET amount_minor = v_amount, owed_minor = p_owed, balance_due_at = v_due_at,
    currency = CASE WHEN v_amount > 0 THEN coalesce(currency, c->>'currency') ELSE currency END,
    deposit_minor = CASE WHEN v_due_at IS NOT NULL THEN least(deposit_minor, v_amount) END
   WHERE tenant_id = v.tenant_id AND id = v.id;
  IF v_due_at IS NULL THEN
    DELETE FROM booking_change WHERE tenant_id = v.tenant_id AND booking_id = v.id
      AND kind = 'balance' AND state = 'due' AND NOT progress ? 'n';
  ELSE
    UPDATE booking_change SET due_at = v_due_at WHERE tenant_id = v.tenant_id AND booking_id = v.id
      AND kind = 'balance' AND state = 'due' AND NOT progress ? 'n';
  END IF;
END $$;

-- In every calendar of whatever it takes now, at its new time, and in no other.
CREATE FUNCTION show_moved(p_tenant text, p_booking text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_now timestamptz := clock_timestamp();
BEGIN
  WITH wanted AS (
    SELECT c.id FROM connection c WHERE c.tenant_id = p_tenant AND c.writable AND c.disconnected_at IS NULL
       AND coalesce(c.settings->>'mirror', 'busy') <> 'none'
       AND takes_place_of(p_tenant, p_booking, c.resource_id, c.unit)
  ), away AS (
    UPDATE mirror SET desired = 'absent', desired_version = desired_version + 1, updated_at = v_now
     WHERE tenant_id = p_tenant AND subject_id = p_booking AND desired = 'present'
       AND connection_id NOT IN (SELECT id FROM wanted)
  )
  INSERT INTO mirror (tenant_id, booking_id, connection_id, start_at, end_at, desired)
  SELECT p_tenant, p_booking, w.id, b.start_at, b.end_at, 'present' FROM wanted w
    JOIN booking b ON b.tenant_id = p_tenant AND b.id = p_booking
  ON CONFLICT (tenant_id, subject_id, connection_id) DO UPDATE
    SET desired = 'present', status = 'confirmed', start_at = excluded.start_at, end_at = excluded.end_at,
      desired_version = mirror.desired_version + 1, attempts = 0, failure = NULL, restored_at = '{}',
      updated_at = v_now;
END $$;

-- Undoing ----------------------------------------------------------------------------------------------

-- Nothing may be confirmed any more by a difference that is not owed. Answers {kind: switched} or
-- {kind: fenced, n}.
CREATE FUNCTION fence_difference(p_tenant text, p_booking text, p_change text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE c jsonb;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT progress INTO c FROM booking_change
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change;
  IF c ? 'switchedAt' THEN RETURN '{"kind": "switched"}'; END IF;
  UPDATE payment SET fenced_at = coalesce(fenced_at, clock_timestamp()),
    status = CASE WHEN intent_id IS NULL THEN 'cancelled' ELSE status END
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = (c->>'n')::integer;
  RETURN jsonb_build_object('kind', 'fenced', 'n', c->'n');
END $$;

-- Lets the new time go, fences the change against a late attempt, and gives its quote back. `p_answer`
-- is kept for whoever asks again. Answers {kind: switched | undone}.
CREATE FUNCTION undo_change(p_tenant text, p_booking text, p_change text, p_answer jsonb) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE c jsonb;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT progress INTO c FROM booking_change
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change;
  IF c ? 'switchedAt' THEN RETURN '{"kind": "switched"}'; END IF;
  IF c IS NULL OR c ? 'undoneAt' THEN RETURN '{"kind": "undone"}'; END IF;
  UPDATE occupancy SET released_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND live AND change_id = p_change;
  UPDATE booking_change SET progress = progress || jsonb_build_object('undoneAt', clock_timestamp(), 'answer', p_answer)
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change;
  UPDATE quote SET used_by = NULL WHERE tenant_id = p_tenant AND id = c->>'quoteId' AND used_by = p_change;
  IF c ? 'heldUntil' THEN
    PERFORM append_money(p_tenant, p_booking, 'booking.change-released', jsonb_build_object('changeId', p_change));
  END IF;
  RETURN '{"kind": "undone"}';
END $$;

-- What was owed by a difference whose authorization was gone before it was taken: the booking keeps
-- its new time, and a person has to ask for the money.
CREATE FUNCTION disown_difference(p_tenant text, p_booking text, p_n integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_amount bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE payment SET owed_at = NULL, fenced_at = coalesce(fenced_at, clock_timestamp())
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = p_n AND owed_at IS NOT NULL
     AND captured_minor = 0
  RETURNING amount_minor INTO v_amount;
  IF NOT FOUND THEN RETURN; END IF;
  UPDATE booking SET owed_minor = greatest(owed_minor - v_amount, 0)
   WHERE tenant_id = p_tenant AND id = p_booking AND state = 'confirmed';
  PERFORM append_money(p_tenant, p_booking, 'payment.difference-lapsed', jsonb_build_object('payment', p_n));
  PERFORM flag_attention(p_tenant, p_booking, 'difference-unpaid');
END $$;

-- The customer ---------------------------------------------------------------------------------------------

-- Rises when the tokens given out for a booking are to open it no more.
ALTER TABLE booking ADD COLUMN customer_epoch integer NOT NULL DEFAULT 0;
