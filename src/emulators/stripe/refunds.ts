import { announce, nowSeconds } from './emulator.ts';
import type { Cause, Emulator } from './emulator.ts';
import { endpoint } from './endpoint.ts';
import type { Call } from './endpoint.ts';
import { invalidParam, noSuch, StripeError } from './errors.ts';
import { newId } from './ids.ts';
import { PAGE } from './intent-params.ts';
import { page, within } from './lists.ts';
import { latestCharge, moved, saveCharge, unexpectedState } from './moves.ts';
import { newRefund } from './objects.ts';
import type { Charge } from './objects.ts';
import { ownRow } from './state.ts';
import type { IntentRow, RefundRow } from './state.ts';

const EXPANDABLE = ['charge', 'payment_intent', 'payment_intent.latest_charge'] as const;

const CREATE = endpoint('post /v1/refunds', {
  fields: {
    amount: 'integer',
    charge: 'string',
    currency: 'refused',
    customer: 'refused',
    instructions_email: 'string',
    metadata: 'metadata',
    origin: 'refused',
    payment_intent: 'string',
    reason: { oneOf: ['duplicate', 'fraudulent', 'requested_by_customer'] },
    refund_application_fee: 'refused',
    reverse_transfer: 'refused',
  },
  expandable: EXPANDABLE,
  run(emulator, call, params) {
    const intent = refundedIntent(emulator, call, params);
    const charge = latestCharge(emulator, intent);
    const amount = refundAmount(emulator, charge, params.amount);
    const { reason, metadata = {} } = params;
    return refund(emulator, call, { intent, amount, reason: reason || null, metadata }).object;
  },
});

const RETRIEVE = endpoint('get /v1/refunds/:id', {
  fields: {},
  expandable: EXPANDABLE,
  run(emulator, call) {
    const row = ownRow(emulator.state.refunds, call.account, call.id);
    if (row === undefined) throw noSuch('refund', call.id);
    return row.object;
  },
});

const LIST = endpoint('get /v1/refunds', {
  fields: { ...PAGE, charge: 'string', payment_intent: 'string', created: { range: true } },
  expandable: EXPANDABLE.map((path) => `data.${path}`),
  run(emulator, call, params) {
    const rows = [...emulator.state.refunds.values()].filter(
      ({ account, object }) =>
        account === call.account &&
        within(object.created, params.created) &&
        (params.charge === undefined || object.charge === params.charge) &&
        (params.payment_intent === undefined || object.payment_intent === params.payment_intent),
    );
    const objects = rows.map((row) => row.object);
    return page('/v1/refunds', objects, params);
  },
});

export const refundEndpoints = [CREATE, LIST, RETRIEVE];

function refundedIntent(
  emulator: Emulator,
  { account }: Call,
  params: { payment_intent?: string; charge?: string },
): IntentRow {
  const { payment_intent: intentId, charge: chargeId } = params;
  if (!intentId && !chargeId) {
    throw invalidParam('charge', 'parameter_missing', 'Give a charge or a payment_intent.');
  }
  const charge = chargeId ? ownRow(emulator.state.charges, account, chargeId) : undefined;
  if (chargeId && charge === undefined) throw noSuch('charge', chargeId, 'charge');
  const id = intentId || charge?.object.payment_intent || '';
  const row = ownRow(emulator.state.intents, account, id);
  if (row === undefined) throw noSuch('payment_intent', id, 'payment_intent');
  if (row.object.status !== 'succeeded') {
    throw unexpectedState(row.object, 'refunded', ['succeeded']);
  }
  return row;
}

/** What can still be given back is what was captured, less what was refunded; releases aside. */
function refundAmount(emulator: Emulator, charge: Charge, asked: number | undefined): number {
  const left = charge.amount_captured - refundedMinor(emulator, charge);
  if (left <= 0) {
    const message = `Charge ${charge.id} has already been refunded.`;
    throw new StripeError(400, message, { code: 'charge_already_refunded', charge: charge.id });
  }
  if (chargedBack(emulator, charge)) {
    const message = `Charge ${charge.id} has been charged back; it cannot be refunded.`;
    throw new StripeError(400, message, { code: 'charge_disputed', charge: charge.id });
  }
  if (asked === undefined) return left;
  if (asked < 1) {
    const message = 'The amount is a positive integer.';
    throw invalidParam('amount', 'parameter_invalid_integer', message);
  }
  if (asked <= left) return asked;
  const { overRefundCode } = emulator.switches;
  const message = `The refund of ${asked} is greater than the ${left} left on the charge.`;
  throw new StripeError(400, message, {
    param: 'amount',
    ...(overRefundCode === 'none' ? {} : { code: overRefundCode }),
  });
}

