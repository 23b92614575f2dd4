/**
 * The port every payment service implements. Each act carries our own key (`<booking id>:<step>:<n>`),
 * so that repeating it after a lost answer changes nothing. Throws `Failure` only.
 */

/** Opens one tenant's account at the service; sealed at rest. */
export interface PaymentAccess {
  secretKey: string;
  /** Acts on behalf of this connected account, where set. */
  connectedAccount: string | null;
}

export const PAYMENT_STATUSES = [
  'needs-method',
  'needs-action',
  'processing',
  'authorized',
  'captured',
  'cancelled',
] as const;
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number];

/** Amounts in the currency's minor unit. */
export interface PaymentState {
  intentId: string;
  status: PaymentStatus;
  amountMinor: number;
  currency: string;
  /** Authorized and not yet captured. */
  capturableMinor: number;
  capturedMinor: number;
  refundedMinor: number;
  /** RFC 3339; when an uncaptured authorization lapses. */
  captureBeforeAt: string | null;
  /** Lets a browser confirm this one payment; never logged, never in workflow history. */
  clientSecret: string | null;
  /** The service's code of the last refusal, e.g. `card_declined`. */
  declineCode: string | null;
}

export interface PaymentEvent {
  eventId: string;
  type: string;
  /** The payment it speaks of; null on events about anything else. */
  intentId: string | null;
}

interface Act {
  access: PaymentAccess;
  /** Our idempotency key. */
  key: string;
}

export interface PaymentProvider {
  /** Creates an unconfirmed payment with manual capture: nothing moves yet. */
  create(
    input: Act & { amountMinor: number; currency: string; bookingId: string; tenantId: string },
  ): Promise<PaymentState>;
  /** Authorizes. A refusal is `Failure` kind `declined`; `needs-action` is an answer. */
  confirm(
    input: Act & { intentId: string; paymentMethod: string; returnUrl: string | null },
  ): Promise<PaymentState>;
  capture(input: Act & { intentId: string; amountMinor: number }): Promise<PaymentState>;
  /** Voids what was not captured. Succeeds when already cancelled; `conflict` when captured. */
  cancel(input: Act & { intentId: string }): Promise<PaymentState>;
  refund(
    input: Act & { intentId: string; amountMinor: number },
  ): Promise<{ refundId: string; status: 'pending' | 'succeeded' | 'failed' }>;
  read(input: { access: PaymentAccess; intentId: string }): Promise<PaymentState>;
  /** Throws `Failure` `unauthorized` when the signature is not the account's or is too old. */
  verifyWebhook(input: {
    rawBody: Uint8Array;
    signature: string | undefined;
    webhookSecret: string;
    nowAt: number;
  }): PaymentEvent;
}
