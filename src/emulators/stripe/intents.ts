import { checkConfirmable, confirm } from './confirm.ts';
import { announce, nowSeconds } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { endpoint } from './endpoint.ts';
import type { Call } from './endpoint.ts';
import { invalidParam, StripeError } from './errors.ts';
import { ownIntent } from './intent-verbs.ts';
import { CONFIRM, CREATE, INTENT_EXPANDABLE, UPDATE } from './intent-params.ts';
import { checkTypeChoice, offeredTypes } from './method-types.ts';
import type { TypeChoice } from './method-types.ts';
import { findMethod, makeMethod } from './methods.ts';
import { moved, saveIntent, unexpectedState } from './moves.ts';
import { checkAmount, checkCurrency } from './money.ts';
import type { Params } from './params.ts';
import { newPaymentIntent, publicView } from './payment-intent.ts';
import type { PaymentIntent } from './payment-intent.ts';
import { ownRow } from './state.ts';
import type { IntentRow, MethodRow } from './state.ts';

const CREATE_INTENT = endpoint('post /v1/payment_intents', {
  fields: CREATE,
  required: ['amount', 'currency'],
  expandable: INTENT_EXPANDABLE,
  run(emulator, call, params) {
    checkCreate(params, call.apiVersion);
    const method = methodOf(emulator, call, params);
    const row = newRow(emulator, call, params);
    row.object.payment_method = method?.object.id ?? null;
    if (method !== undefined) row.object.status = 'requires_confirmation';
    if (params.confirm === true) checkConfirmable(row, method);
    saveIntent(emulator, row);
    moved(emulator, call, { row, effect: 'created', amountMinor: row.object.amount });
    announce(emulator, call, { type: 'payment_intent.created', object: row.object });
    if (params.confirm !== true || method === undefined) return row.object;
    return confirm(emulator, call, { row, method, ...manner(call, params) }).object;
  },
});

const CONFIRM_INTENT = endpoint('post /v1/payment_intents/:id/confirm', {
  fields: CONFIRM,
  expandable: INTENT_EXPANDABLE,
  publishable: true,
  run(emulator, call, params) {
    const known = ownIntent(emulator, call, params.client_secret);
    checkTypeChoice(params, call.apiVersion);
    if (call.publishable) checkBrowserMay(known, params);
    const row = withChanges(known, params);
    const method = methodOf(emulator, call, params) ?? chosenMethod(emulator, known);
    checkConfirmable(row, method);
    checkReturnUrl(row.object, params.return_url);
    const { object } = confirm(emulator, call, { row, method: method!, ...manner(call, params) });
    return call.publishable ? publicView(object) : object;
  },
});

const UPDATE_INTENT = endpoint('post /v1/payment_intents/:id', {
  fields: UPDATE,
  expandable: INTENT_EXPANDABLE,
  run(emulator, call, params) {
    const known = ownIntent(emulator, call);
    checkTypeChoice(params, call.apiVersion);
    const { status } = known.object;
    const open = ['requires_payment_method', 'requires_confirmation', 'requires_action'];
    const changesMoney = params.amount !== undefined || params.currency !== undefined;
    if (changesMoney && !open.includes(status)) {
      throw unexpectedState(known.object, 'given another amount', open);
    }
    const { currency = known.object.currency, amount = known.object.amount } = params;
    checkAmount(amount, checkCurrency(currency));
    const money = { amount, currency: currency.toLowerCase() };
    const row = withChanges({ ...known, object: { ...known.object, ...money } }, params);
    const method = methodOf(emulator, call, params);
    const chosen: Partial<PaymentIntent> =
      method !== undefined && open.includes(status)
        ? { payment_method: method.object.id, status: 'requires_confirmation' }
        : {};
    return saveIntent(emulator, { ...row, object: { ...row.object, ...chosen } }).object;
  },
});

export const intentEndpoints = [CREATE_INTENT, CONFIRM_INTENT, UPDATE_INTENT];

type CreateParams = Params<typeof CREATE>;

function checkCreate(params: CreateParams, apiVersion: string): void {
  checkAmount(params.amount ?? 0, checkCurrency(params.currency ?? ''));
  checkTypeChoice(params, apiVersion);
  const { automatic_payment_methods: automatic } = params;
  if (automatic !== undefined && automatic.enabled === undefined) {
    const param = 'automatic_payment_methods[enabled]';
    throw invalidParam(param, 'parameter_missing', `Missing required param: ${param}.`);
  }
  const onlyConfirming = ['off_session', 'error_on_requires_action', 'return_url'] as const;
  const early = onlyConfirming.find((name) => params[name] !== undefined);
  if (early !== undefined && params.confirm !== true) {
    const message = `${early} can only be given together with confirm=true.`;
    throw new StripeError(400, message, { param: early, beforeExecution: true });
  }
}

/** What only the server may decide; a browser holds nothing but the client secret. */
function checkBrowserMay({ object }: IntentRow, params: Params<typeof CONFIRM>): void {
  const names = ['capture_method', 'off_session', 'error_on_requires_action'] as const;
  const param = names.find((name) => params[name] !== undefined);
  if (param !== undefined) {
    const message = `${param} takes a secret key; leave it out of a confirmation in the browser.`;
    throw new StripeError(400, message, { param, beforeExecution: true });
  }
  if (object.confirmation_method === 'manual') {
    const message =
      'This PaymentIntent has confirmation_method manual, so only a secret key can confirm it.';
    throw new StripeError(400, message, { beforeExecution: true });
  }
}

