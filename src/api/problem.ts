/**
 * Problems as RFC 9457 tells them. `type` is `/problems/<name>`, stable for ever, and served as a
 * page of its own; `detail` says what happened here and what to do, without anybody's data.
 */
export const PROBLEMS = {
  'invalid-request': {
    status: 400,
    title: 'The request is not valid',
    todo: 'Correct the fields listed in `errors` and send it again.',
  },
  'malformed-json': {
    status: 400,
    title: 'The body is not JSON',
    todo: 'Send one JSON object in UTF-8 with `Content-Type: application/json`.',
  },
  'idempotency-key-missing': {
    status: 400,
    title: 'Idempotency-Key is missing',
    todo: 'Send an Idempotency-Key header of 1 to 200 visible characters, new for each thing you create, the same when you repeat a request.',
  },
  unauthenticated: {
    status: 401,
    title: 'A valid API key is needed',
    todo: 'Send `Authorization: Bearer hf_<key id>_<secret>` with a key that was not revoked.',
  },
  forbidden: {
    status: 403,
    title: 'The API key may not do this',
    todo: 'Use a key that has one of the scopes named in `scopes`.',
  },
  'loopback-only': {
    status: 403,
    title: 'This key works on the local machine only',
    todo: 'Call from the machine itself, without a proxy between, or use a key made for your tenant.',
  },
  'ask-the-seller': {
    status: 403,
    title: 'Customers cannot do this by themselves here',
    todo: 'Ask the seller to cancel or move the booking; nothing was changed.',
  },
  'not-found': {
    status: 404,
    title: 'There is no such thing',
    todo: 'Check the id; things of other tenants look the same as things that do not exist.',
  },
  'no-such-route': {
    status: 404,
    title: 'There is no such route',
    todo: 'See /docs for every route.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed here',
    todo: 'Use one of the methods in the Allow header.',
  },
  'already-exists': {
    status: 409,
    title: 'This id is taken',
    todo: 'Choose another id, or change what exists with PATCH.',
  },
  'in-use': {
    status: 409,
    title: 'It is still in use',
    todo: 'End what uses it first; `detail` says what that is.',
  },
  'not-available': {
    status: 409,
    title: 'The span cannot be had',
    todo: 'Choose one of the spans in `nearest`, or ask availability.',
  },
  'not-bookable': {
    status: 409,
    title: "The resource's rules do not allow this span",
    todo: 'Choose a span inside opening hours and notice, for a party that fits.',
  },
  'price-changed': {
    status: 409,
    title: 'The price is not the expected one',
    todo: 'Show the amount in `price` to the guest and send it as expectedAmount.',
  },
  'in-progress': {
    status: 409,
    title: 'The same request is still being worked on',
    todo: 'Repeat it with the same Idempotency-Key after the seconds in Retry-After.',
  },
  'given-up': {
    status: 409,
    title: 'This booking was given up before it had a hold',
    todo: 'Book again with a new Idempotency-Key.',
  },
  'not-cancellable': {
    status: 409,
    title: 'The booking cannot be cancelled',
    todo: 'Read the booking; `state` says how it ended.',
  },
  'not-extendable': {
    status: 409,
    title: 'The hold cannot be made longer',
    todo: 'Pay before `holdExpiresAt`. By `reason` the resource allows no extension, no further one, or the hold is over.',
  },
  'nothing-to-resolve': {
    status: 409,
    title: 'No such call for a person stands',
    todo: 'Read `attentions` of the booking and name the one you mean in `attention`; none left means that it is settled.',
  },
  'settled-otherwise': {
    status: 409,
    title: 'This call is settled in another way',
    todo: 'Do what `detail` says.',
  },
  'not-reschedulable': {
    status: 409,
    title: 'The booking cannot be rescheduled',
    todo: 'Only a confirmed booking has a time to change; `state` says how it stands.',
  },
  'payment-declined': {
    status: 402,
    title: 'The payment was declined',
    todo: 'The booking is as it was; `code` says why. Confirm the quote again with another payment and a new Idempotency-Key, or ask for a new one when it is over.',
  },
  'quote-over': {
    status: 409,
    title: 'The quote holds no more',
    todo: 'Ask for a new quote and show it: this one is past `validUntil`, was used, or the booking has changed since.',
  },
  'refund-too-large': {
    status: 409,
    title: 'More than can be given back',
    todo: 'Give back at most `refundableMinor`: what was taken and kept, and has not gone back.',
  },
  'conflict-decided': {
    status: 409,
    title: 'The conflict is decided otherwise, or over',
    todo: 'Read the conflict: `decision` and `outcome` say how it stands.',
  },
  'change-under-way': {
    status: 409,
    title: 'Another change of this booking is under way',
    todo: 'Repeat the request after the seconds in Retry-After.',
  },
  'not-awaiting-confirmation': {
    status: 409,
    title: 'The booking does not wait for a confirmation',
    todo: 'Only a held booking with external payment is confirmed by a call.',
  },
  'account-unusable': {
    status: 409,
    title: 'The account must be authorized again',
    todo: 'Let its owner authorize it again, then repeat the request.',
  },
  'connection-over': {
    status: 409,
    title: 'The connection was disconnected',
    todo: 'Create a new connection to use this calendar again.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    todo: 'Send at most 64 KiB of JSON.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body has the wrong media type',
    todo: 'Send JSON with `Content-Type: application/json`, uncompressed, in UTF-8.',
  },
  'idempotency-mismatch': {
    status: 422,
    title: 'The Idempotency-Key was used for another request',
    todo: 'Use a new key for a new request, and the old body with the old key.',
  },
  'payment-unsuitable': {
    status: 422,
    title: 'The payment does not fit the price',
    todo: 'Give a payment that `detail` allows.',
  },
  'address-refused': {
    status: 422,
    title: 'The address cannot be used',
    todo: 'Correct the address as `detail` says.',
  },
  'credential-refused': {
    status: 422,
    title: 'The channel refused the credential',
    todo: 'Correct it as `detail` says; nothing was stored.',
  },
  'channel-unsuitable': {
    status: 422,
    title: 'The channel cannot do this',
    todo: 'Choose another channel, or configure this one.',
  },
  'channel-refused': {
    status: 422,
    title: 'The channel refused',
    todo: 'Check the address, the calendar and the rights of the account at the channel.',
  },
  'unknown-reference': {
    status: 422,
    title: 'Something the request names does not exist',
    todo: 'Check the ids in the body; `detail` says which one.',
  },
  'signature-refused': {
    status: 401,
    title: 'The signature is not valid',
    todo: "Check the address, the webhook secret of the payment account and the sender's clock.",
  },
  'too-many-requests': {
    status: 429,
    title: 'Too much was asked in a minute',
    todo: 'Repeat the request, with the same Idempotency-Key if it had one, after the seconds in Retry-After. `violated-policies` names the limits, RateLimit says how much is left of each.',
  },
  'channel-limited': {
    status: 429,
    title: 'The channel takes no more calls for this account just now',
    todo: 'Repeat the request after the seconds in Retry-After; the calendars themselves go on being read.',
  },
  internal: {
    status: 500,
    title: 'Something went wrong on our side',
    todo: 'Repeat the request with the same Idempotency-Key; if it stays, tell the operator the `instance`.',
  },
  overloaded: {
    status: 503,
    title: 'No new booking can be taken just now',
    todo: 'Repeat the request with the same Idempotency-Key after the seconds in Retry-After. Nothing was begun; bookings that have their hold go on.',
  },
  unavailable: {
    status: 503,
    title: 'A part we need does not answer',
    todo: 'Repeat the request with the same Idempotency-Key after the seconds in Retry-After.',
  },
} as const satisfies Record<string, { status: number; title: string; todo: string }>;

