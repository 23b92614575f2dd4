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
  /** What went back or is on its way back; a refund that failed does not count. */
  refundedMinor: number;
  /** RFC 3339; when an uncaptured authorization lapses. */
  captureBeforeAt: string | null;
  /** Lets a browser confirm this one payment; never logged, never in workflow history. */
  clientSecret: string | null;
  /** The service's code of the last refusal, e.g. `card_declined`. */
  declineCode: string | null;
  /** The service's ids of payer and method, where kept for later. */
  customerId: string | null;
  methodId: string | null;
}

export const REFUND_STATES = ['pending', 'succeeded', 'failed'] as const;
export interface RefundState {
  refundId: string;
  status: (typeof REFUND_STATES)[number];
  amountMinor: number;
  /** The key it was asked under by us; null when somebody else made it. */
  key: string | null;
}

/** What a signed event tells: that something happened to a payment. The service is read for what. */
export interface PaymentEvent {
  eventId: string;
  type: string;
  /** The payment it speaks of; null on events about anything else. */
  intentId: string | null;
  /** A payer disputes a charge with the bank, or that was decided. */
  dispute: 'opened' | 'won' | 'lost' | null;
}

interface Act {
  access: PaymentAccess;
  /** Our idempotency key. */
  key: string;
}

interface NewPayment extends Act {
  amountMinor: number;
  currency: string;
  bookingId: string;
  tenantId: string;
}

export interface PaymentProvider {
  /**
   * Creates an unconfirmed payment with manual capture: nothing moves yet. Only methods with separate
   * capture are offered. With a `customerId` the method is kept for charges without the payer, unless
   * `keepMethod` is false: a payment that is charged with a method kept before keeps none.
   */
  create(
    input: NewPayment & { customerId: string | null; keepMethod?: boolean },
  ): Promise<PaymentState>;
  /** A payer at the service, known to it by our booking id alone. */
  createCustomer(
    input: Act & { bookingId: string; tenantId: string },
  ): Promise<{ customerId: string }>;
  /** Authorizes. A refusal is `Failure` kind `declined`; `needs-action` is an answer. */
  confirm(
    input: Act & { intentId: string; paymentMethod: string; returnUrl: string | null },
  ): Promise<PaymentState>;
  /**
   * Authorizes a payment made with `keepMethod: false` by a method that was kept before, the payer
   * being absent. `authentication_required` and other refusals are `Failure` kind `declined`; the
   * payer may still confirm that same payment at a browser.
   */
  chargeAbsent(input: Act & { intentId: string; methodId: string }): Promise<PaymentState>;
  capture(input: Act & { intentId: string; amountMinor: number }): Promise<PaymentState>;
  /** Voids what was not captured. Succeeds when already cancelled; `conflict` when captured. */
  cancel(input: Act & { intentId: string }): Promise<PaymentState>;
  refund(input: Act & { intentId: string; amountMinor: number }): Promise<RefundState>;
  /** All refunds of a payment, newest first. */
  refunds(input: { access: PaymentAccess; intentId: string }): Promise<RefundState[]>;
  read(input: { access: PaymentAccess; intentId: string }): Promise<PaymentState>;
  /** Throws `Failure` `unauthorized` when the signature is not the account's or is too old. */
  verifyWebhook(input: {
    rawBody: Uint8Array;
    signature: string | undefined;
    webhookSecret: string;
    nowAt: number;
  }): PaymentEvent;
}
