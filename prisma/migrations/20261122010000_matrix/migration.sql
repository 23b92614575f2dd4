-- How often somebody was told of news that nobody has read yet: each time is further from the last,
-- since a run that waits for something else hears of it too, and hears only so often.
ALTER TABLE payment ADD COLUMN news_told integer NOT NULL DEFAULT 0;

CREATE OR REPLACE FUNCTION note_payment_event(p_tenant text, p_account text, p_event text, p_intent text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE v record;
BEGIN
  INSERT INTO payment_event (tenant_id, payment_account_id, event_id) VALUES (p_tenant, p_account, p_event)
  ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN RETURN '{"kind": "repeat"}'; END IF;
  SELECT p.booking_id, p.n, awaits_news(b.state, b.payment_kind, p) AS waits INTO v
    FROM payment p JOIN booking b ON b.tenant_id = p.tenant_id AND b.id = p.booking_id
   WHERE p.tenant_id = p_tenant AND p.intent_id = p_intent AND p.payment_account_id = p_account;
  IF NOT FOUND THEN RETURN '{"kind": "nobodys"}'; END IF;
  IF v.waits THEN
    UPDATE payment SET news_at = clock_timestamp(), news_told = 0
     WHERE tenant_id = p_tenant AND booking_id = v.booking_id AND n = v.n;
  END IF;
  RETURN jsonb_build_object('kind', 'noted', 'bookingId', v.booking_id, 'waits', v.waits);
END $$;
