-- Calls for accounts that are not stored yet keep within the limits of their channel as all others.

-- Takes what one call needs, all of it or nothing: says go, or why not and when to come back.
-- Locks are taken in one order: the account's bucket, the shared one, the circuit.
CREATE OR REPLACE FUNCTION begin_call(
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
  -- An account that is only about to be stored has a bucket of its own, too: as many tenants may
  -- connect theirs at once as there are.
  bucket := coalesce(bucket, p_channel || '/' || encode(sha256(convert_to(
      p_tenant || '/' || p_account, 'UTF8')), 'hex'));

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
