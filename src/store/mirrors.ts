import type pg from 'pg';
import type { Doubt, MirrorAttention, MirrorCopy } from '../domain/mirror.ts';
import { transaction, type Queryable } from './database.ts';
import type { ConnectionKey } from './sync.ts';

/** Desired state of a booking, hold or block in one outside calendar, and how far it is carried out. */
export interface MirrorTask {
  subjectId: string;
  /** A hold is a booking; a block has none. */
  bookingId: string | null;
  status: 'confirmed' | 'tentative';
  desired: 'present' | 'absent';
  desiredVersion: number;
  /** 0 where none was. */
  appliedVersion: number;
  /** Attempts since then, this one not included. */
  attempts: number;
  generation: number;
  nativeId: string | null;
  etag: string | null;
  /** As it was read back after the last write; null where that could not be read. */
  copy: MirrorCopy | null;
  doubt: Doubt | null;
  /** Tells this doubt from one that comes meanwhile. */
  doubtMark: string | null;
  restoredAt: Date[];
  attention: MirrorAttention | null;
  startAt: Date;
  endAt: Date;
}

const TASK = `subject_id AS "subjectId", booking_id AS "bookingId", status, desired,
  desired_version AS "desiredVersion", applied_version AS "appliedVersion", attempts, generation,
  native_id AS "nativeId", etag, copy, doubt, doubt_at::text AS "doubtMark",
  restored_at AS "restoredAt", attention, start_at AS "startAt", end_at AS "endAt"`;
const TO_DO = `(applied_version < desired_version OR doubt IS NOT NULL)`;

export async function mirrorsToDo(
  pool: pg.Pool,
  key: ConnectionKey,
  limit: number,
): Promise<MirrorTask[]> {
  const { rows } = await pool.query<MirrorTask>(
    `SELECT ${TASK} FROM mirror
     WHERE tenant_id = $1 AND connection_id = $2 AND ${TO_DO}
     ORDER BY attempts, updated_at LIMIT $3`,
    [key.tenantId, key.connectionId, limit],
  );
  return rows;
}

