import type { Database } from './database.ts';
import type { MirrorTask } from './mirrors.ts';

/** A mirror as it is shown to people. */
export interface StoredMirror extends Pick<
  MirrorTask,
  | 'subjectId'
  | 'status'
  | 'desired'
  | 'desiredVersion'
  | 'appliedVersion'
  | 'attempts'
  | 'nativeId'
  | 'copy'
  | 'doubt'
  | 'restoredAt'
  | 'attention'
  | 'startAt'
  | 'endAt'
> {
  connectionId: string;
  isBlock: boolean;
  failure: string | null;
  updatedAt: Date;
}

const SHOWN = `SELECT subject_id AS "subjectId", connection_id AS "connectionId",
  block_id IS NOT NULL AS "isBlock", status, desired, desired_version AS "desiredVersion",
  applied_version AS "appliedVersion", attempts, native_id AS "nativeId", copy, doubt,
  restored_at AS "restoredAt", attention, failure, start_at AS "startAt", end_at AS "endAt",
  updated_at AS "updatedAt" FROM mirror`;

/** By the id of what they stand for; those that a person has to look at alone where asked. */
export async function listMirrors(
  { pool }: Database,
  page: {
    tenantId: string;
    connectionId: string;
    onlyAttention: boolean;
    after: string | undefined;
    limit: number;
  },
): Promise<StoredMirror[]> {
  const { rows } = await pool.query<StoredMirror>(
    `${SHOWN} WHERE tenant_id = $1 AND connection_id = $2 AND subject_id > $3
       AND (NOT $5 OR attention IS NOT NULL)
     ORDER BY subject_id LIMIT $4`,
    [page.tenantId, page.connectionId, page.after ?? '', page.limit, page.onlyAttention],
  );
  return rows;
}

export async function mirrorsOfBooking(
  { pool }: Database,
  { tenantId, bookingId }: { tenantId: string; bookingId: string },
): Promise<StoredMirror[]> {
  const { rows } = await pool.query<StoredMirror>(
    `${SHOWN} WHERE tenant_id = $1 AND subject_id = $2 ORDER BY connection_id`,
    [tenantId, bookingId],
  );
  return rows;
}
