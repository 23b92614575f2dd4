import { endpoint } from './endpoint.ts';
import type { Call } from './endpoint.ts';
import type { Emulator } from './emulator.ts';
import { noSuch, StripeError } from './errors.ts';
import { CANCEL, CAPTURE, INTENT_EXPANDABLE, PAGE } from './intent-params.ts';
import { page, pageLimit, parseSearch, satisfies, within } from './lists.ts';
import { cancel, capture, unexpectedState } from './moves.ts';
import { publicView } from './payment-intent.ts';
import type { IntentRow } from './state.ts';

const LISTED = INTENT_EXPANDABLE.map((path) => `data.${path}`);

const RETRIEVE = endpoint('get /v1/payment_intents/:id', {
  fields: { client_secret: 'string', key: 'string' },
  expandable: INTENT_EXPANDABLE,
  publishable: true,
  run(emulator, call, params) {
    const { object } = ownIntent(emulator, call, params.client_secret);
    return call.publishable ? publicView(object) : object;
  },
});

const CAPTURE_INTENT = endpoint('post /v1/payment_intents/:id/capture', {
  fields: CAPTURE,
  expandable: INTENT_EXPANDABLE,
  run(emulator, call, params) {
    const row = ownIntent(emulator, call);
    const { object } = row;
    if (object.status !== 'requires_capture') {
      throw unexpectedState(object, 'captured', ['requires_capture']);
    }
    if (row.authorizationExpired === true) {
      const message = 'The authorization has expired, so it can no longer be captured.';
      throw new StripeError(400, message, {
        code: 'charge_expired_for_capture',
        ...(object.latest_charge === null ? {} : { charge: object.latest_charge }),
        paymentIntent: object,
      });
    }
    const amountMinor = params.amount_to_capture ?? object.amount_capturable;
    checkCapture(row, amountMinor, params.final_capture);
    const metadata = { ...object.metadata, ...params.metadata };
    return capture(emulator, call, {
      row: { ...row, object: { ...object, metadata } },
      amountMinor,
    }).object;
  },
});

function checkCapture({ object }: IntentRow, amountMinor: number, final = true): void {
  const param = 'amount_to_capture';
  if (amountMinor < 1) {
    const message = 'The amount to capture is a positive integer.';
    throw new StripeError(400, message, { code: 'parameter_invalid_integer', param });
  }
  if (amountMinor > object.amount_capturable) {
    const message = `At most ${object.amount_capturable} can be captured.`;
    throw new StripeError(400, message, { code: 'amount_too_large', param, paymentIntent: object });
  }
  if (!final) {
    const message = 'This payment is not eligible for more than one capture.';
    throw new StripeError(400, message, { param: 'final_capture', paymentIntent: object });
  }
}

const CANCEL_INTENT = endpoint('post /v1/payment_intents/:id/cancel', {
  fields: CANCEL,
  expandable: INTENT_EXPANDABLE,
  run(emulator, call, params) {
    const row = ownIntent(emulator, call);
    const from = [
      'requires_payment_method',
      'requires_capture',
      'requires_confirmation',
      'requires_action',
      ...(emulator.switches.cancelWhileProcessing ? ['processing'] : []),
    ];
    if (!from.includes(row.object.status)) throw unexpectedState(row.object, 'canceled', from);
    return cancel(emulator, call, { row, reason: params.cancellation_reason || null }).object;
  },
});

const LIST = endpoint('get /v1/payment_intents', {
  fields: { ...PAGE, customer: 'string', created: { range: true } },
  expandable: LISTED,
  run(emulator, call, params) {
    const { customer, created } = params;
    const rows = [...emulator.state.intents.values()].filter(
      ({ account, object }) =>
        account === call.account &&
        within(object.created, created) &&
        (customer === undefined || object.customer === customer),
    );
    const objects = rows.map((row) => row.object);
    return page('/v1/payment_intents', objects, params);
  },
});

const SEARCH = endpoint('get /v1/payment_intents/search', {
  fields: { query: 'string', limit: 'integer', page: 'string' },
  required: ['query'],
  expandable: LISTED,
  run(emulator, call, params) {
    const clauses = parseSearch(params.query ?? '');
    const limit = pageLimit(params.limit);
    const start = Number(params.page ?? 0) || 0;
    const visibleBefore = (Date.now() - emulator.switches.searchLagMs) / 1000;
    const found = [...emulator.state.intents.values()]
      .filter(({ account, object }) => account === call.account && object.created <= visibleBefore)
      .map((row) => row.object)
      .filter((object) => clauses.every((clause) => satisfies(object, clause)))
      .reverse();
    const more = start + limit < found.length;
    return {
      object: 'search_result',
      url: '/v1/payment_intents/search',
      has_more: more,
      data: found.slice(start, start + limit),
      next_page: more ? String(start + limit) : null,
    };
  },
});

/** `search` stands before `:id`, as paths are tried in order. */
export const intentVerbEndpoints = [SEARCH, LIST, RETRIEVE, CAPTURE_INTENT, CANCEL_INTENT];

/** The intent of the path; a browser must also show the intent's client secret. */
export function ownIntent(emulator: Emulator, call: Call, clientSecret?: string): IntentRow {
  const row = emulator.state.intents.get(call.id);
  if (row?.account !== call.account) throw noSuch('payment_intent', call.id);
  const wrongSecret = clientSecret !== undefined && clientSecret !== row.object.client_secret;
  if (wrongSecret || (call.publishable && clientSecret === undefined)) {
    throw new StripeError(400, 'The client_secret does not belong to this PaymentIntent.', {
      code: 'payment_intent_invalid_parameter',
      param: 'client_secret',
      beforeExecution: true,
    });
  }
  return row;
}
