import type { Stripe } from 'stripe';
import type { PaymentState, PaymentStatus, RefundState } from './payment-provider.ts';
import { requireObject } from './stripe-failures.ts';

/** Source: Stripe API reference, PaymentIntent `status`. Nothing has moved before `requires_action`. */
const STATUSES: Record<Stripe.PaymentIntent.Status, PaymentStatus> = {
  requires_payment_method: 'needs-method',
  requires_confirmation: 'needs-method',
  requires_action: 'needs-action',
  processing: 'processing',
  requires_capture: 'authorized',
  succeeded: 'captured',
  canceled: 'cancelled',
};

/** Needs `latest_charge` expanded. */
export function stateOf(answer: Stripe.PaymentIntent): PaymentState {
  const intent = requireObject(answer, 'payment_intent');
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null;
  const captureBefore = charge?.payment_method_details?.card?.capture_before;
  const refusal = intent.last_payment_error;
  const status = STATUSES[intent.status] ?? 'processing';
  return {
    intentId: intent.id,
    status,
    amountMinor: intent.amount,
    currency: intent.currency,
    capturableMinor: intent.amount_capturable,
    capturedMinor: intent.amount_received,
    // A voided authorization also counts as refunded there, although no money came back.
    refundedMinor: intent.amount_received === 0 ? 0 : (charge?.amount_refunded ?? 0),
    captureBeforeAt:
      status === 'authorized' && captureBefore
        ? new Date(captureBefore * 1000).toISOString()
        : null,
    clientSecret: intent.client_secret,
    declineCode: refusal?.decline_code ?? refusal?.code ?? null,
    customerId: idOf(intent.customer),
    methodId: idOf(intent.payment_method),
  };
}

/** A reference is an id, or the object itself where it was asked for. */
const idOf = (reference: string | { id: string } | null): string | null =>
  typeof reference === 'string' ? reference : (reference?.id ?? null);

/** Marks a refund with the key it was asked under. */
export const KEY_PROPERTY = 'holdfast_key';

/**
 * What went back to the payer, or is on its way. Stripe also calls it a refund when the rest of an
 * authorization is released at a partial capture, in some answers by an entry of the list: that one
 * is left out.
 */
export function paidBack(refunds: readonly Stripe.Refund[], releasedMinor: number): RefundState[] {
  const release = refunds.findIndex(
    ({ amount, status, metadata }) =>
      releasedMinor > 0 &&
      amount === releasedMinor &&
      status !== 'failed' &&
      !metadata?.[KEY_PROPERTY],
  );
  return refunds.filter((_refund, index) => index !== release).map(refundOf);
}

export const sumOf = (refunds: readonly RefundState[]): number =>
  refunds
    .filter(({ status }) => status !== 'failed')
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0);

const REFUND_STATUSES: Readonly<Record<string, RefundState['status']>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  canceled: 'failed',
};

/** Source: Stripe API reference, Refund `status`; what is not settled is pending. */
export const refundOf = (refund: Stripe.Refund): RefundState => ({
  refundId: requireObject(refund, 'refund').id,
  status: REFUND_STATUSES[refund.status ?? ''] ?? 'pending',
  amountMinor: refund.amount,
  key: refund.metadata?.[KEY_PROPERTY] ?? null,
});
