-- What a change of a booking would cost, said before it is asked for, and kept to.

CREATE TABLE quote (
  tenant_id  text NOT NULL,
  id         text NOT NULL,
  booking_id text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('cancel', 'reschedule')),
  -- What was said, by kind; no guest, no secret.
  terms      jsonb NOT NULL,
  -- What it rests on: the span and the money as they stood.
  start_at   timestamptz NOT NULL,
  end_at     timestamptz NOT NULL,
  paid_minor bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  -- The change that used it: a quote serves once.
  used_by    text,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, booking_id) REFERENCES booking (tenant_id, id)
);
CREATE INDEX quote_of_booking ON quote (tenant_id, booking_id);

-- What a booking's payments hold for us: taken, or authorized and still to be taken, less what went
-- back.
CREATE FUNCTION paid_minor(p_tenant text, p_booking text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(CASE
      WHEN status IN ('authorized', 'processing') AND captured_minor = 0 THEN amount_minor
      ELSE captured_minor - refunded_minor END), 0)::bigint
    FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking AND purpose <> 'renewal';
$$;

-- Takes a quote for a change, inside its transaction. Null when it is over, used by another change, or
-- rests on what is no more. The caller holds the booking's lock.
CREATE FUNCTION use_quote(p_tenant text, p_booking text, p_quote text, p_change text, p_kind text)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE v_terms jsonb;
BEGIN
  UPDATE quote q SET used_by = p_change FROM booking b
   WHERE q.tenant_id = p_tenant AND q.id = p_quote AND q.booking_id = p_booking AND q.kind = p_kind
     AND b.tenant_id = p_tenant AND b.id = p_booking
     AND (q.used_by = p_change OR q.used_by IS NULL AND q.expires_at > clock_timestamp()
       AND (q.start_at, q.end_at) = (b.start_at, b.end_at)
       AND q.paid_minor = paid_minor(p_tenant, p_booking))
  RETURNING q.terms INTO v_terms;
  RETURN v_terms;
END $$;

DROP FUNCTION cancel_booking(text, text, text);

-- Calls a confirmed booking off. Of what was paid `p_keep` is kept, or what the quote said.
-- Answers {kind: cancelled | not-confirmed | quote-over, state, connections}.
CREATE FUNCTION cancel_booking(
  p_tenant text, p_booking text, p_reason text, p_keep bigint, p_quote text, p_change text
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  v_state text;
  v_terms jsonb;
  v_keep bigint := p_keep;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT state INTO v_state FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  IF v_state IS DISTINCT FROM 'confirmed' THEN
    RETURN jsonb_build_object('kind', CASE v_state WHEN 'cancelled' THEN 'cancelled' ELSE 'not-confirmed' END,
      'state', v_state);
  END IF;
  IF p_quote IS NOT NULL THEN
    v_terms := use_quote(p_tenant, p_booking, p_quote, p_change, 'cancel');
    IF v_terms IS NULL THEN RETURN '{"kind": "quote-over", "state": "confirmed"}'; END IF;
    v_keep := (v_terms->>'keepMinor')::bigint;
  END IF;
  UPDATE occupancy SET released_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND live;
  UPDATE booking SET owed_minor = least(v_keep, paid_minor(p_tenant, p_booking))
   WHERE tenant_id = p_tenant AND id = p_booking;
  DELETE FROM booking_change WHERE tenant_id = p_tenant AND booking_id = p_booking AND state = 'due';
  PERFORM move_booking(p_tenant, p_booking, 'cancelled', p_reason);
  RETURN jsonb_build_object('kind', 'cancelled', 'state', 'cancelled', 'connections',
    to_jsonb(coalesce(mirrors_waiting(p_tenant, p_booking), '{}')));
END $$;
