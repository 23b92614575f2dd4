import { Failure } from '../domain/failure.ts';
import type { FailureKind } from '../domain/failure.ts';

interface Problem {
  kind: FailureKind;
  /** For the person who gave the address: what is wrong and what to do. */
  reason: string;
}

/** Everything that can go wrong on the way out, by machine code. No text here holds an address. */
const PROBLEMS = {
  'outbound-address': {
    kind: 'invalid',
    reason: 'This is not a web address. Copy the whole address, starting with https://.',
  },
  'outbound-scheme': {
    kind: 'invalid',
    reason: 'Only http and https can be reached. Write https:// in place of webcal://.',
  },
  'outbound-userinfo': {
    kind: 'invalid',
    reason: 'The address holds a user name or password. Give an address without them.',
  },
  'outbound-port': {
    kind: 'invalid',
    reason: 'This port is not open to outside addresses. Use the usual web port (443 or 80).',
  },
  'outbound-private-address': {
    kind: 'invalid',
    reason: 'The address leads into a private network. Give one that the public internet reaches.',
  },
  'outbound-name': {
    kind: 'unavailable',
    reason: 'The host name was not found. Check its spelling, or try again later.',
  },
  'outbound-redirects': {
    kind: 'invalid',
    reason: 'The address redirects too often. Give the address it finally leads to.',
  },
  'outbound-redirect-location': {
    kind: 'invalid',
    reason: 'The address redirects without saying where to. Tell its host.',
  },
  'outbound-redirect-downgrade': {
    kind: 'invalid',
    reason: 'The address redirects from https to http. Give one that stays on https.',
  },
  'outbound-redirect-refused': {
    kind: 'invalid',
    reason: 'The address redirects to a place that must not get these credentials.',
  },
  'outbound-too-large': {
    kind: 'invalid',
    reason: 'The answer is larger than allowed. Give an address with less behind it.',
  },
  'outbound-encoding': {
    kind: 'invalid',
    reason: 'The answer is compressed in a way that cannot be read. Tell its host.',
  },
  'outbound-timeout': {
    kind: 'unavailable',
    reason: 'The host took too long to answer. Try again later.',
  },
  'outbound-certificate': {
    kind: 'unavailable',
    reason: "The host's certificate is not valid for this address. Tell its host.",
  },
  'outbound-network': {
    kind: 'unavailable',
    reason: 'The host could not be reached. Try again later.',
  },
  'outbound-aborted': {
    kind: 'unavailable',
    reason: 'The request was given up from our side.',
  },
} as const satisfies Record<string, Problem>;

export type OutboundCode = keyof typeof PROBLEMS;

/** What a person is told about an address; `code` is also the `Failure` code of the same problem. */
export interface AddressProblem {
  code: OutboundCode;
  reason: string;
}

export const outboundFailure = (code: OutboundCode): Failure =>
  new Failure({ kind: PROBLEMS[code].kind, code });

export const addressProblem = (code: OutboundCode): AddressProblem => ({
  code,
  reason: PROBLEMS[code].reason,
});

/** Classifies what undici, Node's sockets, TLS or DNS threw, by code. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const code =
    typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  if (['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT'].includes(code))
    return outboundFailure('outbound-timeout');
  if (code === 'UND_ERR_HEADERS_OVERFLOW') return outboundFailure('outbound-too-large');
  if (/^(ENOTFOUND|EAI_|ENODATA|ESERVFAIL)/.test(code)) return outboundFailure('outbound-name');
  if (/CERT|^ERR_TLS|^ERR_SSL|UNABLE_TO_/.test(code))
    return outboundFailure('outbound-certificate');
  return outboundFailure('outbound-network');
}
