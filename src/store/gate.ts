import { createHash, timingSafeEqual } from 'node:crypto';
import type pg from 'pg';
import { DEFAULT_CONNECTION_SETTINGS } from '../domain/connection.ts';
import type { ConnectionKey } from './sync.ts';

/** The notification gate: one statement marks a connection dirty and says whether it was clean. */
export type Marked =
  | { kind: 'unknown' }
  | {
      kind: 'marked';
      tenantId: string;
      connectionId: string;
      wasClean: boolean;
      /** We were done with this watch, and it still speaks. */
      stopped: boolean;
    };

/** Watch secrets are random and long, so a plain digest keeps them safe at rest. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/**
 * `unknown` for a watch we never made or a wrong secret. A notification of a stopped watch still
 * counts: its channel may have sent it before it heard of the stop.
 */
export async function markDirty(
  pool: pg.Pool,
  hint: { watchId: string; secret: string },
): Promise<Marked> {
  const presented = hashSecret(hint.secret);
  const { rows } = await pool.query<MarkRow>({
    name: 'mark-dirty',
    text: MARK_DIRTY,
    values: [hint.watchId, presented],
  });
  const row = rows[0];
  if (!row || !timingSafeEqual(row.secretHash, presented)) return { kind: 'unknown' };
  const { tenantId, connectionId, wasClean, stopped } = row;
  return { kind: 'marked', tenantId, connectionId, wasClean, stopped };
}

interface MarkRow {
  tenantId: string;
  connectionId: string;
  secretHash: Buffer;
  wasClean: boolean;
  stopped: boolean;
}

const MARK_DIRTY = `
  WITH told AS (
    SELECT tenant_id, connection_id, secret_hash, stopped_at IS NOT NULL AS stopped
      FROM watch WHERE id = $1
  ), marked AS (
    UPDATE connection c SET dirty = true, dirty_at = clock_timestamp(), notified_at = clock_timestamp()
    FROM told WHERE c.tenant_id = told.tenant_id AND c.id = told.connection_id
      AND told.secret_hash = $2 AND NOT c.dirty AND c.disconnected_at IS NULL RETURNING 1
  ) SELECT tenant_id AS "tenantId", connection_id AS "connectionId", secret_hash AS "secretHash",
      stopped, EXISTS (SELECT FROM marked) AS "wasClean" FROM told`;

/**
 * Marks a connection whose channel says that the watch itself needs care: it is to be extended
 * (`renew`), or it is gone (`lost`) and polling carries the connection until there is a new one. The
 * wish stands in the row, so it outlives a lost signal. Of a watch that we are done with, only the
 * look remains.
 */
export async function markWatchWanted(
  pool: pg.Pool,
  hint: { watchId: string; secret: string; kind: 'renew' | 'lost' },
): Promise<Marked> {
  const presented = hashSecret(hint.secret);
  const { rows } = await pool.query<MarkRow>(MARK_WATCH_WANTED, [
    hint.watchId,
    presented,
    hint.kind === 'lost',
  ]);
  const row = rows[0];
  if (!row || !timingSafeEqual(row.secretHash, presented)) return { kind: 'unknown' };
  const { tenantId, connectionId, wasClean, stopped } = row;
  return { kind: 'marked', tenantId, connectionId, wasClean, stopped };
}

const MARK_WATCH_WANTED = `
  WITH told AS (
    SELECT tenant_id, id, connection_id, secret_hash, stopped_at IS NOT NULL AS stopped
      FROM watch WHERE id = $1
  ), lost AS (
    UPDATE watch w SET gone_at = clock_timestamp(),
      stopped_at = coalesce(w.stopped_at, clock_timestamp())
    FROM told WHERE $3 AND w.tenant_id = told.tenant_id AND w.id = told.id AND told.secret_hash = $2
  ), marked AS (
    UPDATE connection c SET dirty = true, dirty_at = clock_timestamp(),
      notified_at = CASE WHEN c.dirty THEN c.notified_at ELSE clock_timestamp() END,
      watch_wanted_at = CASE WHEN told.stopped THEN c.watch_wanted_at ELSE clock_timestamp() END,
      watched_until = CASE WHEN $3 AND NOT told.stopped THEN NULL ELSE c.watched_until END
    FROM told WHERE c.tenant_id = told.tenant_id AND c.id = told.connection_id
      AND told.secret_hash = $2 AND c.disconnected_at IS NULL RETURNING 1
  ) SELECT tenant_id AS "tenantId", connection_id AS "connectionId", secret_hash AS "secretHash",
      stopped, EXISTS (SELECT FROM marked) AS "wasClean" FROM told`;