/** How many wait for their first attempt; those that failed have a pace of their own. */
export async function mirrorsNotTried(pool: pg.Pool, key: ConnectionKey): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM mirror
      WHERE tenant_id = $1 AND connection_id = $2 AND ${TO_DO} AND attempts = 0`,
    [key.tenantId, key.connectionId],
  );
  return rows[0]?.count ?? 0;
}

/** Counts an attempt that is about to be made. */
export async function mirrorAttempted(
  pool: pg.Pool,
  key: ConnectionKey,
  { subjectId }: MirrorTask,
): Promise<void> {
  await pool.query(
    `UPDATE mirror SET attempts = attempts + 1, updated_at = clock_timestamp()
      WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3`,
    [key.tenantId, key.connectionId, subjectId],
  );
}

/** Records that a version is in place; a newer wish stays to do, as does a doubt that came since. */
export async function mirrorApplied(
  pool: pg.Pool,
  key: ConnectionKey,
  done: MirrorTask & { spent: boolean },
): Promise<void> {
  await transaction(pool, async (client) => {
    await lockMirror(client, key, done.attention === null ? null : done.bookingId);
    await client.query(MIRROR_APPLIED, [
      key.tenantId,
      key.connectionId,
      done.subjectId,
      done.desiredVersion,
      done.nativeId,
      done.etag,
      done.spent,
      done.desired,
      done.copy === null ? null : JSON.stringify(done.copy),
      done.doubtMark,
    ]);
    await takeCallBack(client, key, done);
  });
}

/**
 * The connection's lock, after its booking's where both are needed: before the first write, so that
 * an entry's place is after those of a page under way.
 */
export async function lockMirror(
  client: Queryable,
  key: ConnectionKey,
  bookingId: string | null,
): Promise<void> {
  if (bookingId !== null)
    await client.query(`SELECT lock_booking($1, $2)`, [key.tenantId, bookingId]);
  await client.query(`SELECT lock_connection($1, $2)`, [key.tenantId, key.connectionId]);
}

/** The reason beside a booking's state that calls a person to its mirrors. */
export const bookingAttention = (attention: MirrorAttention): string => `mirror-${attention}`;

/** The booking's call stands for as long as another calendar still asks the same. */
export async function takeCallBack(
  client: Queryable,
  key: ConnectionKey,
  { bookingId, attention }: Pick<MirrorTask, 'bookingId' | 'attention'>,
): Promise<void> {
  if (bookingId === null || attention === null) return;
  await client.query(
    `SELECT clear_attention($1, $2, $3) WHERE NOT EXISTS (SELECT FROM mirror
      WHERE tenant_id = $1 AND subject_id = $2 AND connection_id <> $4 AND attention = $5)`,
    [key.tenantId, bookingId, bookingAttention(attention), key.connectionId, attention],
  );
}

/** Clears the doubt that was settled, given as parameter `mark`, and no other. */
export const settled = (mark: string): string => `
  doubt = CASE WHEN doubt_at::text IS NOT DISTINCT FROM ${mark}::text THEN NULL ELSE doubt END,
  doubt_at = CASE WHEN doubt_at::text IS NOT DISTINCT FROM ${mark}::text THEN NULL ELSE doubt_at END`;

const MIRROR_APPLIED = `
  WITH applied AS (
    UPDATE mirror SET applied_version = $4, native_id = $5, etag = $6, copy = $9::jsonb,
      generation = generation + CASE WHEN $7 THEN 1 ELSE 0 END, failure = NULL, attempts = 0,
      attention = NULL, ${settled('$10')}, updated_at = clock_timestamp()
    WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3 AND applied_version < $4
    RETURNING booking_id, block_id
  ), counted AS (
    UPDATE connection SET seq = seq + 1 WHERE tenant_id = $1 AND id = $2 AND EXISTS (SELECT FROM applied)
    RETURNING seq
  ) SELECT append_entry($1, 'connection/' || $2, seq, 'mirror.' || $8::text,
      jsonb_strip_nulls(jsonb_build_object('bookingId', booking_id, 'blockId', block_id)))
    FROM counted, applied`;

/** Notes why a mirror could not be written; it stays to do, behind those that never failed. */
export async function mirrorFailed(
  pool: pg.Pool,
  key: ConnectionKey,
  failed: { subjectId: string; failure: string; newGeneration: boolean },
): Promise<void> {
  await pool.query(
    `UPDATE mirror SET failure = $4, updated_at = clock_timestamp(),
       generation = generation + CASE WHEN $5 THEN 1 ELSE 0 END,
       etag = CASE WHEN $5 THEN NULL ELSE etag END, copy = CASE WHEN $5 THEN NULL ELSE copy END,
       native_id = CASE WHEN $5 THEN NULL ELSE native_id END
     WHERE tenant_id = $1 AND connection_id = $2 AND subject_id = $3`,
    [key.tenantId, key.connectionId, failed.subjectId, failed.failure, failed.newGeneration],
  );
}

/** Connections with a mirror that waited this long: their signal was lost, or the write failed. */
export async function mirrorsLeft(
  pool: pg.Pool,
  options: { olderThanMs: number; limit: number },
): Promise<ConnectionKey[]> {
  const { rows } = await pool.query<ConnectionKey>(
    `SELECT DISTINCT m.tenant_id AS "tenantId", m.connection_id AS "connectionId"
     FROM mirror m JOIN connection c ON c.tenant_id = m.tenant_id AND c.id = m.connection_id
     WHERE (m.applied_version < m.desired_version OR m.doubt IS NOT NULL)
       AND c.disconnected_at IS NULL AND c.status NOT IN ('paused', 'needs-reauthorization')
       AND m.updated_at < clock_timestamp()
         - least($1 * power(2, least(m.attempts, 8)), 600000) * interval '1 millisecond'
     LIMIT $2`,
    [options.olderThanMs, options.limit],
  );
  return rows;
}

/** All of a connection's mirrors are to go. */
export async function wishAllAway(pool: pg.Pool, key: ConnectionKey): Promise<void> {
  await pool.query(
    `UPDATE mirror SET desired = 'absent', desired_version = desired_version + 1,
       updated_at = clock_timestamp()
     WHERE tenant_id = $1 AND connection_id = $2 AND desired = 'present'`,
    [key.tenantId, key.connectionId],
  );
}

/** Of those to go, the ones that were not tried first. */
export async function mirrorsToRemove(
  pool: pg.Pool,
  key: ConnectionKey,
  limit: number,
): Promise<MirrorTask[]> {
  const { rows } = await pool.query<MirrorTask>(
    `SELECT ${TASK} FROM mirror
     WHERE tenant_id = $1 AND connection_id = $2 AND desired = 'absent'
       AND applied_version < desired_version
     ORDER BY attempts, updated_at LIMIT $3`,
    [key.tenantId, key.connectionId, limit],
  );
  return rows;
}

/** The mirrors that are in place under these native ids. */
export async function mirrorsInPlace(
  client: Queryable,
  key: ConnectionKey,
  nativeIds: readonly string[],
): Promise<MirrorTask[]> {
  const { rows } = await client.query<MirrorTask>(
    `SELECT ${TASK} FROM mirror
     WHERE tenant_id = $1 AND connection_id = $2 AND native_id = ANY ($3::text[])
       AND desired = 'present' AND applied_version > 0`,
    [key.tenantId, key.connectionId, nativeIds],
  );
  return rows;
}
