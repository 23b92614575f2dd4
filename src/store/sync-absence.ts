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
    Omit<Missing, 'missingSinceAt' | 'futureSpans'> & { missingSinceAt: Date | null }
  >(MISSING_EVENTS, [...ids, unlisted.rows.map((one) => one.nativeId)]);
  const counted = await pool.query<{ rootId: string; count: number }>(SPANS_AHEAD, [
    ...ids,
    rows.filter((row) => row.nativeId === row.rootId).map((row) => row.rootId),
  ]);
  const ahead = new Map(counted.rows.map((row) => [row.rootId, row.count]));
  const total = await pool.query<{ count: number }>(KNOWN_SPANS, [...ids, pass.from]);
  return {
    missing: rows.map((row) => ({
      ...row,
      missingSinceAt: row.missingSinceAt?.getTime() ?? null,
      futureSpans: row.nativeId === row.rootId ? (ahead.get(row.rootId) ?? 0) : 0,
    })),
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

// Without series that this pass brought: a listing of another calendar must not seem to lose little
// because it has much of its own. Gathered by series: joined, each would be compared with each.
const KNOWN_SPANS = `
  SELECT coalesce(sum(spans), 0)::integer AS count FROM (
    SELECT sum(span) AS spans, bool_and(is_new) AS is_new FROM (
      SELECT root_id, 1 AS span, NULL::boolean AS is_new FROM busy
       WHERE tenant_id = $1 AND connection_id = $2 AND NOT stale AND end_at > clock_timestamp()
      UNION ALL
      SELECT root_id, 0, feed_position > $3 FROM channel_event
       WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)
      UNION ALL
      SELECT root_id, 0, false FROM channel_event
       WHERE tenant_id = $1 AND connection_id = $2 AND ended_position > $3
    ) AS fact GROUP BY root_id
  ) AS root WHERE is_new IS NOT TRUE`;

const MISSING_EVENTS = `
  SELECT native_id AS "nativeId", root_id AS "rootId", event, missing_since AS "missingSinceAt"
  FROM channel_event
  WHERE tenant_id = $1 AND connection_id = $2 AND upper_inf(recorded)
    AND native_id = ANY ($3::text[])`;

const SPANS_AHEAD = `
  SELECT root_id AS "rootId", count(*)::integer AS count FROM busy
  WHERE tenant_id = $1 AND connection_id = $2 AND root_id = ANY ($3::text[]) AND NOT stale
    AND end_at > clock_timestamp() GROUP BY root_id`;

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
