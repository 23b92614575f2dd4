-- Money over time: refunds that are followed until they arrived, balances, authorizations that lapse,
-- and disputes.

-- What staff gave back of the price: the balance does not ask for it again.
ALTER TABLE booking ADD COLUMN waived_minor bigint NOT NULL DEFAULT 0 CHECK (waived_minor >= 0);

ALTER TABLE payment
  -- When its amount was added to what the booking owes, for payments after the first.
  ADD COLUMN owed_at timestamptz,
  -- A payer disputes the charge with the bank, or that was decided.
  ADD COLUMN dispute text CHECK (dispute IN ('opened', 'won', 'lost'));

ALTER TABLE refund
  -- What a person decided about one that failed: asked anew under another key, or paid by other means.
  ADD COLUMN resolution text CHECK (resolution IN ('retried', 'by-hand')),
  -- The caller's own reference of money that went back outside the payment service.
  ADD COLUMN reference text;
CREATE INDEX refund_unsettled ON refund (updated_at) WHERE status IN ('asked', 'pending');

-- How far a change has come that waits for its time; it is told on from here.
ALTER TABLE booking_change ADD COLUMN progress jsonb NOT NULL DEFAULT '{}';

-- What of a payment went back, is on its way, or waits for a person's word because it failed.
CREATE FUNCTION given_back(p_tenant text, p_booking text, p_n integer) RETURNS bigint
LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(amount_minor), 0)::bigint FROM refund
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND (p_n IS NULL OR payment_n = p_n)
     AND NOT (status = 'failed' AND resolution IS NOT DISTINCT FROM 'retried');
$$;

-- An entry about a booking's money. The caller holds its lock.
CREATE FUNCTION append_money(p_tenant text, p_booking text, p_type text, p_data jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  UPDATE booking SET seq = seq + 1 WHERE tenant_id = p_tenant AND id = p_booking RETURNING seq INTO v_seq;
  PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, p_type, p_data);
END $$;

