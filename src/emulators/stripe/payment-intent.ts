import { newId, randomText } from './ids.ts';

const INTENT_STATUSES = [
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'processing',
  'requires_capture',
  'succeeded',
  'canceled',
] as const;
export type IntentStatus = (typeof INTENT_STATUSES)[number];

export const CAPTURE_METHODS = ['automatic', 'automatic_async', 'manual'] as const;
type CaptureMethod = (typeof CAPTURE_METHODS)[number];

/** The object of docs.stripe.com/api/payment_intents/object; amounts in minor units, times in unix seconds. */
export type PaymentIntent = ReturnType<typeof newPaymentIntent>;

export type NewIntent = {
  amount: number;
  currency: string;
  captureMethod: CaptureMethod;
  confirmationMethod: 'automatic' | 'manual';
  automaticPaymentMethods: { allow_redirects: 'always' | 'never'; enabled: boolean } | null;
  createdAt: number;
};

export function newPaymentIntent(intent: NewIntent) {
  const id = newId('pi');
  return {
    id,
    object: 'payment_intent' as const,
    allowed_payment_method_types: null as string[] | null,
    amount: intent.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null as number | null,
    automatic_payment_methods: intent.automaticPaymentMethods,
    canceled_at: null as number | null,
    cancellation_reason: null as string | null,
    capture_method: intent.captureMethod,
    client_secret: `${id}_secret_${randomText(25)}`,
    confirmation_method: intent.confirmationMethod,
    created: intent.createdAt,
    currency: intent.currency,
    customer: null as string | null,
    customer_account: null,
    description: null as string | null,
    excluded_payment_method_types: null as string[] | null,
    last_payment_error: null as Record<string, unknown> | null,
    latest_charge: null as string | null,
    livemode: false as const,
    managed_payments: null,
    metadata: {} as Record<string, string>,
    next_action: null as Record<string, unknown> | null,
    on_behalf_of: null as string | null,
    payment_method: null as string | null,
    payment_method_configuration_details: null,
    payment_method_options: {
      card: { installments: null, network: null, request_three_d_secure: 'automatic' },
    } as Record<string, Record<string, unknown>>,
    payment_method_types: [] as string[],
    payment_record: null,
    processing: null as Record<string, unknown> | null,
    receipt_email: null as string | null,
    review: null,
    setup_future_usage: null as string | null,
    shipping: null,
    source: null,
    statement_descriptor: null as string | null,
    statement_descriptor_suffix: null as string | null,
    status: 'requires_payment_method' as IntentStatus,
    transfer_data: null,
    transfer_group: null as string | null,
  };
}

const PUBLIC_FIELDS = [
  'id',
  'object',
  'amount',
  'amount_details',
  'automatic_payment_methods',
  'canceled_at',
  'cancellation_reason',
  'capture_method',
  'client_secret',
  'confirmation_method',
  'created',
  'currency',
  'description',
  'last_payment_error',
  'livemode',
  'next_action',
  'payment_method',
  'payment_method_types',
  'processing',
  'receipt_email',
  'setup_future_usage',
  'shipping',
  'source',
  'status',
] as const satisfies readonly (keyof PaymentIntent)[];

/** What a browser sees of an intent through a publishable key and the client secret. */
export function publicView(intent: PaymentIntent): Record<string, unknown> {
  return Object.fromEntries(PUBLIC_FIELDS.map((field) => [field, intent[field]]));
}
