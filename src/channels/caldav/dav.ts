import { Failure } from '../../domain/failure.ts';
import type { FetchOutside } from '../../outbound/outbound.ts';
import type { Access, Credential } from '../channel-provider.ts';
import { failureOf } from './failures.ts';
import { isOneParty } from './hosts.ts';
import type { Parties } from './hosts.ts';
import { refuseDtd } from './xml.ts';

export interface CaldavLimits {
  /** Of one answer, decompressed. */
  maxBytes: number;
  connectTimeoutMs: number;
  /** Of one request, redirects included. */
  totalTimeoutMs: number;
  maxRedirects: number;
  /** Changes per page of a pass, as far as one resource does not hold more. */
  pageSize: number;
  /** Resources read by one `calendar-multiget`. */
  multigetSize: number;
}

export interface CaldavSettings {
  fetchOutside: FetchOutside;
  /** See hosts.ts. */
  parties: Parties;
  /** `host` or `host:port` that may get a password without TLS; every other address needs https. */
  plainHttpHosts: readonly string[];
  limits?: Partial<CaldavLimits>;
  /** The clock, in epoch milliseconds. */
  now?: () => number;
}

const LIMITS: CaldavLimits = {
  maxBytes: 32 * 1_024 * 1_024,
  connectTimeoutMs: 10_000,
  totalTimeoutMs: 45_000,
  maxRedirects: 3,
  pageSize: 400,
  multigetSize: 100,
};

type BasicAccess = Extract<Access, { kind: 'basic' }>;

/** One account, opened for one call of the port. */
export interface Dav {
  settings: CaldavSettings;
  limits: CaldavLimits;
  access: BasicAccess;
  signal: AbortSignal;
}

export interface DavRequest {
  method: string;
  url: URL;
  headers?: Record<string, string>;
  body?: string;
}

export interface DavAnswer {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  text: string;
  /** Where the answer came from after redirects. */
  url: URL;
}

export function openDav(
  settings: CaldavSettings,
  access: Access | Credential,
  signal: AbortSignal = new AbortController().signal,
): Dav {
  if (access.kind !== 'basic') throw invalid('access-kind');
  // RFC 7617 §2: a colon would move the border between name and password.
  if (access.username === '' || /[:\p{Cc}]/u.test(access.username)) throw invalid('username');
  if (/\p{Cc}/u.test(access.password)) throw invalid('password');
  if (!URL.canParse(access.serverUrl)) throw invalid('server-url');
  return { settings, limits: { ...LIMITS, ...settings.limits }, access, signal };
}

/** Any status is an answer. Throws before sending when the address may not get the password. */
export async function send(dav: Dav, request: DavRequest): Promise<DavAnswer> {
  const { settings, access, limits } = dav;
  requireParty(dav, request.url);
  const pair = Buffer.from(`${access.username}:${access.password}`).toString('base64');
  const { status, headers, body, url } = await settings.fetchOutside({
    url: request.url.href,
    method: request.method,
    headers: {
      'user-agent': 'Holdfast (calendar synchronisation)',
      ...request.headers,
      authorization: `Basic ${pair}`,
    },
    ...(request.body === undefined ? {} : { body: request.body }),
    maxBytes: limits.maxBytes,
    connectTimeoutMs: limits.connectTimeoutMs,
    totalTimeoutMs: limits.totalTimeoutMs,
    maxRedirects: limits.maxRedirects,
    signal: dav.signal,
    onRedirect: ({ to }) => (mayGetPassword(dav, to) ? 'keep-credentials' : 'refuse'),
  });
  // A title with a broken character must not spoil the answer it stands in.
  return { status, headers, text: new TextDecoder('utf-8').decode(body), url: new URL(url) };
}

/** The answer when its status is one of `expected`; else throws what the refusal means. */
export async function asked(
  dav: Dav,
  request: DavRequest,
  expected: readonly number[],
): Promise<DavAnswer> {
  const answer = await send(dav, request);
  if (!expected.includes(answer.status)) throw refused(dav, answer);
  return answer;
}

/** A PROPFIND or REPORT and its multistatus, not parsed yet; `depth` as RFC 4918 §10.2 has it. */
export async function askMultistatus(
  dav: Dav,
  request: { method: 'PROPFIND' | 'REPORT'; url: URL; depth: '0' | '1'; body: string },
): Promise<DavAnswer> {
  const { method, url, depth, body } = request;
  const headers = { depth, 'content-type': 'application/xml; charset=utf-8' };
  const answer = await asked(dav, { method, url, headers, body }, [207]);
  refuseDtd(answer.text);
  return answer;
}

/** Any status but an error's that is not what was asked for comes from something else than CalDAV. */
export const refused = (dav: Dav, answer: DavAnswer): Failure =>
  answer.status < 400 ? invalid('not-caldav') : failureOf(answer, nowOf(dav.settings));

function requireParty(dav: Dav, url: URL): void {
  if (!isSafe(dav.settings, url)) throw invalid('https-needed');
  if (!mayGetPassword(dav, url)) throw invalid('other-party');
}

/** Whether it is the server that the account was given for, or one of the same party. */
export function mayGetPassword({ access, settings }: Dav, url: URL): boolean {
  if (!isSafe(settings, url)) return false;
  return [access.serverUrl, access.homeUrl].some(
    (known) => known !== undefined && isOneParty(new URL(known), url, settings.parties),
  );
}

const isSafe = ({ plainHttpHosts }: CaldavSettings, { protocol, host, hostname }: URL): boolean =>
  protocol === 'https:' || plainHttpHosts.includes(host) || plainHttpHosts.includes(hostname);

export const nowOf = ({ now }: CaldavSettings): number => (now ?? Date.now)();

export const invalid = (code: string): Failure => new Failure({ kind: 'invalid', code });
