import type pg from 'pg';
import type { BookingRef, ChangeAnswer, StartChange } from '../commands.ts';

/** The rows of changes of a booking: at most one is open, and each can be resumed from its row. */

export type OpenedChange =
  | { kind: 'opened' }
  /** Another one of this booking is open. */
  | { kind: 'busy'; changeId: string }
  /** This one ended before, with this answer. */
  | { kind: 'over'; answer: ChangeAnswer };

/** Repeating it is safe. */
export async function openChange(pool: pg.Pool, input: StartChange): Promise<OpenedChange> {
  const { tenantId, bookingId, changeId, reason } = input;
  const ref = [tenantId, bookingId, changeId];
  await pool.query(
    // Of two that want to be open at one time the unique index lets one be.
    `INSERT INTO booking_change (tenant_id, booking_id, id, kind, reason, ask)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
    [...ref, input.kind, reason, JSON.stringify(input.ask)],
  );
  await pool
    .query(
      `UPDATE booking_change SET state = 'open' WHERE tenant_id = $1 AND booking_id = $2 AND id = $3
          AND state = 'due' AND NOT EXISTS (SELECT FROM booking_change
            WHERE tenant_id = $1 AND booking_id = $2 AND state = 'open')`,
      ref,
    )
    .catch(whenNotUnique);
  // A statement of its own: it sees the row of an earlier attempt that the insert waited for.
  const { rows } = await pool.query<{ id: string; state: string; answer: ChangeAnswer | null }>(
    `SELECT id, state, outcome->'answer' AS answer FROM booking_change
      WHERE tenant_id = $1 AND booking_id = $2 AND (id = $3 AND state <> 'due' OR state = 'open')
      ORDER BY id <> $3 LIMIT 1`,
    ref,
  );
  const row = rows[0];
  if (!row) return { kind: 'busy', changeId };
  if (row.id !== changeId) return { kind: 'busy', changeId: row.id };
  return row.state === 'done'
    ? { kind: 'over', answer: row.answer ?? { kind: 'done' } }
    : { kind: 'opened' };
}

/** Another change was opened at the same moment. */
function whenNotUnique(error: unknown): void {
  if ((error as { code?: string }).code !== '23505') throw error;
}

/** What was asked for by a change, open or over; null when it was never opened. */
export async function findChange(
  pool: pg.Pool,
  ref: BookingRef & { changeId: string },
): Promise<{ kind: StartChange['kind']; ask: Record<string, unknown> } | null> {
  const { rows } = await pool.query<{ kind: StartChange['kind']; ask: Record<string, unknown> }>(
    'SELECT kind, ask FROM booking_change WHERE tenant_id = $1 AND booking_id = $2 AND id = $3',
    [ref.tenantId, ref.bookingId, ref.changeId],
  );
  return rows[0] ?? null;
}

/** Keeps the first answer, for whoever asks for the same change again. */
export async function closeChange(
  pool: pg.Pool,
  input: BookingRef & { changeId: string; answer: ChangeAnswer; outcome: object },
): Promise<void> {
  const { answer, outcome } = input;
  await pool.query(
    `WITH served AS (
       DELETE FROM change_draft WHERE tenant_id = $1 AND booking_id = $2 AND change_id = $3
     ) UPDATE booking_change SET state = 'done', ended_at = clock_timestamp(), outcome = $4
      WHERE tenant_id = $1 AND booking_id = $2 AND id = $3 AND state = 'open'`,
    [input.tenantId, input.bookingId, input.changeId, JSON.stringify({ ...outcome, answer })],
  );
}

/** Changes that were opened long ago and never closed, and those that fell due. */
export async function changesToResume(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<StartChange[]> {
  const { rows } = await pool.query<StartChange>(
    `SELECT tenant_id AS "tenantId", booking_id AS "bookingId", id AS "changeId", kind, ask,
       coalesce(reason, kind) AS reason FROM booking_change c
      WHERE state = 'open' AND created_at < clock_timestamp() - $1 * interval '1 millisecond'
         OR state = 'due' AND due_at <= clock_timestamp()
      ORDER BY coalesce(due_at, created_at) LIMIT $2`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}

/** All whose runs may be stuck: the change that is open, and conflicts that are not settled. */
export async function changesAtWork(pool: pg.Pool, ref: BookingRef): Promise<StartChange[]> {
  const { rows } = await pool.query<StartChange>(
    `SELECT c.tenant_id AS "tenantId", c.booking_id AS "bookingId", id AS "changeId", kind, ask,
       coalesce(reason, kind) AS reason FROM booking_change c
      WHERE tenant_id = $1 AND booking_id = $2 AND state = 'open'
     UNION ALL
     SELECT tenant_id, booking_id, change_id, 'conflict',
       jsonb_build_object('connectionId', connection_id, 'rootId', root_id), 'conflict'
       FROM conflict k WHERE tenant_id = $1 AND booking_id = $2 AND state = 'open'
        AND NOT EXISTS (SELECT FROM booking_change c WHERE c.tenant_id = k.tenant_id
          AND c.booking_id = k.booking_id AND c.id = k.change_id AND c.state = 'open')`,
    [ref.tenantId, ref.bookingId],
  );
  return rows;
}

/** The change that is open, or null. */
export async function openChangeOf(pool: pg.Pool, ref: BookingRef): Promise<string | null> {
  const { rows } = await pool.query<{ id: string }>(
    `SELECT id FROM booking_change WHERE tenant_id = $1 AND booking_id = $2 AND state = 'open'`,
    [ref.tenantId, ref.bookingId],
  );
  return rows[0]?.id ?? null;
}
