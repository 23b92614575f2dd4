-- The ledger: who sells what, what outside calendars say, who holds which unit, and the journal of
-- every change. Prisma owns the tables; what Prisma cannot say (exclusion, ranges, append-only,
-- functions whose statements must each see what the lock before them waited for) is said here.

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- Tenants and keys ---------------------------------------------------------------------------------

CREATE TABLE tenant (
  id         text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name       text NOT NULL,
  -- Keys the fingerprints of requests, so that they tell nobody what was asked.
  fingerprint_key bytea NOT NULL
    DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE api_key (
  tenant_id     text NOT NULL REFERENCES tenant (id),
  id            text NOT NULL UNIQUE,
  secret_hash   bytea NOT NULL,
  label         text NOT NULL,
  scopes        text[] NOT NULL,
  -- The demo's key is known to everybody, so it opens nothing from outside this machine.
  loopback_only boolean NOT NULL DEFAULT false,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  revoked_at    timestamptz,
  PRIMARY KEY (tenant_id, id)
);

-- Resources ----------------------------------------------------------------------------------------

CREATE TABLE resource (
  tenant_id   text NOT NULL REFERENCES tenant (id),
  id          text NOT NULL CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$'),
  name        text NOT NULL,
  time_zone   text NOT NULL,
  capacity    integer NOT NULL CHECK (capacity BETWEEN 1 AND 500),
  settings    jsonb NOT NULL,
  seq         bigint NOT NULL DEFAULT 0,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  archived_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE resource_version (
  tenant_id   text NOT NULL,
  resource_id text NOT NULL,
  id          bigint GENERATED ALWAYS AS IDENTITY,
  recorded    tstzrange NOT NULL,
  time_zone   text NOT NULL,
  capacity    integer NOT NULL,
  settings    jsonb NOT NULL,
  PRIMARY KEY (tenant_id, resource_id, id),
  FOREIGN KEY (tenant_id, resource_id) REFERENCES resource (tenant_id, id),
  EXCLUDE USING gist (tenant_id WITH =, resource_id WITH =, recorded WITH &&)
);

CREATE FUNCTION keep_resource_version() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_now timestamptz := clock_timestamp();
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (OLD.time_zone, OLD.capacity, OLD.settings) = (NEW.time_zone, NEW.capacity, NEW.settings) THEN
      RETURN NEW;
    END IF;
    -- A clock that was set back must not keep a resource from being changed.
    UPDATE resource_version SET recorded = tstzrange(lower(recorded), greatest(lower(recorded), v_now))
     WHERE tenant_id = NEW.tenant_id AND resource_id = NEW.id AND upper_inf(recorded);
  END IF;
  INSERT INTO resource_version (tenant_id, resource_id, recorded, time_zone, capacity, settings)
  VALUES (NEW.tenant_id, NEW.id, tstzrange(v_now, NULL), NEW.time_zone, NEW.capacity, NEW.settings);
  RETURN NEW;
END $$;

CREATE TRIGGER resource_versions AFTER INSERT OR UPDATE ON resource
  FOR EACH ROW EXECUTE FUNCTION keep_resource_version();

CREATE TABLE block (
  tenant_id   text NOT NULL,
  id          text NOT NULL,
  resource_id text NOT NULL,
  -- Null closes the whole resource.
  unit        integer CHECK (unit >= 1),
  start_at    timestamptz NOT NULL,
  end_at      timestamptz NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  removed_at  timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, resource_id) REFERENCES resource (tenant_id, id),
  CHECK (start_at < end_at)
);
CREATE INDEX block_of_resource ON block (tenant_id, resource_id, end_at) WHERE removed_at IS NULL;

-- Channels -----------------------------------------------------------------------------------------

CREATE TABLE account (
  tenant_id          text NOT NULL REFERENCES tenant (id),
  id                 text NOT NULL,
  channel            text NOT NULL,
  -- The channel's own id of the account, to notice a re-authorization by another one.
  subject            text,
  credential         bytea NOT NULL,
  credential_version integer NOT NULL DEFAULT 1,
  state              text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'needs-reauthorization')),
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE connection (
  tenant_id       text NOT NULL,
  id              text NOT NULL,
  resource_id     text NOT NULL,
  -- Null: an outside event takes the whole resource.
  unit            integer CHECK (unit >= 1),
  account_id      text NOT NULL,
  channel         text NOT NULL,
  calendar_id     text NOT NULL,
  time_zone       text NOT NULL,
  settings        jsonb NOT NULL,
  writable        boolean NOT NULL,

  status          text NOT NULL DEFAULT 'connecting',
  status_since    timestamptz NOT NULL DEFAULT clock_timestamp(),
  status_reason   text,
  -- The gate: set by a notification, cleared by the pass that will see its change.
  dirty           boolean NOT NULL DEFAULT true,
  dirty_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  notified_at     timestamptz,

  cursor          bytea,
  checkpoint      bytea,
  -- Rises with every applied page; a page is applied only to the version it was read from.
  cursor_version  bigint NOT NULL DEFAULT 0,
  generation      integer NOT NULL DEFAULT 0,
  -- Whether the open pass lists everything, so that absence counts at its end.
  full_pass       boolean NOT NULL DEFAULT false,
  pass_started_at timestamptz,
  last_page       jsonb,

  confirmed_at    timestamptz,
  -- Edge of the expanded busy spans.
  expanded_until  timestamptz,
  -- Zone and reading of tentative entries that they were expanded with; null has all expanded again.
  expanded_with   text,
  watched_until   timestamptz,
  seq             bigint NOT NULL DEFAULT 0,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  disconnected_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, resource_id) REFERENCES resource (tenant_id, id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
);
CREATE INDEX connection_of_resource ON connection (tenant_id, resource_id);
CREATE INDEX connection_of_account ON connection (tenant_id, account_id);
CREATE INDEX connection_left_dirty ON connection (dirty_at) WHERE dirty;

