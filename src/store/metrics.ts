import type { Database } from './database.ts';
import { readLimits, type LimitStanding } from './limits.ts';

/** How things stand across all tenants; small partial indexes answer each part. */
export interface Standing extends LimitStanding {
  connectionsByStatus: Record<string, number>;
  /** How many bookings call a person, by kind of call. */
  attentionsByKind: Record<string, number>;
  /** Outside events over bookings that are not settled, by rule; `copy` and `mass` for a person. */
  openConflicts: Record<string, number>;
  mirrorsBehind: number;
  /** Events of ours that somebody changed outside, and that wait for a person. */
  mirrorsNeedingAttention: number;
  /** Age in seconds of the oldest notification not yet worked on; 0 when there is none. */
  oldestDirtyAgeS: number;
}

export async function readStanding(database: Database): Promise<Standing> {
  const limits = await readLimits(database.pool);
  const { rows } = await database.pool.query<Omit<Standing, keyof LimitStanding>>(`
    SELECT (SELECT coalesce(json_object_agg(status, many), '{}') FROM
             (SELECT status, count(*)::integer AS many FROM connection GROUP BY status) s)
             AS "connectionsByStatus",
           (SELECT coalesce(json_object_agg(kind, many), '{}') FROM
             (SELECT kind, count(*)::integer AS many FROM booking, unnest(attentions) AS kind
               WHERE attention IS NOT NULL GROUP BY kind) a) AS "attentionsByKind",
           (SELECT coalesce(json_object_agg(rule, many), '{}') FROM
             (SELECT coalesce(asked_because, rule) AS rule, count(*)::integer AS many FROM conflict
               WHERE state = 'open' GROUP BY 1) k) AS "openConflicts",
           (SELECT count(*)::integer FROM mirror WHERE applied_version < desired_version)
             AS "mirrorsBehind",
           (SELECT count(*)::integer FROM mirror m JOIN connection c ON c.tenant_id = m.tenant_id
              AND c.id = m.connection_id AND c.disconnected_at IS NULL
             WHERE m.attention IS NOT NULL) AS "mirrorsNeedingAttention",
           (SELECT coalesce(max(date_part('epoch', clock_timestamp() - dirty_at)), 0)
              FROM connection WHERE dirty AND disconnected_at IS NULL) AS "oldestDirtyAgeS"`);
  return { ...rows[0]!, ...limits };
}
