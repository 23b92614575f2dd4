-- A call for a person that arrives late, after it was taken back, must not stand for ever: the call of
-- an id is made once. The booking's own entries tell.
CREATE FUNCTION call_person(p_tenant text, p_booking text, p_attention text, p_call text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  IF EXISTS (SELECT FROM journal WHERE tenant_id = p_tenant AND subject = 'booking/' || p_booking
      AND type = 'booking.needs-attention' AND data->>'call' = p_call) THEN
    RETURN;
  END IF;
  UPDATE booking SET attentions = attentions || p_attention, attention = coalesce(attention, p_attention),
    seq = seq + 1
   WHERE tenant_id = p_tenant AND id = p_booking AND p_attention <> ALL (attentions)
  RETURNING seq INTO v_seq;
  IF FOUND THEN
    PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, 'booking.needs-attention',
      jsonb_strip_nulls(jsonb_build_object('attention', p_attention, 'call', p_call)));
  END IF;
END $$;
