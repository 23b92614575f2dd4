import type { Database } from './database.ts';
import { readLimits, type LimitStanding } from './limits.ts';

/** How things stand across all tenants; small partial indexes answer each part. */
export interface Standing extends LimitStanding {
  connectionsByStatus: Record<string, number>;
  bookingsNeedingAttention: number;
  mirrorsBehind: number;
  /** Age in seconds of the oldest notification not yet worked on; 0 when there is none. */
  oldestDirtyAgeS: number;
}

export async function readStanding(database: Database): Promise<Standing> {
  const limits = await readLimits(database.pool);
  const { rows } = await database.pool.query<Omit<Standing, keyof LimitStanding>>(`
    SELECT (SELECT coalesce(json_object_agg(status, many), '{}') FROM
             (SELECT status, count(*)::integer AS many FROM connection GROUP BY status) s)
             AS "connectionsByStatus",
           (SELECT count(*)::integer FROM booking WHERE attention IS NOT NULL)
             AS "bookingsNeedingAttention",
           (SELECT count(*)::integer FROM mirror WHERE applied_version < desired_version)
             AS "mirrorsBehind",
           (SELECT coalesce(max(date_part('epoch', clock_timestamp() - dirty_at)), 0)
              FROM connection WHERE dirty AND disconnected_at IS NULL) AS "oldestDirtyAgeS"`);
  return { ...rows[0]!, ...limits };
}
