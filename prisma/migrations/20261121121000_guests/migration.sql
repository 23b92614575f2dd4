-- Finding bookings as a front desk does: by time, customer, session and call for a person, always in
-- the order they were made, so that pages stay where they are.

-- Bookings that overlap a time, of one resource or of all. The tenant is written so that only a search
-- which writes it so too can use this index: on a table that is small, or not analyzed yet, it looks as
-- cheap as the primary key for finding one booking, and is not.
CREATE INDEX booking_in_time ON booking USING gist ((tenant_id || ''), tstzrange(start_at, end_at));
CREATE INDEX booking_of_reference ON booking (tenant_id, reference_hash, created_at, id)
  WHERE reference_hash IS NOT NULL;
CREATE INDEX booking_of_session ON booking (tenant_id, session_id, created_at, id)
  WHERE session_id IS NOT NULL;
-- Of drafts, which live for an hour: only an erasure looks for them.
CREATE INDEX booking_draft_of_reference ON booking_draft (tenant_id, reference_hash)
  WHERE reference_hash IS NOT NULL;

-- Takes the guest out of a booking wherever it stands, and says so in the journal, once. What a payment
-- under way still needs of the draft stays until it has an outcome. False: there is no such booking.
CREATE FUNCTION erase_guest(p_tenant text, p_booking text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_seq bigint;
BEGIN
  IF lock_booking(p_tenant, p_booking) IS NULL THEN RETURN false; END IF;
  UPDATE booking SET guest = NULL, reference_hash = NULL, seq = seq + 1
   WHERE tenant_id = p_tenant AND id = p_booking
     AND (guest IS NOT NULL OR reference_hash IS NOT NULL)
  RETURNING seq INTO v_seq;
  DELETE FROM booking_draft d USING booking b
   WHERE d.tenant_id = p_tenant AND d.booking_id = p_booking AND b.tenant_id = p_tenant
     AND b.id = p_booking AND b.state NOT IN ('held', 'paying')
     AND NOT EXISTS (SELECT FROM booking_change c WHERE c.tenant_id = p_tenant
       AND c.booking_id = p_booking AND c.state = 'open');
  UPDATE booking_draft SET guest = NULL, reference_hash = NULL
   WHERE tenant_id = p_tenant AND booking_id = p_booking;
  IF v_seq IS NOT NULL THEN
    PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, 'booking.guest-erased', '{}');
  END IF;
  RETURN true;
END $$;
