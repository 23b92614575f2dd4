import { METHOD_DATA } from './methods.ts';
import { CAPTURE_METHODS } from './payment-intent.ts';

/** Parameters of docs.stripe.com/api/payment_intents, by verb. */
const OPTIONS = {
  hash: {
    card: {
      hash: {
        request_three_d_secure: { oneOf: ['automatic', 'any', 'challenge'] },
        request_extended_authorization: { oneOf: ['if_available', 'never'] },
        capture_method: 'refused',
        setup_future_usage: 'refused',
        installments: 'refused',
        network: 'refused',
        request_incremental_authorization: 'refused',
        request_multicapture: 'refused',
        request_overcapture: 'refused',
        require_cvc_recollection: 'refused',
        statement_descriptor_suffix_kana: 'refused',
        statement_descriptor_suffix_kanji: 'refused',
      },
    },
  },
} as const;

const TEXTS = {
  description: 'string',
  receipt_email: 'string',
  statement_descriptor: 'string',
  statement_descriptor_suffix: 'string',
  transfer_group: 'string',
} as const;

const NOT_CARRIED_OUT = {
  amount_details: 'refused',
  application_fee_amount: 'refused',
  customer_account: 'refused',
  hooks: 'refused',
  payment_details: 'refused',
  payment_method_configuration: 'refused',
  shipping: 'refused',
  transfer_data: 'refused',
} as const;

const TYPE_CHOICE = {
  allowed_payment_method_types: 'strings',
  excluded_payment_method_types: 'strings',
  payment_method_types: 'strings',
} as const;

const FUTURE = { oneOf: ['on_session', 'off_session'] } as const;

const CONFIRMATION = {
  confirmation_token: 'refused',
  error_on_requires_action: 'boolean',
  mandate: 'refused',
  mandate_data: 'refused',
  off_session: { oneOf: ['true', 'false', 'one_off', 'recurring'] },
  radar_options: 'refused',
  return_url: 'string',
  use_stripe_sdk: 'boolean',
} as const;

const METHOD = {
  payment_method: 'string',
  payment_method_data: { hash: METHOD_DATA },
  payment_method_options: OPTIONS,
  setup_future_usage: FUTURE,
} as const;

export const CREATE = {
  ...NOT_CARRIED_OUT,
  ...TEXTS,
  ...TYPE_CHOICE,
  ...METHOD,
  ...CONFIRMATION,
  amount: 'integer',
  currency: 'string',
  automatic_payment_methods: {
    hash: { enabled: 'boolean', allow_redirects: { oneOf: ['always', 'never'] } },
  },
  capture_method: { oneOf: CAPTURE_METHODS },
  confirm: 'boolean',
  confirmation_method: { oneOf: ['automatic', 'manual'] },
  customer: 'string',
  metadata: 'metadata',
  on_behalf_of: 'refused',
} as const;

export const UPDATE = {
  ...NOT_CARRIED_OUT,
  ...TEXTS,
  ...TYPE_CHOICE,
  ...METHOD,
  amount: 'integer',
  capture_method: { oneOf: CAPTURE_METHODS },
  currency: 'string',
  customer: 'string',
  metadata: 'metadata',
} as const;

export const CONFIRM = {
  ...METHOD,
  ...CONFIRMATION,
  ...TYPE_CHOICE,
  amount_details: 'refused',
  amount_to_confirm: 'refused',
  capture_method: { oneOf: CAPTURE_METHODS },
  client_secret: 'string',
  expected_payment_method_type: 'string',
  hooks: 'refused',
  key: 'string',
  payment_details: 'refused',
  receipt_email: 'string',
  shipping: 'refused',
} as const;

export const CAPTURE = {
  amount_details: 'refused',
  amount_to_capture: 'integer',
  application_fee_amount: 'refused',
  final_capture: 'boolean',
  hooks: 'refused',
  metadata: 'metadata',
  payment_details: 'refused',
  statement_descriptor: 'string',
  statement_descriptor_suffix: 'string',
  transfer_data: 'refused',
} as const;

/** `automatic` and `expired` are reasons that Stripe gives, never a caller. */
export const CANCEL = {
  cancellation_reason: {
    oneOf: ['duplicate', 'fraudulent', 'requested_by_customer', 'abandoned'],
  },
} as const;

export const PAGE = {
  limit: 'integer',
  starting_after: 'string',
  ending_before: 'string',
} as const;

export const INTENT_EXPANDABLE = [
  'customer',
  'latest_charge',
  'latest_charge.customer',
  'latest_charge.payment_intent',
  'payment_method',
] as const;
