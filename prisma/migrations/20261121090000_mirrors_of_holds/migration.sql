-- What showed a hold becomes the booking's only where bookings are still shown.
CREATE OR REPLACE FUNCTION move_mirrors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state = 'confirmed' THEN
    UPDATE mirror m SET status = 'confirmed', desired = 'present', desired_version = desired_version + 1,
      updated_at = clock_timestamp()
      FROM connection c
     WHERE m.tenant_id = NEW.tenant_id AND m.subject_id = NEW.id AND m.status = 'tentative'
       AND c.tenant_id = m.tenant_id AND c.id = m.connection_id
       AND coalesce(c.settings->>'mirror', 'busy') <> 'none';
  ELSE
    PERFORM wish_away(NEW.tenant_id, NEW.id);
  END IF;
  RETURN NULL;
END $$;

-- An entry that only got another name keeps its conflicts.
CREATE INDEX conflict_of_connection ON conflict (tenant_id, connection_id, root_id);