export type ProblemName = keyof typeof PROBLEMS;
export const PROBLEM_NAMES = Object.keys(PROBLEMS) as ProblemName[];

export interface ProblemExtras {
  /** What happened here; the catalogue's advice when left out. */
  detail?: string;
  headers?: Record<string, string>;
  /** Further members of the answer, e.g. `errors`, `nearest`. */
  more?: Record<string, unknown>;
}

export class Problem extends Error {
  override name = 'Problem';
  readonly problem: ProblemName;
  readonly extras: ProblemExtras;

  constructor(problem: ProblemName, extras: ProblemExtras = {}) {
    super(problem);
    this.problem = problem;
    this.extras = extras;
  }
}

export const problemType = (name: ProblemName): string => `/problems/${name}`;

/** The body of an answer, RFC 9457 §3.1. */
export function problemBody(problem: Problem, instance: string): Record<string, unknown> {
  const { status, title, todo } = PROBLEMS[problem.problem];
  const detail = problem.extras.detail ?? todo;
  return {
    type: problemType(problem.problem),
    title,
    status,
    detail,
    instance,
    ...problem.extras.more,
  };
}

/** A missing thing, or one of another tenant: the same answer. */
export const notFound = (what: string): Problem =>
  new Problem('not-found', {
    detail: `There is no such ${what}. Check the id and the key's tenant.`,
  });
