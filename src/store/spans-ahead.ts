import type pg from 'pg';
import type { Interval } from '../domain/interval.ts';
import type { ConnectionKey } from './sync.ts';

export interface SpanAhead extends Interval {
  rootId: string;
}

/** Busy time of a connection that is not over yet, without what goes when the open pass ends. */
export async function spansAhead(pool: pg.Pool, key: ConnectionKey): Promise<SpanAhead[]> {
  const { rows } = await pool.query<{ rootId: string; startAt: Date; endAt: Date }>(
    `SELECT root_id AS "rootId", greatest(start_at, clock_timestamp()) AS "startAt", end_at AS "endAt"
       FROM busy WHERE tenant_id = $1 AND connection_id = $2 AND NOT stale
         AND end_at > clock_timestamp()`,
    [key.tenantId, key.connectionId],
  );
  return rows.map(({ rootId, startAt, endAt }) => ({
    rootId,
    startAt: startAt.getTime(),
    endAt: endAt.getTime(),
  }));
}