-- A row for money that is to go back, before the act. Null when refunds were written since the caller
-- counted `p_counted` of them: then he counts again. Answers the key to ask under.
CREATE FUNCTION ask_refund(
  p_tenant text, p_booking text, p_n integer, p_amount bigint, p_reason text, p_counted integer
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE v_key text;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  IF p_counted <> (SELECT count(*) FROM refund WHERE tenant_id = p_tenant AND booking_id = p_booking) THEN
    RETURN NULL;
  END IF;
  v_key := p_booking || ':refund-' || p_n || ':' || (p_counted + 1);
  INSERT INTO refund (tenant_id, booking_id, key, payment_n, amount_minor, reason)
  VALUES (p_tenant, p_booking, v_key, p_n, p_amount, p_reason);
  PERFORM append_money(p_tenant, p_booking, 'refund.asked',
    jsonb_build_object('key', v_key, 'payment', p_n, 'amountMinor', p_amount, 'reason', p_reason));
  RETURN v_key;
END $$;

-- What the payment service says of a payment's refunds: [{refundId, key, status, amountMinor}]. Later
-- words win: asked, pending, succeeded, failed is the order, since one that succeeded may still come
-- back. One that fails calls a person; those that somebody else made are taken down too.
CREATE FUNCTION record_refunds(p_tenant text, p_booking text, p_n integer, p_refunds jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v record;
  v_order constant text[] := '{asked,pending,succeeded,failed}';
  v_status text;
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
    -- Given back at the service by a person: it is owed no more.
    IF v_status IS NULL AND v.outside AND v.status <> 'failed' THEN
      UPDATE booking SET owed_minor = owed_minor - least(owed_minor, v.amount),
        waived_minor = waived_minor + least(owed_minor, v.amount)
       WHERE tenant_id = p_tenant AND id = p_booking;
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
  -- Looked at, whether there was news or not.
  UPDATE refund SET updated_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND payment_n = p_n AND status = 'pending';
  UPDATE payment p SET updated_at = clock_timestamp(), refunded_minor = least(captured_minor,
    (SELECT coalesce(sum(amount_minor), 0) FROM refund r WHERE r.tenant_id = p_tenant
      AND r.booking_id = p_booking AND r.payment_n = p_n AND r.status IN ('pending', 'succeeded')))
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = p_n;
END $$;

-- A refund that cannot be made, because the money went back another way meanwhile.
CREATE FUNCTION withdraw_refund(p_tenant text, p_booking text, p_key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE refund SET status = 'failed', resolution = 'retried', updated_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND key = p_key AND status = 'asked';
  IF FOUND THEN
    PERFORM append_money(p_tenant, p_booking, 'refund.withdrawn', jsonb_build_object('key', p_key));
  END IF;
END $$;

-- Staff give back `p_amount` of what is kept: once for each change. Answers {kind: granted | too-much
-- | missing, refundableMinor}.
CREATE FUNCTION grant_refund(
  p_tenant text, p_booking text, p_change text, p_amount bigint, p_reason text
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_left bigint;
BEGIN
  IF lock_booking(p_tenant, p_booking) IS NULL THEN RETURN '{"kind": "missing"}'; END IF;
  IF EXISTS (SELECT FROM booking_change WHERE tenant_id = p_tenant AND booking_id = p_booking
      AND id = p_change AND progress ? 'granted') THEN
    RETURN '{"kind": "granted"}';
  END IF;
  v_left := refundable_minor(p_tenant, p_booking);
  IF p_amount > v_left THEN
    RETURN jsonb_build_object('kind', 'too-much', 'refundableMinor', v_left);
  END IF;
  UPDATE booking SET owed_minor = owed_minor - p_amount, waived_minor = waived_minor + p_amount
   WHERE tenant_id = p_tenant AND id = p_booking;
  UPDATE booking_change SET progress = progress || jsonb_build_object('granted', p_amount)
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change;
  PERFORM append_money(p_tenant, p_booking, 'refund.granted',
    jsonb_build_object('amountMinor', p_amount, 'reason', p_reason));
  RETURN '{"kind": "granted"}';
END $$;

-- What staff may still give back: of what is kept, as much as was taken and has not gone back.
CREATE FUNCTION refundable_minor(p_tenant text, p_booking text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT greatest(0, least(b.owed_minor,
      (SELECT coalesce(sum(captured_minor), 0) FROM payment p
        WHERE p.tenant_id = p_tenant AND p.booking_id = p_booking) - given_back(p_tenant, p_booking, NULL)
    ))::bigint FROM booking b WHERE b.tenant_id = p_tenant AND b.id = p_booking;
$$;

-- Money that went back by the tenant's own means.
CREATE FUNCTION refunds_by_hand(p_tenant text, p_booking text, p_reference text) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE v_done integer;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  WITH done AS (
    UPDATE refund r SET status = 'succeeded', reference = p_reference, updated_at = clock_timestamp()
      FROM payment p
     WHERE r.tenant_id = p_tenant AND r.booking_id = p_booking AND r.status = 'asked'
       AND p.tenant_id = p_tenant AND p.booking_id = p_booking AND p.n = r.payment_n AND p.intent_id IS NULL
    RETURNING r.payment_n, r.amount_minor
  ), sums AS (
    SELECT payment_n, sum(amount_minor) AS amount FROM done GROUP BY payment_n
  ), paid AS (
    UPDATE payment p SET refunded_minor = refunded_minor + s.amount, updated_at = clock_timestamp()
      FROM sums s WHERE p.tenant_id = p_tenant AND p.booking_id = p_booking AND p.n = s.payment_n
  ) SELECT count(*) INTO v_done FROM done;
  IF v_done > 0 THEN
    PERFORM append_money(p_tenant, p_booking, 'refund.succeeded', jsonb_build_object('reference', p_reference));
  END IF;
  RETURN v_done;
END $$;

-- What a person decided about money that calls for him and that no run waits with: refunds that failed
-- are asked for anew or counted as paid otherwise, what is unpaid is tried once more, and a call is taken
-- back. Null when there is nothing to decide, else whether the booking's money is to be settled.
CREATE FUNCTION resolve_money(
  p_tenant text, p_booking text, p_attention text, p_resolution text, p_by text, p_reason text
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_attention text;
  v_any boolean := false;
  v_settle boolean := false;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  FOR v_attention IN
    SELECT unnest(attentions) FROM booking WHERE tenant_id = p_tenant AND id = p_booking
  LOOP
    CONTINUE WHEN p_attention IS NOT NULL AND p_attention <> v_attention
      OR v_attention NOT IN ('refund-failed', 'dispute', 'dispute-lost', 'balance-unpaid', 'payment-lapsed');
    IF v_attention = 'refund-failed' THEN
      UPDATE refund SET resolution = p_resolution, updated_at = clock_timestamp()
       WHERE tenant_id = p_tenant AND booking_id = p_booking AND status = 'failed' AND resolution IS NULL;
      v_settle := v_settle OR p_resolution = 'retried';
    ELSIF p_resolution = 'retried' THEN
      UPDATE booking_change SET due_at = clock_timestamp(), progress = progress - 'tryAt' || '{"phase": "charge"}'
       WHERE tenant_id = p_tenant AND booking_id = p_booking AND state = 'due'
         AND kind = CASE v_attention WHEN 'balance-unpaid' THEN 'balance' WHEN 'payment-lapsed' THEN 'reauthorize' END;
      CONTINUE WHEN NOT FOUND;
    END IF;
    v_any := true;
    PERFORM end_attention(p_tenant, p_booking, v_attention,
      CASE p_resolution WHEN 'retried' THEN 'booking.tried-again' ELSE 'booking.resolved-by-hand' END,
      jsonb_build_object('by', p_by, 'reason', p_reason));
  END LOOP;
  RETURN CASE WHEN v_any THEN v_settle END;
END $$;

-- Disputes -----------------------------------------------------------------------------------------

-- `opened` never follows a decision: events come in any order.
CREATE FUNCTION record_dispute(p_tenant text, p_intent text, p_dispute text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE v_booking text;
BEGIN
  SELECT booking_id INTO v_booking FROM payment WHERE tenant_id = p_tenant AND intent_id = p_intent;
  IF NOT FOUND THEN RETURN NULL; END IF;
  PERFORM lock_booking(p_tenant, v_booking);
  UPDATE payment SET dispute = p_dispute
   WHERE tenant_id = p_tenant AND intent_id = p_intent AND dispute IS DISTINCT FROM p_dispute
     AND (dispute IS NULL OR p_dispute <> 'opened');
  IF FOUND THEN
    PERFORM append_money(p_tenant, v_booking, 'payment.dispute-' || p_dispute, '{}');
    IF p_dispute <> 'opened' THEN PERFORM clear_attention(p_tenant, v_booking, 'dispute'); END IF;
    IF p_dispute <> 'won' THEN
      PERFORM flag_attention(p_tenant, v_booking, CASE p_dispute WHEN 'lost' THEN 'dispute-lost' ELSE 'dispute' END);
    END IF;
  END IF;
  RETURN v_booking;
END $$;

-- Payments after the first -------------------------------------------------------------------------

-- The payment that a change collects by: the one it began before, or the booking's next. `p_replaces`
-- is not counted as taken. Answers {kind: open, n, …} | {kind: nothing-due | called-off}.
CREATE FUNCTION open_payment(p_tenant text, p_booking text, p_change text, p_purpose text) RETURNS jsonb
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
  UPDATE booking_change SET progress = progress || jsonb_build_object('n', v_n, 'attempt', 0)
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change;
  RETURN jsonb_build_object('kind', 'open', 'n', v_n);
END $$;

-- Stores the intent before anything can move. False when nothing may be confirmed by it any more.
CREATE FUNCTION store_intent(p_tenant text, p_booking text, p_n integer, p_intent text, p_secret bytea)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE payment SET intent_id = p_intent, client_secret = p_secret, updated_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = p_n AND intent_id IS NULL;
  RETURN EXISTS (SELECT FROM payment p JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id
    WHERE p.tenant_id = p_tenant AND p.booking_id = p_booking AND p.n = p_n AND p.intent_id = p_intent
      AND p.fenced_at IS NULL AND b.state = 'confirmed');
END $$;

-- The pivot of a payment after the first: from here its money is owed and taken, and what it stands in
-- for is not. False when the booking was called off, or the payment let go.
CREATE FUNCTION owe_payment(p_tenant text, p_booking text, p_change text, p_n integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE v_amount bigint; v_purpose text; v_replaces integer;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  IF (SELECT state FROM booking WHERE tenant_id = p_tenant AND id = p_booking) IS DISTINCT FROM 'confirmed' THEN
    RETURN false;
  END IF;
  IF EXISTS (SELECT FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = p_n
      AND owed_at IS NOT NULL AND fenced_at IS NULL) THEN
    RETURN true;
  END IF;
  UPDATE payment SET owed_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = p_n AND fenced_at IS NULL
     AND status IN ('authorized', 'captured')
  RETURNING amount_minor, purpose INTO v_amount, v_purpose;
  IF NOT FOUND THEN RETURN false; END IF;
  IF v_purpose = 'balance' THEN
    UPDATE booking SET owed_minor = owed_minor + v_amount WHERE tenant_id = p_tenant AND id = p_booking;
  END IF;
  UPDATE payment SET fenced_at = coalesce(fenced_at, clock_timestamp())
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND captured_minor = 0
     AND n = (SELECT (progress->>'replaces')::integer FROM booking_change
       WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change);
  PERFORM append_money(p_tenant, p_booking, 'payment.' || v_purpose || '-authorized',
    jsonb_build_object('payment', p_n, 'amountMinor', v_amount));
  RETURN true;
END $$;

-- What was owed by a payment whose authorization is gone, before it was taken.
CREATE FUNCTION disown_payment(p_tenant text, p_booking text, p_n integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_amount bigint; v_purpose text;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE payment SET owed_at = NULL, fenced_at = coalesce(fenced_at, clock_timestamp())
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = p_n AND owed_at IS NOT NULL
     AND captured_minor = 0
  RETURNING amount_minor, purpose INTO v_amount, v_purpose;
  IF NOT FOUND THEN RETURN; END IF;
  IF v_purpose = 'balance' THEN
    UPDATE booking SET owed_minor = owed_minor - v_amount
     WHERE tenant_id = p_tenant AND id = p_booking AND state = 'confirmed';
  END IF;
  PERFORM append_money(p_tenant, p_booking, 'payment.' || v_purpose || '-lapsed', jsonb_build_object('payment', p_n));
END $$;

-- Changes that wait ---------------------------------------------------------------------------------

-- Puts an open change back until later, with how far it came. `p_progress.graceMs`, given once, sets
-- the end of the payer's time; `p_in_ms` does not reach beyond it.
CREATE FUNCTION postpone_change(
  p_tenant text, p_booking text, p_change text, p_in_ms bigint, p_progress jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_progress jsonb;
  v_until timestamptz;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT progress || (p_progress - 'graceMs') INTO v_progress FROM booking_change
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change AND state = 'open';
  IF NOT FOUND THEN RETURN; END IF;
  IF p_progress ? 'graceMs' AND NOT v_progress ? 'graceUntil' THEN
    v_progress := v_progress || jsonb_build_object('graceUntil',
      clock_timestamp() + (p_progress->>'graceMs')::bigint * interval '1 millisecond');
    PERFORM append_money(p_tenant, p_booking, 'payment.link-offered',
      jsonb_build_object('payment', v_progress->'n', 'until', v_progress->'graceUntil'));
  END IF;
  v_until := clock_timestamp() + p_in_ms * interval '1 millisecond';
  -- News may wake it earlier: then it looks, and charges no sooner.
  IF p_progress->>'phase' = 'charge' THEN v_progress := v_progress || jsonb_build_object('tryAt', v_until); END IF;
  UPDATE booking_change SET state = 'due', progress = v_progress,
    due_at = CASE WHEN (v_progress->>'graceUntil')::timestamptz > clock_timestamp()
      THEN least(v_until, (v_progress->>'graceUntil')::timestamptz) ELSE v_until END
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND id = p_change;
END $$;

-- The payment service has news of a payment that a change waits for: it is due now.
CREATE FUNCTION hasten_change(p_tenant text, p_booking text) RETURNS SETOF booking_change
LANGUAGE sql AS $$
  UPDATE booking_change c SET due_at = least(due_at, clock_timestamp())
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND state = 'due'
     AND EXISTS (SELECT FROM payment p WHERE p.tenant_id = p_tenant AND p.booking_id = p_booking
       AND p.n = (c.progress->>'n')::integer AND p.news_at IS NOT NULL)
  RETURNING *;
$$;

-- Changes for authorizations that are about to lapse, or did, although they are owed.
CREATE FUNCTION renew_lapsing(p_margin_ms bigint, p_limit integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE v record; v_made integer := 0;
BEGIN
  FOR v IN
    SELECT p.tenant_id, p.booking_id, p.n FROM payment p
      JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id AND b.state = 'confirmed'
     WHERE p.status = 'authorized' AND p.fenced_at IS NULL
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

-- The first payment's authorization is gone although it is owed: a change collects it anew, if a
-- method was kept. True also when that was done before, or another payment stands in for it.
CREATE FUNCTION collect_anew(p_tenant text, p_booking text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v record;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT p.n, p.fenced_at IS NOT NULL AS fenced, p.method_id IS NOT NULL AND p.customer_id IS NOT NULL AS kept INTO v
    FROM payment p JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id
   WHERE p.tenant_id = p_tenant AND p.booking_id = p_booking AND p.n = 1 AND b.state = 'confirmed';
  IF NOT FOUND THEN RETURN false; END IF;
  IF v.fenced OR EXISTS (SELECT FROM booking_change WHERE tenant_id = p_tenant AND booking_id = p_booking
      AND id = 'reauthorize-1') THEN
    RETURN true;
  END IF;
  IF NOT v.kept THEN RETURN false; END IF;
  INSERT INTO booking_change (tenant_id, booking_id, id, kind, state, due_at, progress)
  VALUES (p_tenant, p_booking, 'reauthorize-1', 'reauthorize', 'due', clock_timestamp(), '{"replaces": 1}')
  ON CONFLICT DO NOTHING;
  RETURN true;
END $$;
