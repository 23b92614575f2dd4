import type pg from 'pg';
import type { MissingEvent } from '../domain/deletion-guard.ts';
import type { NeutralEvent } from '../domain/event.ts';
import type { ConnectionKey, OpenPass } from './sync.ts';

/** What a complete listing says by what it does not list. */
export interface Missing extends Omit<MissingEvent, 'renamed'> {
  event: NeutralEvent;
}

/**
 * What a full pass that began at `from` has not listed, its last page (`seen`) included. Exceptions
 * count no time here.
 */
export async function missingEvents(
  pool: pg.Pool,
  key: ConnectionKey,
  pass: { generation: number; from: number; seen: readonly string[] },
): Promise<{ missing: Missing[]; futureSpans: number }> {
  const ids = [key.tenantId, key.connectionId];
  const unlisted = await pool.query<{ nativeId: string }>(UNLISTED, [
    ...ids,
    pass.generation,
    pass.seen,
    pass.from,
  ]);
  if (unlisted.rows.length === 0) return { missing: [], futureSpans: 0 };
  const { rows } = await pool.query<
    Omit<Missing, 'missingSinceAt'> & { missingSinceAt: Date | null }
  >(MISSING_EVENTS, [...ids, unlisted.rows.map((one) => one.nativeId)]);
  const total = await pool.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM busy
      WHERE tenant_id = $1 AND connection_id = $2 AND NOT stale AND end_at > clock_timestamp()`,
    ids,
  );
  return {
    missing: rows.map((row) => ({ ...row, missingSinceAt: row.missingSinceAt?.getTime() ?? null })),
    futureSpans: total.rows[0]?.count ?? 0,
  };
}

// As a difference of sets: a join is planned for the few rows that a new connection is guessed to
// have, and then compares each of its entries with each.
const UNLISTED = `
  SELECT native_id AS "nativeId" FROM channel_event
   WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded) AND feed_position <= $5
  EXCEPT (
    SELECT native_id FROM pass_seen
     WHERE tenant_id = $1 AND connection_id = $2 AND generation = $3
    UNION ALL SELECT unnest($4::text[]))`;

const MISSING_EVENTS = `
  SELECT e.native_id AS "nativeId", e.root_id AS "rootId", e.event,
    e.missing_since AS "missingSinceAt",
    CASE WHEN e.native_id = e.root_id THEN
      (SELECT count(*)::integer FROM busy b WHERE b.tenant_id = $1 AND b.connection_id = $2
        AND b.root_id = e.root_id AND NOT b.stale AND b.end_at > clock_timestamp()) ELSE 0 END AS "futureSpans"
  FROM channel_event e
  WHERE e.tenant_id = $1 AND e.connection_id = $2 AND upper_inf(e.recorded)
    AND e.native_id = ANY ($3::text[])`;

/** Entries that earlier pages of the open pass brought and that were never there before it. */
export async function addedInPass(
  pool: pg.Pool,
  key: ConnectionKey,
  pass: Pick<OpenPass, 'passStartedAt'>,
): Promise<NeutralEvent[]> {
  const { rows } = await pool.query<{ event: NeutralEvent }>(ADDED_IN_PASS, [
    key.tenantId,
    key.connectionId,
    new Date(pass.passStartedAt),
  ]);
  return rows.map((row) => row.event);
}

const ADDED_IN_PASS = `
  SELECT e.event FROM channel_event e
  WHERE e.tenant_id = $1 AND e.connection_id = $2 AND upper_inf(e.recorded)
    AND lower(e.recorded) >= $3
    AND e.native_id NOT IN (SELECT o.native_id FROM channel_event o WHERE o.tenant_id = $1
      AND o.connection_id = $2 AND NOT upper_inf(o.recorded) AND upper(o.recorded) >= $3)`;
