-- What bookings to the letter stand on: several payments a booking, sessions, linked resources, and
-- changes that fall due.

-- Inventory ----------------------------------------------------------------------------------------

-- A fixed time with a counter of its places: a tour, a class, a crossing.
CREATE TABLE session (
  tenant_id    text NOT NULL,
  id           text NOT NULL,
  resource_id  text NOT NULL,
  start_at     timestamptz NOT NULL,
  end_at       timestamptz NOT NULL,
  capacity     integer NOT NULL CHECK (capacity BETWEEN 1 AND 10000),
  taken        integer NOT NULL DEFAULT 0,
  -- In place of the resource's price: {amountMinor, currency}, for each place.
  price        jsonb,
  seq          bigint NOT NULL DEFAULT 0,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  cancelled_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, resource_id) REFERENCES resource (tenant_id, id),
  CHECK (start_at < end_at),
  CONSTRAINT no_place_sold_twice CHECK (taken BETWEEN 0 AND capacity)
) WITH (fillfactor = 70);
CREATE INDEX session_of_resource ON session (tenant_id, resource_id, start_at, id);

-- `part`: the whole takes every unit of its parts, and what is taken of the whole from outside takes
-- the parts too. `need`: a booking takes so many units of the other as well; the other knows nothing
-- of it.
CREATE TABLE resource_link (
  tenant_id   text NOT NULL,
  resource_id text NOT NULL,
  linked_id   text NOT NULL,
  kind        text NOT NULL CHECK (kind IN ('part', 'need')),
  -- How many units of the other; null for all of them.
  units       integer CHECK (units >= 1),
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, resource_id, linked_id),
  FOREIGN KEY (tenant_id, resource_id) REFERENCES resource (tenant_id, id),
  FOREIGN KEY (tenant_id, linked_id) REFERENCES resource (tenant_id, id),
  CHECK (resource_id <> linked_id),
  CHECK (kind = 'need' OR units IS NULL)
);
CREATE INDEX resource_link_back ON resource_link (tenant_id, linked_id);

-- Bookings -----------------------------------------------------------------------------------------

ALTER TABLE booking
  DROP CONSTRAINT booking_payment_kind_check,
  ADD CONSTRAINT booking_payment_kind_check
    CHECK (payment_kind IN ('method', 'browser', 'external', 'none')),
  ADD COLUMN session_id text,
  -- Other resources whose locks a move of this booking takes beside its own: what it is linked to.
  ADD COLUMN also_locks text[] NOT NULL DEFAULT '{}',
  -- The key that made it, for limits on holds.
  ADD COLUMN made_by text,
  -- HMAC of the customer reference by the tenant's key: for search and limits, erased with the guest.
  ADD COLUMN reference_hash bytea,
  ADD COLUMN extensions integer NOT NULL DEFAULT 0,
  -- What was agreed when it was held: cancellation, deposit and balance rules.
  ADD COLUMN terms jsonb NOT NULL DEFAULT '{}',
  -- The share that is charged now; null when all of it is.
  ADD COLUMN deposit_minor bigint CHECK (deposit_minor > 0 AND deposit_minor <= amount_minor),
  ADD COLUMN balance_due_at timestamptz,
  -- What is to be kept of the money as things stand: captured minus refunded comes to this.
  ADD COLUMN owed_minor bigint NOT NULL DEFAULT 0 CHECK (owed_minor >= 0),
  ADD FOREIGN KEY (tenant_id, session_id) REFERENCES session (tenant_id, id);

ALTER TABLE booking_draft ADD COLUMN reference_hash bytea;

-- Several rows for one unit: a reschedule takes its new time before the old one is let go, and a
-- linked booking takes units of several resources. Places of a session have unit 0 and `seats`.
ALTER TABLE occupancy
  DROP CONSTRAINT occupancy_pkey,
  DROP CONSTRAINT nothing_sold_twice,
  ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY,
  -- The change it is held for; null for the booking's own.
  ADD COLUMN change_id text,
  ADD COLUMN session_id text,
  ADD COLUMN seats integer,
  ADD PRIMARY KEY (tenant_id, booking_id, id),
  ADD CHECK ((unit = 0) = (session_id IS NOT NULL) AND (unit = 0) = (seats IS NOT NULL)),
  ADD CHECK (unit >= 0),
  ADD FOREIGN KEY (tenant_id, session_id) REFERENCES session (tenant_id, id),
  ADD CONSTRAINT nothing_sold_twice
    EXCLUDE USING gist (tenant_id WITH =, resource_id WITH =, unit WITH =, span WITH &&)
    WHERE (live AND unit > 0);
CREATE INDEX occupancy_of_session ON occupancy (tenant_id, session_id) WHERE live AND unit = 0;

-- Money --------------------------------------------------------------------------------------------

