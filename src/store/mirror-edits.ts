import type pg from 'pg';
import { DAY_MS, type Doubt, type Edit, type MirrorAttention } from '../domain/mirror.ts';
import type { MirrorCopy } from '../domain/mirror.ts';
import { transaction, type Queryable } from './database.ts';
import { bookingAttention, lockMirror, settled, takeCallBack, type MirrorTask } from './mirrors.ts';
import type { ConnectionKey } from './sync.ts';

/** What becomes of mirrors that somebody changed outside. Each act is one transaction and one entry. */

export interface DoubtedMirror {
  subjectId: string;
  doubt: Doubt;
}

/** They are to be read before anything is believed of them. Saying it twice changes nothing. */
export async function doubtMirrors(
  pool: pg.Pool,
  key: ConnectionKey,
  doubted: readonly DoubtedMirror[],
): Promise<void> {
  if (doubted.length === 0) return;
  await pool.query(
    `UPDATE mirror m SET doubt = d.doubt, doubt_at = clock_timestamp(), attempts = 0,
       updated_at = clock_timestamp()
     FROM unnest($3::text[], $4::text[]) AS d(id, doubt)
     WHERE m.tenant_id = $1 AND m.connection_id = $2 AND m.subject_id = d.id AND m.desired = 'present'
       -- The channel's own word weighs more than what a listing lacks.
       AND NOT (d.doubt = 'absence' AND m.doubt IS NOT DISTINCT FROM 'tombstone')`,
    [
      key.tenantId,
      key.connectionId,
      doubted.map((one) => one.subjectId),
      doubted.map((one) => one.doubt),
    ],
  );
}

/** It is as we wrote it, or another word is waited for. A person who was called is not needed any more. */
export async function mirrorKept(
  pool: pg.Pool,
  key: ConnectionKey,
  task: MirrorTask & { copy: MirrorCopy | null; isSame: boolean },
): Promise<void> {
  await transaction(pool, async (client) => {
    await lockMirror(client, key, task.bookingId);
    await client.query(
      `UPDATE mirror SET etag = coalesce($4, etag), copy = coalesce($5::jsonb, copy), attempts = 0,
         failure = NULL, ${settled('$6')},
         attention = CASE WHEN $7 THEN NULL ELSE attention END, updated_at = clock_timestamp()
       WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3`,
      [
        key.tenantId,
        key.connectionId,
        task.subjectId,
        task.copy?.etag ?? null,
        task.copy === null ? null : JSON.stringify(task.copy),
        task.doubtMark,
        task.isSame,
      ],
    );
    if (task.isSame) await takeCallBack(client, key, task);
  });
}

/**
 * It is to be written again: under a new generation where nothing is left of it, else over the
 * version that was found.
 */
export async function mirrorToRestore(
  pool: pg.Pool,
  key: ConnectionKey,
  { task, edit, etag }: { task: MirrorTask; edit: Edit; etag: string | null },
): Promise<void> {
  await transaction(pool, async (client) => {
    await lockMirror(client, key, task.bookingId);
    await client.query(RESTORE, [
      key.tenantId,
      key.connectionId,
      task.subjectId,
      edit === 'gone',
      etag,
      task.doubtMark,
      DAY_MS,
      task.desiredVersion,
    ]);
    await enterEdit(client, key, { task, edit, act: 'restore' });
  });
}

// A wish that is newer than the task is not to be outrun: the version rises in any case.
const RESTORE = `
  UPDATE mirror SET desired_version = greatest(desired_version, $8) + 1,
    generation = generation + CASE WHEN $4 THEN 1 ELSE 0 END,
    native_id = CASE WHEN $4 THEN NULL ELSE native_id END,
    copy = CASE WHEN $4 THEN NULL ELSE copy END,
    etag = $5, failure = NULL, attempts = 0, ${settled('$6')},
    restored_at = array(SELECT at FROM unnest(restored_at) AS at
      WHERE at > clock_timestamp() - $7 * interval '1 millisecond') || clock_timestamp(),
    updated_at = clock_timestamp()
  WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3`;