CREATE TABLE watch (
  tenant_id     text NOT NULL,
  -- Unique for ever and by itself: a notification arrives with this id and no tenant.
  id            text NOT NULL UNIQUE,
  connection_id text NOT NULL,
  secret_hash   bytea NOT NULL,
  native_id     text,
  expires_at    timestamptz,
  created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  stopped_at    timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id)
);
CREATE INDEX watch_of_connection ON watch (tenant_id, connection_id) WHERE stopped_at IS NULL;
CREATE INDEX watch_stopped ON watch (stopped_at) WHERE stopped_at IS NOT NULL;

-- Every version of every outside entry, without titles, people or places. `recorded` is when we
-- believed it; the current version has no upper bound.
CREATE TABLE channel_event (
  tenant_id       text NOT NULL,
  id              uuid NOT NULL DEFAULT gen_random_uuid(),
  connection_id   text NOT NULL,
  native_id       text NOT NULL,
  -- The series this entry belongs to, or itself.
  root_id         text NOT NULL,
  event           jsonb NOT NULL,
  hash            bytea NOT NULL,
  withheld_reason text,
  recorded        tstzrange NOT NULL,
  -- The page that brought it, and what is known of how long that took.
  feed_position   bigint NOT NULL,
  notified_at     timestamptz,
  -- First complete listing that lacked it while the deletion guard held it back.
  missing_since   timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id)
);
CREATE UNIQUE INDEX channel_event_current ON channel_event (tenant_id, connection_id, native_id)
  WHERE upper_inf(recorded);
CREATE INDEX channel_event_series ON channel_event (tenant_id, connection_id, root_id)
  WHERE upper_inf(recorded);
-- What every availability answer and every page ask of a connection, without reading its entries.
CREATE INDEX channel_event_newest ON channel_event (tenant_id, connection_id, feed_position)
  WHERE upper_inf(recorded);
CREATE INDEX channel_event_withheld ON channel_event (tenant_id, connection_id)
  WHERE upper_inf(recorded) AND withheld_reason IS NOT NULL;
CREATE INDEX channel_event_missing ON channel_event (tenant_id, connection_id, missing_since)
  WHERE upper_inf(recorded) AND missing_since IS NOT NULL;

-- What a full pass has seen so far; what it has not seen at its end is gone.
CREATE TABLE pass_seen (
  tenant_id     text NOT NULL,
  connection_id text NOT NULL,
  generation    integer NOT NULL,
  native_id     text NOT NULL,
  PRIMARY KEY (tenant_id, connection_id, generation, native_id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id)
);

-- Current outside busy time, after recurrence. `stale` spans are to go when the open pass ends, so
-- that availability is never freer in the middle of a pass than before and after it.
CREATE TABLE busy (
  tenant_id     text NOT NULL,
  connection_id text NOT NULL,
  root_id       text NOT NULL,
  start_at      timestamptz NOT NULL,
  end_at        timestamptz NOT NULL,
  resource_id   text NOT NULL,
  unit          integer,
  stale         boolean NOT NULL DEFAULT false,
  PRIMARY KEY (tenant_id, connection_id, root_id, start_at, end_at),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id),
  CHECK (start_at < end_at)
);
CREATE INDEX busy_of_resource ON busy (tenant_id, resource_id, end_at, start_at) INCLUDE (unit);
CREATE INDEX busy_stale ON busy (tenant_id, connection_id) WHERE stale;

