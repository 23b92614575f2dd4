import type { Claim } from '../domain/conflict.ts';
import type { StoredConflict } from '../store/conflict-reads.ts';

/** A conflict as the API shows it. */
export function showConflict(row: StoredConflict, tenantId: string) {
  return {
    id: row.id,
    bookingId: row.bookingId,
    resourceId: row.resourceId,
    connectionId: row.connectionId,
    nativeId: row.rootId,
    state: row.state,
    startAt: row.startAt.toISOString(),
    endAt: row.endAt.toISOString(),
    rule: row.rule,
    askedBecause: row.askedBecause,
    deadlineAt: row.deadlineAt?.toISOString() ?? null,
    onDeadline: row.onDeadline,
    ours: showClaim(row.ours),
    theirs: showClaim(row.theirs),
    decision: row.decision,
    decidedBy: row.decidedBy,
    decidedAt: row.decidedAt?.toISOString() ?? null,
    decidedByKey: row.decidedByWhom,
    outcome: row.outcome,
    foundAt: row.foundAt.toISOString(),
    settledAt: row.settledAt?.toISOString() ?? null,
    links: {
      booking: `/v1/bookings/${row.bookingId}`,
      connection: `/v1/connections/${row.connectionId}`,
      workflowId: `booking-change/${tenantId}/${row.bookingId}/${row.changeId}`,
    },
  };
}

/** Rows from before keys were kept have none. */
const showClaim = ({ priority = 100, sinceAt = null }: Partial<Claim>) => ({
  priority,
  since: sinceAt === null ? null : new Date(sinceAt).toISOString(),
});