ALTER TABLE payment
  -- What it pays: everything, a deposit, its balance, the difference of a reschedule, or an
  -- authorization anew in place of one that lapsed.
  ADD COLUMN purpose text NOT NULL DEFAULT 'booking'
    CHECK (purpose IN ('booking', 'deposit', 'balance', 'difference', 'renewal')),
  -- The service's ids of the payer and of the method kept for later.
  ADD COLUMN customer_id text,
  ADD COLUMN method_id text,
  ADD COLUMN capture_before timestamptz,
  ADD COLUMN decline_code text,
  -- How money that came for nothing ended: told to the caller.
  ADD COLUMN ending text CHECK (ending IN ('voided', 'refunded'));
CREATE INDEX payment_lapsing ON payment (capture_before) WHERE status = 'authorized';

-- Money on its way back, one row for each time it was asked for.
CREATE TABLE refund (
  tenant_id    text NOT NULL,
  booking_id   text NOT NULL,
  -- Our key at the payment service.
  key          text NOT NULL,
  payment_n    integer NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  -- A machine reason.
  reason       text NOT NULL,
  status       text NOT NULL DEFAULT 'asked' CHECK (status IN ('asked', 'pending', 'succeeded', 'failed')),
  refund_id    text,
  created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, booking_id, key),
  FOREIGN KEY (tenant_id, booking_id, payment_n) REFERENCES payment (tenant_id, booking_id, n)
);
CREATE UNIQUE INDEX refund_at_service ON refund (tenant_id, refund_id) WHERE refund_id IS NOT NULL;

-- Changes ------------------------------------------------------------------------------------------

ALTER TABLE booking_change
  DROP CONSTRAINT booking_change_kind_check,
  ADD CONSTRAINT booking_change_kind_check
    CHECK (kind IN ('cancel', 'reschedule', 'balance', 'reauthorize', 'conflict', 'refund')),
  DROP CONSTRAINT booking_change_state_check,
  -- `due`: to be started at `due_at` by a sweeper; it is not open before.
  ADD CONSTRAINT booking_change_state_check CHECK (state IN ('due', 'open', 'done')),
  -- What is asked for, by kind; no guest, no secret.
  ADD COLUMN ask jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN due_at timestamptz,
  -- How it ended, by kind.
  ADD COLUMN outcome jsonb,
  ADD CHECK (state <> 'due' OR due_at IS NOT NULL);
CREATE INDEX booking_change_due ON booking_change (due_at) WHERE state = 'due';

-- Locks a booking and everything it is linked to; answers its resource, or null when there is no
-- such booking.
CREATE OR REPLACE FUNCTION lock_booking(p_tenant text, p_booking text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  v_resource text;
  v_also text[];
BEGIN
  LOOP
    SELECT resource_id, also_locks INTO v_resource, v_also
      FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
    IF FOUND THEN
      IF v_also = '{}' THEN
        PERFORM pg_advisory_xact_lock_shared(lock_key(p_tenant, 'resource', v_resource)),
          pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking));
      ELSE
        PERFORM lock_resources(p_tenant, v_also || v_resource, false);
        PERFORM pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking));
      END IF;
      RETURN v_resource;
    END IF;
    BEGIN
      PERFORM pg_advisory_xact_lock(lock_key(p_tenant, 'booking', p_booking));
      IF NOT EXISTS (SELECT FROM booking WHERE tenant_id = p_tenant AND id = p_booking) THEN
        RETURN NULL;
      END IF;
      RAISE SQLSTATE 'HF001';
    EXCEPTION WHEN SQLSTATE 'HF001' THEN
      -- Its hold was under way. Rolled back to here, the lock is free again, so that the resource's
      -- can be taken before it.
    END;
  END LOOP;
END $$;

