import type { Collection } from '../collection.ts';
import type { Host } from '../host.ts';
import type { Charge, Customer, Dispute, Refund } from './objects.ts';
import type { PaymentIntent } from './payment-intent.ts';
import type { Outcome } from './cards.ts';
import type { ExecutionScript } from './scripts.ts';
import type { WebhookFault } from './webhook-faults.ts';

/** A Stripe account: one set of keys, endpoints and data. `platform` may act for it (Connect). */
export type Account = {
  id: string;
  secretKey: string;
  publishableKey: string;
  platform?: string;
  apiVersion: string;
};

export type Endpoint = {
  account: string;
  secret: string;
  connect: boolean;
  /** True for the one endpoint that the control API keeps for the account. */
  viaControl: boolean;
  object: {
    id: string;
    object: 'webhook_endpoint';
    api_version: string | null;
    application: null;
    created: number;
    description: string | null;
    enabled_events: string[];
    livemode: false;
    metadata: Record<string, string>;
    status: 'enabled' | 'disabled';
    url: string;
  };
};

export type IntentRow = {
  account: string;
  object: PaymentIntent;
  /** When time itself moves it on (capture deadline, end of processing), in epoch milliseconds. */
  dueAt?: number;
  /** The customer has passed authentication and it has not been used up by a confirmation. */
  authenticated?: boolean;
  /** The request named the types, as API versions before 2026-09-30 let it. */
  explicitTypes?: boolean;
  /** Names one try at authentication; a page of an earlier try is over. */
  attempt?: string;
  /** Where a customer sent to another page comes back to. */
  returnUrl?: string;
  /** The last confirmation was without the customer: networks keep such a hold shorter. */
  offSession?: boolean;
  /** The authorization is gone at the network although the intent does not say so yet. */
  authorizationExpired?: boolean;
};

export type RefundRow = { account: string; object: Refund; failsLater?: boolean; dueAt?: number };
export type Row<T> = { account: string; object: T };

export type MethodRow = {
  account: string;
  outcome: Outcome;
  /** Authenticated for use without the customer present. */
  setUp: boolean;
  /** The intent that used it without a customer; no other intent may. */
  usedBy?: string;
  object: PaymentMethod;
};
export type PaymentMethod = {
  id: string;
  object: 'payment_method';
  created: number;
  customer: string | null;
  livemode: false;
  metadata: Record<string, string>;
  type: 'card' | 'us_bank_account';
  [detail: string]: unknown;
};

export type StripeEvent = {
  id: string;
  object: 'event';
  account?: string;
  api_version: string;
  created: number;
  data: { object: Record<string, unknown>; previous_attributes?: Record<string, unknown> };
  livemode: false;
  pending_webhooks: number;
  request: { id: string | null; idempotency_key: string | null };
  type: string;
};

export type Delivery = {
  id: string;
  event: string;
  endpoint: string;
  status: 'pending' | 'delivered' | 'failed' | 'withheld' | 'dropped';
  attempts: number;
  nextAt: number;
  /** How much older than its sending the signed timestamp is. */
  ageSeconds?: number;
  /** Signed with a secret that nobody has. */
  forged?: boolean;
  lastStatus?: number | 'no answer';
};

/** The first outcome of a request that carried an idempotency key. */
export type StoredOutcome = {
  fingerprint: string;
  status: number;
  body: unknown;
  requestId: string;
  at: number;
};

/** What became of money, in order and never changed; the ledger is folded from these. */
export type Effect = {
  n: number;
  /** RFC 3339 instant. */
  at: string;
  account: string;
  intent: string;
  effect: EffectName;
  amountMinor: number;
  currency: string;
  metadata: Record<string, string>;
  charge: string | null;
  refund?: string;
  dispute?: string;
  /** Of the request that did it; null for what the provider did by itself. */
  idempotencyKey: string | null;
  requestId: string | null;
};
const EFFECTS = [
  'created',
  'authorized',
  'captured',
  'released',
  'cancelled',
  'expired',
  'refunded',
  'refund-failed',
  'declined',
  'disputed',
  'dispute-won',
  'dispute-lost',
] as const;
type EffectName = (typeof EFFECTS)[number];

export type State = ReturnType<typeof openState>;

export function openState(host: Host) {
  return {
    accounts: host.collection<Account>('stripe-accounts'),
    endpoints: host.collection<Endpoint>('stripe-endpoints'),
    intents: host.collection<IntentRow>('stripe-intents'),
    charges: host.collection<Row<Charge>>('stripe-charges'),
    refunds: host.collection<RefundRow>('stripe-refunds'),
    customers: host.collection<Row<Customer>>('stripe-customers'),
    methods: host.collection<MethodRow>('stripe-methods'),
    disputes: host.collection<Row<Dispute>>('stripe-disputes'),
    events: host.collection<Row<StripeEvent>>('stripe-events'),
    deliveries: host.collection<Delivery>('stripe-deliveries'),
    outcomes: host.collection<StoredOutcome>('stripe-idempotency'),
    effects: host.collection<Effect>('stripe-effects'),
    scripts: host.collection<ExecutionScript>('stripe-scripts'),
    webhookFaults: host.collection<WebhookFault>('stripe-webhook-faults'),
    /** How often a script or fault has met one booking, by `<id> <booking>`. */
    met: host.collection<number>('stripe-met'),
  };
}

/** The row of this id in this account, as if other accounts' objects did not exist. */
export function ownRow<T extends { account: string }>(
  rows: Collection<T>,
  account: string,
  id: string,
): T | undefined {
  const row = rows.get(id);
  return row?.account === account ? row : undefined;
}
