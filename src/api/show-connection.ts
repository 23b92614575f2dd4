import { CONNECTION_ADVICE, freshnessBoundMs } from '../domain/connection.ts';
import type { StoredConnection } from '../store/connections.ts';

/** A connection as the API shows it. `counts` are beside it where they are read. */
export function showConnection(
  row: StoredConnection,
  { tenantId, nowAt }: { tenantId: string; nowAt: number },
) {
  const watched = row.watchedUntil !== null && row.watchedUntil.getTime() > nowAt;
  const boundMs = freshnessBoundMs(row.settings, watched);
  const confirmedAt = row.confirmedAt;
  return {
    id: row.id,
    resourceId: row.resourceId,
    unit: row.unit,
    accountId: row.accountId,
    channel: row.channel,
    calendarId: row.calendarId,
    timeZone: row.timeZone,
    settings: row.settings,
    writable: row.writable,
    status: row.status,
    since: row.statusSince.toISOString(),
    reason: row.statusReason,
    advice: CONNECTION_ADVICE[row.status],
    freshness: {
      confirmedAt: confirmedAt?.toISOString() ?? null,
      boundMs,
      holds: confirmedAt !== null && nowAt - confirmedAt.getTime() <= boundMs,
    },
    cursorVersion: Number(row.cursorVersion),
    generation: row.generation,
    createdAt: row.createdAt.toISOString(),
    links: {
      self: `/v1/connections/${row.id}`,
      events: `/v1/connections/${row.id}/events`,
      workflowId: `connection/${tenantId}/${row.id}`,
    },
  };
}
