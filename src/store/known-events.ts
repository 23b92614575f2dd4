import type pg from 'pg';
import type { KnownEvent } from '../domain/sync-plan.ts';
import type { ConnectionKey } from './sync.ts';

/** What is known of a connection's calendar, for planning a page. */

/** The current entries of every series that one of these native ids belongs to. */
export async function knownEvents(
  pool: pg.Pool,
  key: ConnectionKey,
  nativeIds: readonly string[],
): Promise<Map<string, KnownEvent>> {
  const ids = [key.tenantId, key.connectionId];
  const named = await pool.query<KnownEvent>(ENTRIES, [...ids, nativeIds]);
  const asked = new Set(nativeIds);
  const others = named.rows.map((one) => one.rootId).filter((id) => !asked.has(id));
  const series =
    others.length === 0 ? [] : (await pool.query<KnownEvent>(ENTRIES, [...ids, others])).rows;
  const exceptions = await pool.query<KnownEvent>(EXCEPTIONS, [...ids, [...nativeIds, ...others]]);
  const rows = [...named.rows, ...series, ...exceptions.rows];
  return new Map(rows.map((row) => [row.nativeId, row]));
}

/** As planning reads them. */
export const EVENT_COLUMNS = `native_id AS "nativeId", root_id AS "rootId",
  encode(hash, 'hex') AS hash, event, withheld_reason AS "withheldReason"`;

// With a list each: as one statement, what the first finds is unknown when its plan is made.
const ENTRIES = `
  SELECT ${EVENT_COLUMNS} FROM channel_event
  WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)
    AND native_id = ANY ($3::text[])`;

const EXCEPTIONS = `
  SELECT ${EVENT_COLUMNS} FROM channel_event
  WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)
    AND root_id = ANY ($3::text[]) AND native_id <> root_id`;

/**
 * Series to expand again: all when what they were expanded with is no longer so; when the horizon
 * moved, recurring ones and those that lie beyond the edge so far. Without those of which an entry was
 * written after the position `notAfter`.
 */
export async function rootsToExpand(
  pool: pg.Pool,
  key: ConnectionKey,
  which: { all: boolean; recurring: boolean; notAfter: number | null },
): Promise<string[]> {
  if (!which.all && !which.recurring) return [];
  const { rows } = await pool.query<{ rootId: string }>(ROOTS_TO_EXPAND, [
    key.tenantId,
    key.connectionId,
    which.all,
    which.notAfter,
  ]);
  return rows.map((row) => row.rootId);
}

// Two days cover what a zone and the end of a day can make of a date.
const ROOTS_TO_EXPAND = `
  SELECT e.root_id AS "rootId" FROM channel_event e
  WHERE e.tenant_id = $1 AND e.connection_id = $2 AND upper_inf(e.recorded)
  GROUP BY e.root_id
  HAVING ($4::bigint IS NULL OR max(e.feed_position) <= $4)
    AND ($3 OR bool_or(jsonb_array_length(e.event->'recurrence') > 0
      OR left(coalesce(e.event->'end'->>'date', e.event->'end'->>'local', e.event->'end'->>'at',
          e.event->'start'->>'date', e.event->'start'->>'local', e.event->'start'->>'at'), 10)
        >= (SELECT to_char(c.expanded_until - interval '2 days', 'YYYY-MM-DD') FROM connection c
             WHERE c.tenant_id = $1 AND c.id = $2)))`;
