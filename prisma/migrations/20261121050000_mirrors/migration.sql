-- Holds and blocks are mirrored beside bookings, each mirror is kept as it was read back, and what
-- somebody changes of it outside is noticed, made good or followed.

DROP INDEX mirror_to_do;
ALTER TABLE mirror DROP CONSTRAINT mirror_pkey;
ALTER TABLE mirror
  ALTER COLUMN booking_id DROP NOT NULL,
  ADD COLUMN block_id text,
  -- What it stands for. A hold is a booking already, so its row becomes the booking's.
  ADD COLUMN subject_id text NOT NULL GENERATED ALWAYS AS (coalesce(booking_id, block_id)) STORED,
  ADD COLUMN status text NOT NULL DEFAULT 'confirmed' CHECK (status IN ('confirmed', 'tentative')),
  -- Start, end, status, transparency, etag and UID as the channel gave them back after our write.
  ADD COLUMN copy jsonb,
  -- Why what is there may no longer be what we wrote, until it was read.
  ADD COLUMN doubt text CHECK (doubt IN ('change', 'tombstone', 'absence')),
  ADD COLUMN doubt_at timestamptz,
  -- Restores of the last day.
  ADD COLUMN restored_at timestamptz[] NOT NULL DEFAULT '{}',
  -- Why a person has to look; nothing is restored until then.
  ADD COLUMN attention text,
  ADD PRIMARY KEY (tenant_id, subject_id, connection_id),
  ADD CHECK (num_nonnulls(booking_id, block_id) = 1),
  ADD CHECK ((doubt IS NULL) = (doubt_at IS NULL)),
  ADD FOREIGN KEY (tenant_id, block_id) REFERENCES block (tenant_id, id);
CREATE INDEX mirror_to_do ON mirror (tenant_id, connection_id, updated_at)
  WHERE applied_version < desired_version OR doubt IS NOT NULL;
CREATE INDEX mirror_native ON mirror (tenant_id, connection_id, native_id) WHERE native_id IS NOT NULL;
CREATE INDEX mirror_uid ON mirror (tenant_id, connection_id, (copy->>'uid')) WHERE copy IS NOT NULL;
CREATE INDEX mirror_attention ON mirror (tenant_id, connection_id) WHERE attention IS NOT NULL;
-- By span: what of outside entries looks like a copy of ours.
CREATE INDEX mirror_span ON mirror (tenant_id, start_at, end_at) WHERE desired = 'present';

-- `ask`: only a person decides, whatever rule there is.
ALTER TABLE conflict
  ADD COLUMN handling text NOT NULL DEFAULT 'rule' CHECK (handling IN ('rule', 'ask'));

-- Few connections show holds: what a hold asks is answered by an index that is mostly empty.
CREATE INDEX connection_showing_holds ON connection (tenant_id, resource_id)
  WHERE (settings->>'mirrorHolds') = 'true' AND writable AND disconnected_at IS NULL;

-- Whether an outside entry takes exactly the time of a booking of ours that is mirrored: then
-- somebody's tool may have copied it. The entry blocks like any other.
CREATE FUNCTION is_suspected_copy(p_tenant text, p_connection text, p_root text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM busy b
      JOIN mirror m ON m.tenant_id = b.tenant_id AND m.start_at = b.start_at AND m.end_at = b.end_at
       AND m.desired = 'present' AND m.booking_id IS NOT NULL
      JOIN connection c ON c.tenant_id = m.tenant_id AND c.id = m.connection_id
       AND c.resource_id = b.resource_id
     WHERE b.tenant_id = p_tenant AND b.connection_id = p_connection AND b.root_id = p_root
       AND NOT b.stale);
$$;

