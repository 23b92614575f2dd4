-- How a connection is told of changes: pushed or polled, how often, and how far its copy reaches.
ALTER TABLE connection
  -- Follows the calendar's own pace within the bounds that the settings state; null before a poll.
  ADD COLUMN poll_interval_ms integer CHECK (poll_interval_ms > 0),
  -- What it is in fact: longer where the account's budget is spent.
  ADD COLUMN poll_in_force_ms integer CHECK (poll_in_force_ms >= poll_interval_ms),
  -- Position that it was set at, so that a repeated page does not set it twice.
  ADD COLUMN poll_version bigint,
  ADD COLUMN push_refused text
    CHECK (push_refused IN ('no-public-address', 'channel-cannot', 'calendar-refused')),
  -- The channel said that the watch needs care; outlives a lost signal.
  ADD COLUMN watch_wanted_at timestamptz,
  -- For channels that list a fixed stretch of time: nothing is known from here on.
  ADD COLUMN covers_until timestamptz,
  ADD COLUMN window_tried_at timestamptz,
  -- When the edge of the expanded spans was last moved without a pass.
  ADD COLUMN edge_tried_at timestamptz,
  -- When the next pull at somebody's wish is within its rate.
  ADD COLUMN pull_slot_at timestamptz;

ALTER TABLE watch
  -- Known to be gone at the channel; a stopped watch may still live there.
  ADD COLUMN gone_at timestamptz,
  ADD COLUMN orphan_tried_at timestamptz;

-- When the next poll of an account is within its budget.
CREATE TABLE poll_budget (
  tenant_id    text NOT NULL,
  account_id   text NOT NULL,
  next_slot_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, account_id),
  FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id)
);
