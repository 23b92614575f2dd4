import { Stripe } from 'stripe';
import { Failure } from '../domain/failure.ts';
import type { PaymentEvent, PaymentProvider } from './payment-provider.ts';

const TOLERANCE_SECONDS = 300;

/**
 * `Stripe-Signature: t=…,v1=…` (Stripe guide "Verify webhook signatures manually"). The library
 * refuses old timestamps only; a future one is as wrong. Throws `unauthorized`.
 */
export const verifyWebhook: PaymentProvider['verifyWebhook'] = (input) => {
  const signedAt = Number(
    /(?:^|,)t=(\d{1,15})(?:,|$)/.exec(input.signature ?? '')?.[1] ?? Number.NaN,
  );
  const offSeconds = Math.abs(input.nowAt / 1000 - signedAt);
  // Written so that an unreadable timestamp fails too.
  if (!(offSeconds <= TOLERANCE_SECONDS + 1))
    throw new Failure({ kind: 'unauthorized', code: 'signature-out-of-time' });
  return eventOf(verified(input));
};

function verified(input: Parameters<PaymentProvider['verifyWebhook']>[0]): Stripe.Event {
  const { rawBody, signature, webhookSecret, nowAt } = input;
  try {
    return Stripe.webhooks.constructEvent(
      Buffer.from(rawBody),
      signature ?? '',
      webhookSecret,
      TOLERANCE_SECONDS,
      undefined,
      nowAt,
    );
  } catch (error) {
    throw error instanceof Stripe.errors.StripeSignatureVerificationError
      ? new Failure({ kind: 'unauthorized', code: 'bad-signature' })
      : new Failure({ kind: 'invalid', code: 'unreadable-event' });
  }
}

function eventOf(event: Stripe.Event | null): PaymentEvent {
  const { id, type, data } = event ?? {};
  const object = data?.object as unknown as Record<string, unknown> | undefined;
  if (typeof id !== 'string' || typeof type !== 'string' || !object)
    throw new Failure({ kind: 'invalid', code: 'unreadable-event' });
  // Charges, refunds and disputes name the intent that they belong to.
  const intent = object['object'] === 'payment_intent' ? object['id'] : object['payment_intent'];
  return {
    eventId: id,
    type,
    intentId: typeof intent === 'string' ? intent : null,
    dispute: disputeOf(type, object['status']),
  };
}

/** Source: Stripe API reference, Dispute `status`; a warning that was closed took no money. */
function disputeOf(type: string, status: unknown): PaymentEvent['dispute'] {
  if (type === 'charge.dispute.created') return 'opened';
  if (type !== 'charge.dispute.closed') return null;
  return status === 'lost' ? 'lost' : 'won';
}
