-- The saga: news of payments, calls for a person, and copies looked at again before a commit.

ALTER TABLE booking
  -- Every call for a person that stands, oldest first; `attention` shows the first of them.
  ADD COLUMN attentions text[] NOT NULL DEFAULT '{}',
  -- What came of looking again at copies that were too old; null when none was.
  ADD COLUMN recheck text CHECK (recheck IN ('confirmed', 'accepted', 'refused'));
UPDATE booking SET attentions = ARRAY[attention] WHERE attention IS NOT NULL;
ALTER TABLE booking ADD CONSTRAINT attention_is_the_first
  CHECK (attention IS NOT DISTINCT FROM attentions[1]);

ALTER TABLE payment
  -- The service reported something that nobody has read it for yet.
  ADD COLUMN news_at timestamptz,
  -- A person put it right at the service: nothing of ours touches it any more.
  ADD COLUMN by_hand_at timestamptz;
CREATE INDEX payment_news ON payment (news_at) WHERE news_at IS NOT NULL;

-- Beside the state: why a person has to look. One entry when it is news; calls of other kinds stand
-- beside it.
CREATE OR REPLACE FUNCTION flag_attention(p_tenant text, p_booking text, p_attention text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE booking SET attentions = attentions || p_attention, attention = coalesce(attention, p_attention),
    seq = seq + 1
   WHERE tenant_id = p_tenant AND id = p_booking AND p_attention <> ALL (attentions)
  RETURNING seq INTO v_seq;
  IF FOUND THEN
    PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, 'booking.needs-attention',
      jsonb_build_object('attention', p_attention));
  END IF;
END $$;

-- Takes one call back and writes the one entry that says why; answers the booking's new number, or
-- null where no such call stood. The caller holds the booking's lock.
CREATE FUNCTION end_attention(p_tenant text, p_booking text, p_attention text, p_type text, p_data jsonb)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  UPDATE booking SET attentions = array_remove(attentions, p_attention),
    attention = (array_remove(attentions, p_attention))[1], seq = seq + 1
   WHERE tenant_id = p_tenant AND id = p_booking AND p_attention = ANY (attentions)
  RETURNING seq INTO v_seq;
  IF FOUND THEN
    PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, p_type,
      jsonb_build_object('attention', p_attention) || p_data);
  END IF;
  RETURN v_seq;
END $$;

