import { expect, test } from 'vitest';
import { addressKey } from '../../src/api/address-key.ts';

test('an IPv4 address is itself, however the socket writes it', () => {
  expect(addressKey('192.0.2.7')).toBe('192.0.2.7');
  expect(addressKey('::ffff:192.0.2.7')).toBe('192.0.2.7');
});

test.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff'],
  ['2001:DB8:1:2:0:0:0:9', '2001:db8:0001:0002::'],
  ['2001:db8::7', '2001:db8:0:0:1:2:3:4'],
  ['fe80::1%eth0', 'fe80::2'],
  ['2001:db8:1:2::192.0.2.7', '2001:db8:1:2::1'],
])('%s and %s are one caller', (one, other) => {
  expect(addressKey(one)).toBe(addressKey(other));
});

test('two networks are two callers, and what is no address stays what it is', () => {
  expect(addressKey('2001:db8:1:2::1')).not.toBe(addressKey('2001:db8:1:3::1'));
  expect(addressKey('::1')).toBe('0:0:0:0');
  expect(addressKey('')).toBe('');
});
