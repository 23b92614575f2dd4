-- Money looked at again: what counts as paid, what a person did by hand, and what was begun and let go.

-- What a booking's payments hold for us: taken, or authorized and still to be taken, less what went
-- back. What is fenced is let go, and a renewal counts from when it stands in for another.
CREATE OR REPLACE FUNCTION paid_minor(p_tenant text, p_booking text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(CASE
      WHEN captured_minor > 0 THEN captured_minor - refunded_minor
      WHEN status IN ('authorized', 'processing') AND fenced_at IS NULL
        AND (purpose <> 'renewal' OR owed_at IS NOT NULL) THEN amount_minor
      ELSE 0 END), 0)::bigint
    FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking;
$$;

-- Nothing of ours touches money that a person put right, so what is to go back of it from then on
-- calls for him.
CREATE FUNCTION call_for_money_by_hand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM payment WHERE tenant_id = NEW.tenant_id AND booking_id = NEW.id
      AND by_hand_at IS NOT NULL) THEN
    PERFORM flag_attention(NEW.tenant_id, NEW.id, 'money-by-hand');
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER money_by_hand AFTER UPDATE OF owed_minor ON booking FOR EACH ROW
  WHEN (NEW.owed_minor < OLD.owed_minor) EXECUTE FUNCTION call_for_money_by_hand();

