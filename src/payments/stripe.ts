import { Stripe } from 'stripe';
import type {
  PaymentAccess,
  PaymentProvider,
  PaymentState,
  RefundState,
} from './payment-provider.ts';
import { failureFrom, readRefusal, requireObject } from './stripe-failures.ts';
import { againIfStored, byState, isServerFault, underKeys } from './stripe-keys.ts';
import { KEY_PROPERTY, paidBack, refundOf, stateOf, sumOf } from './stripe-state.ts';
import { verifyWebhook } from './stripe-webhook.ts';

export interface StripeSettings {
  /** Origin of the API; Stripe's own when absent. */
  apiUrl?: string;
  /** Limit of one request. */
  timeoutMs: number;
}

/**
 * Payments as PaymentIntents with manual capture (Stripe guide "Place a hold on a payment method").
 * One client serves all tenants; the key of an account is given with each request.
 */
export function createStripeProvider(settings: StripeSettings): PaymentProvider {
  const stripe = clientFor(settings);
  return {
    create: (input) => create(stripe, input),
    createCustomer: (input) => createCustomer(stripe, input),
    confirm: (input) => confirm(stripe, input),
    chargeAbsent: (input) => chargeAbsent(stripe, input),
    capture: (input) => capture(stripe, input),
    cancel: (input) => cancel(stripe, input),
    refund: (input) => refund(stripe, input),
    refunds: (input) => refunds(stripe, input),
    read: (input) => read(stripe, input),
    verifyWebhook,
  };
}

type Input<K extends keyof PaymentProvider> = Parameters<PaymentProvider[K]>[0];

const create = (stripe: Stripe, input: Input<'create'>) =>
  underKeys({
    key: input.key,
    // A stored failure leaves at worst an intent that nobody confirms.
    judge: againIfStored,
    act: async (key) =>
      stateOf(
        await stripe.paymentIntents.create(
          {
            amount: input.amountMinor,
            currency: input.currency,
            // With manual capture Stripe offers only methods that can be authorized first.
            capture_method: 'manual',
            automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
            metadata: { booking_id: input.bookingId, tenant_id: input.tenantId },
            ...payerOf(input),
            ...EXPAND,
          },
          optionsOf(input.access, key),
        ),
      ),
  });

/** A payment cannot both keep a method and be confirmed without its payer. */
const payerOf = ({ customerId, keepMethod = true }: Input<'create'>) => {
  if (customerId === null) return {};
  return keepMethod
    ? { customer: customerId, setup_future_usage: 'off_session' as const }
    : { customer: customerId };
};

const createCustomer = (stripe: Stripe, input: Input<'createCustomer'>) =>
  underKeys({
    key: input.key,
    // A stored failure leaves at worst a customer that nobody is charged as.
    judge: againIfStored,
    act: async (key) => {
      const metadata = { booking_id: input.bookingId, tenant_id: input.tenantId };
      const made = await stripe.customers.create({ metadata }, optionsOf(input.access, key));
      return { customerId: requireObject(made, 'customer').id };
    },
  });

const confirm = (stripe: Stripe, input: Input<'confirm'>) =>
  underKeys({
    key: input.key,
    judge: isConfirmed(stripe, input),
    act: async (key) => {
      const { intentId, paymentMethod, returnUrl } = input;
      const method = { payment_method: paymentMethod, ...EXPAND };
      const params = returnUrl === null ? method : { ...method, return_url: returnUrl };
      const options = optionsOf(input.access, key);
      return stateOf(await stripe.paymentIntents.confirm(intentId, params, options));
    },
  });

const chargeAbsent = (stripe: Stripe, input: Input<'chargeAbsent'>) =>
  underKeys({
    key: input.key,
    judge: isConfirmed(stripe, input),
    act: async (key) => {
      const { intentId, methodId } = input;
      const params = { payment_method: methodId, off_session: true, ...EXPAND };
      const options = optionsOf(input.access, key);
      return stateOf(await stripe.paymentIntents.confirm(intentId, params, options));
    },
  });

/** After an answer that says nothing certain, the payment itself is read. */
const isConfirmed = (stripe: Stripe, input: Input<'read'>) =>
  byState(() => read(stripe, input), {
    holds: ({ status }) => status !== 'needs-method' && status !== 'cancelled',
    possible: ({ status }) => status === 'needs-method',
  });

