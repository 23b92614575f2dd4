import type pg from 'pg';
import type { ConnectionKey } from '../../../src/store/sync.ts';

/** What the store holds of the connection that a test is about just now. */
export function copyOf(pool: pg.Pool, keyOf: () => ConnectionKey) {
  const entries = async (like = 'connection.%') => {
    const { rows } = await pool.query<{ type: string; data: Record<string, unknown> }>(
      'SELECT type, data FROM journal WHERE subject = $1 AND type LIKE $2 ORDER BY seq',
      [`connection/${keyOf().connectionId}`, like],
    );
    return rows.filter(
      (one) => one.type !== 'connection.live' && one.type !== 'connection.guarded',
    );
  };
  const busy = async () => {
    const { rows } = await pool.query<{ root: string }>(
      'SELECT root_id AS root FROM busy WHERE connection_id = $1 ORDER BY start_at',
      [keyOf().connectionId],
    );
    return rows.map((row) => row.root);
  };
  const row = async () => {
    const { rows } = await pool.query<Record<string, unknown>>(
      'SELECT * FROM connection WHERE id = $1',
      [keyOf().connectionId],
    );
    return rows[0]!;
  };
  return { entries, busy, row };
}
