import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readXml } from '../../src/emulators/caldav/xml-read.ts';
import { node, writeXml } from '../../src/emulators/caldav/xml-write.ts';

test('names are resolved whatever prefix they are written with', () => {
  const root = readXml(
    '<a:x xmlns:a="DAV:" xmlns="urn:y"><y z="1" a:z="2"><x xmlns=""/></y></a:x>',
  );
  expect(root.name).toBe('{DAV:}x');
  expect(root.children[0]!.name).toBe('{urn:y}y');
  expect(root.children[0]!.attributes).toEqual({ z: '1', '{DAV:}z': '2' });
  expect(root.children[0]!.children[0]!.name).toBe('{}x');
});

test.each([
  '<!DOCTYPE a><a/>',
  '<a>&b;</a>',
  '<a><b></a></b>',
  '<a/><b/>',
  '<a>',
  '<x:a/>',
  '<a b="1" b="2"/>',
  '<a b=1/>',
  '<a>&#0;</a>',
  'a<a/>',
  '',
  `${'<a>'.repeat(100)}${'</a>'.repeat(100)}`,
])('a document that is not well formed or not safe is refused: %s', (source) => {
  expect(() => readXml(source)).toThrow(/./);
});

test('what is written is read back the same, in both styles', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '&', '<', '>', '"', ']]>', 'é', '😀', '\r'),
  });
  fc.assert(
    fc.property(text, text, fc.constantFrom('prefixed', 'inline'), (content, attribute, style) => {
      const inner = node('{urn:other}b', [content], { c: attribute });
      const root = readXml(writeXml(node('{DAV:}a', [inner, { cdata: content }]), style));
      expect(root.children[0]).toMatchObject({ name: '{urn:other}b', text: content });
      expect(root.children[0]!.attributes).toEqual({ c: attribute });
      expect(root.text).toBe(content);
    }),
  );
});
