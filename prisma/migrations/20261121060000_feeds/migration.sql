-- Feeds that we publish: one per subscriber, what each was served, and what of it comes back.

CREATE TABLE feed (
  tenant_id   text NOT NULL REFERENCES tenant (id),
  id          text NOT NULL,
  resource_id text NOT NULL,
  -- Null publishes the resource as a whole: what leaves no unit free.
  unit        integer,
  subscriber  text NOT NULL,
  platform    text NOT NULL CHECK (platform IN ('airbnb', 'booking', 'vrbo', 'other')),
  shows       text NOT NULL CHECK (shows IN ('busy', 'reference')),
  token_hash  bytea NOT NULL UNIQUE,
  -- Sealed, so that its owner can be shown the address again.
  token       bytea NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  rotated_at  timestamptz,
  revoked_at  timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, resource_id) REFERENCES resource (tenant_id, id)
);
CREATE INDEX feed_of_resource ON feed (tenant_id, resource_id, id) WHERE revoked_at IS NULL;

-- By which connections we read what the feed's subscriber says.
CREATE TABLE feed_connection (
  tenant_id     text NOT NULL,
  feed_id       text NOT NULL,
  connection_id text NOT NULL,
  PRIMARY KEY (tenant_id, feed_id, connection_id),
  FOREIGN KEY (tenant_id, feed_id) REFERENCES feed (tenant_id, id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id)
);
CREATE INDEX feed_connection_by_connection ON feed_connection (tenant_id, connection_id);

-- One row per content, for as long as a fetch after another brings the same.
CREATE TABLE feed_serving (
  tenant_id text NOT NULL,
  feed_id   text NOT NULL,
  n         bigint GENERATED ALWAYS AS IDENTITY,
  etag      text NOT NULL,
  served    tstzmultirange NOT NULL,
  first_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant_id, feed_id, n),
  FOREIGN KEY (tenant_id, feed_id) REFERENCES feed (tenant_id, id)
);

-- An entry of a subscriber's own calendar that says no more than what that subscriber was served.
CREATE TABLE echo (
  tenant_id     text NOT NULL,
  connection_id text NOT NULL,
  root_id       text NOT NULL,
  feed_id       text NOT NULL,
  since         timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- When its subscriber first fetched a feed without it; it is an ordinary entry a while later.
  gone_since    timestamptz,
  PRIMARY KEY (tenant_id, connection_id, root_id),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id),
  FOREIGN KEY (tenant_id, feed_id) REFERENCES feed (tenant_id, id)
);
CREATE INDEX echo_of_feed ON echo (tenant_id, feed_id);
CREATE INDEX echo_gone ON echo (gone_since) WHERE gone_since IS NOT NULL;

-- The one place that says how long an echo stays one after its source went.
CREATE FUNCTION is_echo(p_tenant text, p_connection text, p_root text) RETURNS boolean
LANGUAGE sql STABLE AS $$
  SELECT EXISTS (SELECT FROM echo WHERE tenant_id = p_tenant AND connection_id = p_connection
    AND root_id = p_root
    AND (gone_since IS NULL OR gone_since > clock_timestamp() - interval '24 hours'));
$$;
