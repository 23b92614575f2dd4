import { isIP } from 'node:net';
import { isPublicAddress } from './ranges.ts';
import type { OutboundCode } from './problems.ts';

/** Names that never lead out, whatever a resolver says (RFC 6761, RFC 6762, RFC 8375, ICANN 2024). */
const INWARD_NAME = /(^|\.)(localhost|localdomain|local|internal|intranet|lan|home\.arpa)$/;
const MAX_ADDRESS_LENGTH = 4_096;

export interface AddressRules {
  /** `host` and `host:port`, as `parseAllowed` spells them. */
  allowed: ReadonlySet<string>;
  ports: ReadonlySet<number>;
  userinfo: boolean;
}

/**
 * Reads an address as the URL standard does, which turns every spelling of a number (decimal, octal,
 * hexadecimal, short, percent-encoded, full-width) into the one that is then judged and connected to.
 * Answers with the code of what is wrong. Names are judged again when they are resolved.
 */
export function readAddress(text: string, rules: AddressRules): URL | OutboundCode {
  if (text.length > MAX_ADDRESS_LENGTH || !URL.canParse(text)) return 'outbound-address';
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'outbound-scheme';
  if (!rules.userinfo && (url.username !== '' || url.password !== '')) return 'outbound-userinfo';
  const host = hostOf(url);
  if (host === '') return 'outbound-address';
  if (!host.includes(':')) url.hostname = host;
  const port = portOf(url);
  if (isAllowed(rules, { host, port })) return url;
  if (!rules.ports.has(port) && !rules.allowed.has(`${host}:${port}`)) return 'outbound-port';
  return leadsInward(host) ? 'outbound-private-address' : url;
}

/** The host without brackets, zone or trailing dots. */
export const hostOf = (url: URL): string => bareHost(url.hostname);

export const portOf = (url: URL): number =>
  url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);

/** `host:port` admits that port; `host` alone admits the host on the ports open to all. */
export const isAllowed = (rules: AddressRules, at: { host: string; port: number }): boolean =>
  rules.allowed.has(`${at.host}:${at.port}`) ||
  (rules.allowed.has(at.host) && rules.ports.has(at.port));

/** Whether the host itself tells that it leads into a private network. */
export const leadsInward = (host: string): boolean =>
  isIP(host) > 0 ? !isPublicAddress(host) : !host.includes('.') || INWARD_NAME.test(host);

/** Spells the entries of the allow-list as URLs spell hosts; names a wrong entry. */
export function parseAllowed(entries: readonly string[]): Set<string> {
  return new Set(
    entries.map((entry) => {
      const bare = isIP(entry) === 6 ? `[${entry}]` : entry;
      const port = /^(?:\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(bare)?.[1];
      const host = port === undefined ? bare : bare.slice(0, -port.length - 1);
      if (!/^(\[[^\]]+\]|[^:/?#@\s]+)$/.test(host) || !URL.canParse(`http://${host}/`))
        throw new Error(`"${entry}" in the outbound allow-list must be host or host:port`);
      const spelt = hostOf(new URL(`http://${host}/`));
      return port === undefined ? spelt : `${spelt}:${Number(port)}`;
    }),
  );
}

function bareHost(hostname: string): string {
  const inner = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return inner.toLowerCase().replace(/\.+$/, '');
}
