import type pg from 'pg';
import type { BookingRef } from '../commands.ts';
import { DEFAULT_CONNECTION_SETTINGS, freshnessBoundMs } from '../domain/connection.ts';
import type { Recheck, StaleCopy } from '../domain/connection.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../domain/resource.ts';
import type { ResourceSettings } from '../domain/resource.ts';

const { safetyPollIntervalMs, pollMinMs } = DEFAULT_CONNECTION_SETTINGS;
const SLACK_MS = freshnessBoundMs(DEFAULT_CONNECTION_SETTINGS, { watched: false, pollMs: 0 });

/**
 * Null when every copy is within its bound, as it nearly always is. Of the booking `$2` of tenant
 * `$1`, before it is confirmed; the bound is `freshnessBoundMs`.
 */
export const STALE_COPIES = `
  SELECT json_agg(json_build_object('id', c.id,
           'unread', c.status IN ('paused', 'needs-reauthorization')) ORDER BY c.id)
    FROM booking b JOIN connection c ON c.tenant_id = b.tenant_id
     AND c.resource_id = ANY (b.also_locks || b.resource_id)
   WHERE b.tenant_id = $1 AND b.id = $2 AND b.confirmed_at IS NULL AND b.ended_at IS NULL
     AND c.disconnected_at IS NULL AND (c.confirmed_at IS NULL OR c.confirmed_at < statement_timestamp()
       - (${SLACK_MS} + CASE WHEN c.watched_until > statement_timestamp()
           THEN coalesce((c.settings->>'safetyPollIntervalMs')::bigint, ${safetyPollIntervalMs})
           ELSE coalesce(c.poll_in_force_ms, (c.settings->>'pollMinMs')::bigint, ${pollMinMs}) END)
         * interval '1 millisecond')`;

export async function staleCopies(pool: pg.Pool, ref: BookingRef): Promise<StaleCopy[]> {
  const { rows } = await pool.query<{ stale: StaleCopy[] | null }>({
    name: 'stale-copies',
    text: `SELECT (${STALE_COPIES}) AS stale`,
    values: [ref.tenantId, ref.bookingId],
  });
  return rows[0]?.stale ?? [];
}

/** How long a booking's resource lets such copies be waited for, and what follows. */
export async function recheckRule(
  pool: pg.Pool,
  ref: BookingRef,
): Promise<ResourceSettings['recheck']> {
  const { rows } = await pool.query<{ rule: Partial<ResourceSettings['recheck']> | null }>(
    `SELECT r.settings->'recheck' AS rule FROM booking b
       JOIN resource r ON r.tenant_id = b.tenant_id AND r.id = b.resource_id
      WHERE b.tenant_id = $1 AND b.id = $2`,
    [ref.tenantId, ref.bookingId],
  );
  return { ...DEFAULT_RESOURCE_SETTINGS.recheck, ...rows[0]?.rule };
}

/** On the booking and in its journal; repeating it changes nothing. */
export async function recordRecheck(
  pool: pg.Pool,
  input: BookingRef & { outcome: Recheck; connections: readonly string[] },
): Promise<void> {
  const { tenantId, bookingId, outcome, connections } = input;
  const values = [tenantId, bookingId, outcome, connections];
  await pool.query('SELECT record_recheck($1, $2, $3, $4)', values);
}
