import { derivedText, newId, randomText } from './ids.ts';
import type { PaymentIntent } from './payment-intent.ts';
import type { PaymentMethod } from './state.ts';

export type Charge = ReturnType<typeof newCharge>;
export type Refund = ReturnType<typeof newRefund>;
export type Customer = ReturnType<typeof newCustomer>;
export type Dispute = ReturnType<typeof newDispute>;

export type NewCharge = {
  intent: PaymentIntent;
  method: PaymentMethod;
  status: 'succeeded' | 'pending' | 'failed';
  captured: boolean;
  createdAt: number;
  /** Unix seconds by which an authorization must be captured. */
  captureBefore?: number;
  extended?: boolean;
  failure?: { code: string; message: string; declineCode?: string };
};

/** docs.stripe.com/api/charges/object */
export function newCharge(options: NewCharge) {
  const { intent, method, status, captured, failure } = options;
  return {
    id: newId(method.type === 'card' ? 'ch' : 'py'),
    object: 'charge' as const,
    amount: intent.amount,
    amount_captured: captured ? intent.amount : 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: captured ? newId('txn') : (null as string | null),
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    calculated_statement_descriptor: 'HOLDFAST TEST',
    captured,
    created: options.createdAt,
    currency: intent.currency,
    customer: intent.customer,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: failure?.code ?? null,
    failure_message: failure?.message ?? null,
    fraud_details: {},
    livemode: false as const,
    metadata: { ...intent.metadata },
    on_behalf_of: null,
    outcome: outcomeOf(options),
    paid: status !== 'failed',
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: methodDetails(options),
    radar_options: {},
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status,
    transfer_data: null,
    transfer_group: intent.transfer_group,
  };
}

function outcomeOf({ status, failure }: NewCharge) {
  const failed = status === 'failed';
  return {
    advice_code: null,
    network_advice_code: null,
    network_decline_code: null,
    network_status: failed ? 'declined_by_network' : 'approved_by_network',
    reason: failed ? (failure?.declineCode ?? failure?.code ?? null) : null,
    risk_level: 'normal',
    risk_score: 20,
    seller_message: failed ? 'The bank did not return any further details.' : 'Payment complete.',
    type: failed ? 'issuer_declined' : 'authorized',
  };
}

function methodDetails({ method, intent, captured, captureBefore, extended }: NewCharge) {
  if (method.type !== 'card') {
    return { type: method.type, [method.type]: method[method.type] } as Record<string, unknown>;
  }
  const card = method['card'] as Record<string, unknown>;
  return {
    type: 'card',
    card: {
      amount_authorized: intent.amount,
      authorization_code: randomText(6).toUpperCase(),
      brand: card['brand'],
      ...(captureBefore === undefined || captured ? {} : { capture_before: captureBefore }),
      checks: card['checks'],
      country: card['country'],
      exp_month: card['exp_month'],
      exp_year: card['exp_year'],
      extended_authorization: { status: extended === true ? 'enabled' : 'disabled' },
      fingerprint: card['fingerprint'],
      funding: card['funding'],
      incremental_authorization: { status: 'unavailable' },
      installments: null,
      last4: card['last4'],
      mandate: null,
      multicapture: { status: 'unavailable' },
      network: card['brand'],
      network_token: { used: false },
      network_transaction_id: derivedText(`network:${intent.id}`, 15),
      overcapture: { maximum_amount_capturable: intent.amount, status: 'unavailable' },
      three_d_secure: null,
      wallet: null,
    },
  } as Record<string, unknown>;
}

export type NewRefund = {
  charge: Charge;
  amount: number;
  reason: string | null;
  metadata: Record<string, string>;
  status: 'succeeded' | 'pending';
  createdAt: number;
};

/** docs.stripe.com/api/refunds/object */
export function newRefund({ charge, amount, reason, metadata, status, createdAt }: NewRefund) {
  return {
    id: newId(charge.id.startsWith('py') ? 'pyr' : 're'),
    object: 'refund' as const,
    amount,
    balance_transaction: newId('txn') as string | null,
    charge: charge.id,
    created: createdAt,
    currency: charge.currency,
    customer: charge.customer,
    destination_details: { type: 'card', card: { type: 'refund', reference_status: 'pending' } },
    failure_balance_transaction: undefined as string | undefined,
    failure_reason: undefined as string | undefined,
    metadata,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    pending_reason: status === 'pending' ? 'processing' : undefined,
    reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: status as 'succeeded' | 'pending' | 'failed',
    transfer_reversal: null,
  };
}

/** docs.stripe.com/api/customers/object */
export function newCustomer(createdAt: number) {
  return {
    id: `cus_${randomText(14)}`,
    object: 'customer' as const,
    address: null,
    balance: 0,
    created: createdAt,
    currency: null,
    customer_account: null,
    default_source: null,
    delinquent: false,
    description: null as string | null,
    email: null as string | null,
    invoice_prefix: randomText(8).toUpperCase(),
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false as const,
    metadata: {} as Record<string, string>,
    name: null as string | null,
    phone: null as string | null,
    preferred_locales: [],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
  };
}

/** docs.stripe.com/api/disputes/object */
export function newDispute(charge: Charge, reason: string, createdAt: number) {
  return {
    id: newId('du'),
    object: 'dispute' as const,
    amount: charge.amount_captured,
    balance_transactions: [],
    charge: charge.id,
    created: createdAt,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: {
      due_by: createdAt + 9 * 86_400,
      has_evidence: false,
      past_due: false,
      submission_count: 0,
    },
    is_charge_refundable: false,
    livemode: false as const,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason,
    status: 'needs_response',
  };
}
