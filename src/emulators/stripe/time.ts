import { charge } from './confirm.ts';
import { announce } from './emulator.ts';
import type { Cause, Emulator } from './emulator.ts';
import { cancel, latestCharge, saveCharge, saveIntent } from './moves.ts';
import { settleRefund } from './refunds.ts';
import type { IntentRow } from './state.ts';

/** Carries out what time brings: a lapsed authorization, the end of processing, a late refund. */
export function whenDue(emulator: Emulator, id: string): void {
  const refund = emulator.state.refunds.get(id);
  const intent = emulator.state.intents.get(id);
  const dueAt = refund?.dueAt ?? intent?.dueAt;
  if (dueAt === undefined) return;
  // Timers may fire a little early by the clock that `dueAt` was read from.
  if (dueAt > Date.now()) return emulator.at(dueAt, () => emulator.due(id));
  if (refund !== undefined) {
    settleRefund(emulator, refund, {
      outcome: refund.failsLater === true ? 'failed' : 'succeeded',
    });
  } else if (intent?.object.status === 'requires_capture') {
    lapse(emulator, intent);
  } else if (intent?.object.status === 'processing') {
    const { bank } = emulator.state.methods.get(intent.object.payment_method ?? '')?.outcome ?? {};
    settleProcessing(emulator, intent, bank === 'fails' ? 'failed' : 'succeeded');
  }
}

/** After a restart: what was due meanwhile happens now, the rest at its time. */
export function resumeTime(emulator: Emulator): void {
  for (const rows of [emulator.state.intents, emulator.state.refunds]) {
    for (const [id, { dueAt }] of rows.entries()) {
      if (dueAt !== undefined) emulator.at(dueAt, () => emulator.due(id));
    }
  }
}

/** The time to capture is over; Stripe cancels the intent by itself. */
export function lapse(emulator: Emulator, row: IntentRow): IntentRow {
  return cancel(emulator, provider(row), { row, reason: 'automatic' });
}

/** Moves the time to capture to so many seconds from now, on the charge too. */
export function shortenAuthorization(emulator: Emulator, row: IntentRow, seconds: number): void {
  const charge = latestCharge(emulator, row);
  const dueAt = Date.now() + seconds * 1000;
  const card = charge.payment_method_details['card'] as Record<string, unknown> | undefined;
  const details = { ...card, capture_before: Math.floor(dueAt / 1000) };
  const payment_method_details = { ...charge.payment_method_details, card: details };
  saveCharge(emulator, row, { ...charge, payment_method_details });
  saveIntent(emulator, { ...row, dueAt });
}

/** Ends `processing` one way or the other. */
export function settleProcessing(
  emulator: Emulator,
  row: IntentRow,
  outcome: 'succeeded' | 'failed',
): IntentRow {
  const { dueAt: _due, ...rest } = row;
  const cause = provider(row);
  if (outcome === 'failed') {
    return failPayment(emulator, rest, {
      code: 'payment_intent_payment_attempt_failed',
      message: 'The payment failed.',
    });
  }
  const method = emulator.state.methods.get(row.object.payment_method ?? '');
  return method === undefined ? row : charge(emulator, cause, { row: rest, method });
}

/** The attempt comes to nothing after the request that began it; another method may be tried. */
export function failPayment(
  emulator: Emulator,
  row: IntentRow,
  failure: { code: string; message: string },
): IntentRow {
  const method = emulator.state.methods.get(row.object.payment_method ?? '');
  const object = {
    ...row.object,
    last_payment_error: {
      ...failure,
      doc_url: `https://stripe.com/docs/error-codes/${failure.code.replaceAll('_', '-')}`,
      payment_method: method?.object ?? null,
      type: 'invalid_request_error',
    },
    next_action: null,
    payment_method: null,
    processing: null,
    status: 'requires_payment_method' as const,
  };
  const next = saveIntent(emulator, { ...row, object });
  announce(emulator, provider(row), { type: 'payment_intent.payment_failed', object });
  return next;
}

/** Something that no request of the account caused. */
export function provider({ account }: { account: string }): Cause {
  return { account, requestId: null, idempotencyKey: null };
}
