import { readAddress } from './address.ts';
import type { AddressRules } from './address.ts';
import { outboundFailure } from './problems.ts';

/** One request on the way to the answer. Header names are in lower case. */
export interface Hop {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body: string | Uint8Array | null;
}

/**
 * What a caller may decide about a redirect to another origin: go on without credentials (the
 * default), take them along because both ends are one site, or go no further.
 */
type RedirectChoice = 'follow' | 'keep-credentials' | 'refuse';
export type OnRedirect = (hop: { status: number; from: URL; to: URL }) => RedirectChoice;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const CREDENTIALS: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
]);

export const isRedirect = (status: number): boolean => REDIRECTS.has(status);

/** Where a redirect (RFC 9110 §15.4) leads, judged like an address a person gave. */
export function nextHop(
  hop: Hop,
  answer: { status: number; location: string | undefined },
  options: { rules: AddressRules; onRedirect: OnRedirect | undefined },
): Hop {
  const { status, location } = answer;
  if (!location || !URL.canParse(location, hop.url.href))
    throw outboundFailure('outbound-redirect-location');
  const to = readAddress(new URL(location, hop.url.href).href, options.rules);
  if (typeof to === 'string') throw outboundFailure(to);
  if (hop.url.protocol === 'https:' && to.protocol === 'http:')
    throw outboundFailure('outbound-redirect-downgrade');
  const choice = options.onRedirect?.({ status, from: hop.url, to }) ?? 'follow';
  if (choice === 'refuse') throw outboundFailure('outbound-redirect-refused');
  const headers =
    choice === 'keep-credentials' || isSameParty(hop.url, to)
      ? hop.headers
      : without(hop.headers, (name) => CREDENTIALS.has(name));
  // Only POST becomes GET on 301 and 302: PROPFIND and REPORT must stay what they are.
  const becomesGet = status === 303 ? hop.method !== 'HEAD' : status < 303 && hop.method === 'POST';
  if (!becomesGet) return { ...hop, url: to, headers };
  const bare = without(headers, (name) => name.startsWith('content-'));
  return { url: to, method: 'GET', headers: bare, body: null };
}

/** The same origin, or the same host moving from http to https on their usual ports. */
const isSameParty = (from: URL, to: URL): boolean =>
  from.origin === to.origin ||
  (from.hostname === to.hostname && from.port === '' && to.port === '' && to.protocol === 'https:');

const without = (
  headers: Record<string, string>,
  drop: (name: string) => boolean,
): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !drop(name)));
