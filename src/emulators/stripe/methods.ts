import { looksLikeCard, testMethod } from './cards.ts';
import type { TestMethod } from './cards.ts';
import { nowSeconds } from './emulator.ts';
import type { Emulator } from './emulator.ts';
import { invalidParam, noSuch, StripeError } from './errors.ts';
import { derivedText, newId } from './ids.ts';
import { ownRow } from './state.ts';
import type { MethodRow } from './state.ts';

export const METHOD_DATA = {
  type: { oneOf: ['card', 'us_bank_account'] },
  card: {
    hash: {
      number: 'string',
      exp_month: 'integer',
      exp_year: 'integer',
      cvc: 'string',
      token: 'string',
    },
  },
  billing_details: {
    hash: {
      name: 'string',
      email: 'string',
      phone: 'string',
      address: {
        hash: {
          city: 'string',
          country: 'string',
          line1: 'string',
          line2: 'string',
          postal_code: 'string',
          state: 'string',
        },
      },
    },
  },
  metadata: 'metadata',
  allow_redisplay: 'string',
} as const;

export type MethodData = {
  card?: { number?: string; token?: string; exp_month?: number; exp_year?: number };
  metadata?: Record<string, string>;
};

/** Finds a payment method; one of Stripe's test names gives a fresh method each time, as there. */
export function findMethod(
  emulator: Emulator,
  { account, id, param }: { account: string; id: string; param: string },
): MethodRow {
  const known = ownRow(emulator.state.methods, account, id);
  if (known !== undefined) return known;
  const test = id.startsWith('pm_') ? testMethod(id) : undefined;
  if (test === undefined) throw noSuch('PaymentMethod', id, param);
  return keep(emulator, { account, test });
}

/** A payment method from raw test details or a `tok_…`. */
export function makeMethod(emulator: Emulator, account: string, data: MethodData): MethodRow {
  const given = data.card?.token ?? data.card?.number;
  if (given === undefined) {
    throw invalidParam('card', 'parameter_missing', 'Missing required param: card.');
  }
  checkExpiry(data);
  const test = testMethod(given);
  if (test === undefined) throw unknownCard(given, data.card?.token !== undefined);
  return keep(emulator, { account, test, metadata: data.metadata ?? {} });
}

function unknownCard(given: string, isToken: boolean): StripeError {
  if (isToken) return new StripeError(400, 'No such token.', { code: 'resource_missing' });
  if (!looksLikeCard(given)) {
    const message = 'Your card number is incorrect.';
    return new StripeError(402, message, { code: 'incorrect_number', param: 'number' });
  }
  const message = 'Your card was declined: it is none of the test cards.';
  const declineCode = 'test_mode_live_card';
  return new StripeError(402, message, { code: 'card_declined', declineCode });
}

/** Only what was given is checked: a token has no expiry of its own here. */
function checkExpiry({ card }: MethodData): void {
  const { exp_month: month, exp_year: year } = card ?? {};
  if (month !== undefined && (month < 1 || month > 12)) {
    const message = "Your card's expiration month is invalid.";
    throw new StripeError(402, message, { code: 'invalid_expiry_month', param: 'exp_month' });
  }
  if (year === undefined) return;
  const whole = year < 100 ? 2000 + year : year;
  const now = new Date();
  const over = whole * 12 + (month ?? 12) < now.getUTCFullYear() * 12 + now.getUTCMonth() + 1;
  if (over || whole > now.getUTCFullYear() + 50) {
    const message = "Your card's expiration year is invalid.";
    throw new StripeError(402, message, { code: 'invalid_expiry_year', param: 'exp_year' });
  }
}

type NewMethod = { account: string; test: TestMethod; metadata?: Record<string, string> };

function keep(emulator: Emulator, { account, test, metadata }: NewMethod): MethodRow {
  const row: MethodRow = {
    account,
    outcome: test.outcome,
    setUp: test.outcome.setUp === true,
    object: {
      id: newId('pm'),
      object: 'payment_method',
      allow_redisplay: 'unspecified',
      billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
      ...(test.type === 'card' ? { card: cardDetails(test) } : { us_bank_account: bank(test) }),
      created: nowSeconds(),
      customer: null,
      customer_account: null,
      livemode: false,
      metadata: metadata ?? {},
      type: test.type,
    },
  };
  emulator.state.methods.set(row.object.id, row);
  return row;
}

function cardDetails({ brand, last4, funding }: TestMethod) {
  return {
    brand,
    checks: { address_line1_check: null, address_postal_code_check: null, cvc_check: 'pass' },
    country: 'US',
    display_brand: brand,
    exp_month: 12,
    exp_year: new Date().getUTCFullYear() + 2,
    fingerprint: derivedText(`card:${brand}:${last4}`, 16),
    funding,
    generated_from: null,
    last4,
    networks: { available: [brand], preferred: null },
    regulated_status: 'unregulated',
    three_d_secure_usage: { supported: true },
    wallet: null,
  };
}

function bank({ last4, funding }: TestMethod) {
  return {
    account_holder_type: 'individual',
    account_type: funding,
    bank_name: 'STRIPE TEST BANK',
    fingerprint: derivedText(`bank:${last4}`, 16),
    last4,
    routing_number: '110000000',
  };
}

/** Binds a method to a customer, so that it can be used again. */
export function attach(emulator: Emulator, row: MethodRow, customer: string): MethodRow {
  const { customer: owner } = row.object;
  if (owner !== null && owner !== customer) {
    const message = 'The payment method already belongs to another customer.';
    throw new StripeError(400, message, { code: 'payment_method_unexpected_state' });
  }
  const attached = { ...row, object: { ...row.object, customer } };
  emulator.state.methods.set(row.object.id, attached);
  return attached;
}

/** Takes a method from its customer; it can never be used again (docs.stripe.com/api/payment_methods/detach). */
export function detach(emulator: Emulator, row: MethodRow): MethodRow {
  if (row.object.customer === null) {
    const message = 'The payment method belongs to no customer, so it cannot be detached.';
    throw new StripeError(400, message, { code: 'payment_method_unexpected_state' });
  }
  const detached = { ...row, usedBy: 'detached', object: { ...row.object, customer: null } };
  emulator.state.methods.set(row.object.id, detached);
  return detached;
}
