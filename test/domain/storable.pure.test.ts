import fc from 'fast-check';
import { expect, test } from 'vitest';
import { storableId, storableText } from '../../src/domain/storable.ts';

const digest = (text: string): string => `${text.length}`;
const anyText = fc.string({ unit: 'binary', maxLength: 600 });

test('no text that is kept holds control characters or halves of pairs', () => {
  for (const text of ['a\u0000b', 'a\u0007b', 'a\u007fb', 'a\ud800b', 'a\udc00b'])
    expect(storableText(text)).toBe('ab');
  expect(storableText('Été 🌞')).toBe('Été 🌞');
});

test('an id is kept as it is or becomes a digest, and is short and storable in any case', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const id = storableId(text, digest);
      expect([text, `digest:${digest(text)}`]).toContain(id);
      expect(Buffer.byteLength(id)).toBeLessThanOrEqual(512);
      expect(storableText(id)).toBe(id);
    }),
  );
});

test.each([
  ['a'.repeat(512), true],
  ['a'.repeat(513), false],
  ['é'.repeat(256), true],
  ['é'.repeat(257), false],
  ['a\u0000', false],
])('of the ids, %s is kept: %s', (id, isKept) => {
  expect(storableId(id, digest) === id).toBe(isKept);
});
