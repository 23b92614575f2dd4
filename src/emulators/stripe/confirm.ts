import { announce, nowSeconds } from './emulator.ts';
import type { Cause, Emulator } from './emulator.ts';
import { StripeError } from './errors.ts';
import { newId } from './ids.ts';
import { newCharge } from './objects.ts';
import type { NewCharge } from './objects.ts';
import { attach } from './methods.ts';
import { authorized, fundsTaken, moved, saveIntent, unexpectedState } from './moves.ts';
import type { IntentRow, MethodRow } from './state.ts';

export type Confirmation = {
  row: IntentRow;
  method: MethodRow;
  offSession: boolean;
  /** Refuse at once instead of waiting for the customer. */
  errorOnRequiresAction: boolean;
  /** Stripe.js carries out the action itself, without leaving the page. */
  useSdk: boolean;
  /** Where the authentication page is served. */
  pagesUrl: string;
  returnUrl?: string;
};

const CONFIRMABLE = ['requires_payment_method', 'requires_confirmation', 'requires_action'];
const AUTHENTICATION_REQUIRED = {
  code: 'authentication_required',
  declineCode: 'authentication_required',
  message: 'The bank wants the customer to authenticate this payment.',
};

/** Refuses what cannot be confirmed at all, before anything changes. */
export function checkConfirmable({ object }: IntentRow, method: MethodRow | undefined): void {
  if (!CONFIRMABLE.includes(object.status)) throw unexpectedState(object, 'confirmed', CONFIRMABLE);
  if (method === undefined) {
    throw new StripeError(400, 'This PaymentIntent has no payment method to confirm it with.', {
      code: 'payment_intent_unexpected_state',
      paymentIntent: object,
    });
  }
  const { type } = method.object;
  if (!object.payment_method_types.includes(type)) {
    const message = `This PaymentIntent does not take payment methods of type ${type}.`;
    throw new StripeError(400, message, { param: 'payment_method', paymentIntent: object });
  }
  if (type !== 'card' && object.capture_method === 'manual') {
    throw new StripeError(400, `Payments by ${type} cannot be captured later.`, {
      code: 'payment_intent_invalid_parameter',
      param: 'capture_method',
    });
  }
  const { customer } = method.object;
  if (customer !== null && customer !== object.customer) {
    const message = 'The payment method belongs to a customer; give that customer too.';
    throw new StripeError(400, message, { param: 'customer' });
  }
  if (method.usedBy !== undefined && method.usedBy !== object.id) {
    const message = 'This PaymentMethod was used before without a customer; it cannot be reused.';
    throw new StripeError(400, message, { param: 'payment_method' });
  }
}

/**
 * Asks the issuer. Answers the intent as it now is; a decline is a 402 that carries it
 * (docs.stripe.com/payments/paymentintents/lifecycle).
 */
export function confirm(emulator: Emulator, cause: Cause, confirmation: Confirmation): IntentRow {
  const { row, method, offSession, errorOnRequiresAction } = confirmation;
  const { attempt: _last, ...known } = row;
  const { object } = row;
  const payment_method = method.object.id;
  const asked: IntentRow = {
    ...known,
    offSession,
    object: { ...object, last_payment_error: null, payment_method, next_action: null },
  };
  if (row.authenticated !== true && asksCustomer(confirmation)) {
    if (offSession || errorOnRequiresAction) {
      return decline(emulator, cause, { row: asked, method, failure: AUTHENTICATION_REQUIRED });
    }
    return requireAction(emulator, cause, { ...confirmation, row: asked });
  }
  return askIssuer(emulator, cause, { row: asked, method });
}

/** What happens once nobody needs to authenticate (any more). */
export function askIssuer(
  emulator: Emulator,
  cause: Cause,
  { row, method }: { row: IntentRow; method: MethodRow },
): IntentRow {
  const { outcome } = method;
  const failure =
    cause.play?.decline ??
    outcome.decline ??
    (row.authenticated === true ? outcome.declineAfterAuthentication : undefined);
  const { authenticated: _used, ...rest } = row;
  if (failure !== undefined) return decline(emulator, cause, { row: rest, method, failure });
  const used = rememberUse(emulator, rest, method);
  const first = emulator.switches.cardsProcessFirst || cause.play?.processing === true;
  if (used.object.type !== 'card' || first) {
    return process(emulator, cause, { row: rest, method: used });
  }
  return charge(emulator, cause, { row: rest, method: used });
}

/** Takes the money, or sets it aside when the intent is captured by hand. */
export function charge(
  emulator: Emulator,
  cause: Cause,
  { row, method }: { row: IntentRow; method: MethodRow },
): IntentRow {
  const { object } = row;
  const manual = object.capture_method === 'manual';
  const createdAt = nowSeconds();
  const extended = object.payment_method_options['card']?.['request_extended_authorization'];
  const isExtended = extended === 'if_available';
  const lifeSeconds = isExtended ? 30 * 86_400 : lifeOf(emulator, row, method);
  const options: NewCharge = {
    intent: object,
    method: method.object,
    status: 'succeeded',
    captured: !manual,
    createdAt,
    extended: isExtended,
    ...(manual ? { captureBefore: createdAt + lifeSeconds } : {}),
  };
  const made = newCharge(options);
  emulator.state.charges.set(made.id, { account: row.account, object: made });
  announce(emulator, cause, { type: 'charge.succeeded', object: made });
  const next = { ...row, object: { ...object, latest_charge: made.id, processing: null } };
  return manual
    ? authorized(emulator, cause, { row: next, dueAt: (createdAt + lifeSeconds) * 1000 })
    : fundsTaken(emulator, cause, { row: next, dispute: method.outcome.dispute });
}

