import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Azure's virtual public address of its host agent: public by its number, metadata by its use. */
const METADATA_ADDRESSES: ReadonlySet<string> = new Set(['168.63.129.16']);
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Whether an address of DNS or a URL (brackets removed) belongs to the public internet. Only what
 * IANA hands out as global unicast does: every special registry entry (RFC 6890) is refused, and so
 * is every IPv6 form that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo), whose
 * real destination somebody else's router decides. What cannot be read is not public.
 */
export function isPublicAddress(text: string): boolean {
  if (isIP(text) === 0 || METADATA_ADDRESSES.has(text)) return false;
  const address = ipaddr.parse(text);
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 || address.match(GLOBAL_UNICAST);
}
