import { expect, test } from 'vitest';
import { bookingIdOf, canonicalJson, uuidV5 } from '../../src/api/identity.ts';

test('a version 5 UUID is the one of RFC 9562 appendix A.4', () => {
  const dnsNamespace = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
  expect(uuidV5(dnsNamespace, 'www.example.com')).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2');
});

test('a booking id follows from tenant and key alone, for ever', () => {
  expect(bookingIdOf('a', 'k')).toBe(bookingIdOf('a', 'k'));
  expect(bookingIdOf('a', 'k')).not.toBe(bookingIdOf('b', 'k'));
  expect(bookingIdOf('demo', 'first')).toMatchInlineSnapshot(
    `"11407049-b8f0-5f51-9d30-c4c74f4183fa"`,
  );
});

test('two spellings of one object are one text', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
});