-- Bookings -----------------------------------------------------------------------------------------

CREATE TABLE booking (
  tenant_id       text NOT NULL,
  id              text NOT NULL,
  resource_id     text NOT NULL,
  state           text NOT NULL CHECK (state IN
                    ('held', 'paying', 'confirmed', 'expired', 'declined', 'cancelled')),
  -- Machine reason of the last move, e.g. `card_declined`.
  reason          text,
  -- Why a person has to look, beside the state; null when nobody has to.
  attention       text,
  start_at        timestamptz NOT NULL,
  end_at          timestamptz NOT NULL,
  party           integer NOT NULL CHECK (party >= 1),
  units           integer[] NOT NULL,
  amount_minor    bigint NOT NULL CHECK (amount_minor >= 0),
  currency        text,
  payment_kind    text NOT NULL CHECK (payment_kind IN ('method', 'external', 'none')),
  -- Guest data; sealed, and erased by setting null.
  guest           bytea,
  hold_expires_at timestamptz NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  confirmed_at    timestamptz,
  ended_at        timestamptz,
  seq             bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, resource_id) REFERENCES resource (tenant_id, id),
  CHECK (start_at < end_at)
);
CREATE INDEX booking_list ON booking (tenant_id, created_at, id);
CREATE INDEX booking_of_resource ON booking (tenant_id, resource_id, start_at);
CREATE INDEX booking_hold_over ON booking (hold_expires_at) WHERE state IN ('held', 'paying');
CREATE INDEX booking_attention ON booking (tenant_id) WHERE attention IS NOT NULL;

-- What a booking needs before its hold exists and what must not stand in a workflow's history.
CREATE TABLE booking_draft (
  tenant_id  text NOT NULL REFERENCES tenant (id),
  booking_id text NOT NULL,
  guest      bytea,
  payment    bytea,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, booking_id)
);

-- A booking that was given up before its hold arrived: a late hold is refused.
CREATE TABLE booking_fence (
  tenant_id  text NOT NULL REFERENCES tenant (id),
  booking_id text NOT NULL,
  fenced_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, booking_id)
);

-- Holds and bookings by unit. Span and unit never change; the instants beside them do.
CREATE TABLE occupancy (
  tenant_id    text NOT NULL,
  booking_id   text NOT NULL,
  resource_id  text NOT NULL,
  unit         integer NOT NULL,
  -- With buffers: what nobody else may overlap.
  span         tstzrange NOT NULL CHECK (NOT isempty(span) AND lower_inc(span) AND NOT upper_inc(span)),
  held_at      timestamptz NOT NULL,
  expires_at   timestamptz NOT NULL,
  confirmed_at timestamptz,
  released_at  timestamptz,
  contested_at timestamptz,
  live         boolean NOT NULL GENERATED ALWAYS AS (released_at IS NULL) STORED,
  PRIMARY KEY (tenant_id, booking_id, unit),
  FOREIGN KEY (tenant_id, resource_id) REFERENCES resource (tenant_id, id),
  FOREIGN KEY (tenant_id, booking_id) REFERENCES booking (tenant_id, id) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT nothing_sold_twice
    EXCLUDE USING gist (tenant_id WITH =, resource_id WITH =, unit WITH =, span WITH &&) WHERE (live)
-- Room on each page, so that confirming rewrites a row beside itself and leaves the indexes alone.
) WITH (fillfactor = 70);

CREATE TABLE booking_change (
  tenant_id  text NOT NULL,
  booking_id text NOT NULL,
  id         text NOT NULL,
  kind       text NOT NULL CHECK (kind IN ('cancel', 'reschedule', 'balance', 'reauthorize', 'conflict')),
  state      text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'done')),
  reason     text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at   timestamptz,
  PRIMARY KEY (tenant_id, booking_id, id),
  FOREIGN KEY (tenant_id, booking_id) REFERENCES booking (tenant_id, id)
);
CREATE UNIQUE INDEX one_open_change ON booking_change (tenant_id, booking_id) WHERE state = 'open';

