import { lookup } from 'node:dns/promises';
import { unescape } from 'node:querystring';
import type { Agent, Dispatcher } from 'undici';
import { hostOf, isAllowed, parseAllowed, portOf, readAddress } from './address.ts';
import type { AddressRules } from './address.ts';
import { ACCEPTED_ENCODINGS, readBody } from './body.ts';
import { createAgent, resolvePublic } from './connect.ts';
import type { Resolve } from './connect.ts';
import { addressProblem, failureOf, outboundFailure } from './problems.ts';
import type { AddressProblem, OutboundCode } from './problems.ts';
import { isRedirect, nextHop } from './redirect.ts';
import type { Hop, OnRedirect } from './redirect.ts';

const DEFAULT_PORTS: readonly number[] = [80, 443, 8443];
const CHECK_TIMEOUT_MS = 5_000;

export interface OutboundRequest {
  url: string;
  /** GET unless told. */
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Of the decompressed body. */
  maxBytes: number;
  connectTimeoutMs: number;
  /** For everything: all redirects, and the body to its last byte. */
  totalTimeoutMs: number;
  maxRedirects: number;
  signal: AbortSignal;
  onRedirect?: OnRedirect;
}

export interface OutboundResponse {
  status: number;
  /** Names in lower case; repeated ones joined by a comma. */
  headers: Record<string, string>;
  /** Decompressed. */
  body: Uint8Array;
  /** Where the answer came from in the end; may hold secrets. */
  url: string;
}

/**
 * Sends a request to an address a user gave. Any status is an answer; everything else is a
 * `Failure` whose code begins with `outbound-` (see problems.ts) and never holds the address.
 */
export type FetchOutside = (request: OutboundRequest) => Promise<OutboundResponse>;

export interface Outbound {
  fetchOutside: FetchOutside;
  /** What is wrong with an address a person gives, or null. Resolves the name, sends nothing. */
  checkAddress(url: string): Promise<AddressProblem | null>;
  /** Ends kept-alive connections. */
  close(): Promise<void>;
}

/**
 * The only way out to addresses a user gave (server-side request forgery stops here).
 * `allow`: `host:port` or `host` entries that may be private. `userinfo`: whether
 * `user:password@` in an address is taken as basic authentication rather than refused.
 */
export function createOutbound(options: {
  allow: readonly string[];
  ports?: readonly number[];
  userinfo?: boolean;
  resolve?: Resolve;
}): Outbound {
  const rules: AddressRules = {
    allowed: parseAllowed(options.allow),
    ports: new Set(options.ports ?? DEFAULT_PORTS),
    userinfo: options.userinfo ?? false,
  };
  const resolve = options.resolve ?? resolveBySystem;
  // Callers use a handful of fixed connect timeouts, so there is a handful of agents.
  const agents = new Map<number, Agent>();
  const agentFor = (connectTimeoutMs: number): Agent => {
    const agent = agents.get(connectTimeoutMs) ?? createAgent({ rules, resolve, connectTimeoutMs });
    agents.set(connectTimeoutMs, agent);
    return agent;
  };
  return {
    fetchOutside: (request) =>
      follow(request, { rules, agent: agentFor(request.connectTimeoutMs) }),
    checkAddress: async (url) => {
      const code = await judge(url, { rules, resolve });
      return code === null ? null : addressProblem(code);
    },
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()));
      agents.clear();
    },
  };
}

async function follow(
  request: OutboundRequest,
  context: { rules: AddressRules; agent: Agent },
): Promise<OutboundResponse> {
  const { rules, agent } = context;
  const deadline = AbortSignal.timeout(request.totalTimeoutMs);
  const signal = AbortSignal.any([request.signal, deadline]);
  try {
    let hop = firstHop(request, rules);
    for (let redirects = 0; ; redirects += 1) {
      const answer = await send(hop, { agent, signal });
      const headers = plainHeaders(answer.headers);
      const status = answer.statusCode;
      if (!isRedirect(status)) {
        const body = await readBody(answer.body, { headers, maxBytes: request.maxBytes });
        return { status, headers, body, url: hop.url.href };
      }
      discard(answer.body);
      if (redirects >= request.maxRedirects) throw outboundFailure('outbound-redirects');
      const { onRedirect } = request;
      hop = nextHop(hop, { status, location: headers['location'] }, { rules, onRedirect });
    }
  } catch (error) {
    if (request.signal.aborted) throw outboundFailure('outbound-aborted');
    throw deadline.aborted ? outboundFailure('outbound-timeout') : failureOf(error);
  }
}

function firstHop(request: OutboundRequest, rules: AddressRules): Hop {
  const url = readAddress(request.url, rules);
  if (typeof url === 'string') throw outboundFailure(url);
  const headers: Record<string, string> = { 'accept-encoding': ACCEPTED_ENCODINGS };
  if (url.username !== '' || url.password !== '') {
    const pair = `${unescape(url.username)}:${unescape(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`;
  }
  for (const [name, value] of Object.entries(request.headers ?? {}))
    headers[name.toLowerCase()] = value;
  return { url, method: request.method ?? 'GET', headers, body: request.body ?? null };
}

const send = (
  hop: Hop,
  context: { agent: Agent; signal: AbortSignal },
): Promise<Dispatcher.ResponseData> =>
  context.agent.request({
    origin: hop.url.origin,
    path: hop.url.pathname + hop.url.search,
    // undici takes any token; its type lists those of RFC 9110 only, and CalDAV has more.
    method: hop.method as Dispatcher.HttpMethod,
    headers: hop.headers,
    body: hop.body,
    signal: context.signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });

/** Closes the connection rather than read a body of unknown length. */
function discard(body: Dispatcher.ResponseData['body']): void {
  body.on('error', () => undefined);
  body.destroy();
}

function plainHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : value;
  return plain;
}

async function judge(
  text: string,
  context: { rules: AddressRules; resolve: Resolve },
): Promise<OutboundCode | null> {
  const { rules, resolve } = context;
  const url = readAddress(text, rules);
  if (typeof url === 'string') return url;
  const host = hostOf(url);
  if (isAllowed(rules, { host, port: portOf(url) })) return null;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(outboundFailure('outbound-name')), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([resolvePublic(host, resolve), late]);
    return null;
  } catch (error) {
    return failureOf(error).code as OutboundCode;
  } finally {
    clearTimeout(timer);
  }
}

async function resolveBySystem(hostname: string): Promise<string[]> {
  const found = await lookup(hostname, { all: true, verbatim: true });
  return found.map((one) => one.address);
}
