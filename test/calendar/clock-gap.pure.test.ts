import { expect, test } from 'vitest';
import { parseFeed } from '../../src/calendar/parse.ts';
import { expand } from '../../src/calendar/recurrence.ts';

/** In Paris the clock went from 02:00 to 03:00 on 2027-03-28. */
const spansOf = (...lines: string[]): string[] => {
  const start = 'DTSTART;TZID=Europe/Paris:20270328T021500';
  const entry = ['BEGIN:VEVENT', 'UID:a', start, ...lines, 'END:VEVENT'];
  const text = ['BEGIN:VCALENDAR', ...entry, 'END:VCALENDAR', ''].join('\r\n');
  const { spans } = expand({
    master: parseFeed(text).events[0]!,
    exceptions: [],
    window: { fromAt: Date.UTC(2027, 2, 1), untilAt: Date.UTC(2027, 3, 1) },
    defaultZone: 'Europe/Paris',
  });
  return spans.map((one) =>
    [one.startAt, one.endAt].map((at) => new Date(at).toISOString()).join('/'),
  );
};

test('a single entry that starts in the skipped hour takes as long as it says', () => {
  const taken = ['2027-03-28T01:15:00.000Z/2027-03-28T03:45:00.000Z'];
  expect(spansOf('DURATION:PT150M')).toEqual(taken);
  expect(spansOf('DTEND;TZID=Europe/Paris:20270328T054500')).toEqual(taken);
});

test('later occurrences are no shorter for a first one in the skipped hour', () => {
  const spans = spansOf('DTEND;TZID=Europe/Paris:20270328T041500', 'RRULE:FREQ=DAILY;COUNT=2');
  expect(spans[1]).toBe('2027-03-29T00:15:00.000Z/2027-03-29T02:15:00.000Z');
});
