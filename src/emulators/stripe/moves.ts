import { announce, effect, nowSeconds } from './emulator.ts';
import type { Cause, Emulator, Moved } from './emulator.ts';
import { StripeError } from './errors.ts';
import { newId } from './ids.ts';
import { newDispute } from './objects.ts';
import type { Charge, Dispute } from './objects.ts';
import type { PaymentIntent } from './payment-intent.ts';
import type { IntentRow, Row } from './state.ts';

/** Money was set aside; it must be captured before `dueAt` (epoch milliseconds). */
export function authorized(
  emulator: Emulator,
  cause: Cause,
  { row, dueAt }: { row: IntentRow; dueAt: number },
): IntentRow {
  const object = {
    ...row.object,
    amount_capturable: row.object.amount,
    status: 'requires_capture' as const,
  };
  const next = saveIntent(emulator, { ...row, object, dueAt });
  moved(emulator, cause, { row: next, effect: 'authorized', amountMinor: object.amount });
  announce(emulator, cause, { type: 'payment_intent.amount_capturable_updated', object });
  return next;
}

/** Money was set aside and taken in one step. */
export function fundsTaken(
  emulator: Emulator,
  cause: Cause,
  { row, dispute }: { row: IntentRow; dispute: string | undefined },
): IntentRow {
  const { dueAt: _due, ...rest } = row;
  const { amount } = row.object;
  const object = { ...row.object, amount_received: amount, status: 'succeeded' as const };
  const next = saveIntent(emulator, { ...rest, object });
  moved(emulator, cause, { row: next, effect: 'authorized', amountMinor: amount });
  moved(emulator, cause, { row: next, effect: 'captured', amountMinor: amount });
  announce(emulator, cause, { type: 'payment_intent.succeeded', object });
  if (dispute !== undefined) {
    openDispute(emulator, { ...cause, requestId: null }, { row: next, reason: dispute });
  }
  return next;
}

/** Takes up to what was set aside; the rest is released. */
export function capture(
  emulator: Emulator,
  cause: Cause,
  { row, amountMinor }: { row: IntentRow; amountMinor: number },
): IntentRow {
  const { dueAt: _due, ...rest } = row;
  const charge = latestCharge(emulator, row);
  const releasedMinor = row.object.amount_capturable - amountMinor;
  const shown = emulator.switches.releaseShowsAsRefund ? releasedMinor : 0;
  saveCharge(emulator, row, {
    ...charge,
    amount_captured: amountMinor,
    amount_refunded: shown,
    balance_transaction: newId('txn'),
    captured: true,
  });
  const object = {
    ...row.object,
    amount_capturable: 0,
    amount_received: amountMinor,
    status: 'succeeded' as const,
  };
  const next = saveIntent(emulator, { ...rest, object });
  moved(emulator, cause, { row: next, effect: 'captured', amountMinor });
  if (releasedMinor > 0) {
    moved(emulator, cause, { row: next, effect: 'released', amountMinor: releasedMinor });
  }
  announce(emulator, cause, { type: 'charge.captured', object: latestCharge(emulator, next) });
  announce(emulator, cause, { type: 'payment_intent.succeeded', object });
  return next;
}

/** Ends an intent without taking money; what was set aside is released. */
export function cancel(
  emulator: Emulator,
  cause: Cause,
  { row, reason }: { row: IntentRow; reason: string | null },
): IntentRow {
  const { dueAt: _due, authorizationExpired: _expired, ...rest } = row;
  const releasedMinor = row.object.amount_capturable;
  const object = {
    ...row.object,
    amount_capturable: 0,
    canceled_at: nowSeconds(),
    cancellation_reason: reason,
    next_action: null,
    processing: null,
    status: 'canceled' as const,
  };
  const next = saveIntent(emulator, { ...rest, object });
  const lapsed = reason === 'automatic';
  if (releasedMinor > 0) {
    moved(emulator, cause, { row: next, effect: 'released', amountMinor: releasedMinor });
  }
  const ended = lapsed ? 'expired' : 'cancelled';
  moved(emulator, cause, { row: next, effect: ended, amountMinor: releasedMinor });
  if (releasedMinor > 0) {
    showRelease(emulator, cause, { row: next, releasedMinor, lapsed });
  }
  announce(emulator, cause, { type: 'payment_intent.canceled', object });
  return next;
}

