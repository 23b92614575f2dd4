import type { NeutralEvent } from '../domain/event.ts';
import type { Database } from './database.ts';

/** A current entry of an outside calendar, and what it does to availability. */
export interface StoredChannelEvent {
  id: string;
  nativeId: string;
  feedPosition: string;
  event: NeutralEvent;
  withheldReason: string | null;
  recordedAt: Date;
  notifiedAt: Date | null;
  /** Busy spans of the entry's series; zero takes no time. */
  busySpans: number;
}

/** By native id, which is what `channel_event_current` is sorted by. */
export async function listChannelEvents(
  database: Database,
  page: { tenantId: string; connectionId: string; after: string | undefined; limit: number },
): Promise<StoredChannelEvent[]> {
  const { rows } = await database.pool.query<StoredChannelEvent>(
    `SELECT e.id, e.native_id AS "nativeId", e.feed_position AS "feedPosition", e.event,
            e.withheld_reason AS "withheldReason", lower(e.recorded) AS "recordedAt",
            e.notified_at AS "notifiedAt",
            (SELECT count(*)::integer FROM busy b WHERE b.tenant_id = e.tenant_id
                AND b.connection_id = e.connection_id AND b.root_id = e.root_id) AS "busySpans"
       FROM channel_event e
      WHERE e.tenant_id = $1 AND e.connection_id = $2 AND upper_inf(e.recorded)
        AND e.native_id > $3
      ORDER BY e.native_id LIMIT $4`,
    [page.tenantId, page.connectionId, page.after ?? '', page.limit],
  );
  return rows;
}