CREATE TABLE payment_account (
  tenant_id  text NOT NULL REFERENCES tenant (id),
  id         text NOT NULL,
  service    text NOT NULL CHECK (service IN ('stripe')),
  sealed     bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE payment (
  tenant_id          text NOT NULL,
  booking_id         text NOT NULL,
  n                  integer NOT NULL CHECK (n >= 1),
  payment_account_id text,
  intent_id          text,
  client_secret      bytea,
  method             bytea,
  status             text NOT NULL,
  amount_minor       bigint NOT NULL,
  currency           text NOT NULL,
  captured_minor     bigint NOT NULL DEFAULT 0,
  refunded_minor     bigint NOT NULL DEFAULT 0,
  -- Set by the undo: nothing may be confirmed from here on.
  fenced_at          timestamptz,
  -- The caller's own reference of an `external` payment.
  reference          text,
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, booking_id, n),
  FOREIGN KEY (tenant_id, booking_id) REFERENCES booking (tenant_id, id),
  FOREIGN KEY (tenant_id, payment_account_id) REFERENCES payment_account (tenant_id, id),
  CHECK (refunded_minor <= captured_minor AND captured_minor <= amount_minor)
);
CREATE UNIQUE INDEX payment_intent ON payment (tenant_id, intent_id);
-- Money that may be on its way: what a sweeper looks through.
CREATE INDEX payment_open ON payment (updated_at) WHERE intent_id IS NOT NULL
  AND (status NOT IN ('captured', 'cancelled') OR captured_minor > refunded_minor);

-- Signed events of a payment service, once each.
CREATE TABLE payment_event (
  tenant_id          text NOT NULL,
  payment_account_id text NOT NULL,
  event_id           text NOT NULL,
  received_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, payment_account_id, event_id),
  FOREIGN KEY (tenant_id, payment_account_id) REFERENCES payment_account (tenant_id, id)
);

-- Desired state of our bookings in outside calendars; the connection's workflow carries it out.
CREATE TABLE mirror (
  tenant_id       text NOT NULL,
  booking_id      text NOT NULL,
  connection_id   text NOT NULL,
  start_at        timestamptz NOT NULL,
  end_at          timestamptz NOT NULL,
  desired         text NOT NULL CHECK (desired IN ('present', 'absent')),
  desired_version integer NOT NULL DEFAULT 1,
  applied_version integer NOT NULL DEFAULT 0,
  -- Rises when an earlier event of ours was removed, for channels that never free an id.
  generation      integer NOT NULL DEFAULT 0,
  native_id       text,
  etag            text,
  failure         text,
  attempts        integer NOT NULL DEFAULT 0,
  updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, booking_id, connection_id),
  FOREIGN KEY (tenant_id, booking_id) REFERENCES booking (tenant_id, id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id)
);
CREATE INDEX mirror_to_do ON mirror (tenant_id, connection_id, updated_at) WHERE applied_version < desired_version;

CREATE TABLE conflict (
  tenant_id     text NOT NULL,
  booking_id    text NOT NULL,
  connection_id text NOT NULL,
  root_id       text NOT NULL,
  state         text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'settled')),
  found_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  settled_at    timestamptz,
  PRIMARY KEY (tenant_id, booking_id, connection_id, root_id),
  FOREIGN KEY (tenant_id, booking_id) REFERENCES booking (tenant_id, id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id)
);

-- Answers to repeated POSTs. A booking's row is claimed by its hold; other rows hold the answer.
CREATE TABLE idempotency (
  tenant_id   text NOT NULL REFERENCES tenant (id),
  key         text NOT NULL,
  fingerprint text NOT NULL,
  booking_id  text,
  status      integer,
  answer      jsonb,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

-- OAuth consents on their way: single use, bound to the tenant.
CREATE TABLE oauth_state (
  tenant_id     text NOT NULL REFERENCES tenant (id),
  state_hash    bytea NOT NULL UNIQUE,
  channel       text NOT NULL,
  code_verifier bytea NOT NULL,
  account_id    text,
  expires_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, state_hash)
);

-- The journal --------------------------------------------------------------------------------------

CREATE TABLE journal_epoch (
  epoch      integer PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO journal_epoch (epoch) VALUES (1);

CREATE TABLE journal (
  tenant_id text NOT NULL REFERENCES tenant (id),
  epoch     integer NOT NULL,
  txid      xid8 NOT NULL DEFAULT pg_current_xact_id(),
  position  bigint GENERATED ALWAYS AS IDENTITY,
  subject   text NOT NULL,
  seq       bigint NOT NULL CHECK (seq >= 1),
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  type      text NOT NULL,
  data      jsonb NOT NULL,
  PRIMARY KEY (tenant_id, subject, seq)
);
CREATE INDEX journal_feed ON journal (tenant_id, epoch, txid, position);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the journal is append-only';
END $$;
CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal
  FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER journal_no_truncate BEFORE TRUNCATE ON journal
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- `p_seq` comes from the subject's own row, which the caller holds locked.
CREATE FUNCTION append_entry(p_tenant text, p_subject text, p_seq bigint, p_type text, p_data jsonb)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO journal (tenant_id, epoch, subject, seq, type, data)
  SELECT p_tenant, max(epoch), p_subject, p_seq, p_type, p_data FROM journal_epoch;
$$;
