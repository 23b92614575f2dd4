import type pg from 'pg';
import type { ConnectionKey } from './sync.ts';

/** How often accounts are polled, and when a pull at somebody's wish is within its rate. */
export interface Poll {
  accountId: string;
  /** Position that the poll ended at: one poll is counted once. */
  cursorVersion: number;
  /** The interval by the calendar's own pace. */
  intervalMs: number;
  /** What the account's budget allows: one poll in this time. */
  periodMs: number;
}

/**
 * Counts a poll and answers the interval in force until the next: the calendar's own, or what is
 * left of the account's budget for it. Every poll takes the account's next slot, so calendars that
 * together ask too much are spread evenly over the time that the budget needs for all of them.
 */
export async function countPoll(pool: pg.Pool, key: ConnectionKey, poll: Poll): Promise<number> {
  const { rows } = await pool.query<{ inForceMs: number }>(COUNT_POLL, [
    key.tenantId,
    key.connectionId,
    poll.accountId,
    poll.cursorVersion,
    poll.intervalMs,
    poll.periodMs,
  ]);
  return rows[0]?.inForceMs ?? poll.intervalMs;
}

const COUNT_POLL = `
  WITH due AS (
    SELECT FROM connection WHERE tenant_id = $1 AND id = $2 AND poll_version IS DISTINCT FROM $4
  ), slot AS (
    INSERT INTO poll_budget AS b (tenant_id, account_id, next_slot_at)
    SELECT $1, $3, clock_timestamp() + $6 * interval '1 millisecond' FROM due
    ON CONFLICT (tenant_id, account_id) DO UPDATE
      SET next_slot_at = greatest(b.next_slot_at, clock_timestamp()) + $6 * interval '1 millisecond'
    RETURNING next_slot_at
  ), counted AS (
    UPDATE connection SET poll_version = $4, poll_interval_ms = $5,
      poll_in_force_ms = greatest($5::integer,
        least(ceil(date_part('epoch', slot.next_slot_at - clock_timestamp()) * 1000), 2e9)::integer)
    FROM slot WHERE tenant_id = $1 AND id = $2 RETURNING poll_in_force_ms
  )
  SELECT poll_in_force_ms AS "inForceMs" FROM counted
  UNION ALL
  SELECT poll_in_force_ms FROM connection
   WHERE tenant_id = $1 AND id = $2 AND NOT EXISTS (SELECT FROM due)`;

/** One pull at somebody's wish in this time, on the long run. */
export const PULL_PERIOD_MS = 5_000;

/**
 * Takes a slot for a pull at somebody's wish; false when there were enough of them just now. `ahead`
 * is how many may come at once.
 */
export async function takePullSlot(
  pool: pg.Pool,
  key: ConnectionKey,
  { ahead }: { ahead: number },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE connection SET pull_slot_at =
       greatest(pull_slot_at, clock_timestamp()) + $3 * interval '1 millisecond'
     WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL AND (pull_slot_at IS NULL
       OR pull_slot_at <= clock_timestamp() + ($4 - 1) * $3 * interval '1 millisecond')`,
    [key.tenantId, key.connectionId, PULL_PERIOD_MS, ahead],
  );
  return rowCount === 1;
}

/**
 * Takes the one try that reading a channel's next stretch of time has in a while; false when it had
 * it, and then the position that serves goes on serving.
 */
export async function takeWindowTry(
  pool: pg.Pool,
  key: ConnectionKey,
  { nowAt, everyMs }: { nowAt: number; everyMs: number },
): Promise<boolean> {
  const { rowCount } = await pool.query(
    `UPDATE connection SET window_tried_at = $3::timestamptz WHERE tenant_id = $1 AND id = $2
       AND (window_tried_at IS NULL OR window_tried_at <= $3::timestamptz - $4 * interval '1 millisecond')`,
    [key.tenantId, key.connectionId, new Date(nowAt), everyMs],
  );
  return rowCount === 1;
}
