-- What channels may be asked, over all processes: token buckets, leases, circuits. They belong to no
-- tenant, because a quota is shared by whoever uses it; names carry no secret and no person.

-- A bucket as the instant at which it is full again: taking n moves that instant by n periods.
CREATE TABLE call_bucket (
  bucket       text PRIMARY KEY,
  full_at      timestamptz NOT NULL,
  -- Nothing is given before this: the channel asked for rest.
  paused_until timestamptz,
  -- Refusals in a row.
  strikes      integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX call_bucket_paused ON call_bucket (paused_until) WHERE paused_until IS NOT NULL;

-- Who found a bucket empty is told when to come back, and each tenant has a line of its own, so that
-- thousands of one wait in theirs.
CREATE TABLE call_turn (
  tenant_id text NOT NULL REFERENCES tenant (id),
  bucket    text NOT NULL,
  next_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, bucket)
) WITH (fillfactor = 50);
CREATE INDEX call_turn_bucket ON call_turn (bucket);

-- A place among the calls that may be open at once. It frees itself when its holder died.
CREATE TABLE call_lease (
  bucket     text NOT NULL,
  slot       integer NOT NULL,
  holder     uuid NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (bucket, slot)
) WITH (fillfactor = 50);

-- One row per host that failed lately.
CREATE TABLE circuit (
  party       text PRIMARY KEY,
  state       text NOT NULL CHECK (state IN ('closed', 'open', 'ramp')),
  -- Outages in a row.
  failures    integer NOT NULL DEFAULT 0,
  failed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Open: how often in a row a probe failed, when the next may be made, and how long one may last.
  opens       integer NOT NULL DEFAULT 0,
  probe_at    timestamptz,
  probe_until timestamptz,
  -- Ramp: since when calls are let through again, and when the next is.
  ramp_from   timestamptz,
  ramp_at     timestamptz
) WITH (fillfactor = 50);

-- Takes what one call needs, all of it or nothing: says go, or why not and when to come back.
-- Locks are taken in one order: the account's bucket, the shared one, the circuit.
CREATE FUNCTION begin_call(
  p_tenant text, p_account text, p_channel text, p_party text,
  p_account_burst integer, p_account_period_ms float8,
  p_shared_burst integer, p_shared_period_ms float8,
  p_at_once integer, p_holder uuid, p_lease_ms integer, p_waited boolean
) RETURNS TABLE (refused text, wait_ms float8, bucket text, slot integer, probing boolean,
  suspect boolean, strikes integer)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  -- A host that is back is asked by so many a second at first, and twice as many every so often.
  ramp_first CONSTANT float8 := 5;
  ramp_doubles CONSTANT interval := '5 seconds';
  ramp_lasts CONSTANT interval := '30 seconds';
  -- Longer than any one request may take.
  probe_lasts CONSTANT interval := '45 seconds';
  ms CONSTANT interval := '1 millisecond';
  c circuit;
  mine call_bucket;
  shared call_bucket;
  shared_name text := 'shared/' || p_party;
  account_step interval := p_account_period_ms * ms;
  shared_step interval := p_shared_period_ms * ms;
  at timestamptz := clock_timestamp();
  free_at timestamptz;
  ramp_step interval;
