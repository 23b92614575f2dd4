import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { Agent, buildConnector } from 'undici';
import { isAllowed, leadsInward } from './address.ts';
import type { AddressRules } from './address.ts';
import { failureOf, outboundFailure } from './problems.ts';
import { isPublicAddress } from './ranges.ts';

const MAX_HEADER_BYTES = 32_768;
const KEEP_ALIVE_MS = 10_000;

/** All addresses of a name; rejects like Node's `dns.lookup` when there are none. */
export type Resolve = (hostname: string) => Promise<string[]>;

/**
 * Connections to user-given hosts. The name is resolved once per connection, here, and the socket
 * gets the checked addresses instead of the name, so nothing can be answered differently between
 * check and use. A kept-alive connection stays with the address it was checked for. TLS still
 * verifies the name.
 */
export function createAgent(options: {
  rules: AddressRules;
  resolve: Resolve;
  connectTimeoutMs: number;
}): Agent {
  const { rules, resolve, connectTimeoutMs } = options;
  const connectorFor = (judge: boolean): buildConnector.connector =>
    buildConnector({
      timeout: connectTimeoutMs,
      allowH2: false,
      rejectUnauthorized: true,
      // Typed for a plain socket's options, of which TLS takes this one too.
      ...({ lookup: pinningLookup(resolve, judge) } as object),
    });
  const guarded = connectorFor(true);
  const trusted = connectorFor(false);
  return new Agent({
    maxHeaderSize: MAX_HEADER_BYTES,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    allowH2: false,
    connect(target, callback) {
      const port = Number(target.port) || (target.protocol === 'https:' ? 443 : 80);
      if (isAllowed(rules, { host: target.hostname, port })) return trusted(target, callback);
      if (leadsInward(target.hostname))
        return callback(outboundFailure('outbound-private-address'), null);
      return guarded(target, callback);
    },
  });
}

/** Resolves a name and refuses it when even one of its addresses is not public. */
export async function resolvePublic(hostname: string, resolve: Resolve): Promise<string[]> {
  const addresses = await resolve(hostname);
  if (addresses.length === 0) throw outboundFailure('outbound-name');
  if (!addresses.every(isPublicAddress)) throw outboundFailure('outbound-private-address');
  return addresses;
}

function pinningLookup(resolve: Resolve, judge: boolean): LookupFunction {
  return (hostname, options, callback) => {
    const addresses = judge ? resolvePublic(hostname, resolve) : resolve(hostname);
    addresses.then(
      (found) => {
        const pinned = found.map((address) => ({ address, family: isIP(address) }));
        const first = pinned[0];
        if (!first) callback(outboundFailure('outbound-name'), '');
        else if (options.all) callback(null, pinned);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(failureOf(error), ''),
    );
  };
}
