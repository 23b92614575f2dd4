import type { Collection } from '../collection.ts';
import type { Host } from '../host.ts';
import type { Charge, Customer, Dispute, Refund } from './objects.ts';
import type { PaymentIntent } from './payment-intent.ts';
import type { Outcome } from './cards.ts';

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
  status: 'pending' | 'delivered' | 'failed' | 'withheld';
  attempts: number;
  nextAt: number;
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

/** What moved money, in order; the ledger is folded from these. */
export type Effect = {
  account: string;
  intent: string;
  effect: EffectName;
  amountMinor: number;
  refund?: string;
};
const EFFECTS = [
  'created',
  'authorized',
  'captured',
  'released',
  'refunded',
  'refund-failed',
  'declined',
  'disputed',
] as const;
export type EffectName = (typeof EFFECTS)[number];

/** What the next matching request meets once its execution has begun. */
export type ExecutionScript = {
  id: string;
  match: string;
  timesLeft: number;
  status?: number;
  carriedOut: boolean;
  delayMs?: number;
  hold?: string;
};

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
