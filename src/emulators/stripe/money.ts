import { invalidParam } from './errors.ts';

/** Smallest charge by currency in minor units (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts). */
const MINIMUM: Record<string, number> = {
  aud: 50,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17_500,
  jpy: 50,
  mxn: 1000,
  nok: 300,
  nzd: 50,
  pln: 200,
  sek: 300,
  sgd: 50,
  usd: 50,
};
const MAXIMUM_MINOR = 99_999_999;

/** The currency in lower case, or 400 on param `currency`. */
export function checkCurrency(currency: string): string {
  const lower = currency.toLowerCase();
  if (/^[a-z]{3}$/.test(lower) && Intl.supportedValuesOf('currency').includes(lower.toUpperCase()))
    return lower;
  const message = `Invalid currency: ${currency.slice(0, 20)}. Give a three-letter ISO code.`;
  throw invalidParam('currency', 'parameter_invalid_currency', message);
}

/** 400 `parameter_invalid_integer`, `amount_too_small` or `amount_too_large`. */
export function checkAmount(amountMinor: number, currency: string): void {
  if (amountMinor < 1) {
    throw invalidParam('amount', 'parameter_invalid_integer', 'The amount is a positive integer.');
  }
  const least = MINIMUM[currency] ?? 1;
  if (amountMinor < least) {
    throw invalidParam('amount', 'amount_too_small', `The amount is at least ${least}.`);
  }
  if (amountMinor > MAXIMUM_MINOR) {
    throw invalidParam('amount', 'amount_too_large', `The amount is at most ${MAXIMUM_MINOR}.`);
  }
}