-- Several resources in the one order that all of us take them in.
CREATE FUNCTION lock_resources(p_tenant text, p_resources text[], p_alone boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_resource text;
BEGIN
  FOR v_resource IN
    SELECT DISTINCT r COLLATE "C" FROM unnest(p_resources) AS r ORDER BY 1
  LOOP
    PERFORM lock_resource(p_tenant, v_resource, p_alone);
  END LOOP;
END $$;

-- The pivot. Answers {kind: confirmed | contested | expired | ended | missing, connections: […]}:
-- the connections whose calendars now lack a mirror. `p_reference` is the caller's own of an
-- `external` payment, recorded only with a booking that it pays for.
CREATE OR REPLACE FUNCTION commit_booking(p_tenant text, p_booking text, p_reference text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  v_resource text;
  v record;
  v_connections jsonb;
BEGIN
  v_resource := lock_booking(p_tenant, p_booking);
  IF v_resource IS NULL THEN RETURN '{"kind": "missing"}'; END IF;
  -- Only a page of a channel contests, and it has the resource alone: this stays so until the end.
  SELECT b.state, b.hold_expires_at, b.payment_kind, b.amount_minor, b.currency, b.deposit_minor,
    b.balance_due_at, b.also_locks,
    EXISTS (SELECT FROM session s WHERE s.tenant_id = p_tenant AND s.id = b.session_id
      AND s.cancelled_at IS NOT NULL) AS called_off,
    EXISTS (SELECT FROM payment p WHERE p.tenant_id = p_tenant AND p.booking_id = p_booking
      AND p.fenced_at IS NOT NULL) AS fenced,
    EXISTS (SELECT FROM occupancy o WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking
      AND o.contested_at IS NOT NULL) AS contested
  INTO v FROM booking b WHERE b.tenant_id = p_tenant AND b.id = p_booking;
  IF v.state = 'confirmed' THEN RETURN '{"kind": "confirmed", "connections": []}'; END IF;
  IF v.state NOT IN ('held', 'paying') THEN
    RETURN jsonb_build_object('kind', 'ended', 'state', v.state);
  END IF;
  IF v.hold_expires_at <= clock_timestamp() THEN RETURN '{"kind": "expired"}'; END IF;
  IF v.fenced OR v.called_off THEN RETURN '{"kind": "ended", "state": "cancelled"}'; END IF;
  IF v.contested AND (SELECT coalesce(settings->>'contested', 'refuse') FROM resource
      WHERE tenant_id = p_tenant AND id = v_resource) = 'refuse' THEN
    RETURN '{"kind": "contested"}';
  END IF;

  IF v.payment_kind = 'external' AND p_reference IS NOT NULL THEN
    INSERT INTO payment (tenant_id, booking_id, n, status, amount_minor, currency, captured_minor, reference)
    VALUES (p_tenant, p_booking, 1, 'captured', v.amount_minor, coalesce(v.currency, ''), v.amount_minor,
      p_reference)
    ON CONFLICT (tenant_id, booking_id, n) DO NOTHING;
  END IF;
  IF v.balance_due_at IS NOT NULL THEN
    INSERT INTO booking_change (tenant_id, booking_id, id, kind, state, due_at)
    VALUES (p_tenant, p_booking, 'balance', 'balance', 'due', v.balance_due_at)
    ON CONFLICT DO NOTHING;
  END IF;
  WITH kept AS (
    UPDATE occupancy SET confirmed_at = clock_timestamp()
     WHERE tenant_id = p_tenant AND booking_id = p_booking AND live
  ), moved AS (
    UPDATE booking SET state = 'confirmed', reason = NULL, seq = seq + 1, confirmed_at = clock_timestamp(),
      owed_minor = coalesce(deposit_minor, amount_minor)
     WHERE tenant_id = p_tenant AND id = p_booking
    RETURNING seq, resource_id, start_at, end_at, units
  ), told AS (
    INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
    SELECT p_tenant, (SELECT max(epoch) FROM journal_epoch), 'booking/' || p_booking, m.seq,
      'booking.confirmed',
      jsonb_build_object('resourceId', m.resource_id, 'startAt', m.start_at, 'endAt', m.end_at,
        'units', to_jsonb(m.units), 'reason', NULL)
    FROM moved m
  ), wanted AS (
    INSERT INTO mirror (tenant_id, booking_id, connection_id, start_at, end_at, desired)
    SELECT p_tenant, p_booking, c.id, m.start_at, m.end_at, 'present' FROM moved m, connection c
     WHERE c.tenant_id = p_tenant AND c.writable AND c.disconnected_at IS NULL
       AND coalesce(c.settings->>'mirror', 'busy') <> 'none'
       AND c.resource_id = ANY (v.also_locks || v_resource)
       AND CASE WHEN v.also_locks = '{}' THEN c.unit IS NULL OR c.unit = ANY (m.units)
           ELSE EXISTS (SELECT FROM occupancy o WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking
             AND o.live AND o.resource_id = c.resource_id AND (c.unit IS NULL OR c.unit = o.unit)) END
    ON CONFLICT DO NOTHING
    RETURNING connection_id
  ) SELECT coalesce(jsonb_agg(connection_id), '[]') INTO v_connections FROM wanted;
  IF v.contested THEN PERFORM keep_contested(p_tenant, p_booking); END IF;
  RETURN jsonb_build_object('kind', 'confirmed', 'connections', v_connections);
END $$;

-- Kept although an outside event is there: then a person has to settle it.
CREATE FUNCTION keep_contested(p_tenant text, p_booking text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO conflict (tenant_id, booking_id, connection_id, root_id)
  SELECT DISTINCT p_tenant, p_booking, b.connection_id, b.root_id
    FROM occupancy o JOIN busy b ON b.tenant_id = o.tenant_id
     AND b.resource_id IN (SELECT o.resource_id UNION ALL SELECT wholes_above(p_tenant, o.resource_id))
     AND b.end_at > lower(o.span) AND b.start_at < upper(o.span)
     -- Whatever of a whole is taken from outside takes its parts, and any of it takes a session.
     AND (b.resource_id <> o.resource_id OR b.unit IS NULL OR b.unit = o.unit OR o.unit = 0
       OR EXISTS (SELECT FROM too_many(p_tenant, o.resource_id, greatest(b.start_at, lower(o.span)),
         least(b.end_at, upper(o.span)))))
   WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking AND o.live AND NOT b.stale
  ON CONFLICT DO NOTHING;
  PERFORM flag_attention(p_tenant, p_booking, 'conflict');
END $$;
