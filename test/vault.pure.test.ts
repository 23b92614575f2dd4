import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Place } from '../src/vault.ts';
import { createVault, parseKeyring } from '../src/vault.ts';

const key = (fill: number) => Buffer.alloc(32, fill).toString('base64');
const vaultOf = (ring: string) => createVault(parseKeyring(ring));
const vault = vaultOf(`k1:${key(1)}`);
const NOT_OPEN = /^(A sealed value does not open|Not a sealed value|No sealing key)/;
const PLACE: Place = ['acme', 'account', 'a1'];

describe('a sealed value', () => {
  test('opens to what was sealed, in its own place', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (plain) => {
        expect(vault.open(PLACE, vault.seal(PLACE, plain))).toBe(plain);
      }),
    );
  });

  test('is never the same twice, and shows nothing of what it holds', () => {
    const [one, two] = [vault.seal(PLACE, 'refresh-token'), vault.seal(PLACE, 'refresh-token')];
    expect(one.equals(two)).toBe(false);
    expect(one.includes('refresh-token')).toBe(false);
  });

  test('does not open when any one bit of it was changed', () => {
    const sealed = vault.seal(PLACE, 'x');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => vault.open(PLACE, changed)).toThrow(NOT_OPEN);
    }
  });

  test('does not open when it was cut short', () => {
    const sealed = vault.seal(PLACE, 'hello');
    for (let length = 0; length < sealed.length; length += 1)
      expect(() => vault.open(PLACE, sealed.subarray(0, length))).toThrow(NOT_OPEN);
  });

  test.each<[string, Place]>([
    ['tenant', ['other', 'account', 'a1']],
    ['table', ['acme', 'payment_account', 'a1']],
    ['row', ['acme', 'account', 'a2']],
    ['row whose parts read the same when joined', ['acme', 'account,a1', '']],
  ])('does not open in another %s', (_, place) => {
    expect(() => vault.open(place, vault.seal(PLACE, 'x'))).toThrow(/moved|changed/);
  });

  test('opens from a view into a larger buffer, as the database gives it', () => {
    const sealed = vault.seal(PLACE, 'x');
    const larger = Buffer.concat([randomBytes(5), sealed, randomBytes(5)]);
    expect(vault.open(PLACE, new Uint8Array(larger).subarray(5, 5 + sealed.length))).toBe('x');
  });
});

describe('rotation', () => {
  test('opens old values, seals with the new key, and tells which are to be sealed again', () => {
    const old = vault.seal(PLACE, 'x');
    const rotated = vaultOf(`k2:${key(2)}, k1:${key(1)}`);
    expect(rotated.open(PLACE, old)).toBe('x');
    expect([rotated.isStale(old), rotated.isStale(rotated.seal(PLACE, 'x'))]).toEqual([
      true,
      false,
    ]);
    expect(() => vault.open(PLACE, rotated.seal(PLACE, 'x'))).toThrow(/"k2".*HOLDFAST_KEYRING/);
  });

  test('an old key that is gone is named', () => {
    const sealed = vault.seal(PLACE, 'x');
    expect(() => vaultOf(`k2:${key(2)}`).open(PLACE, sealed)).toThrow(/"k1"/);
  });
});

describe('a keyring', () => {
  test.each([
    ['', /base64 of 32 bytes/],
    ['k1', /base64 of 32 bytes/],
    [`k1:${Buffer.alloc(16).toString('base64')}`, /base64 of 32 bytes/],
    [`k 1:${key(1)}`, /base64 of 32 bytes/],
    [`k1:${key(1)},`, /base64 of 32 bytes/],
    [`k1:${key(1)},k1:${key(2)}`, /twice/],
  ])('%s is refused, without showing it', (text, why) => {
    const refuse = () => parseKeyring(text);
    expect(refuse).toThrow(why);
    expect(refuse).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining(key(1)) }),
    );
  });
});