-- Wishes what one calendar is to show, after its connection was made or its settings were changed:
-- everything live that has not ended. `p_anew` also writes again what is there, in another manner.
-- The caller has the resource alone.
CREATE FUNCTION wish_mirrors(p_tenant text, p_connection text, p_anew boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_now timestamptz := clock_timestamp();
BEGIN
  WITH c AS (
    SELECT resource_id, unit, coalesce(settings->>'mirrorHolds', 'false') = 'true' AS holds
      FROM connection WHERE tenant_id = p_tenant AND id = p_connection AND writable
       AND disconnected_at IS NULL AND coalesce(settings->>'mirror', 'busy') <> 'none'
  ), wanted AS (
    SELECT b.id AS booking_id, NULL AS block_id, b.start_at, b.end_at,
      CASE b.state WHEN 'confirmed' THEN 'confirmed' ELSE 'tentative' END AS status
      FROM c JOIN booking b ON b.tenant_id = p_tenant AND b.resource_id = c.resource_id
       AND (c.unit IS NULL OR c.unit = ANY (b.units))
     WHERE b.end_at > v_now AND (b.state = 'confirmed'
        OR c.holds AND b.state IN ('held', 'paying') AND b.hold_expires_at > v_now)
    UNION ALL
    SELECT NULL, k.id, k.start_at, k.end_at, 'confirmed'
      FROM c JOIN block k ON k.tenant_id = p_tenant AND k.resource_id = c.resource_id
       AND (c.unit IS NULL OR k.unit IS NULL OR k.unit = c.unit)
     WHERE k.end_at > v_now AND k.removed_at IS NULL
  ), away AS (
    UPDATE mirror m SET desired = 'absent', desired_version = desired_version + 1, updated_at = v_now
     WHERE m.tenant_id = p_tenant AND m.connection_id = p_connection AND m.desired = 'present'
       AND m.end_at > v_now AND NOT EXISTS (
         SELECT FROM wanted w WHERE coalesce(w.booking_id, w.block_id) = m.subject_id)
  )
  INSERT INTO mirror (tenant_id, booking_id, block_id, connection_id, start_at, end_at, status, desired)
  SELECT p_tenant, booking_id, block_id, p_connection, start_at, end_at, status, 'present' FROM wanted
  ON CONFLICT (tenant_id, subject_id, connection_id) DO UPDATE
    SET desired = 'present', status = excluded.status, restored_at = '{}',
      desired_version = mirror.desired_version + 1, updated_at = v_now
    WHERE p_anew OR (mirror.desired, mirror.status) <> ('present', excluded.status);
END $$;

-- A block that was made, in every calendar of its place. Answers the connections.
CREATE FUNCTION wish_block(p_tenant text, p_block text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE v_connections text[];
BEGIN
  WITH wanted AS (
    INSERT INTO mirror (tenant_id, block_id, connection_id, start_at, end_at, desired)
    SELECT p_tenant, k.id, c.id, k.start_at, k.end_at, 'present'
      FROM block k JOIN connection c ON c.tenant_id = k.tenant_id AND c.resource_id = k.resource_id
     WHERE k.tenant_id = p_tenant AND k.id = p_block AND c.writable AND c.disconnected_at IS NULL
       AND coalesce(c.settings->>'mirror', 'busy') <> 'none'
       AND (c.unit IS NULL OR k.unit IS NULL OR k.unit = c.unit)
    ON CONFLICT DO NOTHING
    RETURNING connection_id
  ) SELECT coalesce(array_agg(connection_id), '{}') INTO v_connections FROM wanted;
  RETURN v_connections;
END $$;

-- What a subject leaves behind in outside calendars is to go. Answers the connections.
CREATE FUNCTION wish_away(p_tenant text, p_subject text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE v_connections text[];
BEGIN
  WITH away AS (
    UPDATE mirror SET desired = 'absent', desired_version = desired_version + 1,
      updated_at = clock_timestamp()
     WHERE tenant_id = p_tenant AND subject_id = p_subject AND desired = 'present'
    RETURNING connection_id
  ) SELECT coalesce(array_agg(connection_id), '{}') INTO v_connections FROM away;
  RETURN v_connections;
END $$;

-- The connections that a booking's mirrors wait for: asked in one statement with what moved it.
CREATE FUNCTION mirrors_waiting(p_tenant text, p_booking text) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN (SELECT array_agg(connection_id) FROM mirror
    WHERE tenant_id = p_tenant AND subject_id = p_booking AND applied_version < desired_version);
END $$;

-- Mirrors follow their booking, whoever moves it: a hold is shown as tentative where that is asked
-- for, what showed the hold becomes the booking's, and what ended goes.
CREATE FUNCTION show_hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO mirror (tenant_id, booking_id, connection_id, start_at, end_at, status, desired)
  SELECT NEW.tenant_id, NEW.id, c.id, NEW.start_at, NEW.end_at, 'tentative', 'present'
    FROM connection c WHERE c.tenant_id = NEW.tenant_id AND c.resource_id = NEW.resource_id
     AND (c.settings->>'mirrorHolds') = 'true' AND c.writable AND c.disconnected_at IS NULL
     AND coalesce(c.settings->>'mirror', 'busy') <> 'none'
     AND (c.unit IS NULL OR c.unit = ANY (NEW.units));
  RETURN NULL;
END $$;
CREATE TRIGGER booking_shows_hold AFTER INSERT ON booking FOR EACH ROW
  WHEN (NEW.state = 'held') EXECUTE FUNCTION show_hold();

CREATE FUNCTION move_mirrors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'confirmed' THEN
    UPDATE mirror SET status = 'confirmed', desired = 'present', desired_version = desired_version + 1,
      updated_at = clock_timestamp()
     WHERE tenant_id = NEW.tenant_id AND subject_id = NEW.id AND status = 'tentative';
  ELSE
    PERFORM wish_away(NEW.tenant_id, NEW.id);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER booking_moves_mirrors AFTER UPDATE OF state ON booking FOR EACH ROW
  WHEN (NEW.state <> OLD.state AND NEW.state IN ('confirmed', 'expired', 'declined', 'cancelled'))
  EXECUTE FUNCTION move_mirrors();

-- Whoever finds a conflict with what looks like a copy of ours leaves it to a person.
CREATE FUNCTION ask_about_copies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF is_suspected_copy(NEW.tenant_id, NEW.connection_id, NEW.root_id) THEN NEW.handling := 'ask'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER conflict_with_copy BEFORE INSERT ON conflict FOR EACH ROW
  EXECUTE FUNCTION ask_about_copies();

-- Calls a confirmed booking off. Answers {kind: cancelled | not-confirmed, state, connections}.
CREATE OR REPLACE FUNCTION cancel_booking(p_tenant text, p_booking text, p_reason text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE v_state text;
BEGIN
  PERFORM lock_booking(p_tenant, p_booking);
  SELECT state INTO v_state FROM booking WHERE tenant_id = p_tenant AND id = p_booking;
  IF v_state IS DISTINCT FROM 'confirmed' THEN
    RETURN jsonb_build_object('kind', CASE v_state WHEN 'cancelled' THEN 'cancelled' ELSE 'not-confirmed' END,
      'state', v_state);
  END IF;
  UPDATE occupancy SET released_at = clock_timestamp()
   WHERE tenant_id = p_tenant AND booking_id = p_booking AND live;
  PERFORM move_booking(p_tenant, p_booking, 'cancelled', p_reason);
  RETURN jsonb_build_object('kind', 'cancelled', 'state', 'cancelled', 'connections',
    to_jsonb(coalesce(mirrors_waiting(p_tenant, p_booking), '{}')));
END $$;
