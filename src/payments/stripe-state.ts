import type { Stripe } from 'stripe';
import type { PaymentState, PaymentStatus } from './payment-provider.ts';

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
export function stateOf(intent: Stripe.PaymentIntent): PaymentState {
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
  };
}

/** Marks a refund with the key it was asked under. */
export const KEY_PROPERTY = 'holdfast_key';

/**
 * What went back to the payer. Stripe also calls it a refund when the rest of an authorization is
 * released at a partial capture, in some answers by an entry of the list: that one is left out.
 */
export function refundedOf(refunds: readonly Stripe.Refund[], releasedMinor: number): number {
  const paidBack = refunds.filter((refund) => refundOf(refund).status !== 'failed');
  const release = paidBack.find(
    ({ amount, metadata }) => amount === releasedMinor && !metadata?.[KEY_PROPERTY],
  );
  const given = paidBack.filter((refund) => refund !== release);
  return given.reduce((sum, { amount }) => sum + amount, 0);
}

const REFUND_STATUSES: Readonly<Record<string, 'pending' | 'succeeded' | 'failed'>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  canceled: 'failed',
};

/** Source: Stripe API reference, Refund `status`; what is not settled is pending. */
export const refundOf = (
  refund: Stripe.Refund,
): { refundId: string; status: 'pending' | 'succeeded' | 'failed' } => ({
  refundId: refund.id,
  status: REFUND_STATUSES[refund.status ?? ''] ?? 'pending',
});
