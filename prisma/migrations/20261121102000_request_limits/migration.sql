-- How often callers may ask, over all API processes.

-- A bucket as the instant at which it is full again. It is worth nothing once that instant is past, so
-- a crash may forget it and no log is written for it.
CREATE UNLOGGED TABLE request_bucket (
  tenant_id text NOT NULL REFERENCES tenant (id),
  bucket    text NOT NULL,
  full_at   timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, bucket)
) WITH (fillfactor = 50);
CREATE INDEX request_bucket_full ON request_bucket (full_at);

-- A key's own limits, in place of the setting's.
ALTER TABLE api_key
  ADD COLUMN reads_per_minute integer CHECK (reads_per_minute > 0),
  ADD COLUMN writes_per_minute integer CHECK (writes_per_minute > 0);
