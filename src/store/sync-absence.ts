import type pg from 'pg';
import type { MissingEvent } from '../domain/deletion-guard.ts';
import type { NeutralEvent } from '../domain/event.ts';
import type { ConnectionKey, OpenPass } from './sync.ts';

/** What a complete listing says by what it does not list. */
export interface Missing extends Omit<MissingEvent, 'renamed'> {
  event: NeutralEvent;
}

/** What a full pass has not listed, its last page (`seen`) included. Exceptions count no time here. */
export async function missingEvents(
  pool: pg.Pool,
  key: ConnectionKey,
  pass: { generation: number; seen: readonly string[] },
): Promise<{ missing: Missing[]; futureSpans: number }> {
  const { rows } = await pool.query<
    Omit<Missing, 'missingSinceAt'> & { missingSinceAt: Date | null }
  >(MISSING_EVENTS, [key.tenantId, key.connectionId, pass.generation, pass.seen]);
  const total = await pool.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM busy
      WHERE tenant_id = $1 AND connection_id = $2 AND NOT stale AND end_at > clock_timestamp()`,
    [key.tenantId, key.connectionId],
  );
  return {
    missing: rows.map((row) => ({ ...row, missingSinceAt: row.missingSinceAt?.getTime() ?? null })),
    futureSpans: total.rows[0]?.count ?? 0,
  };
}

const MISSING_EVENTS = `
  SELECT e.native_id AS "nativeId", e.root_id AS "rootId", e.event,
    e.missing_since AS "missingSinceAt",
    CASE WHEN e.native_id = e.root_id THEN
      (SELECT count(*)::integer FROM busy b WHERE b.tenant_id = $1 AND b.connection_id = $2
        AND b.root_id = e.root_id AND NOT b.stale AND b.end_at > clock_timestamp()) ELSE 0 END AS "futureSpans"
  FROM channel_event e
  WHERE e.tenant_id = $1 AND e.connection_id = $2 AND upper_inf(e.recorded)
    AND e.native_id <> ALL ($4::text[])
    AND NOT EXISTS (SELECT FROM pass_seen s WHERE s.tenant_id = $1 AND s.connection_id = $2
      AND s.generation = $3 AND s.native_id = e.native_id)`;

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
    AND NOT EXISTS (SELECT FROM channel_event o WHERE o.tenant_id = $1 AND o.connection_id = $2
      AND o.native_id = e.native_id AND NOT upper_inf(o.recorded) AND upper(o.recorded) >= $3)`;