-- Taken or about to be, less what went back or is on its way for certain.
CREATE FUNCTION held_minor(p_tenant text, p_booking text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT (coalesce(sum(CASE
      WHEN captured_minor > 0 THEN captured_minor
      WHEN fenced_at IS NULL AND (n = 1 OR owed_at IS NOT NULL) THEN amount_minor
      ELSE 0 END), 0) - (SELECT coalesce(sum(amount_minor), 0) FROM refund r
        WHERE r.tenant_id = p_tenant AND r.booking_id = p_booking AND r.status IN ('pending', 'succeeded')))::bigint
    FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking;
$$;

-- What the payment service says of a payment's refunds: [{refundId, key, status, amountMinor}]. Later
-- words win: asked, pending, succeeded, failed is the order, since one that succeeded may still come
-- back. One that fails calls a person; those that somebody else made are taken down too.
CREATE OR REPLACE FUNCTION record_refunds(p_tenant text, p_booking text, p_n integer, p_refunds jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v record;
  v_order constant text[] := '{asked,pending,succeeded,failed}';
  v_status text;
  v_lower bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  FOR v IN
    SELECT coalesce(
        (SELECT r.key FROM refund r WHERE r.tenant_id = p_tenant AND r.booking_id = p_booking
          AND (r.refund_id = g->>'refundId' OR r.refund_id IS NULL AND r.key = g->>'key')),
        g->>'key', 'outside:' || (g->>'refundId')) AS key,
      g->>'key' IS NULL AS outside, g->>'refundId' AS id, g->>'status' AS status, (g->>'amountMinor')::bigint AS amount
    FROM jsonb_array_elements(p_refunds) AS g ORDER BY g->>'refundId'
  LOOP
    v_status := (SELECT status FROM refund
      WHERE tenant_id = p_tenant AND booking_id = p_booking AND key = v.key);
    -- Given back at the service by a person, it may be what failed: then that is asked for no more.
    IF v_status IS NULL AND v.outside AND v.status <> 'failed' THEN
      UPDATE refund SET resolution = 'retried', updated_at = clock_timestamp()
       WHERE tenant_id = p_tenant AND booking_id = p_booking AND key = (SELECT min(key) FROM refund
         WHERE tenant_id = p_tenant AND booking_id = p_booking AND payment_n = p_n AND status = 'failed'
           AND amount_minor = v.amount AND resolution IS DISTINCT FROM 'retried');
      IF NOT EXISTS (SELECT FROM refund WHERE tenant_id = p_tenant AND booking_id = p_booking
          AND status = 'failed' AND resolution IS NULL) THEN
        PERFORM end_attention(p_tenant, p_booking, 'refund-failed', 'booking.settled', '{}');
      END IF;
    END IF;
    CONTINUE WHEN array_position(v_order, v_status) >= array_position(v_order, v.status);
    INSERT INTO refund (tenant_id, booking_id, key, payment_n, amount_minor, reason, status, refund_id)
    VALUES (p_tenant, p_booking, v.key, p_n, v.amount, 'outside', v.status, v.id)
    ON CONFLICT (tenant_id, booking_id, key) DO UPDATE
      SET status = excluded.status, refund_id = excluded.refund_id, updated_at = clock_timestamp();
    PERFORM append_money(p_tenant, p_booking, 'refund.' || v.status,
      jsonb_build_object('key', v.key, 'payment', p_n, 'amountMinor', v.amount));
    IF v.status = 'failed' THEN PERFORM flag_attention(p_tenant, p_booking, 'refund-failed'); END IF;
  END LOOP;
  -- Given back by a person beyond what was to go back: so much is owed no more.
  SELECT least(owed_minor - held_minor(p_tenant, p_booking),
      (SELECT sum(amount_minor) FROM refund WHERE tenant_id = p_tenant AND booking_id = p_booking
        AND reason = 'outside' AND status <> 'failed')) INTO v_lower
    FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  IF EXISTS (SELECT FROM refund WHERE tenant_id = p_tenant AND booking_id = p_booking
      AND reason = 'outside' AND status <> 'failed') AND v_lower > 0 THEN
    UPDATE booking SET owed_minor = owed_minor - v_lower, waived_minor = waived_minor + v_lower
     WHERE tenant_id = p_tenant AND id = p_booking;
  END IF;
  -- Looked at, whether there was news or not.
  UPDATE refund SET updated_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND payment_n = p_n AND status = 'pending';
  UPDATE payment p SET updated_at = clock_timestamp(), refunded_minor = least(captured_minor,
    (SELECT coalesce(sum(amount_minor), 0) FROM refund r WHERE r.tenant_id = p_tenant
      AND r.booking_id = p_booking AND r.payment_n = p_n AND r.status IN ('pending', 'succeeded')))
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = p_n;
END $$;

-- The payment that a change collects by: the one it began before, or the booking's next. `p_replaces`
-- is not counted as taken. Answers {kind: open, n, …} | {kind: nothing-due | called-off | no-account}.
CREATE OR REPLACE FUNCTION open_payment(p_tenant text, p_booking text, p_change text, p_purpose text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v record;
  v_progress jsonb;
  v_due bigint;
  v_n integer;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT state, amount_minor, owed_minor, waived_minor, currency INTO v FROM booking
   WHERE tenant_id = p_tenant AND id = p_booking;
  IF v.state IS DISTINCT FROM 'confirmed' THEN RETURN '{"kind": "called-off"}'; END IF;
  SELECT progress INTO v_progress FROM booking_change
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change;
  v_n := (v_progress->>'n')::integer;
  -- Its authorization lapsed before it was taken: collected anew.
  IF EXISTS (SELECT FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = v_n
      AND owed_at IS NOT NULL AND status = 'cancelled') THEN
    PERFORM disown_payment(p_tenant, p_booking, v_n);
    SELECT owed_minor INTO v.owed_minor FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  END IF;
  IF EXISTS (SELECT FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = v_n
      AND owed_at IS NOT NULL) THEN
    RETURN jsonb_build_object('kind', 'open', 'n', v_n);
  END IF;
  v_due := CASE p_purpose WHEN 'balance' THEN v.amount_minor - v.waived_minor - v.owed_minor
    ELSE v.owed_minor + given_back(p_tenant, p_booking, NULL) - (SELECT coalesce(sum(
        CASE WHEN status = 'authorized' THEN amount_minor ELSE captured_minor END), 0) FROM payment
      WHERE tenant_id = p_tenant AND booking_id = p_booking AND fenced_at IS NULL
        AND n IS DISTINCT FROM v_n
        AND (captured_minor > 0 OR n IS DISTINCT FROM (v_progress->>'replaces')::integer)) END;
  IF EXISTS (SELECT FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = v_n
      AND fenced_at IS NULL AND status <> 'cancelled' AND amount_minor = v_due) THEN
    RETURN jsonb_build_object('kind', 'open', 'n', v_n);
  END IF;
  -- The price changed since: what was begun is let go.
  UPDATE payment SET fenced_at = coalesce(fenced_at, clock_timestamp())
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = v_n;
  IF v_due <= 0 THEN RETURN '{"kind": "nothing-due"}'; END IF;
  INSERT INTO payment (tenant_id, booking_id, n, payment_account_id, status, amount_minor, currency,
    purpose, customer_id, method_id)
  SELECT p_tenant, p_booking, (SELECT max(n) + 1 FROM payment WHERE tenant_id = p_tenant
      AND booking_id = p_booking), p.payment_account_id, 'needs-method', v_due, v.currency, p_purpose,
    p.customer_id, p.method_id
    FROM payment p WHERE p.tenant_id = p_tenant AND p.booking_id = p_booking
      AND p.payment_account_id IS NOT NULL
   ORDER BY p.method_id IS NULL OR p.customer_id IS NULL, p.n LIMIT 1
  RETURNING n INTO v_n;
  IF v_n IS NULL THEN RETURN '{"kind": "no-account"}'; END IF;
  -- Another payment is tried, and offered by its own link, from the beginning.
  UPDATE booking_change SET progress = progress - '{phase,tryAt,graceUntil}'::text[]
      || jsonb_build_object('n', v_n, 'attempt', 0)
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change;
  RETURN jsonb_build_object('kind', 'open', 'n', v_n);
END $$;

-- Changes for authorizations that are about to lapse, or did, although they are owed.
CREATE OR REPLACE FUNCTION renew_lapsing(p_margin_ms bigint, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE v record; v_made integer := 0;
BEGIN
  FOR v IN
    SELECT p.tenant_id, p.booking_id, p.n FROM payment p
      JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id AND b.state = 'confirmed'
     WHERE p.status = 'authorized' AND p.fenced_at IS NULL AND p.by_hand_at IS NULL
       AND p.capture_before < clock_timestamp() + p_margin_ms * interval '1 millisecond'
       AND NOT EXISTS (SELECT FROM booking_change c WHERE c.tenant_id = p.tenant_id
         AND c.booking_id = p.booking_id AND c.id = 'reauthorize-' || p.n)
     ORDER BY p.capture_before LIMIT p_limit
  LOOP
    INSERT INTO booking_change (tenant_id, booking_id, id, kind, state, due_at, progress)
    VALUES (v.tenant_id, v.booking_id, 'reauthorize-' || v.n, 'reauthorize', 'due', clock_timestamp(),
      jsonb_build_object('replaces', v.n))
    ON CONFLICT DO NOTHING;
    v_made := v_made + 1;
  END LOOP;
  RETURN v_made;
END $$;

-- The price, what is owed of it, what is kept at least, and the day of a balance that is still to come.
CREATE OR REPLACE FUNCTION move_balance(v booking, c jsonb, p_owed bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_amount bigint := (c->>'amountMinor')::bigint;
  v_due_at timestamptz := CASE WHEN v.balance_due_at IS NOT NULL AND v_amount - v.waived_minor > p_owed THEN
    v.balance_due_at + ((c->>'startAt')::timestamptz - v.start_at) END;
BEGIN
  UPDATE booking SET amount_minor = v_amount, owed_minor = p_owed, balance_due_at = v_due_at,
    -- Whoever moves it far ahead does not cancel for less than it cost when he moved it.
    terms = terms || coalesce((SELECT jsonb_build_object('feeFloorMinor', q.terms->'feeMinor') FROM quote q
      WHERE q.tenant_id = v.tenant_id AND q.id = c->>'quoteId' AND q.terms ? 'feeMinor'), '{}'),
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