function showRelease(
  emulator: Emulator,
  cause: Cause,
  { row, releasedMinor, lapsed }: { row: IntentRow; releasedMinor: number; lapsed: boolean },
): void {
  const charge = latestCharge(emulator, row);
  if (lapsed) announce(emulator, cause, { type: 'charge.expired', object: charge });
  if (!emulator.switches.releaseShowsAsRefund) return;
  const refunded = { ...charge, amount_refunded: releasedMinor, refunded: true };
  saveCharge(emulator, row, refunded);
  if (!lapsed) announce(emulator, cause, { type: 'charge.refunded', object: refunded });
}

/** The cardholder's bank takes the money back for now. */
export function openDispute(
  emulator: Emulator,
  cause: Cause,
  { row, reason }: { row: IntentRow; reason: string },
): void {
  const charge = { ...latestCharge(emulator, row), disputed: true };
  saveCharge(emulator, row, charge);
  const object = newDispute(charge, reason, nowSeconds());
  emulator.state.disputes.set(object.id, { account: row.account, object });
  const amountMinor = charge.amount_captured;
  moved(emulator, cause, { row, effect: 'disputed', amountMinor, dispute: object.id });
  announce(emulator, cause, { type: 'charge.dispute.created', object });
  announce(emulator, cause, { type: 'charge.dispute.funds_withdrawn', object });
}

/** The bank decides; won gives the money back (docs.stripe.com/disputes/how-disputes-work). */
export function closeDispute(
  emulator: Emulator,
  cause: Cause,
  { dispute, status }: { dispute: Row<Dispute>; status: 'won' | 'lost' },
): Dispute {
  const object = { ...dispute.object, status };
  emulator.state.disputes.set(object.id, { ...dispute, object });
  const row = emulator.state.intents.get(object.payment_intent);
  if (row !== undefined) {
    const amountMinor = object.amount;
    moved(emulator, cause, { row, effect: `dispute-${status}`, amountMinor, dispute: object.id });
  }
  if (status === 'won') {
    announce(emulator, cause, { type: 'charge.dispute.funds_reinstated', object });
  }
  announce(emulator, cause, { type: 'charge.dispute.closed', object });
  return object;
}

/** Keeps the intent, and wakes it when its time comes. */
export function saveIntent(emulator: Emulator, row: IntentRow): IntentRow {
  emulator.state.intents.set(row.object.id, row);
  if (row.dueAt !== undefined) emulator.at(row.dueAt, () => emulator.due(row.object.id));
  return row;
}

export function saveCharge(emulator: Emulator, { account }: IntentRow, object: Charge): void {
  emulator.state.charges.set(object.id, { account, object });
}

/** The charge of an intent that has one. */
export function latestCharge(emulator: Emulator, { object }: IntentRow): Charge {
  const row = emulator.state.charges.get(object.latest_charge ?? '');
  if (row === undefined) {
    throw new StripeError(500, `The emulator lost the charge of ${object.id}; reset its state.`);
  }
  return row.object;
}

export function moved(
  emulator: Emulator,
  cause: Cause,
  { row, ...what }: Omit<Moved, 'intent'> & { row: IntentRow },
): void {
  effect(emulator, { ...cause, account: row.account }, { intent: row.object.id, ...what });
}

/** 400 `payment_intent_unexpected_state`, with the intent as it is. */
export function unexpectedState(
  intent: PaymentIntent,
  verb: string,
  from: readonly string[],
): StripeError {
  const message =
    `This PaymentIntent is ${intent.status} and could not be ${verb}; ` +
    `that takes one of: ${from.join(', ')}.`;
  return new StripeError(400, message, {
    code: 'payment_intent_unexpected_state',
    paymentIntent: intent,
  });
}