/** A person has to look; until then what is there is left alone. */
export async function mirrorAsks(
  pool: pg.Pool,
  key: ConnectionKey,
  { task, edit, attention }: { task: MirrorTask; edit: Edit; attention: MirrorAttention },
): Promise<void> {
  await transaction(pool, async (client) => {
    await lockMirror(client, key, task.bookingId);
    const { rowCount } = await client.query(
      `UPDATE mirror SET attention = $4, failure = NULL, attempts = 0,
         applied_version = greatest(applied_version, $6), ${settled('$5')},
         updated_at = clock_timestamp()
       WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3 AND desired = 'present'`,
      [
        key.tenantId,
        key.connectionId,
        task.subjectId,
        attention,
        task.doubtMark,
        task.desiredVersion,
      ],
    );
    if (rowCount === 0 || task.attention === attention) return;
    await enterEdit(client, key, { task, edit, act: 'ask' });
    if (task.bookingId !== null)
      await client.query(`SELECT flag_attention($1, $2, $3)`, [
        key.tenantId,
        task.bookingId,
        bookingAttention(attention),
      ]);
  });
}

/** Of the bookings mirrored here and not over: how many were removed at the channel, of how many. */
export async function removalsAt(
  pool: pg.Pool,
  key: ConnectionKey,
): Promise<{ removed: number; live: number }> {
  const { rows } = await pool.query<{ removed: number; live: number }>(
    `SELECT count(*)::integer AS live, count(*) FILTER (
        WHERE doubt = 'tombstone' OR attention = 'many-removed-at-channel')::integer AS removed
       FROM mirror WHERE tenant_id = $1 AND connection_id = $2 AND native_id IS NOT NULL
        AND desired = 'present' AND booking_id IS NOT NULL AND end_at > clock_timestamp()`,
    [key.tenantId, key.connectionId],
  );
  return rows[0]!;
}

/** Its booking was called off as the channel asked. */
export async function mirrorFollowed(
  pool: pg.Pool,
  key: ConnectionKey,
  task: MirrorTask,
): Promise<void> {
  await transaction(pool, async (client) => {
    await lockMirror(client, key, task.bookingId);
    await client.query(
      `UPDATE mirror SET ${settled('$4')}, attempts = 0, updated_at = clock_timestamp()
        WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3`,
      [key.tenantId, key.connectionId, task.subjectId, task.doubtMark],
    );
    await enterEdit(client, key, { task, edit: 'gone', act: 'cancel' });
  });
}

/**
 * A person wants ours written again, and restored as before. False where no such mirror is to be
 * there.
 */
export async function restoreByHand(
  pool: pg.Pool,
  key: ConnectionKey,
  subjectId: string,
): Promise<boolean> {
  return transaction(pool, async (client) => {
    const { rows } = await client.query<Pick<MirrorTask, 'subjectId' | 'bookingId' | 'attention'>>(
      `SELECT subject_id AS "subjectId", booking_id AS "bookingId", attention FROM mirror
        WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3 AND desired = 'present'`,
      [key.tenantId, key.connectionId, subjectId],
    );
    const task = rows[0];
    if (!task) return false;
    await lockMirror(client, key, task.bookingId);
    await client.query(
      `UPDATE mirror SET desired_version = desired_version + 1, attention = NULL, restored_at = '{}',
         -- Whatever is there now is written over.
         copy = NULL, failure = NULL, attempts = 0, updated_at = clock_timestamp()
       WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3 AND desired = 'present'`,
      [key.tenantId, key.connectionId, subjectId],
    );
    await takeCallBack(client, key, task);
    return true;
  });
}

async function enterEdit(
  client: Queryable,
  key: ConnectionKey,
  { task, edit, act }: { task: MirrorTask; edit: Edit; act: 'restore' | 'ask' | 'cancel' },
): Promise<void> {
  const subject =
    task.bookingId === null ? { blockId: task.subjectId } : { bookingId: task.bookingId };
  await client.query(
    `WITH counted AS (
       UPDATE connection SET seq = seq + 1 WHERE tenant_id = $1 AND id = $2 RETURNING seq
     ) SELECT append_entry($1, 'connection/' || $2, seq, 'mirror.edited', $3::jsonb) FROM counted`,
    [key.tenantId, key.connectionId, JSON.stringify({ ...subject, edit, act })],
  );
}
