/** What the issuer does when asked (docs.stripe.com/testing; names are those of its tables). */
export type Outcome = {
  decline?: { code: string; declineCode?: string; message: string };
  /**
   * Whether the bank wants the customer: `always`; `unless-set-up`, where a card set up before pays
   * without when the customer is away; `optional`, only when the request demands it.
   */
  authentication?: 'always' | 'unless-set-up' | 'optional';
  /** Counts as set up from the beginning. */
  setUp?: true;
  /** Declines even though the customer authenticated. */
  declineAfterAuthentication?: { code: string; declineCode?: string; message: string };
  refund?: 'pending' | 'fails-later';
  dispute?: 'fraudulent' | 'product_not_received';
  bank?: 'succeeds' | 'fails' | 'stays-processing';
};

export type TestMethod = {
  type: 'card' | 'us_bank_account';
  brand: string;
  last4: string;
  funding: string;
  outcome: Outcome;
};

const declined = (declineCode: string, message = 'Your card was declined.') => ({
  code: 'card_declined',
  declineCode,
  message,
});
const GENERIC = declined('generic_decline');
const NO_FUNDS = declined('insufficient_funds', 'Your card has insufficient funds.');
const bad = (code: string, message: string) => ({ code, declineCode: code, message });
const PROCESSING = bad('processing_error', 'The card was not processed.');

const visa = (number: string, outcome: Outcome = {}): [string, TestMethod] => [
  number,
  { type: 'card', brand: 'visa', last4: number.slice(-4), funding: 'credit', outcome },
];
const other = (number: string, brand: string): [string, TestMethod] => [
  number,
  { type: 'card', brand, last4: number.slice(-4), funding: 'credit', outcome: {} },
];

const BY_NUMBER = new Map<string, TestMethod>([
  visa('4242424242424242'),
  visa('4000056655665556'),
  other('5555555555554444', 'mastercard'),
  other('378282246310005', 'amex'),
  other('6011111111111117', 'discover'),
  visa('4000000000000002', { decline: GENERIC }),
  visa('4000000000009995', { decline: NO_FUNDS }),
  visa('4000000000009987', { decline: declined('lost_card') }),
  visa('4000000000009979', { decline: declined('stolen_card') }),
  visa('4000000000000069', { decline: bad('expired_card', 'Your card has expired.') }),
  visa('4000000000000127', { decline: bad('incorrect_cvc', "Your card's code is incorrect.") }),
  visa('4000000000000101', { decline: bad('incorrect_cvc', "Your card's code is incorrect.") }),
  visa('4000000000000119', { decline: PROCESSING }),
  visa('4100000000000019', { decline: declined('fraudulent') }),
  visa('4000000000006975', { decline: declined('card_velocity_exceeded') }),
  visa('4000000000000341', { decline: GENERIC }),
  visa('4000002760003184', { authentication: 'always' }),
  visa('4000002500003155', { authentication: 'unless-set-up' }),
  visa('4000003800000446', { authentication: 'unless-set-up', setUp: true }),
  visa('4000000000003220', { authentication: 'always' }),
  visa('4000000000003055', { authentication: 'optional' }),
  visa('4000008400001629', { authentication: 'always', declineAfterAuthentication: GENERIC }),
  visa('4000008400001280', { authentication: 'always', declineAfterAuthentication: PROCESSING }),
  visa('4000008260003178', {
    authentication: 'unless-set-up',
    declineAfterAuthentication: NO_FUNDS,
  }),
  visa('4000000000007726', { refund: 'pending' }),
  visa('4000000000005126', { refund: 'fails-later' }),
  visa('4000000000000259', { dispute: 'fraudulent' }),
  visa('4000000000002685', { dispute: 'product_not_received' }),
  visa('4000000000000077'),
]);

const NAMES: Record<string, string> = {
  visa: '4242424242424242',
  visa_debit: '4000056655665556',
  mastercard: '5555555555554444',
  amex: '378282246310005',
  discover: '6011111111111117',
  chargeDeclined: '4000000000000002',
  chargeDeclinedInsufficientFunds: '4000000000009995',
  chargeDeclinedLostCard: '4000000000009987',
  chargeDeclinedStolenCard: '4000000000009979',
  chargeDeclinedExpiredCard: '4000000000000069',
  chargeDeclinedIncorrectCvc: '4000000000000127',
  chargeDeclinedProcessingError: '4000000000000119',
  chargeDeclinedVelocityLimitExceeded: '4000000000006975',
  chargeCustomerFail: '4000000000000341',
  authenticationRequired: '4000002760003184',
  authenticationRequiredOnSetup: '4000002500003155',
  authenticationRequiredSetupForOffSession: '4000003800000446',
  authenticationRequiredChargeDeclinedInsufficientFunds: '4000008260003178',
  threeDSecure2Required: '4000000000003220',
  threeDSecureRequired: '4000000000003220',
  threeDSecureOptional: '4000000000003055',
  threeDSecureRequiredChargeDeclined: '4000008400001629',
  threeDSecureRequiredProcessingError: '4000008400001280',
  pendingRefund: '4000000000007726',
  refundFail: '4000000000005126',
  createDispute: '4000000000000259',
  createDisputeProductNotReceived: '4000000000002685',
  bypassPending: '4000000000000077',
};

const BANKS: Record<string, Outcome['bank']> = {
  success: 'succeeds',
  processing: 'stays-processing',
  insufficientFunds: 'fails',
  accountClosed: 'fails',
};

/** The decline that a test card's name stands for (`chargeDeclinedInsufficientFunds`), to script one. */
export function scriptedDecline(name: string): Outcome['decline'] {
  const number = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  return BY_NUMBER.get(number ?? '')?.outcome.decline;
}

/** What a number is when it is none of the test cards; the check digit is the last (ISO/IEC 7812). */
export function looksLikeCard(number: string): boolean {
  const digits = number.replace(/[ -]/g, '').split('').map(Number);
  if (digits.length < 12 || digits.length > 19 || digits.some(Number.isNaN)) return false;
  const weighed = digits.toReversed().map((digit, index) => (index % 2 === 0 ? digit : digit * 2));
  const sum = weighed.reduce((total, value) => total + (value > 9 ? value - 9 : value), 0);
  return sum % 10 === 0;
}

/**
 * The test method behind `pm_card_…`, `tok_…`, `pm_usBankAccount_…` or a test card number. Newer
 * pages spell some names with the brand (`pm_card_visa_chargeDeclined`); both are taken.
 */
export function testMethod(nameOrNumber: string): TestMethod | undefined {
  const bank = /^pm_usBankAccount_(\w+)$/.exec(nameOrNumber)?.[1];
  if (bank !== undefined) {
    const outcome = Object.hasOwn(BANKS, bank) ? BANKS[bank] : undefined;
    if (outcome === undefined) return undefined;
    const common = { brand: 'bank', last4: '6789', funding: 'checking' };
    return { type: 'us_bank_account', ...common, outcome: { bank: outcome } };
  }
  const name = /^(?:pm_card|tok)_(\w+)$/.exec(nameOrNumber)?.[1];
  if (name === undefined) return BY_NUMBER.get(nameOrNumber.replace(/[ -]/g, ''));
  const plain = Object.hasOwn(NAMES, name) ? name : name.replace(/^visa_/, '');
  return Object.hasOwn(NAMES, plain) ? BY_NUMBER.get(NAMES[plain] ?? '') : undefined;
}
