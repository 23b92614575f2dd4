-- What a booking is paid with as things stand: what is on its way back is the payer's already, so that
-- a quote given meanwhile says what is left, and still holds when it has arrived.
CREATE OR REPLACE FUNCTION paid_minor(p_tenant text, p_booking text) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT least(b.owed_minor, (SELECT coalesce(sum(CASE
      WHEN captured_minor > 0 THEN captured_minor - refunded_minor
      WHEN status IN ('authorized', 'processing') AND fenced_at IS NULL
        AND (purpose <> 'renewal' OR owed_at IS NOT NULL) THEN amount_minor
      ELSE 0 END), 0)
    FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking))::bigint
  FROM booking b WHERE b.tenant_id = p_tenant AND b.id = p_booking;
$$;
