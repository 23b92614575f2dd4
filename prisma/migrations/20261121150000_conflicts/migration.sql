-- Conflicts: an outside event over a booking of ours is a row that somebody or something decides, and
-- that tells a workflow whenever there is news of it.

CREATE FUNCTION conflict_id(p_tenant text, p_booking text, p_connection text, p_root text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT md5(p_tenant || '/' || p_booking || '/' || p_connection || '/' || p_root);
$$;

ALTER TABLE conflict
  -- Stays the same while a feed renames its entries.
  ADD COLUMN id text,
  -- The change that decides it. One that was settled and comes up again is another round.
  ADD COLUMN change_id text,
  ADD COLUMN round integer NOT NULL DEFAULT 1,
  -- Why only a person decides, whatever rule there is.
  ADD COLUMN asked_because text CHECK (asked_because IN ('copy', 'mass')),
  -- As the resource had them when it was found.
  ADD COLUMN rule text NOT NULL DEFAULT 'ask' CHECK (rule IN ('keep-ours', 'keep-theirs', 'by-key', 'ask')),
  ADD COLUMN on_deadline text NOT NULL DEFAULT 'keep-ours' CHECK (on_deadline IN ('keep-ours', 'keep-theirs')),
  ADD COLUMN deadline_at timestamptz,
  -- The parts of the key on both sides, as they were when it was found or, later, decided:
  -- {priority, sinceAt (epoch ms or null), id}.
  ADD COLUMN ours jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN theirs jsonb NOT NULL DEFAULT '{}',
  -- The event's time over the booking. Once decided, only another time is asked about anew.
  ADD COLUMN spans tstzmultirange,
  ADD COLUMN decision text CHECK (decision IN ('ours', 'theirs')),
  ADD COLUMN decided_by text CHECK (decided_by IN ('rule', 'operator', 'deadline')),
  -- The key or name of the person.
  ADD COLUMN decided_by_whom text,
  ADD COLUMN decided_at timestamptz,
  ADD COLUMN outcome text CHECK (outcome IN ('kept-ours', 'moved', 'cancelled', 'gone', 'booking-over')),
  -- Its workflow has heard of so much of it.
  ADD COLUMN news integer NOT NULL DEFAULT 1,
  ADD COLUMN told integer NOT NULL DEFAULT 0,
  ADD COLUMN told_at timestamptz;

UPDATE conflict SET id = conflict_id(tenant_id, booking_id, connection_id, root_id),
  asked_because = CASE handling WHEN 'ask' THEN 'copy' END;
UPDATE conflict SET change_id = 'conflict-' || id;
ALTER TABLE conflict
  ALTER COLUMN id SET NOT NULL,
  ALTER COLUMN change_id SET NOT NULL,
  DROP COLUMN handling;
CREATE UNIQUE INDEX conflict_by_id ON conflict (tenant_id, id);
CREATE INDEX conflict_open ON conflict (tenant_id, connection_id) WHERE state = 'open';
CREATE INDEX conflict_news ON conflict (told_at) WHERE told < news OR state = 'open';
CREATE INDEX conflict_list ON conflict (tenant_id, found_at, id);

-- What a row is made of ---------------------------------------------------------------------------

-- The event's time over what the booking takes; null when none of it is. `p_stale`: with what a pass
-- under way has moved off or lost, which still blocks until it ends.
CREATE FUNCTION conflict_spans(p_tenant text, p_booking text, p_connection text, p_root text, p_stale boolean)
RETURNS tstzmultirange LANGUAGE sql VOLATILE AS $$
  SELECT range_agg(tstzrange(b.start_at, b.end_at)) FROM busy b
   WHERE b.tenant_id = p_tenant AND b.connection_id = p_connection AND b.root_id = p_root
     AND (p_stale OR NOT b.stale)
     AND EXISTS (SELECT FROM occupancy o
       WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking AND o.live AND o.change_id IS NULL
         AND o.span && tstzrange(b.start_at, b.end_at)
         AND CASE
           WHEN o.resource_id <> b.resource_id THEN o.resource_id IN (SELECT parts_below(p_tenant, b.resource_id))
           WHEN b.unit IS NULL OR o.unit = 0 OR b.unit = o.unit THEN true
           -- Not on its unit, but more is taken then than there are units.
           ELSE EXISTS (SELECT FROM too_many(p_tenant, o.resource_id,
             greatest(b.start_at, lower(o.span)), least(b.end_at, upper(o.span)))) END);
$$;

-- Since when our booking has its time.
CREATE FUNCTION our_claim(p_tenant text, p_booking text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
  SELECT jsonb_build_object('id', 'booking/' || b.id,
      'priority', coalesce((r.settings#>>'{conflicts,priority}')::integer, 100),
      'sinceAt', (SELECT floor(date_part('epoch', max(coalesce(o.confirmed_at, o.held_at))) * 1000)
        FROM occupancy o WHERE o.tenant_id = p_tenant AND o.booking_id = p_booking AND o.live
          AND o.change_id IS NULL))
    FROM booking b JOIN resource r ON r.tenant_id = b.tenant_id AND r.id = b.resource_id
   WHERE b.tenant_id = p_tenant AND b.id = p_booking;
$$;

-- An outside event, by the newest change of its series that the channel told.
CREATE FUNCTION their_claim(p_tenant text, p_connection text, p_root text) RETURNS jsonb
LANGUAGE sql VOLATILE AS $$
  SELECT jsonb_build_object('id', 'event/' || c.id || '/' || p_root,
      'priority', coalesce((c.settings->>'priority')::integer, 100),
      'sinceAt', (SELECT floor(date_part('epoch', max((e.event->>'updatedAt')::timestamptz)) * 1000) FROM (
        SELECT event FROM channel_event WHERE tenant_id = p_tenant AND connection_id = p_connection
           AND native_id = p_root AND upper_inf(recorded)
        UNION ALL
        SELECT event FROM channel_event WHERE tenant_id = p_tenant AND connection_id = p_connection
           AND root_id = p_root AND native_id <> root_id AND upper_inf(recorded)) AS e))
    FROM connection c WHERE c.tenant_id = p_tenant AND c.id = p_connection;
$$;

DROP TRIGGER conflict_with_copy ON conflict;
DROP FUNCTION ask_about_copies();

-- Whoever finds a conflict leaves the rest of its row to this. What looks like a copy of ours is left
-- to a person, for as long as it takes.
CREATE FUNCTION fill_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE v_rules jsonb;
BEGIN
  SELECT coalesce(r.settings->'conflicts', '{}') INTO v_rules FROM booking b
    JOIN resource r ON r.tenant_id = b.tenant_id AND r.id = b.resource_id
   WHERE b.tenant_id = NEW.tenant_id AND b.id = NEW.booking_id;
  NEW.id := conflict_id(NEW.tenant_id, NEW.booking_id, NEW.connection_id, NEW.root_id);
  -- An entry that got another name kept its id: who has its former name now is another.
  WHILE EXISTS (SELECT FROM conflict WHERE tenant_id = NEW.tenant_id AND id = NEW.id
      AND (booking_id, connection_id, root_id) <> (NEW.booking_id, NEW.connection_id, NEW.root_id)) LOOP
    NEW.id := md5(NEW.id);
  END LOOP;
  NEW.change_id := 'conflict-' || NEW.id;
  NEW.rule := coalesce(v_rules->>'rule', 'ask');
  NEW.on_deadline := coalesce(v_rules->>'onDeadline', 'keep-ours');
  NEW.ours := our_claim(NEW.tenant_id, NEW.booking_id);
  NEW.theirs := their_claim(NEW.tenant_id, NEW.connection_id, NEW.root_id);
  NEW.spans := conflict_spans(NEW.tenant_id, NEW.booking_id, NEW.connection_id, NEW.root_id, false);
  IF is_suspected_copy(NEW.tenant_id, NEW.connection_id, NEW.root_id) THEN
    NEW.asked_because := 'copy';
  ELSIF NEW.rule = 'ask' THEN
    NEW.deadline_at := NEW.found_at
      + coalesce((v_rules->>'deadlineMs')::bigint, 86400000) * interval '1 millisecond';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER conflict_is_filled BEFORE INSERT ON conflict FOR EACH ROW EXECUTE FUNCTION fill_conflict();

-- Finding -----------------------------------------------------------------------------------------

-- A person is called, once, without a lock of the booking: for who has its resources alone.
CREATE FUNCTION call_for_conflict(p_tenant text, p_booking text, p_type text, p_data jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE v_seq bigint;
BEGIN
  UPDATE booking SET seq = seq + 1, attention = coalesce(attention, 'conflict'),
    attentions = CASE WHEN 'conflict' = ANY (attentions) THEN attentions ELSE attentions || 'conflict'::text END
   WHERE tenant_id = p_tenant AND id = p_booking RETURNING seq INTO v_seq;
  PERFORM append_entry(p_tenant, 'booking/' || p_booking, v_seq, p_type, p_data);
END $$;

-- Takes down what a page found over bookings of ours: pairs of both lists. What was found before and
-- takes the same time is no news; what was settled and takes another, or came back, is asked anew. The
-- caller has the resources alone.
CREATE FUNCTION find_conflicts(p_tenant text, p_connection text, p_bookings text[], p_roots text[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v record;
  v_now timestamptz := clock_timestamp();
  v_data jsonb;
BEGIN
  FOR v IN
    INSERT INTO conflict AS k (tenant_id, booking_id, connection_id, root_id, found_at)
    SELECT DISTINCT p_tenant, f.booking, p_connection, f.root, v_now
      FROM unnest(p_bookings, p_roots) AS f(booking, root) ORDER BY f.booking, f.root
    ON CONFLICT (tenant_id, booking_id, connection_id, root_id) DO UPDATE SET
      state = 'open', settled_at = NULL, outcome = NULL,
      decision = NULL, decided_by = NULL, decided_by_whom = NULL, decided_at = NULL,
      ours = excluded.ours, theirs = excluded.theirs, spans = excluded.spans,
      rule = CASE k.state WHEN 'open' THEN k.rule ELSE excluded.rule END,
      on_deadline = CASE k.state WHEN 'open' THEN k.on_deadline ELSE excluded.on_deadline END,
      deadline_at = CASE WHEN k.state <> 'open' THEN excluded.deadline_at
        WHEN excluded.asked_because IS NULL THEN k.deadline_at END,
      asked_because = CASE k.state WHEN 'open' THEN coalesce(k.asked_because, excluded.asked_because)
        ELSE excluded.asked_because END,
      found_at = CASE k.state WHEN 'open' THEN k.found_at ELSE excluded.found_at END,
      round = CASE k.state WHEN 'open' THEN k.round ELSE k.round + 1 END,
      change_id = CASE k.state WHEN 'open' THEN k.change_id
        ELSE 'conflict-' || k.id || '-' || (k.round + 1) END,
      news = k.news + 1
    WHERE k.state = 'open' AND k.decision IS NULL
        AND (k.spans IS DISTINCT FROM excluded.spans OR k.theirs IS DISTINCT FROM excluded.theirs)
      OR k.state = 'settled' AND (k.outcome IS DISTINCT FROM 'kept-ours' OR k.spans IS DISTINCT FROM excluded.spans)
    RETURNING k.id, k.booking_id, k.rule, k.asked_because, k.found_at = v_now AS is_new
  LOOP
    CONTINUE WHEN NOT v.is_new;
    v_data := jsonb_build_object('connectionId', p_connection, 'conflictId', v.id, 'rule', v.rule,
      'askedBecause', v.asked_because);
    IF v.rule = 'ask' OR v.asked_because IS NOT NULL THEN
      PERFORM call_for_conflict(p_tenant, v.booking_id, 'booking.conflict', v_data);
    ELSE
      PERFORM append_money(p_tenant, v.booking_id, 'booking.conflict', v_data);
    END IF;
  END LOOP;
END $$;

-- At the end of a pass: events over bookings that are gone or moved off are news.
CREATE FUNCTION conflicts_left(p_tenant text, p_connection text) RETURNS void LANGUAGE sql AS $$
  UPDATE conflict SET news = news + 1
   WHERE tenant_id = p_tenant AND connection_id = p_connection AND state = 'open'
     AND conflict_spans(tenant_id, booking_id, connection_id, root_id, true) IS NULL;
$$;

-- So many bookings at once are left to a person, and the connection says so. The caller has the
-- resources alone.
CREATE FUNCTION ask_about_mass(p_tenant text, p_connection text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  v record;
  v_many integer := 0;
  v_seq bigint;
BEGIN
  FOR v IN
    UPDATE conflict SET asked_because = 'mass', deadline_at = NULL, news = news + 1
     WHERE tenant_id = p_tenant AND connection_id = p_connection AND state = 'open'
       AND decision IS NULL AND asked_because IS NULL
    RETURNING id, booking_id
  LOOP
    v_many := v_many + 1;
    PERFORM call_for_conflict(p_tenant, v.booking_id, 'booking.conflict-asked',
      jsonb_build_object('conflictId', v.id, 'askedBecause', 'mass'));
  END LOOP;
  IF v_many > 0 THEN
    UPDATE connection SET seq = seq + 1 WHERE tenant_id = p_tenant AND id = p_connection RETURNING seq INTO v_seq;
    PERFORM append_entry(p_tenant, 'connection/' || p_connection, v_seq, 'connection.mass-conflict',
      jsonb_build_object('conflicts', v_many));
  END IF;
  RETURN v_many;
END $$;

-- A booking that ended or moved has its conflicts looked at. Its call for a person is taken back by
-- their workflows: here an entry would come before the move's own.
CREATE FUNCTION booking_leaves_conflicts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state IN ('confirmed', 'held', 'paying') THEN
    UPDATE conflict SET news = news + 1
     WHERE tenant_id = NEW.tenant_id AND booking_id = NEW.id AND state = 'open';
  ELSE
    UPDATE conflict SET state = 'settled', settled_at = clock_timestamp(), news = news + 1,
      outcome = CASE decision WHEN 'theirs' THEN 'cancelled' ELSE 'booking-over' END
     WHERE tenant_id = NEW.tenant_id AND booking_id = NEW.id AND state = 'open';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER booking_leaves_conflicts AFTER UPDATE OF state, start_at, end_at, units ON booking FOR EACH ROW
  WHEN (NEW.state IN ('expired', 'declined', 'cancelled') AND OLD.state <> NEW.state
    OR NEW.start_at <> OLD.start_at OR NEW.end_at <> OLD.end_at OR NEW.units <> OLD.units)
  EXECUTE FUNCTION booking_leaves_conflicts();

-- Deciding and settling ---------------------------------------------------------------------------

-- With one entry. The caller holds the booking's lock.
CREATE FUNCTION decide_conflict(p_tenant text, p_id text, p_decision text, p_by text, p_whom text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v conflict;
BEGIN
  UPDATE conflict SET decision = p_decision, decided_by = p_by, decided_by_whom = p_whom,
    decided_at = clock_timestamp(), news = news + 1
   WHERE tenant_id = p_tenant AND id = p_id AND state = 'open' AND decision IS NULL
  RETURNING * INTO v;
  IF NOT FOUND THEN RETURN false; END IF;
  PERFORM append_money(p_tenant, v.booking_id, 'booking.conflict-decided', jsonb_build_object(
    'conflictId', v.id, 'connectionId', v.connection_id, 'decision', p_decision, 'decidedBy', p_by,
    'by', p_whom, 'rule', v.rule));
  RETURN true;
END $$;

-- Ends a conflict with one entry, and the call for a person with the last of a booking's. The caller
-- holds the booking's lock.
CREATE FUNCTION settle_conflict(p_tenant text, p_id text, p_outcome text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v conflict;
  v_data jsonb;
BEGIN
  UPDATE conflict SET state = 'settled', settled_at = clock_timestamp(), outcome = p_outcome
   WHERE tenant_id = p_tenant AND id = p_id AND state = 'open' RETURNING * INTO v;
  IF NOT FOUND THEN RETURN; END IF;
  v_data := jsonb_build_object('conflictId', v.id, 'connectionId', v.connection_id, 'outcome', p_outcome);
  IF NOT EXISTS (SELECT FROM conflict WHERE tenant_id = p_tenant AND booking_id = v.booking_id
      AND state = 'open' AND (rule = 'ask' OR asked_because IS NOT NULL))
    AND end_attention(p_tenant, v.booking_id, 'conflict', 'booking.conflict-settled', v_data) IS NOT NULL THEN
    RETURN;
  END IF;
  PERFORM append_money(p_tenant, v.booking_id, 'booking.conflict-settled', v_data);
END $$;
