-- How a connection's copy is compared with its channel, what each pass changed, and how to undo it.
ALTER TABLE connection
  -- End of the first complete pass: before it there is no past to go back to.
  ADD COLUMN known_from timestamptz,
  -- Start of the last complete listing that was read from no position.
  ADD COLUMN listed_at timestamptz,
  -- Why the pass under way reads everything, or last did.
  ADD COLUMN listing_for text
    CHECK (listing_for IN ('anew', 'absence', 'window', 'nightly', 'free-busy')),
  -- A listing that the next pass is to be, as long as it comes soon.
  ADD COLUMN listing_wanted text CHECK (listing_wanted IN ('nightly', 'free-busy')),
  ADD COLUMN listing_wanted_at timestamptz,
  ADD COLUMN listing_tried_at timestamptz,
  ADD COLUMN compared_at timestamptz,
  -- What the channel's own answer differed by, until a second look.
  ADD COLUMN compared_differs jsonb;

UPDATE connection SET known_from = created_at WHERE confirmed_at IS NOT NULL;

-- The page that ended this version; null while it is the current one.
ALTER TABLE channel_event ADD COLUMN ended_position bigint;
-- The past of one calendar, by the page that brought a version and by the one that ended it. Current
-- versions have indexes of their own.
CREATE INDEX channel_event_past ON channel_event (tenant_id, connection_id, feed_position)
  WHERE NOT upper_inf(recorded);
CREATE INDEX channel_event_ended ON channel_event (tenant_id, connection_id, ended_position)
  WHERE ended_position IS NOT NULL;

-- One row per pass that changed something or looked wrong.
CREATE TABLE pass (
  tenant_id      text NOT NULL,
  connection_id  text NOT NULL,
  -- Its pages are those after `from_position` up to this.
  position       bigint NOT NULL,
  from_position  bigint NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('changes', 'listing', 'repair', 'restore')),
  started_at     timestamptz NOT NULL,
  ended_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  added          integer NOT NULL,
  changed        integer NOT NULL,
  removed        integer NOT NULL,
  renamed        integer NOT NULL,
  -- Busy spans that had to be made anew although no entry changed.
  spans          integer NOT NULL,
  -- Entries no longer listed and still kept.
  held_back      integer NOT NULL,
  -- Set where the channel itself took back more than is usual: so many occurrences of so many.
  anomaly        jsonb,
  PRIMARY KEY (tenant_id, connection_id, position),
  FOREIGN KEY (tenant_id, connection_id) REFERENCES connection (tenant_id, id)
);