-- What a person was called for has settled by itself.
CREATE OR REPLACE FUNCTION clear_attention(p_tenant text, p_booking text, p_attention text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  PERFORM end_attention(p_tenant, p_booking, p_attention, 'booking.settled', '{}');
END $$;

-- A person says that it is done, and why. Payments that are not where they should be are left alone
-- from then on. False when no such call stands.
CREATE FUNCTION resolve_by_hand(p_tenant text, p_booking text, p_attention text, p_by text, p_reason text)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  IF end_attention(p_tenant, p_booking, p_attention, 'booking.resolved-by-hand',
      jsonb_build_object('by', p_by, 'reason', p_reason)) IS NULL THEN
    RETURN false;
  END IF;
  -- These alone move money.
  IF p_attention IN ('stuck-charge-payment', 'stuck-void-payment', 'stuck-capture-payment',
      'stuck-return-payment') THEN
    UPDATE payment SET by_hand_at = clock_timestamp(), news_at = NULL
     WHERE tenant_id = p_tenant AND booking_id = p_booking AND intent_id IS NOT NULL
       AND by_hand_at IS NULL AND (status NOT IN ('captured', 'cancelled') OR captured_minor > refunded_minor);
  END IF;
  RETURN true;
END $$;

-- The intent's id is stored before anything can move. False when the hold ended or the payment was
-- given up meanwhile: then the caller must not confirm it. p: n, purpose, accountId, intentId, status,
-- amountMinor, currency, customerId.
DROP FUNCTION record_intent(text, text, text, text, bytea, text, bigint, text);
CREATE FUNCTION record_intent(p_tenant text, p_booking text, p_secret bytea, p jsonb) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  v_n integer := (p->>'n')::integer;
  v_state text;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  INSERT INTO payment (tenant_id, booking_id, n, purpose, payment_account_id, intent_id, client_secret,
    status, amount_minor, currency, customer_id)
  VALUES (p_tenant, p_booking, v_n, p->>'purpose', p->>'accountId', p->>'intentId', p_secret,
    p->>'status', (p->>'amountMinor')::bigint, p->>'currency', p->>'customerId')
  ON CONFLICT (tenant_id, booking_id, n) DO NOTHING;
  IF NOT EXISTS (SELECT FROM payment WHERE tenant_id = p_tenant AND booking_id = p_booking AND n = v_n
      AND intent_id = p->>'intentId' AND fenced_at IS NULL) THEN
    RETURN false;
  END IF;
  SELECT state INTO v_state FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  IF v_state = 'held' THEN
    PERFORM move_booking(p_tenant, p_booking, 'paying', NULL);
  END IF;
  RETURN v_state IN ('held', 'paying', 'confirmed');
END $$;

-- What the payment service says now; an entry when money or status moved. The draft has served its
-- purpose once an answer is there. Words may arrive late: money taken or given back stays so, an
-- ended payment has ended, and what is authorized can only end. `newsAt` is the mark that was read
-- before the service was asked. p: intentId, status, capturedMinor, refundedMinor, captureBeforeAt,
-- declineCode, customerId, methodId, newsAt.
DROP FUNCTION record_payment(text, text, text, text, bigint, bigint);
CREATE FUNCTION record_payment(p_tenant text, p_booking text, p jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_status text := p->>'status';
  v_captured bigint := (p->>'capturedMinor')::bigint;
  v_refunded bigint := (p->>'refundedMinor')::bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  WITH was AS (
    SELECT n, status, captured_minor, refunded_minor FROM payment
     WHERE tenant_id = p_tenant AND booking_id = p_booking AND intent_id = p->>'intentId'
  ), paid AS (
    UPDATE payment t SET status = v_status, captured_minor = v_captured, refunded_minor = v_refunded,
      capture_before = (p->>'captureBeforeAt')::timestamptz, decline_code = p->>'declineCode',
      customer_id = coalesce(p->>'customerId', t.customer_id),
      method_id = coalesce(p->>'methodId', t.method_id),
      ending = CASE WHEN v_status = 'cancelled' AND was.status = 'authorized' THEN 'voided'
        WHEN v_refunded > 0 AND v_refunded = v_captured THEN 'refunded' ELSE t.ending END,
      news_at = CASE WHEN v_status NOT IN ('authorized', 'captured', 'cancelled')
        AND t.news_at IS DISTINCT FROM (p->>'newsAt')::timestamptz THEN t.news_at END,
      updated_at = clock_timestamp()
    FROM was WHERE t.tenant_id = p_tenant AND t.booking_id = p_booking AND t.n = was.n
      AND was.captured_minor <= v_captured AND was.refunded_minor <= v_refunded
      AND (was.status NOT IN ('captured', 'cancelled') OR v_status IN ('captured', 'cancelled'))
      AND (was.status <> 'authorized' OR v_status IN ('authorized', 'captured', 'cancelled'))
    RETURNING (was.status, was.captured_minor, was.refunded_minor)
      IS DISTINCT FROM (v_status, v_captured, v_refunded) AS is_news
  ), counted AS (
    UPDATE booking SET seq = seq + 1
     WHERE tenant_id = p_tenant AND id = p_booking AND EXISTS (SELECT FROM paid WHERE is_news)
    RETURNING seq
  ), served AS (
    DELETE FROM booking_draft
     WHERE tenant_id = p_tenant AND booking_id = p_booking AND EXISTS (SELECT FROM paid WHERE is_news)
  )
  INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
  SELECT p_tenant, (SELECT max(epoch) FROM journal_epoch), 'booking/' || p_booking, c.seq,
    'payment.' || v_status, jsonb_build_object('capturedMinor', v_captured, 'refundedMinor', v_refunded)
  FROM counted c;
END $$;

-- Whether somebody waits for news of a payment: a payer may still act, or money is on its way of
-- which nobody knows where it ends.
CREATE FUNCTION awaits_news(p_state text, p_kind text, p payment) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p.status NOT IN ('captured', 'cancelled') AND p.by_hand_at IS NULL AND (p.n > 1
    OR p.status IN ('needs-action', 'processing')
    OR p_kind = 'browser' AND p.status = 'needs-method' AND p_state IN ('held', 'paying')
    OR p_state IN ('expired', 'declined', 'cancelled'));
$$;

-- Records a signed event, and in the same transaction the mark that somebody has to read its payment.
-- Answers {kind: repeat | nobodys | noted, bookingId, waits}.
CREATE FUNCTION note_payment_event(p_tenant text, p_account text, p_event text, p_intent text) RETURNS jsonb
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
    UPDATE payment SET news_at = clock_timestamp()
     WHERE tenant_id = p_tenant AND booking_id = v.booking_id AND n = v.n;
  END IF;
  RETURN jsonb_build_object('kind', 'noted', 'bookingId', v.booking_id, 'waits', v.waits);
END $$;

-- What came of looking again at copies that were too old to sell by.
CREATE FUNCTION record_recheck(p_tenant text, p_booking text, p_outcome text, p_connections text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  UPDATE booking SET recheck = p_outcome, seq = seq + 1
   WHERE tenant_id = p_tenant AND id = p_booking AND recheck IS DISTINCT FROM p_outcome
  RETURNING seq INTO v_seq;
  IF FOUND THEN
    PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, 'booking.recheck-' || p_outcome,
      jsonb_build_object('connections', to_jsonb(p_connections)));
  END IF;
END $$;
