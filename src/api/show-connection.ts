import { adviceOf, freshnessBoundMs, intervalInForceMs } from '../domain/connection.ts';
import type { Pace } from '../domain/connection.ts';
import { MIRROR_ADVICE, MIRROR_ATTENTIONS, type MirrorAttention } from '../domain/mirror.ts';
import type { StoredConnection } from '../store/connections.ts';

/** A connection as the API shows it. `counts` are beside it where they are read. */
export function showConnection(
  row: StoredConnection,
  { tenantId, nowAt }: { tenantId: string; nowAt: number },
) {
  const watched = row.watchedUntil !== null && row.watchedUntil.getTime() > nowAt;
  const pace = { watched, pollMs: row.pollInForceMs };
  const boundMs = freshnessBoundMs(row.settings, pace);
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
    advice: adviceOf(row.status, row.statusReason),
    ...deliveryOf(row, pace),
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
      mirrors: `/v1/connections/${row.id}/mirrors`,
      workflowId: `connection/${tenantId}/${row.id}`,
    },
  };
}

/** Events of ours that wait for a person, by reason, with what there is to do. */
export const showQuestions = (questions: Partial<Record<MirrorAttention, number>>) =>
  MIRROR_ATTENTIONS.flatMap((reason) => {
    const count = questions[reason] ?? 0;
    return count === 0 ? [] : [{ reason, count, advice: MIRROR_ADVICE[reason] }];
  });

/** How changes come: pushed, or polled and why, and how often a look is taken in any case. */
function deliveryOf(row: StoredConnection, pace: Pace) {
  const own = row.pollIntervalMs ?? 0;
  const isHeldBack = !pace.watched && (row.pollInForceMs ?? 0) > own;
  return {
    delivery: pace.watched ? ('push' as const) : ('poll' as const),
    pushRefused: pace.watched ? null : row.pushRefused,
    lookIntervalMs: intervalInForceMs(row.settings, pace),
    lookHeldBack: isHeldBack ? ('account-budget' as const) : null,
  };
}
