import type { StoredBooking } from '../store/booking-reads.ts';

/** A booking as the API shows it, without the guest. */
export function showBooking(row: StoredBooking, tenantId: string) {
  return {
    id: row.id,
    state: row.state,
    reason: row.reason,
    attention: row.attention,
    resourceId: row.resourceId,
    startAt: row.startAt.toISOString(),
    endAt: row.endAt.toISOString(),
    party: row.party,
    units: row.units,
    amountMinor: Number(row.amountMinor),
    currency: row.currency,
    payment: {
      kind: row.paymentKind,
      status: row.paymentStatus,
      capturedMinor: Number(row.capturedMinor ?? 0),
      refundedMinor: Number(row.refundedMinor ?? 0),
    },
    holdExpiresAt: row.holdExpiresAt.toISOString(),
    createdAt: row.createdAt.toISOString(),
    confirmedAt: row.confirmedAt?.toISOString() ?? null,
    endedAt: row.endedAt?.toISOString() ?? null,
    links: {
      self: `/v1/bookings/${row.id}`,
      resource: `/v1/resources/${row.resourceId}`,
      workflowId: `booking/${tenantId}/${row.id}`,
    },
  };
}
