import type pg from 'pg';
import type { NeutralEvent } from '../domain/event.ts';
import type { KnownEvent } from '../domain/sync-plan.ts';
import { EVENT_COLUMNS } from './known-events.ts';
import type { ConnectionKey } from './sync.ts';

/** An outside calendar as it is, as it was, and what each pass made of it. */

export interface CurrentEvent {
  nativeId: string;
  rootId: string;
  /** SHA-256 of what it means to us, hex. */
  hash: string;
  event: NeutralEvent;
  /** Not fully understood, or no longer listed: it may block what the channel calls free. */
  isDoubtful: boolean;
}

export async function currentEvents(pool: pg.Pool, key: ConnectionKey): Promise<CurrentEvent[]> {
  const { rows } = await pool.query<CurrentEvent>(
    `SELECT ${EVENT_COLUMNS}, withheld_reason IS NOT NULL OR missing_since IS NOT NULL
        AS "isDoubtful"
       FROM channel_event WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)`,
    [key.tenantId, key.connectionId],
  );
  return rows;
}

/** The same, each series with its exceptions. */
export async function currentSeries(pool: pg.Pool, key: ConnectionKey): Promise<CurrentEvent[][]> {
  const series = new Map<string, CurrentEvent[]>();
  for (const one of await currentEvents(pool, key)) {
    const members = series.get(one.rootId);
    if (members) members.push(one);
    else series.set(one.rootId, [one]);
  }
  return [...series.values()];
}

/** Entries that were current at a moment. */
export async function eventsAsOf(
  pool: pg.Pool,
  key: ConnectionKey,
  at: Date,
): Promise<KnownEvent[]> {
  const { rows } = await pool.query<KnownEvent>(
    `SELECT ${EVENT_COLUMNS} FROM channel_event
      WHERE tenant_id = $1 AND connection_id = $2 AND recorded @> $3::timestamptz`,
    [key.tenantId, key.connectionId, at],
  );
  return rows;
}

/** When the first complete pass ended; null before that, and for a connection that is over. */
export async function knownFrom(pool: pg.Pool, key: ConnectionKey): Promise<Date | null> {
  const { rows } = await pool.query<{ knownFrom: Date | null }>(
    `SELECT known_from AS "knownFrom" FROM connection
      WHERE tenant_id = $1 AND id = $2 AND disconnected_at IS NULL`,
    [key.tenantId, key.connectionId],
  );
  return rows[0]?.knownFrom ?? null;
}

export const PASS_KINDS = ['changes', 'listing', 'repair', 'restore'] as const;

/** A pass that changed something or looked wrong. */
export interface StoredPass {
  position: string;
  fromPosition: string;
  kind: (typeof PASS_KINDS)[number];
  startedAt: Date;
  endedAt: Date;
  added: number;
  changed: number;
  removed: number;
  renamed: number;
  spans: number;
  heldBack: number;
  anomaly: { lost: number; of: number } | null;
}

const PASS_COLUMNS = `position, from_position AS "fromPosition", kind, started_at AS "startedAt",
  ended_at AS "endedAt", added, changed, removed, renamed, spans, held_back AS "heldBack", anomaly`;

/** Newest first. */
export async function listPasses(
  pool: pg.Pool,
  key: ConnectionKey,
  page: { before: string | undefined; limit: number },
): Promise<StoredPass[]> {
  const { rows } = await pool.query<StoredPass>(
    `SELECT ${PASS_COLUMNS} FROM pass
      WHERE tenant_id = $1 AND connection_id = $2 AND ($3::bigint IS NULL OR position < $3)
      ORDER BY position DESC LIMIT $4`,
    [key.tenantId, key.connectionId, page.before ?? null, page.limit],
  );
  return rows;
}

/** What one pass did to one entry: null where there was, or is, none. */
export interface PassChange {
  nativeId: string;
  before: NeutralEvent | null;
  after: NeutralEvent | null;
}

/** By native id; null when there is no such pass. */
export async function changesOfPass(
  pool: pg.Pool,
  key: ConnectionKey,
  page: { position: string; after: string | undefined; limit: number },
): Promise<PassChange[] | null> {
  const ids = [key.tenantId, key.connectionId, page.position];
  const pass = await pool.query<{ from: string }>(
    `SELECT from_position AS "from" FROM pass
      WHERE tenant_id = $1 AND connection_id = $2 AND position = $3`,
    ids,
  );
  const from = pass.rows[0]?.from;
  if (from === undefined) return null;
  const values = [...ids, from, page.after ?? '', page.limit];
  const { rows } = await pool.query<PassChange>(CHANGES_OF_PASS, values);
  return rows;
}

// Before: the version from an earlier pass that this one ended. After: the one it left current. What
// it brought and ended itself was never there.
const CHANGES_OF_PASS = `
  WITH mine AS (
    SELECT native_id, event, true AS is_after FROM channel_event
     WHERE tenant_id = $1 AND connection_id = $2 AND feed_position > $4 AND feed_position <= $3
       AND (upper_inf(recorded) OR ended_position IS NULL OR ended_position > $3)
    UNION ALL
    SELECT native_id, event, false FROM channel_event
     WHERE tenant_id = $1 AND connection_id = $2 AND ended_position > $4 AND ended_position <= $3
       AND feed_position <= $4
  )
  SELECT native_id AS "nativeId", b.event AS before, a.event AS after
    FROM (SELECT * FROM mine WHERE is_after) a
    FULL JOIN (SELECT * FROM mine WHERE NOT is_after) b USING (native_id)
   WHERE native_id > $5 ORDER BY native_id LIMIT $6`;
