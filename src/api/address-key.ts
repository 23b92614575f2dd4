import { isIPv6 } from 'node:net';

/**
 * Whom an address stands for: a host has one IPv4 address, and at least a whole /64 of IPv6
 * (RFC 6177), so that each of its addresses would else be another caller.
 */
export function addressKey(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.toLowerCase().split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const between = Array.from({ length: 8 - front.length - back.length }, () => '0');
  return [...front, ...between, ...back]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/** An IPv4 address at the end takes the place of two groups; which they are is of no matter here. */
const groupsOf = (text: string): string[] =>
  text
    .split(':')
    .flatMap((group) => (group.includes('.') ? ['0', '0'] : group === '' ? [] : [group]));
