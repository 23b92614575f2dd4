import { describe, expect, test } from 'vitest';
import { textHashOf } from '../../src/channels/ical/position.ts';

const calendar = (...lines: string[]): Buffer =>
  Buffer.from(['BEGIN:VCALENDAR', ...lines, 'END:VCALENDAR', ''].join('\r\n'));
const hash = (body: Buffer, zone = 'UTC') => textHashOf(body, zone);
const event = (stamp: string, uid = 'a') => [
  'BEGIN:VEVENT',
  `UID:${uid}`,
  stamp,
  'DTSTART:20261201T100000Z',
  'END:VEVENT',
];

describe('what tells that a file need not be read again', () => {
  const known = hash(calendar(...event('DTSTAMP:20261120T101500Z')));

  test('is the same whatever the stamps say', () => {
    for (const stamp of ['DTSTAMP:20261121T101500Z', 'DTSTAMP;X-A="b:c":19700101T000000Z'])
      expect(hash(calendar(...event(stamp)))).toBe(known);
  });

  test('differs by anything else, be it a stamp more or less, a zone or a byte', () => {
    const others = [
      calendar(...event('DTSTAMP:20261120T101500Z', 'b')),
      calendar(...event('LAST-MODIFIED:20261120T101500Z')),
      calendar(...event('SUMMARY:DTSTAMP')),
      calendar(...event('DTSTAMP:20261120T101500Z\r\n FOLDED')),
    ];
    for (const other of others) expect(hash(other)).not.toBe(known);
    expect(hash(calendar(...event('DTSTAMP:20261120T101500Z')), 'Europe/Paris')).not.toBe(known);
  });

  test('is told of a file that ends within a stamp, and of none', () => {
    expect(hash(Buffer.from('X\nDTSTAMP:2026'))).toBe(hash(Buffer.from('X\nDTSTAMP:2027')));
    expect(hash(Buffer.alloc(0))).not.toBe(known);
  });

  test('is of these bytes alone, not of what lies around them', () => {
    const body = calendar(...event('DTSTAMP:20261120T101500Z'));
    const around = Buffer.concat([Buffer.from('before'), body, Buffer.from('after')]);
    expect(hash(around.subarray(6, 6 + body.length))).toBe(known);
  });
});
