import { timingSafeEqual } from 'node:crypto';
import type pg from 'pg';
import { hashSecret, markDirty, type Marked } from './gate.ts';

/** Marks a connection as `markDirty` does, many callers sharing one statement. */
export type Mark = (hint: Hint) => Promise<Marked>;

interface Hint {
  watchId: string;
  secret: string;
}

interface Waiting {
  hint: Hint;
  presented: Buffer;
  resolve: (marked: Marked) => void;
  reject: (error: unknown) => void;
}

const STATEMENTS_AT_ONCE = 2;
const LARGEST_BATCH = 200;

/**
 * Whoever comes while statements are under way shares the next one, so a storm of notifications
 * costs the database a handful of statements. Each caller is answered after the commit of his.
 */
export function createMarker(pool: pg.Pool): Mark {
  let waiting: Waiting[] = [];
  let running = 0;
  const run = async (batch: Waiting[]) => {
    try {
      await markBatch(pool, batch);
    } catch (error) {
      for (const one of batch) one.reject(error);
    } finally {
      running -= 1;
      next();
    }
  };
  const next = () => {
    while (waiting.length > 0 && running < STATEMENTS_AT_ONCE) {
      const batch = waiting.slice(0, LARGEST_BATCH);
      waiting = waiting.slice(LARGEST_BATCH);
      running += 1;
      void run(batch);
    }
  };
  return (hint) =>
    new Promise((resolve, reject) => {
      waiting.push({ hint, presented: hashSecret(hint.secret), resolve, reject });
      // After all that arrived in this turn of the event loop.
      if (waiting.length === 1) setImmediate(next);
    });
}

async function markBatch(pool: pg.Pool, batch: readonly Waiting[]): Promise<void> {
  const { rows } = await pool.query<Row>({
    name: 'mark-dirty-batch',
    text: MARK_BATCH,
    values: [batch.map((one) => one.hint.watchId), batch.map((one) => one.presented)],
  });
  const found = new Map(rows.map((row) => [row.n, row]));
  const woken = new Set<string>();
  for (const [index, one] of batch.entries()) {
    const row = found.get(index + 1);
    if (!row || !timingSafeEqual(row.secretHash, one.presented)) one.resolve({ kind: 'unknown' });
    else if (row.busy) markDirty(pool, one.hint).then(one.resolve, one.reject);
    else {
      const { tenantId, connectionId, stopped } = row;
      const key = `${tenantId}/${connectionId}`;
      // Of several hints about one connection, one finds it clean.
      const wasClean = row.marked && !woken.has(key);
      if (wasClean) woken.add(key);
      one.resolve({ kind: 'marked', tenantId, connectionId, wasClean, stopped });
    }
  }
}

interface Row {
  n: number;
  tenantId: string;
  connectionId: string;
  secretHash: Buffer;
  stopped: boolean;
  marked: boolean;
  /** Somebody has the row: it is marked by a statement of its own, so that the others need not wait. */
  busy: boolean;
}

/** Rows that are locked are left out rather than waited for; hence two batches cannot deadlock. */
const MARK_BATCH = `
  WITH told AS MATERIALIZED (
    SELECT h.n, w.tenant_id, w.connection_id, w.secret_hash, w.secret_hash = h.presented AS opens,
        w.stopped_at IS NOT NULL AS stopped
      FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS h (watch_id, presented, n)
      JOIN watch w ON w.id = h.watch_id
  ), clean AS MATERIALIZED (
    SELECT c.tenant_id, c.id FROM connection c
     WHERE (c.tenant_id, c.id) IN (SELECT tenant_id, connection_id FROM told WHERE opens)
       AND NOT c.dirty AND c.disconnected_at IS NULL
  ), locked AS MATERIALIZED (
    SELECT c.tenant_id, c.id FROM connection c JOIN clean USING (tenant_id, id)
     WHERE NOT c.dirty FOR NO KEY UPDATE OF c SKIP LOCKED
  ), marked AS (
    UPDATE connection c SET dirty = true, dirty_at = clock_timestamp(), notified_at = clock_timestamp()
      FROM locked l WHERE c.tenant_id = l.tenant_id AND c.id = l.id RETURNING c.tenant_id, c.id
  ) SELECT t.n::int AS n, t.tenant_id AS "tenantId", t.connection_id AS "connectionId",
      t.secret_hash AS "secretHash", t.stopped, m.id IS NOT NULL AS marked,
      k.id IS NOT NULL AND m.id IS NULL AS busy
    FROM told t
    LEFT JOIN clean k ON t.opens AND k.tenant_id = t.tenant_id AND k.id = t.connection_id
    LEFT JOIN marked m ON t.opens AND m.tenant_id = t.tenant_id AND m.id = t.connection_id`;
