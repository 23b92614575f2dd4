import { StripeError } from './errors.ts';
import type { PaymentIntent } from './payment-intent.ts';

/** What every account here has switched on, as its dashboard would. */
const TYPES = [
  { type: 'card', currencies: undefined, capturesLater: true },
  { type: 'us_bank_account', currencies: ['usd'], capturesLater: false },
] as const;

export type TypeChoice = {
  allowed_payment_method_types?: string[];
  excluded_payment_method_types?: string[];
  payment_method_types?: string[];
};

type Offer = Pick<PaymentIntent, 'currency' | 'capture_method'> & {
  allowed: readonly string[] | null;
  excluded: readonly string[] | null;
};

/**
 * The types an intent takes: those of the account that fit its currency and its capture, filtered.
 * Under manual capture only those with separate authorization are left
 * (docs.stripe.com/payments/place-a-hold-on-a-payment-method). 400 when none is left.
 */
export function offeredTypes({ currency, capture_method, allowed, excluded }: Offer): string[] {
  const types = TYPES.filter(
    ({ type, currencies, capturesLater }) =>
      (currencies === undefined || currencies.includes(currency as 'usd')) &&
      (capturesLater || capture_method !== 'manual') &&
      (allowed === null || allowed.includes(type)) &&
      (excluded === null || !excluded.includes(type)),
  ).map(({ type }) => type);
  if (types.length > 0) return types;
  const message =
    'No payment method type is left for this PaymentIntent. Change its currency, its ' +
    'capture_method, or the types allowed and excluded.';
  throw new StripeError(400, message, {
    code: 'payment_intent_invalid_parameter',
    beforeExecution: true,
  });
}

/**
 * Refuses lists that cannot be given together, and the parameter that API versions from
 * 2026-09-30.endive on no longer take (docs.stripe.com/changelog/endive/2026-09-30).
 */
export function checkTypeChoice(
  choice: TypeChoice & { automatic_payment_methods?: { enabled?: boolean } },
  apiVersion: string,
): void {
  const param = 'payment_method_types';
  if (choice.payment_method_types !== undefined && apiVersion >= '2026-09-30') {
    const message =
      'payment_method_types can no longer be given. Leave it out, or use ' +
      'allowed_payment_method_types or excluded_payment_method_types.';
    const code = 'payment_method_types_no_longer_supported';
    throw new StripeError(400, message, { code, param, beforeExecution: true });
  }
  const exclusive = [
    'allowed_payment_method_types',
    'excluded_payment_method_types',
    'payment_method_types',
  ] as const;
  const given: string[] = exclusive.filter((name) => choice[name] !== undefined);
  const beside = choice.automatic_payment_methods?.enabled === true;
  if (beside && !given.includes('excluded_payment_method_types') && given.length > 0) {
    given.push('automatic_payment_methods');
  }
  if (given.length > 1) {
    const message = `Give only one of: ${given.join(', ')}.`;
    throw new StripeError(400, message, { beforeExecution: true });
  }
  const known: readonly string[] = TYPES.map(({ type }) => type);
  const unknown = choice.payment_method_types?.find((type) => !known.includes(type));
  if (unknown !== undefined) {
    const message = `This account takes payment methods of types ${known.join(' and ')}.`;
    const code = 'payment_intent_invalid_parameter';
    throw new StripeError(400, message, { code, param, beforeExecution: true });
  }
}
