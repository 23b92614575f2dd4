import type { NeutralEvent } from '../domain/event.ts';
import type { Database } from './database.ts';

/** An entry of an outside calendar, and what it does to availability. */
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
  /** It says only what its platform was served by us. */
  isEcho: boolean;
  /** It stands where a mirror of ours was written. */
  isMirror: boolean;
  /** It has the UID of one, here or in another calendar of the resource. */
  hasOurUid: boolean;
  /** It takes exactly the time of a booking of ours that is mirrored: perhaps a tool copied it. */
  isSuspectedCopy: boolean;
  isCurrent: boolean;
}

/** By native id, which is what `channel_event_current` is sorted by. */
export async function listChannelEvents(
  database: Database,
  page: {
    tenantId: string;
    connectionId: string;
    after: string | undefined;
    limit: number;
    /** RFC 3339; entries as they were then. Null for those of now. */
    asOf: string | null;
  },
): Promise<StoredChannelEvent[]> {
  const { rows } = await database.pool.query<StoredChannelEvent>(
    `SELECT md5(jsonb_build_array(e.connection_id, e.feed_position, e.native_id)::text)::uuid AS id,
            e.native_id AS "nativeId", e.feed_position AS "feedPosition", e.event,
            e.withheld_reason AS "withheldReason", lower(e.recorded) AS "recordedAt",
            e.notified_at AS "notifiedAt",
            (SELECT count(*)::integer FROM busy b WHERE b.tenant_id = e.tenant_id
                AND b.connection_id = e.connection_id AND b.root_id = e.root_id) AS "busySpans",
            is_echo(e.tenant_id, e.connection_id, e.root_id) AS "isEcho",
            EXISTS (SELECT FROM mirror m WHERE m.tenant_id = e.tenant_id
                AND m.connection_id = e.connection_id AND m.native_id = e.native_id) AS "isMirror",
            EXISTS (SELECT FROM connection c JOIN connection o ON o.tenant_id = c.tenant_id
                AND o.resource_id = c.resource_id
              JOIN mirror m ON m.tenant_id = o.tenant_id AND m.connection_id = o.id
                AND m.copy->>'uid' = e.event->>'uid'
              WHERE c.tenant_id = e.tenant_id AND c.id = e.connection_id) AS "hasOurUid",
            is_suspected_copy(e.tenant_id, e.connection_id, e.root_id) AS "isSuspectedCopy",
            upper_inf(e.recorded) AS "isCurrent"
       FROM channel_event e
      WHERE e.tenant_id = $1 AND e.connection_id = $2 AND ${page.asOf === null ? 'upper_inf(e.recorded)' : 'e.recorded @> $5::timestamptz'}
        AND e.native_id > $3
      ORDER BY e.native_id LIMIT $4`,
    [
      page.tenantId,
      page.connectionId,
      page.after ?? '',
      page.limit,
      ...(page.asOf === null ? [] : [page.asOf]),
    ],
  );
  return rows;
}