/** Longer than any poll may be late while its run is there. */
const INTERVALS_LATE = 3;

/**
 * Connections that nobody has confirmed for several of their intervals: their run is gone, or it
 * needs no telling. Each is answered once in that time, through `dirty_at`.
 */
export async function leftAlone(
  pool: pg.Pool,
  options: { limit: number },
): Promise<ConnectionKey[]> {
  const { rows } = await pool.query<ConnectionKey>(LEFT_ALONE, [
    options.limit,
    INTERVALS_LATE,
    DEFAULT_CONNECTION_SETTINGS.pollMinMs,
    DEFAULT_CONNECTION_SETTINGS.safetyPollIntervalMs,
  ]);
  return rows;
}

const LEFT_ALONE = `
  WITH left_alone AS MATERIALIZED (
    SELECT tenant_id, id FROM connection
     WHERE disconnected_at IS NULL AND status NOT IN ('paused', 'needs-reauthorization')
       AND greatest(dirty_at, coalesce(confirmed_at, created_at)) < clock_timestamp()
         - $2 * interval '1 millisecond' * CASE WHEN watched_until > clock_timestamp()
             THEN coalesce((settings->>'safetyPollIntervalMs')::float8, $4)
             ELSE coalesce(poll_in_force_ms, (settings->>'pollMinMs')::float8, $3) END
     ORDER BY dirty_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
  UPDATE connection c SET dirty_at = clock_timestamp() FROM left_alone l
   WHERE c.tenant_id = l.tenant_id AND c.id = l.id
  RETURNING c.tenant_id AS "tenantId", c.id AS "connectionId"`;

/** Connections whose mark nobody has answered for a while: their signal was lost. */
export async function leftDirty(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<ConnectionKey[]> {
  const { rows } = await pool.query<ConnectionKey>(
    // Materialized, because a plan that runs it again for each row would pass the limit.
    `WITH left_dirty AS MATERIALIZED (
       SELECT tenant_id, id FROM connection
        WHERE dirty AND disconnected_at IS NULL AND status NOT IN ('paused', 'needs-reauthorization')
          AND dirty_at < clock_timestamp() - $1 * interval '1 millisecond'
        ORDER BY dirty_at LIMIT $2 FOR NO KEY UPDATE SKIP LOCKED)
     UPDATE connection c SET dirty_at = clock_timestamp() FROM left_dirty l
      WHERE c.tenant_id = l.tenant_id AND c.id = l.id
     RETURNING c.tenant_id AS "tenantId", c.id AS "connectionId"`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}

/**
 * Connections whose account a person opened again, and which no pass has gone by yet: their signal
 * was lost, or a pass that was under way with the old grant has closed them once more. Only the
 * signal of a re-authorization ends the rest that a refused connection takes.
 */
export async function leftReopened(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<ConnectionKey[]> {
  const { rows } = await pool.query<ConnectionKey>(LEFT_REOPENED, [
    options.olderThanMs,
    options.limit,
  ]);
  return rows;
}

// The mark in dirty is what a re-authorization leaves and the next pass takes away.
const LEFT_REOPENED = `
  WITH left_reopened AS MATERIALIZED (
    SELECT c.tenant_id, c.id FROM connection c
      JOIN account a ON a.tenant_id = c.tenant_id AND a.id = c.account_id
     WHERE c.dirty AND c.disconnected_at IS NULL AND a.state = 'active'
       AND (c.status = 'needs-reauthorization'
         OR c.status = 'lagging' AND c.status_reason = 'reauthorized')
       AND c.dirty_at < clock_timestamp() - $1 * interval '1 millisecond'
     ORDER BY c.dirty_at LIMIT $2 FOR NO KEY UPDATE OF c SKIP LOCKED)
  UPDATE connection c SET dirty_at = clock_timestamp() FROM left_reopened l
   WHERE c.tenant_id = l.tenant_id AND c.id = l.id
  RETURNING c.tenant_id AS "tenantId", c.id AS "connectionId"`;
