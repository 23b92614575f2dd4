import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFeed } from '../../src/calendar/parse.ts';
import { expand } from '../../src/calendar/recurrence.ts';
import { windowOf } from './an-event.ts';

const NAMES = [
  'DTSTART',
  'DTEND',
  'DURATION',
  'RECURRENCE-ID',
  'RRULE',
  'EXRULE',
  'RDATE',
  'EXDATE',
];
const PARAMS = [
  '',
  ';VALUE=DATE',
  ';TZID=Odd',
  ';TZID=Europe/Paris',
  ';TZID=vtimezone:[[0]]',
  ';RANGE=THISANDFUTURE',
  ';"',
  ';A="',
];
const VALUES = [
  '20260329T023000',
  '20260329',
  '00010101T000000Z',
  '99991231T235959',
  '20260231',
  'P36525D',
  '-PT5S',
  'PT99999999999H',
  '20260101T000000Z/P1W',
  '99991231/00010101',
  'FREQ=SECONDLY',
  'FREQ=YEARLY;INTERVAL=999999999999999;COUNT=999999999999999',
  'FREQ=WEEKLY;BYDAY=53MO,-53SU;BYSETPOS=-366;WKST=SU',
  'FREQ=YEARLY;BYWEEKNO=-53;BYYEARDAY=-366;UNTIL=00010101',
  'FREQ=MINUTELY;BYSECOND=60;BYHOUR=0;UNTIL=99991231T235959Z',
  '',
  ',,/;:',
];
const line = fc
  .tuple(fc.constantFrom(...NAMES), fc.constantFrom(...PARAMS), fc.constantFrom(...VALUES))
  .map((parts) => `${parts[0]}${parts[1]}:${parts[2]}`);
const anything = fc.oneof(
  { weight: 8, arbitrary: line },
  {
    weight: 1,
    arbitrary: fc.constantFrom('BEGIN:VEVENT', 'END:VEVENT', 'BEGIN:VALARM', 'END:VCALENDAR'),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
);
const ODD_ZONE = [
  'BEGIN:VTIMEZONE',
  'TZID:Odd',
  'BEGIN:STANDARD',
  'DTSTART:00010101T000000',
  'TZOFFSETFROM:+2359',
  'TZOFFSETTO:-2359',
  'RRULE:FREQ=SECONDLY',
  'RDATE:99991231T000000',
  'END:STANDARD',
  'END:VTIMEZONE',
];

test('no content makes reading or expanding throw, lose order, or leave the limits', () => {
  const limits = { maxOccurrences: 50, maxSteps: 2_000 };
  const window = windowOf('2026-01-01', '2026-07-01');
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 10 }), (lines) => {
      const entry = ['BEGIN:VEVENT', 'UID:a', ...lines, 'END:VEVENT'];
      const text = ['BEGIN:VCALENDAR', ...ODD_ZONE, ...entry, 'END:VCALENDAR'].join('\n');
      const { events, withheld } = parseFeed(text);
      const all = [...events, ...withheld.flatMap((item) => item.event ?? [])];
      for (const master of all) {
        const { spans } = expand({ master, exceptions: all, window, defaultZone: 'Odd', limits });
        const starts = spans.map((span) => span.startAt);
        expect(starts).toEqual(starts.toSorted((a, b) => a - b));
        for (const span of spans) expect(span.endAt).toBeGreaterThanOrEqual(span.startAt);
        expect(spans.length).toBeLessThan(200);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('nesting without end, names without end and lists without end are read all the same', () => {
  const wrap = (body: string) =>
    `BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20260101\n${body}\nEND:VEVENT\nEND:VCALENDAR\n`;
  const bodies = [
    'BEGIN:X\n'.repeat(50_000) + 'END:Y\n'.repeat(50_000),
    `DESCRIPTION${';A=b'.repeat(200_000)}:x`,
    `DESCRIPTION;A="${'x'.repeat(1_000_000)}`,
    `EXDATE:${'20260102,'.repeat(50_000)}20260103`,
    `RRULE:FREQ=WEEKLY;BYDAY=${'MO,'.repeat(200_000)}TU`,
  ];
  for (const body of bodies) expect(parseFeed(wrap(body)).events).toHaveLength(1);
  const empty = 'BEGIN:VEVENT\nEND:VEVENT\n'.repeat(20_000);
  const { withheld } = parseFeed(`BEGIN:VCALENDAR\n${empty}END:VCALENDAR`);
  expect(new Set(withheld.map((item) => item.nativeId)).size).toBe(20_000);
});

test('control characters within a line are not read, and spoil no entry', () => {
  const text = [
    'BEGIN:VCALENDAR',
    'BEGIN:VEVENT',
    'UID:a\u0000b\u0007',
    'DTSTART:2026\u00000101T100000Z',
    'DTEND:20260101T110000Z',
    'END:VEVENT',
    'END:VCALENDAR',
  ].join('\r\n');
  const { events, withheld } = parseFeed(text);
  expect(withheld).toEqual([]);
  expect(events).toMatchObject([{ nativeId: 'ab', start: { kind: 'utc' } }]);
});

test('an entry at the edge of all years is read', () => {
  const entry = ['UID:a', 'DTSTART:20260329', 'DTEND:99991231T235959'];
  const text = ['BEGIN:VCALENDAR', 'BEGIN:VEVENT', ...entry, 'END:VEVENT', 'END:VCALENDAR'];
  const { events } = parseFeed(text.join('\r\n'));
  expect(events).toMatchObject([{ end: { kind: 'date', date: '9999-12-31' } }]);
});

test('a text with more lines or components than are read says so, and is not complete', () => {
  const wrap = (body: string) => `BEGIN:VCALENDAR\n${body}END:VCALENDAR\n`;
  const many = [wrap('X:\n'.repeat(2_000_001)), wrap('BEGIN:VEVENT\nEND:VEVENT\n'.repeat(200_001))];
  for (const text of many)
    expect(parseFeed(text)).toMatchObject({ complete: false, isTooLarge: true });
});