/** Refuses with 402; the intent waits for another payment method. */
function decline(
  emulator: Emulator,
  cause: Cause,
  {
    row,
    method,
    failure,
  }: { row: IntentRow; method: MethodRow; failure: NonNullable<NewCharge['failure']> },
): never {
  const base = { intent: row.object, method: method.object, captured: false };
  const made = newCharge({ ...base, failure, status: 'failed', createdAt: nowSeconds() });
  emulator.state.charges.set(made.id, { account: row.account, object: made });
  const { code, declineCode, message } = failure;
  const object = {
    ...row.object,
    latest_charge: made.id,
    next_action: null,
    payment_method: null,
    processing: null,
    status: 'requires_payment_method' as const,
    last_payment_error: {
      charge: made.id,
      code,
      ...(declineCode === undefined ? {} : { decline_code: declineCode }),
      doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll('_', '-')}`,
      message,
      payment_method: method.object,
      type: 'card_error',
    },
  };
  saveIntent(emulator, { ...row, object });
  moved(emulator, cause, { row, effect: 'declined', amountMinor: object.amount });
  announce(emulator, cause, { type: 'charge.failed', object: made });
  announce(emulator, cause, { type: 'payment_intent.payment_failed', object });
  throw new StripeError(402, message, {
    code,
    ...(declineCode === undefined ? {} : { declineCode }),
    charge: made.id,
    paymentIntent: object,
    paymentMethod: method.object,
  });
}

/** Visa keeps what a merchant asks for without the customer for 4 days and 18 hours only. */
function lifeOf({ switches }: Emulator, row: IntentRow, method: MethodRow): number {
  const card = method.object['card'] as { brand?: string } | undefined;
  const shorter = row.offSession === true && card?.brand === 'visa';
  return shorter ? Math.min(switches.authorizationSeconds, 410_400) : switches.authorizationSeconds;
}

function asksCustomer({ row, method, offSession }: Confirmation): boolean {
  const demanded = row.object.payment_method_options['card']?.['request_three_d_secure'];
  const { authentication } = method.outcome;
  if (authentication === 'optional') return demanded === 'any' || demanded === 'challenge';
  if (authentication === 'unless-set-up') return !(offSession && method.setUp);
  return authentication === 'always';
}

function requireAction(
  emulator: Emulator,
  cause: Cause,
  { row, returnUrl, useSdk, pagesUrl }: Confirmation,
): IntentRow {
  const attempt = newId('payatt');
  const page = authenticationPage(pagesUrl, row.object.id, attempt);
  const next_action =
    useSdk || returnUrl === undefined
      ? {
          type: 'use_stripe_sdk',
          use_stripe_sdk: {
            type: 'three_d_secure_redirect',
            stripe_js: page,
            source: attempt,
          },
        }
      : { type: 'redirect_to_url', redirect_to_url: { return_url: returnUrl, url: page } };
  const object = { ...row.object, next_action, status: 'requires_action' as const };
  const back = returnUrl === undefined ? {} : { returnUrl };
  const next = saveIntent(emulator, { ...row, attempt, ...back, object });
  announce(emulator, cause, { type: 'payment_intent.requires_action', object });
  return next;
}

export function authenticationPage(pagesUrl: string, intent: string, attempt: string): string {
  const query = new URLSearchParams({ payment_intent: intent, source: attempt });
  return `${pagesUrl}/3d_secure_2/hosted?${query.toString()}`;
}

function process(
  emulator: Emulator,
  cause: Cause,
  { row, method }: { row: IntentRow; method: MethodRow },
): IntentRow {
  const { processingSettlesMs } = emulator.switches;
  const settles = processingSettlesMs >= 0 && method.outcome.bank !== 'stays-processing';
  const object = {
    ...row.object,
    processing: { type: method.object.type },
    status: 'processing' as const,
  };
  const due = settles ? { dueAt: Date.now() + processingSettlesMs } : {};
  const next = saveIntent(emulator, { ...row, ...due, object });
  announce(emulator, cause, { type: 'payment_intent.processing', object });
  return next;
}

/** A method is kept for its customer when asked to, and is otherwise bound to this one intent. */
function rememberUse(emulator: Emulator, row: IntentRow, method: MethodRow): MethodRow {
  const { customer, setup_future_usage: usage, id } = row.object;
  if (customer === null) {
    const used = { ...method, usedBy: id };
    emulator.state.methods.set(method.object.id, used);
    return used;
  }
  if (usage === null) return method;
  const setUp = method.setUp || usage === 'off_session';
  return attach(emulator, { ...method, setUp }, customer);
}
