import { describe, expect, test } from 'vitest';
import { parseFeed } from '../../src/calendar/parse.ts';
import { ruleInstances } from '../../src/calendar/plain-rule.ts';
import { expand } from '../../src/calendar/recurrence.ts';
import { parseRule } from '../../src/calendar/rule.ts';
import { anEvent } from './an-event.ts';

/** In Paris the clock went from 02:00 to 03:00 on 2027-03-28. */
const spansOf = (...lines: string[]): string[] => spansFrom('20270328T021500', ...lines);

const spansFrom = (local: string, ...lines: string[]): string[] => {
  const start = `DTSTART;TZID=Europe/Paris:${local}`;
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

describe('a DURATION gives every occurrence the same length (RFC 5545 §3.8.5.3)', () => {
  const rule = 'RRULE:FREQ=DAILY;COUNT=2';

  test('of the seconds that it says, where the first one starts in the skipped hour', () => {
    expect(spansOf('DURATION:PT150M', rule)).toEqual([
      '2027-03-28T01:15:00.000Z/2027-03-28T03:45:00.000Z',
      '2027-03-29T00:15:00.000Z/2027-03-29T02:45:00.000Z',
    ]);
    expect(spansOf('DURATION:PT30M', rule)).toEqual([
      '2027-03-28T01:15:00.000Z/2027-03-28T01:45:00.000Z',
      '2027-03-29T00:15:00.000Z/2027-03-29T00:45:00.000Z',
    ]);
  });

  test('of days on the wall, where the first one starts or its days end in the skipped hour', () => {
    expect(spansOf('DURATION:P1DT1H', rule)).toEqual([
      '2027-03-28T01:15:00.000Z/2027-03-29T01:15:00.000Z',
      '2027-03-29T00:15:00.000Z/2027-03-30T01:15:00.000Z',
    ]);
    expect(spansFrom('20270327T021500', 'DURATION:P1D', rule)).toEqual([
      '2027-03-27T01:15:00.000Z/2027-03-28T01:15:00.000Z',
      '2027-03-28T01:15:00.000Z/2027-03-29T00:15:00.000Z',
    ]);
    expect(spansFrom('20270327T021500', 'DURATION:P1DT1H', rule)[0]).toBe(
      '2027-03-27T01:15:00.000Z/2027-03-28T02:15:00.000Z',
    );
  });
});

describe('times that the skipped hour moves past later ones', () => {
  const start = { kind: 'zoned', local: '2027-03-28T00:10:00', zone: 'Europe/Paris' } as const;
  const window = { fromAt: Date.UTC(2027, 2, 1), untilAt: Date.UTC(2027, 2, 28, 4) };
  const plain = (text: string) =>
    ruleInstances({
      rule: parseRule(text)!,
      start,
      window,
      zone: 'UTC',
      limits: { maxInstances: 1_000, maxSteps: 100_000 },
    }).instances.map(({ at }) => new Date(at).toISOString().slice(11, 16));

  // On the wall 00:10, 01:00, 01:50, 02:40, 03:30; the clock shows 03:40 for the fourth.
  const rule = 'FREQ=MINUTELY;INTERVAL=50;UNTIL=20270328T013500Z';

  test('take nothing from those before the end of the rule', () => {
    expect(plain(rule)).toEqual(['23:10', '00:00', '00:50', '01:30']);
    const master = { ...anEvent({ start, recurrence: [`RRULE:${rule}`] }), end: start };
    const { spans } = expand({ master, exceptions: [], window, defaultZone: 'UTC' });
    expect(spans.map((one) => new Date(one.startAt).toISOString().slice(11, 16))).toEqual([
      '23:10',
      '00:00',
      '00:50',
      '01:30',
    ]);
  });

  test('come in the order of the clock, and once', () => {
    expect(plain('FREQ=MINUTELY;INTERVAL=50;COUNT=5').at(-1)).toBe('01:40');
    const half = plain('FREQ=DAILY;BYHOUR=2,3;BYMINUTE=0,30;COUNT=4');
    expect(half).toEqual(['01:00', '01:30']);
  });
});
