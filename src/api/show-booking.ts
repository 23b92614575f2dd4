import type { BrowserKeys } from './browser-payment.ts';
import type { StoredBooking } from '../store/booking-reads.ts';

/** A booking as the API shows it, without the guest; `keys` where a payer is to act in a browser. */
export function showBooking(row: StoredBooking, tenantId: string, keys?: BrowserKeys | null) {
  return {
    id: row.id,
    state: row.state,
    reason: row.reason,
    attention: row.attention,
    attentions: row.attentions,
    recheck: row.recheck,
    resourceId: row.resourceId,
    sessionId: row.sessionId,
    startAt: row.startAt.toISOString(),
    endAt: row.endAt.toISOString(),
    party: row.party,
    units: row.units,
    amountMinor: Number(row.amountMinor),
    currency: row.currency,
    depositMinor: row.depositMinor === null ? null : Number(row.depositMinor),
    balanceDueAt: row.balanceDueAt?.toISOString() ?? null,
    owedMinor: Number(row.owedMinor),
    cancellation: row.terms.cancellation ?? [],
    payment: {
      kind: row.paymentKind,
      status: row.paymentStatus,
      capturedMinor: Number(row.capturedMinor ?? 0),
      refundedMinor: Number(row.refundedMinor ?? 0),
      declineCode: row.declineCode,
      outcome: row.paymentEnding,
      clientSecret: keys?.clientSecret ?? null,
      publishableKey: keys?.publishableKey ?? null,
      connectedAccount: keys?.connectedAccount ?? null,
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
