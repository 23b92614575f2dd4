-- What a page of a channel writes, by the thousand rows, costs no more than reading it back asks for.

-- Rows that name their connection or tenant because the statement that makes them reads it, under the
-- connection's lock, and that no statement ever outlives: neither a connection nor a tenant is deleted.
-- A check of each of them against the same one row cost a quarter of applying a page.
ALTER TABLE busy DROP CONSTRAINT busy_tenant_id_connection_id_fkey;
ALTER TABLE pass_seen DROP CONSTRAINT pass_seen_tenant_id_connection_id_fkey;
ALTER TABLE channel_event DROP CONSTRAINT channel_event_tenant_id_connection_id_fkey;
ALTER TABLE journal DROP CONSTRAINT journal_tenant_id_fkey;

-- A version is known by the page that brought it, and its entry: the same key finds the newest one
-- and the versions of a pass, for which there were two indexes beside one of random ids.
ALTER TABLE channel_event DROP CONSTRAINT channel_event_pkey;
ALTER TABLE channel_event DROP COLUMN id;
ALTER TABLE channel_event ADD PRIMARY KEY (tenant_id, connection_id, feed_position, native_id);
DROP INDEX channel_event_newest;
DROP INDEX channel_event_past;

-- Most entries are series of their own, found by their own id: only exceptions are looked for by
-- another.
DROP INDEX channel_event_series;
CREATE INDEX channel_event_exceptions ON channel_event (tenant_id, connection_id, root_id)
  WHERE upper_inf(recorded) AND native_id <> root_id;