function newRow(emulator: Emulator, call: Call, params: CreateParams): IntentRow {
  const { automatic_payment_methods: given } = params;
  const currency = (params.currency ?? '').toLowerCase();
  const named = params.payment_method_types ?? params.allowed_payment_method_types;
  const automatic = given?.enabled ?? named === undefined;
  const object = newPaymentIntent({
    amount: params.amount ?? 0,
    currency,
    captureMethod: params.capture_method || 'automatic_async',
    confirmationMethod: params.confirmation_method || 'automatic',
    automaticPaymentMethods: automatic
      ? { allow_redirects: given?.allow_redirects || 'always', enabled: true }
      : null,
    createdAt: nowSeconds(),
  });
  const { account } = call;
  const { customer } = params;
  if (customer && ownRow(emulator.state.customers, account, customer) === undefined) {
    throw new StripeError(400, `No such customer: '${customer}'`, {
      code: 'resource_missing',
      param: 'customer',
    });
  }
  const row = withChanges({ account, object: { ...object, customer: customer || null } }, params);
  if (params.confirm === true) checkReturnUrl(row.object, params.return_url);
  return row;
}

const TEXTS = [
  'description',
  'receipt_email',
  'statement_descriptor',
  'statement_descriptor_suffix',
  'transfer_group',
  'setup_future_usage',
] as const;

type Changes = Partial<Record<(typeof TEXTS)[number], string>> & {
  metadata?: Record<string, string>;
  capture_method?: PaymentIntent['capture_method'] | '';
  payment_method_options?: { card?: Record<string, unknown> };
} & TypeChoice;

/** The row with what the parameters set; an empty text unsets. The known row stays as it is. */
function withChanges(row: IntentRow, params: Changes): IntentRow {
  const object = { ...row.object };
  for (const name of TEXTS) {
    const text = params[name];
    if (text !== undefined) object[name] = text === '' ? null : text;
  }
  if (params.capture_method) object.capture_method = params.capture_method;
  if (params.metadata !== undefined) object.metadata = merged(object.metadata, params.metadata);
  const card = params.payment_method_options?.card;
  if (card !== undefined) {
    const options = { ...object.payment_method_options['card'], ...card };
    object.payment_method_options = { ...object.payment_method_options, card: options };
  }
  return withTypes({ ...row, object }, params);
}

function withTypes(row: IntentRow, choice: TypeChoice): IntentRow {
  const types = choice.payment_method_types;
  if (types !== undefined || row.explicitTypes === true) {
    const payment_method_types = types ?? row.object.payment_method_types;
    return { ...row, explicitTypes: true, object: { ...row.object, payment_method_types } };
  }
  const allowed = choice.allowed_payment_method_types ?? row.object.allowed_payment_method_types;
  const excluded = choice.excluded_payment_method_types ?? row.object.excluded_payment_method_types;
  const { currency, capture_method } = row.object;
  const object = {
    ...row.object,
    allowed_payment_method_types: allowed,
    excluded_payment_method_types: excluded,
    payment_method_types: offeredTypes({ currency, capture_method, allowed, excluded }),
  };
  return { ...row, object };
}

/** Metadata given is added to what is there; an empty value removes its key. */
function merged(
  known: Record<string, string>,
  given: Record<string, string> = {},
): Record<string, string> {
  const all = Object.entries({ ...known, ...given });
  return Object.fromEntries(all.filter(([, value]) => value !== ''));
}

type MethodParams = { payment_method?: string; payment_method_data?: Params<MethodFields> };
type MethodFields = (typeof CREATE)['payment_method_data']['hash'];

function methodOf(emulator: Emulator, call: Call, params: MethodParams): MethodRow | undefined {
  if (params.payment_method) {
    const { account } = call;
    return findMethod(emulator, { account, id: params.payment_method, param: 'payment_method' });
  }
  const data = params.payment_method_data;
  return data === undefined ? undefined : makeMethod(emulator, call.account, data);
}

function chosenMethod(emulator: Emulator, { account, object }: IntentRow): MethodRow | undefined {
  return ownRow(emulator.state.methods, account, object.payment_method ?? '');
}

/** Methods that leave the page need somewhere to come back to. */
function checkReturnUrl(intent: PaymentIntent, returnUrl: string | undefined): void {
  const redirects = intent.automatic_payment_methods?.allow_redirects === 'always';
  if (!redirects || returnUrl) return;
  const message =
    'This PaymentIntent may redirect the customer, so confirming it needs a `return_url`. ' +
    'Give one, or create it with `automatic_payment_methods[allow_redirects]=never`.';
  throw new StripeError(400, message, { beforeExecution: true });
}

type Manner = {
  off_session?: string;
  error_on_requires_action?: boolean;
  return_url?: string;
  use_stripe_sdk?: boolean;
};

function manner({ pagesUrl }: Call, params: Manner) {
  const { off_session: off, return_url: returnUrl } = params;
  return {
    pagesUrl,
    useSdk: params.use_stripe_sdk === true,
    offSession: off !== undefined && off !== '' && off !== 'false',
    errorOnRequiresAction: params.error_on_requires_action === true,
    ...(returnUrl ? { returnUrl } : {}),
  };
}
