-- Weak points of locks and of what a person decides.

-- Takes the lock of the booking and shares those of its resources, in the order that all of us keep.
-- A link made while they are waited for adds one: what a booking takes is read again once they are had.
-- Null where there is no such booking.
CREATE OR REPLACE FUNCTION lock_booking(p_tenant text, p_booking text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_resource text;
  v_also text[];
  v_now text[];
BEGIN
  LOOP
    SELECT resource_id, also_locks INTO v_resource, v_also
      FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
    IF v_also = '{}' THEN
      -- As an expression, neither ever null, they cost less than as a statement: that pays for the
      -- second look.
      IF pg_advisory_xact_lock_shared(lock_key(p_tenant, 'resource', v_resource)) IS NULL
        OR pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking)) IS NULL THEN CONTINUE; END IF;
      SELECT also_locks INTO v_now FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
      IF v_now <> '{}' THEN PERFORM lock_added(p_tenant, v_now); END IF;
      RETURN v_resource;
    END IF;
    BEGIN
      IF v_resource IS NOT NULL THEN
        PERFORM lock_resources(p_tenant, v_also || v_resource, false);
      END IF;
      PERFORM pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking));
      SELECT also_locks INTO v_now FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
      -- Both are null where there is none, and was none before its lock was had.
      IF v_now IS NOT DISTINCT FROM v_also THEN RETURN v_resource; END IF;
      RAISE SQLSTATE 'HF001';
    EXCEPTION WHEN SQLSTATE 'HF001' THEN
      -- Its hold was under way, or a link. Rolled back to here the locks are free again, so that all of
      -- them can be taken in their order.
    END;
  END LOOP;
END $$;

-- Out of order, and therefore without waiting; who has one of them makes the caller begin anew.
CREATE FUNCTION lock_added(p_tenant text, p_resources text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT bool_and(pg_try_advisory_xact_lock_shared(lock_key(p_tenant, 'resource', r)))
      FROM unnest(p_resources) AS r) THEN
    RETURN;
  END IF;
  RAISE SQLSTATE '40001' USING MESSAGE = 'a link was made meanwhile: repeat it';
END $$;

-- The fee of a cancelled booking, whose authorization was gone before it was taken: what is not there
-- is owed no more, and a person has to ask for it.
CREATE FUNCTION disown_fee(p_tenant text, p_booking text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_lost bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT owed_minor - greatest(coalesce((SELECT sum(captured_minor) FROM payment
      WHERE tenant_id = p_tenant AND booking_id = p_booking), 0) - given_back(p_tenant, p_booking, NULL), 0)
    INTO v_lost FROM booking WHERE tenant_id = p_tenant AND id = p_booking AND state = 'cancelled'
     AND NOT EXISTS (SELECT FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking
       AND (by_hand_at IS NOT NULL OR intent_id IS NOT NULL AND status NOT IN ('captured', 'cancelled')));
  IF v_lost IS NULL OR v_lost <= 0 THEN RETURN; END IF;
  UPDATE booking SET owed_minor = owed_minor - v_lost WHERE tenant_id = p_tenant AND id = p_booking;
  PERFORM append_money(p_tenant, p_booking, 'payment.fee-lapsed', jsonb_build_object('amountMinor', v_lost));
  PERFORM flag_attention(p_tenant, p_booking, 'fee-unpaid');
END $$;

-- What a person decided about what calls for him and no run waits with: refunds that failed are asked
-- for anew or counted as paid otherwise, what is unpaid is tried once more, a step whose run is gone is
-- taken up by another, and a call is taken back. Null when there is nothing to decide, else whether the
-- booking is to be settled.
CREATE OR REPLACE FUNCTION resolve_money(
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
    CONTINUE WHEN p_attention IS NOT NULL AND p_attention <> v_attention;
    CASE
      WHEN v_attention = 'refund-failed' THEN
        UPDATE refund SET resolution = p_resolution, updated_at = clock_timestamp()
         WHERE tenant_id = p_tenant AND booking_id = p_booking AND status = 'failed' AND resolution IS NULL;
        v_settle := v_settle OR p_resolution = 'retried';
      WHEN v_attention IN ('dispute', 'dispute-lost') THEN
        CONTINUE WHEN p_resolution = 'retried';
      WHEN v_attention IN ('balance-unpaid', 'payment-lapsed') THEN
        IF p_resolution = 'retried' THEN
          UPDATE booking_change SET due_at = clock_timestamp(), progress = progress - 'tryAt' || '{"phase": "charge"}'
           WHERE tenant_id = p_tenant AND booking_id = p_booking AND state = 'due'
             AND kind = CASE v_attention WHEN 'balance-unpaid' THEN 'balance' ELSE 'reauthorize' END;
          -- One that is under way tries just now, and calls again where that fails.
          CONTINUE WHEN NOT FOUND AND NOT EXISTS (SELECT FROM booking_change
            WHERE tenant_id = p_tenant AND booking_id = p_booking AND state = 'open'
              AND kind = CASE v_attention WHEN 'balance-unpaid' THEN 'balance' ELSE 'reauthorize' END);
        END IF;
      WHEN v_attention = 'payment-processing' OR starts_with(v_attention, 'stuck-') THEN
        CONTINUE WHEN p_resolution <> 'retried';
        v_settle := true;
      ELSE CONTINUE;
    END CASE;
    v_any := true;
    PERFORM end_attention(p_tenant, p_booking, v_attention,
      CASE p_resolution WHEN 'retried' THEN 'booking.tried-again' ELSE 'booking.resolved-by-hand' END,
      jsonb_build_object('by', p_by, 'reason', p_reason));
  END LOOP;
  RETURN CASE WHEN v_any THEN v_settle END;
END $$;
