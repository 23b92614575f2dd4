import ICAL from 'ical.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFeed } from '../../src/calendar/parse.ts';
import type { ComposeRequest } from '../../src/calendar/write.ts';
import { composeEvent } from '../../src/calendar/write.ts';
import { day, utc, zoned } from './an-event.ts';

const REQUEST: ComposeRequest = {
  uid: 'b0a3-1',
  sequence: 3,
  start: zoned('2026-12-01T10:00:00', 'Europe/Paris'),
  end: zoned('2026-12-01T11:30:00', 'Europe/Paris'),
  summary: 'Booked',
  marker: 'booking-7',
  stampedAt: Date.parse('2026-11-20T10:15:00Z'),
};

test('what is written is read back as the same entry, in UTC', () => {
  const parsed = parseFeed(composeEvent(REQUEST));
  expect(parsed.complete).toBe(true);
  expect(parsed.events).toMatchObject([
    {
      nativeId: 'b0a3-1',
      sequence: 3,
      start: utc('2026-12-01T09:00:00Z'),
      end: utc('2026-12-01T10:30:00Z'),
      transparency: 'opaque',
      marker: 'booking-7',
    },
  ]);
});

test('whole days are written as dates', () => {
  const text = composeEvent({ ...REQUEST, start: day('2026-12-01'), end: day('2026-12-03') });
  expect(text).toContain('\r\nDTSTART;VALUE=DATE:20261201\r\nDTEND;VALUE=DATE:20261203\r\n');
});

test('lines end in CRLF and hold at most 75 octets, and no character is broken', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (summary) => {
      const text = composeEvent({ ...REQUEST, summary });
      const lines = text.split('\r\n');
      expect(lines.pop()).toBe('');
      for (const line of lines) {
        expect(line).not.toMatch(/[\r\n]/);
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(75);
      }
    }),
  );
});

test('another reader finds the text as it was given', () => {
  const summary = 'Kayak, two; bring C:\\maps\nand Grüße aus 日本 '.repeat(4).trim();
  const component = new ICAL.Component(
    ICAL.parse(composeEvent({ ...REQUEST, summary, uid: 'a;b,c' })) as unknown[],
  );
  const entry = component.getFirstSubcomponent('vevent')!;
  expect(entry.getFirstPropertyValue('summary')).toBe(summary);
  expect(entry.getFirstPropertyValue('uid')).toBe('a;b,c');
  expect(String(entry.getFirstPropertyValue('dtstart'))).toBe('2026-12-01T09:00:00Z');
});