const capture = (stripe: Stripe, input: Input<'capture'>) =>
  underKeys({
    key: input.key,
    judge: byState(() => read(stripe, input), {
      holds: (state) => state.status === 'captured' && state.capturedMinor === input.amountMinor,
      possible: ({ status }) => status === 'authorized' || status === 'processing',
      // Where it is owed it is tried until it goes through, which one stored answer would prevent.
      declinesPass: true,
    }),
    act: async (key) => {
      const params = { amount_to_capture: input.amountMinor, ...EXPAND };
      const options = optionsOf(input.access, key);
      const intent = await stripe.paymentIntents.capture(input.intentId, params, options);
      return wholeState(stripe, input.access, intent);
    },
  });

const cancel = (stripe: Stripe, input: Input<'cancel'>) =>
  underKeys({
    key: input.key,
    judge: byState(() => read(stripe, input), {
      holds: ({ status }) => status === 'cancelled',
      possible: ({ status }) => status !== 'captured',
    }),
    act: async (key) => {
      const options = optionsOf(input.access, key);
      return stateOf(await stripe.paymentIntents.cancel(input.intentId, EXPAND, options));
    },
  });

const refund = (stripe: Stripe, { access, key, intentId, amountMinor }: Input<'refund'>) =>
  underKeys({
    key,
    judge: async (refusal) => {
      const unclear = isServerFault(refusal) || refusal.code === 'charge_already_refunded';
      if (!unclear) return failureFrom(refusal);
      // Refunds add up, so only the list can tell whether this one was made.
      const made = (await listRefunds(stripe, access, intentId)).find(
        ({ metadata }) => metadata?.[KEY_PROPERTY] === key,
      );
      return made ? refundOf(made) : againIfStored(refusal);
    },
    act: async (actKey) => {
      const metadata = { [KEY_PROPERTY]: key };
      const params = { payment_intent: intentId, amount: amountMinor, metadata };
      return refundOf(await stripe.refunds.create(params, optionsOf(access, actKey)));
    },
  });

async function read(stripe: Stripe, { access, intentId }: Input<'read'>): Promise<PaymentState> {
  const asking = stripe.paymentIntents.retrieve(intentId, EXPAND, optionsOf(access));
  return wholeState(stripe, access, await asked(asking));
}

/** After a partial capture the charge alone does not tell refunds from what was released. */
async function wholeState(
  stripe: Stripe,
  access: PaymentAccess,
  intent: Stripe.PaymentIntent,
): Promise<PaymentState> {
  const state = stateOf(intent);
  const releasedMinor = state.amountMinor - state.capturedMinor;
  if (state.refundedMinor === 0 || releasedMinor === 0) return state;
  const listed = await listRefunds(stripe, access, intent.id);
  return { ...state, refundedMinor: sumOf(paidBack(listed, releasedMinor)) };
}

async function refunds(
  stripe: Stripe,
  { access, intentId }: Input<'refunds'>,
): Promise<RefundState[]> {
  const asking = stripe.paymentIntents.retrieve(intentId, {}, optionsOf(access));
  const intent = requireObject(await asked(asking), 'payment_intent');
  const { amount, amount_received: captured } = intent;
  // What is let go of an authorization that was not captured at all is no refund either.
  if (captured === 0) return [];
  return paidBack(await listRefunds(stripe, access, intentId), amount - captured);
}

const MOST_REFUNDS = 1_000;

const listRefunds = (
  stripe: Stripe,
  access: PaymentAccess,
  intentId: string,
): Promise<Stripe.Refund[]> => {
  const page = { payment_intent: intentId, limit: 100 };
  const listing = stripe.refunds.list(page, optionsOf(access));
  return asked(listing.autoPagingToArray({ limit: MOST_REFUNDS }));
};

const EXPAND = { expand: ['latest_charge'] };

async function asked<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    throw failureFrom(readRefusal(error));
  }
}

/** A broken connection is repeated once by the library whatever it is told; the key makes it safe. */
const optionsOf = (access: PaymentAccess, key?: string): Stripe.RequestOptions => ({
  apiKey: access.secretKey,
  ...(access.connectedAccount === null ? {} : { stripeAccount: access.connectedAccount }),
  ...(key === undefined ? {} : { idempotencyKey: key }),
});

function clientFor({ apiUrl, timeoutMs }: StripeSettings): Stripe {
  const url = new URL(apiUrl ?? 'https://api.stripe.com');
  const protocol = url.protocol === 'http:' ? 'http' : 'https';
  return new Stripe('given-with-each-request', {
    host: url.hostname,
    port: url.port || (protocol === 'http' ? 80 : 443),
    protocol,
    timeout: timeoutMs,
    maxNetworkRetries: 0,
    telemetry: false,
  });
}