BEGIN
  -- The shared row is locked until the commit: a crash may forget a few tokens, waiting for the disk
  -- would cost more.
  PERFORM set_config('synchronous_commit', 'off', true);
  slot := NULL; probing := false; suspect := false; strikes := 0; wait_ms := 0;
  -- The same person may have connected twice; the quota is the person's.
  SELECT p_channel || '/' || encode(sha256(convert_to(
      coalesce(a.subject, a.tenant_id || '/' || a.id), 'UTF8')), 'hex')
    INTO bucket FROM account a WHERE a.tenant_id = p_tenant AND a.id = p_account;
  bucket := coalesce(bucket, p_channel || '/none');

  SELECT * INTO c FROM circuit WHERE circuit.party = p_party;
  IF c.state = 'open' AND at < greatest(c.probe_at, c.probe_until) THEN
    refused := 'circuit';
    -- A probe under way is mostly answered long before its time is up.
    wait_ms := extract(epoch FROM
      greatest(c.probe_at, least(c.probe_until, at + interval '5 seconds')) - at) * 1000;
    RETURN NEXT;
    RETURN;
  END IF;

  mine := lock_bucket(bucket);
  IF p_shared_burst IS NOT NULL THEN
    shared := lock_bucket(shared_name);
  END IF;
  at := clock_timestamp();
  strikes := mine.strikes;

  free_at := greatest(mine.paused_until,
    greatest(mine.full_at, at) - (p_account_burst - 1) * account_step);
  IF free_at > at THEN
    refused := CASE WHEN mine.paused_until > at THEN 'pause' ELSE 'budget' END;
    wait_ms := take_turn(p_tenant, bucket, free_at, account_step, p_waited);
  ELSIF p_shared_burst IS NOT NULL THEN
    free_at := greatest(shared.paused_until,
      greatest(shared.full_at, at) - (p_shared_burst - 1) * shared_step);
    IF free_at > at THEN
      refused := CASE WHEN shared.paused_until > at THEN 'pause' ELSE 'budget' END;
      wait_ms := take_turn(p_tenant, shared_name, free_at, shared_step, p_waited);
    END IF;
  END IF;
  IF refused IS NOT NULL THEN
    RETURN NEXT;
    RETURN;
  END IF;

  IF p_at_once IS NOT NULL THEN
    SELECT s INTO slot FROM generate_series(1, p_at_once) s WHERE NOT EXISTS (
      SELECT FROM call_lease l WHERE l.bucket = begin_call.bucket AND l.slot = s AND l.expires_at > at)
      LIMIT 1;
    IF slot IS NULL THEN
      refused := 'lease';
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;

  IF c.state = 'open' THEN
    UPDATE circuit SET probe_until = at + probe_lasts WHERE party = p_party AND state = 'open'
      AND probe_at <= at AND (probe_until IS NULL OR probe_until <= at);
    probing := FOUND;
    IF NOT probing THEN
      refused := 'circuit';
      RETURN NEXT;
      RETURN;
    END IF;
  ELSIF c.state = 'ramp' AND at < c.ramp_from + ramp_lasts THEN
    ramp_step := interval '1 second' / (ramp_first *
      2 ^ (extract(epoch FROM at - c.ramp_from) / extract(epoch FROM ramp_doubles)));
    UPDATE circuit SET ramp_at = greatest(ramp_at, at - ramp_step) + ramp_step
      WHERE party = p_party AND state = 'ramp' AND ramp_at <= at;
    IF NOT FOUND THEN
      refused := 'circuit';
      RETURN NEXT;
      RETURN;
    END IF;
  END IF;
  suspect := coalesce(c.failures > 0 AND c.state <> 'open', false);

  UPDATE call_bucket b SET full_at = greatest(b.full_at, at) + account_step
    WHERE b.bucket = begin_call.bucket;
  IF p_shared_burst IS NOT NULL THEN
    UPDATE call_bucket b SET full_at = greatest(b.full_at, at) + shared_step
      WHERE b.bucket = shared_name;
  END IF;
  IF slot IS NOT NULL THEN
    INSERT INTO call_lease AS l (bucket, slot, holder, expires_at)
    VALUES (begin_call.bucket, begin_call.slot, p_holder, at + p_lease_ms * ms)
    ON CONFLICT ON CONSTRAINT call_lease_pkey
      DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at;
  END IF;
  RETURN NEXT;
END $$;

CREATE FUNCTION lock_bucket(p_bucket text) RETURNS call_bucket LANGUAGE plpgsql AS $$
DECLARE
  found_one call_bucket;
BEGIN
  LOOP
    SELECT * INTO found_one FROM call_bucket WHERE bucket = p_bucket FOR UPDATE;
    IF FOUND THEN
      RETURN found_one;
    END IF;
    INSERT INTO call_bucket (bucket, full_at) VALUES (p_bucket, clock_timestamp())
    ON CONFLICT DO NOTHING;
  END LOOP;
END $$;

-- A tenant's next turn at a bucket, in milliseconds from now: after its own that wait already, at the
-- share that is left when every tenant in line has as much. Turns are a little closer than
-- tokens: who comes too early is told again, but a token that nobody is there for is lost to all.
-- Who has waited already stands at the front: it does not make the line longer.
CREATE FUNCTION take_turn(p_tenant text, p_bucket text, p_from timestamptz, p_step interval, p_waited boolean)
RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
  at timestamptz := clock_timestamp();
  in_line integer;
  ends_at timestamptz;
  step interval;
BEGIN
  IF p_waited THEN
    RETURN extract(epoch FROM p_from - at + p_step * random() * 10) * 1000;
  END IF;
  SELECT count(*) + 1 INTO in_line FROM call_turn
    WHERE bucket = p_bucket AND next_at > at AND tenant_id <> p_tenant;
  step := p_step * in_line * 0.9;
  INSERT INTO call_turn AS t (tenant_id, bucket, next_at) VALUES (p_tenant, p_bucket, p_from + step)
  ON CONFLICT (tenant_id, bucket) DO UPDATE SET next_at = greatest(t.next_at, p_from) + step
  RETURNING next_at INTO ends_at;
  RETURN extract(epoch FROM ends_at - step - at) * 1000;