/** Until the bank gives it back, the money is not there to refund. */
function chargedBack({ state }: Emulator, charge: Charge): boolean {
  if (!charge.disputed) return false;
  const rows = [...state.disputes.values()].filter(({ object }) => object.charge === charge.id);
  return rows.some(({ object }) => object.status !== 'won');
}

function refundedMinor({ state }: Emulator, charge: Charge): number {
  let total = 0;
  for (const { object } of state.refunds.values()) {
    if (object.charge === charge.id && object.status !== 'failed') total += object.amount;
  }
  return total;
}

type Wanted = {
  intent: IntentRow;
  amount: number;
  reason: string | null;
  metadata: Record<string, string>;
};

function refund(emulator: Emulator, cause: Cause, wanted: Wanted): RefundRow {
  const { intent, amount, reason, metadata } = wanted;
  const charge = latestCharge(emulator, intent);
  const manner =
    cause.play?.refund ?? emulator.state.methods.get(charge.payment_method)?.outcome.refund;
  const status = manner === 'pending' ? 'pending' : 'succeeded';
  const createdAt = nowSeconds();
  const object = newRefund({ charge, amount, reason, metadata, status, createdAt });
  const { refundSettlesMs } = emulator.switches;
  const settles = manner !== undefined && refundSettlesMs >= 0;
  const row: RefundRow = {
    account: intent.account,
    object,
    failsLater: manner === 'fails-later',
    ...(settles ? { dueAt: Date.now() + refundSettlesMs } : {}),
  };
  emulator.state.refunds.set(object.id, row);
  if (row.dueAt !== undefined) emulator.at(row.dueAt, () => emulator.due(object.id));
  const refunded = showRefunded(emulator, intent, charge);
  moved(emulator, cause, {
    row: intent,
    effect: 'refunded',
    amountMinor: amount,
    refund: object.id,
  });
  announce(emulator, cause, { type: 'refund.created', object });
  announce(emulator, cause, { type: 'charge.refunded', object: refunded });
  return row;
}

function showRefunded(emulator: Emulator, intent: IntentRow, charge: Charge): Charge {
  const { releaseShowsAsRefund } = emulator.switches;
  const releasedMinor = releaseShowsAsRefund ? charge.amount - charge.amount_captured : 0;
  const given = refundedMinor(emulator, charge);
  const object = {
    ...charge,
    amount_refunded: given + releasedMinor,
    refunded: given >= charge.amount_captured,
  };
  saveCharge(emulator, intent, object);
  return object;
}

/** `reason` is one of those of docs.stripe.com/api/refunds/object#refund_object-failure_reason. */
type Settlement = { outcome: 'succeeded' | 'failed'; reason?: string };

/** A pending refund arrives, or one that seemed done comes back (docs.stripe.com/refunds#failed-refunds). */
export function settleRefund(
  emulator: Emulator,
  row: RefundRow,
  { outcome, reason = 'expired_or_canceled_card' }: Settlement,
): RefundRow {
  const { dueAt: _due, ...rest } = row;
  const before = row.object;
  if (before.status === 'failed' || before.status === outcome) return row;
  const failure = {
    failure_balance_transaction: newId('txn'),
    failure_reason: reason,
  };
  const { pending_reason: _pending, ...object } = before;
  const next = {
    ...rest,
    object: {
      ...object,
      pending_reason: undefined,
      ...(outcome === 'failed' ? failure : {}),
      status: outcome,
    },
  };
  emulator.state.refunds.set(before.id, next);
  const cause = { account: row.account, requestId: null, idempotencyKey: null };
  const previous = { status: before.status };
  announce(emulator, cause, { type: 'refund.updated', object: next.object, previous });
  announce(emulator, cause, { type: 'charge.refund.updated', object: next.object, previous });
  if (outcome === 'failed') {
    const intent = emulator.state.intents.get(before.payment_intent)!;
    showRefunded(emulator, intent, latestCharge(emulator, intent));
    const amountMinor = before.amount;
    moved(emulator, cause, {
      row: intent,
      effect: 'refund-failed',
      amountMinor,
      refund: before.id,
    });
    announce(emulator, cause, { type: 'refund.failed', object: next.object });
  }
  return next;
}