END $$;

-- What a call made known: its surplus of requests, a refusal that stops its bucket, whether the host
-- is up. Only called when there is something to say.
CREATE FUNCTION end_call(
  p_party text, p_bucket text, p_slot integer, p_holder uuid, p_probing boolean, p_outcome text,
  p_surplus integer, p_account_period_ms float8, p_shared_period_ms float8,
  p_pause text, p_pause_ms float8, p_burst integer
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ms CONSTANT interval := '1 millisecond';
  at timestamptz := clock_timestamp();
  shared_name text := 'shared/' || p_party;
  rested text := CASE p_pause WHEN 'account' THEN p_bucket WHEN 'shared' THEN shared_name END;
BEGIN
  PERFORM set_config('synchronous_commit', 'off', true);
  IF p_slot IS NOT NULL THEN
    UPDATE call_lease SET expires_at = '-infinity'
      WHERE bucket = p_bucket AND slot = p_slot AND holder = p_holder;
  END IF;
  IF p_surplus > 0 OR p_outcome = 'alive' AND rested IS NULL THEN
    UPDATE call_bucket
      SET full_at = greatest(full_at, at) + greatest(p_surplus, 0) * p_account_period_ms * ms,
        strikes = CASE WHEN p_outcome = 'alive' AND rested IS NULL THEN 0 ELSE strikes END
      WHERE bucket = p_bucket AND (p_surplus > 0 OR strikes > 0);
    UPDATE call_bucket SET full_at = greatest(full_at, at) + p_surplus * p_shared_period_ms * ms
      WHERE bucket = shared_name AND p_surplus > 0 AND p_shared_period_ms IS NOT NULL;
  END IF;
  IF rested IS NOT NULL THEN
    INSERT INTO call_bucket AS b (bucket, full_at, paused_until, strikes)
    VALUES (rested, at, at + p_pause_ms * ms, 1)
    ON CONFLICT (bucket) DO UPDATE SET
      paused_until = greatest(b.paused_until, excluded.paused_until),
      -- Refusals of calls that were under way together are one.
      strikes = b.strikes + CASE WHEN b.paused_until > at THEN 0 ELSE 1 END;
    -- Nothing has been saved up when the rest ends.
    UPDATE call_bucket b SET full_at = greatest(b.full_at, b.paused_until + p_burst *
        CASE p_pause WHEN 'account' THEN p_account_period_ms ELSE coalesce(p_shared_period_ms, 0) END * ms)
      WHERE b.bucket = rested;
  END IF;
  IF p_outcome = 'down' THEN
    PERFORM circuit_failed(p_party, p_probing);
  ELSIF p_outcome = 'alive' THEN
    UPDATE circuit SET failures = 0 WHERE party = p_party AND state <> 'open' AND failures > 0;
    UPDATE circuit SET state = 'ramp', failures = 0, opens = 0, probe_until = NULL, ramp_from = at,
        ramp_at = at
      WHERE party = p_party AND state = 'open' AND p_probing;
  ELSIF p_probing THEN
    UPDATE circuit SET probe_until = NULL WHERE party = p_party AND state = 'open';
  END IF;
END $$;

CREATE FUNCTION circuit_failed(p_party text, p_probing boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  open_after CONSTANT integer := 8;
  -- A host that fails while it is let back in has not recovered.
  open_again_after CONSTANT integer := 3;
  forget_after CONSTANT interval := '60 seconds';
  ramp_lasts CONSTANT interval := '30 seconds';
  at timestamptz := clock_timestamp();
  c circuit;
BEGIN
  INSERT INTO circuit (party, state, failed_at) VALUES (p_party, 'closed', at) ON CONFLICT DO NOTHING;
  SELECT * INTO c FROM circuit WHERE party = p_party FOR UPDATE;
  IF c.state = 'open' AND NOT p_probing THEN
    RETURN; -- It was under way when the circuit opened, and tells nothing new.
  END IF;
  c.failures := CASE WHEN c.failed_at < at - forget_after THEN 1 ELSE c.failures + 1 END;
  IF c.state = 'open' OR c.failures >= open_after
     OR c.state = 'ramp' AND at < c.ramp_from + ramp_lasts AND c.failures >= open_again_after THEN
    UPDATE circuit SET state = 'open', failures = c.failures, failed_at = at, opens = c.opens + 1,
        probe_until = NULL,
        probe_at = at + least(interval '2 seconds' * 2 ^ least(c.opens, 10), interval '60 seconds')
          * (0.8 + random() * 0.4)
      WHERE party = p_party;
  ELSE
    UPDATE circuit SET failures = c.failures, failed_at = at WHERE party = p_party;
  END IF;
END $$;
