import { describe, expect, test } from 'vitest';
import { parseFeed } from '../../src/calendar/parse.ts';
import { expand } from '../../src/calendar/recurrence.ts';
import { canonicalEvent } from '../../src/domain/event.ts';
import { iso } from './an-event.ts';

const WINDOW = { fromAt: Date.parse('2026-01-01'), untilAt: Date.parse('2027-01-01') };

/** Spans of all entries under one UID, in Paris. */
function spansOf(...entries: string[][]) {
  const events = entries.flatMap((lines) => ['BEGIN:VEVENT', 'UID:a', ...lines, 'END:VEVENT']);
  const text = ['BEGIN:VCALENDAR', ...events, 'END:VCALENDAR'].join('\r\n');
  const feed = parseFeed(text, { defaultZone: 'Europe/Paris' });
  expect(feed.withheld).toEqual([]);
  const master = feed.events.find((event) => event.seriesId === null)!;
  const exceptions = feed.events.filter((event) => event.seriesId !== null);
  const { spans } = expand({ master, exceptions, window: WINDOW, defaultZone: 'Europe/Paris' });
  return spans.map(({ startAt, endAt }) => `${iso(startAt)}/${iso(endAt)}`);
}
const startsOf = (...entries: string[][]) => spansOf(...entries).map((one) => one.split('/')[0]);

const paris = (name: string, local: string) => `${name};TZID=Europe/Paris:${local}`;
/** Over the night in which Paris goes back an hour. */
const NIGHT = [paris('DTSTART', '20261023T200000'), 'RRULE:FREQ=DAILY;COUNT=3'];

describe('lengths over a clock change', () => {
  test('DTEND gives an exact length', () => {
    expect(spansOf([...NIGHT, paris('DTEND', '20261024T200000')])).toEqual([
      '2026-10-23T18:00:00Z/2026-10-24T18:00:00Z',
      '2026-10-24T18:00:00Z/2026-10-25T18:00:00Z',
      '2026-10-25T19:00:00Z/2026-10-26T19:00:00Z',
    ]);
  });

  test('DURATION in days gives a nominal one, in every occurrence', () => {
    expect(spansOf([...NIGHT, 'DURATION:P1D'])).toEqual([
      '2026-10-23T18:00:00Z/2026-10-24T18:00:00Z',
      '2026-10-24T18:00:00Z/2026-10-25T19:00:00Z',
      '2026-10-25T19:00:00Z/2026-10-26T19:00:00Z',
    ]);
  });

  test('of a mixed DURATION the days are nominal and the hours exact', () => {
    expect(spansOf([...NIGHT, 'DURATION:P1DT2H'])[1]).toBe(
      '2026-10-24T18:00:00Z/2026-10-25T21:00:00Z',
    );
    expect(spansOf([...NIGHT, 'DURATION:PT24H'])[1]).toBe(
      '2026-10-24T18:00:00Z/2026-10-25T18:00:00Z',
    );
    expect(spansOf([...NIGHT, 'DURATION:P1W'])[0]).toBe(
      '2026-10-23T18:00:00Z/2026-10-30T19:00:00Z',
    );
  });

  test('RDATE with PERIOD has a length of its own, nominal or exact as it says', () => {
    const added = (period: string) =>
      spansOf([
        paris('DTSTART', '20261001T100000'),
        'DURATION:PT1H',
        `RDATE;VALUE=PERIOD;TZID=Europe/Paris:20261024T200000/${period}`,
      ])[1];
    expect(added('P1D')).toBe('2026-10-24T18:00:00Z/2026-10-25T19:00:00Z');
    expect(added('PT24H')).toBe('2026-10-24T18:00:00Z/2026-10-25T18:00:00Z');
    expect(added('20261025T200000')).toBe('2026-10-24T18:00:00Z/2026-10-25T19:00:00Z');
  });

  test('RANGE=THISANDFUTURE with a nominal length keeps it nominal', () => {
    const change = [
      'RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Paris:20261024T200000',
      paris('DTSTART', '20261024T210000'),
      'DURATION:P1D',
    ];
    expect(spansOf([...NIGHT, 'DURATION:PT1H'], change)).toEqual([
      '2026-10-23T18:00:00Z/2026-10-23T19:00:00Z',
      '2026-10-24T19:00:00Z/2026-10-25T20:00:00Z',
      '2026-10-25T20:00:00Z/2026-10-26T20:00:00Z',
    ]);
  });

  test('a nominal and an exact length are different contents', () => {
    const read = (line: string) =>
      parseFeed(
        [
          'BEGIN:VCALENDAR',
          'BEGIN:VEVENT',
          'UID:a',
          ...NIGHT,
          line,
          'END:VEVENT',
          'END:VCALENDAR',
        ].join('\n'),
      ).events[0]!;
    expect(canonicalEvent(read('DURATION:P1D'))).not.toBe(canonicalEvent(read('DURATION:PT24H')));
  });
});

const TUESDAYS = [
  paris('DTSTART', '20261103T090000'),
  paris('DTEND', '20261103T100000'),
  'RRULE:FREQ=WEEKLY;COUNT=3',
];
const DAYS = [
  'DTSTART;VALUE=DATE:20261103',
  'DTEND;VALUE=DATE:20261104',
  'RRULE:FREQ=WEEKLY;COUNT=3',
];

describe('a line that names an occurrence in another type', () => {
  const rest = ['2026-11-03T08:00:00Z', '2026-11-17T08:00:00Z'];
  test.each([
    'EXDATE;VALUE=DATE:20261110',
    'EXDATE:20261110T080000Z',
    'EXDATE;TZID=America/New_York:20261110T030000',
    'EXDATE:20261110T090000',
  ])('%s takes it from a timed series', (line) => {
    expect(startsOf([...TUESDAYS, line])).toEqual(rest);
  });

  const daysLeft = ['2026-11-02T23:00:00Z', '2026-11-16T23:00:00Z'];
  test.each([
    'EXDATE;VALUE=DATE:20261110',
    'EXDATE:20261110T000000',
    'EXDATE:20261110T000000Z',
    'EXDATE:20261109T230000Z',
    'EXDATE;TZID=Asia/Tokyo:20261110T000000',
  ])('%s takes it from a series of days', (line) => {
    expect(startsOf([...DAYS, line])).toEqual(daysLeft);
  });

  const gone = 'STATUS:CANCELLED';
  test.each([
    'RECURRENCE-ID;VALUE=DATE:20261110',
    'RECURRENCE-ID:20261110T080000Z',
    'RECURRENCE-ID;TZID=America/New_York:20261110T030000',
    'RECURRENCE-ID:20261110T090000',
  ])('%s cancelled leaves a timed series without it', (line) => {
    expect(startsOf(TUESDAYS, [line, gone, paris('DTSTART', '20261110T090000')])).toEqual(rest);
  });

  test.each([
    'RECURRENCE-ID;VALUE=DATE:20261110',
    'RECURRENCE-ID:20261110T000000',
    'RECURRENCE-ID:20261110T000000Z',
    'RECURRENCE-ID:20261109T230000Z',
    'RECURRENCE-ID;TZID=Asia/Tokyo:20261110T000000',
  ])('%s cancelled leaves a series of days without it', (line) => {
    expect(startsOf(DAYS, [line, gone, 'DTSTART;VALUE=DATE:20261110'])).toEqual(daysLeft);
  });

  test('RANGE=THISANDFUTURE by a midnight governs a series of days from that day on', () => {
    const change = [
      'RECURRENCE-ID;RANGE=THISANDFUTURE:20261110T000000Z',
      'DTSTART;VALUE=DATE:20261112',
    ];
    expect(startsOf(DAYS, change)).toEqual([
      '2026-11-02T23:00:00Z',
      '2026-11-11T23:00:00Z',
      '2026-11-18T23:00:00Z',
    ]);
  });

  test('an occurrence may become whole days, and a day a time', () => {
    const toDay = ['RECURRENCE-ID:20261110T080000Z', 'DTSTART;VALUE=DATE:20261110'];
    expect(spansOf(TUESDAYS, toDay)[1]).toBe('2026-11-09T23:00:00Z/2026-11-10T23:00:00Z');
    const toTime = [
      'RECURRENCE-ID;VALUE=DATE:20261110',
      'DTSTART:20261110T120000Z',
      'DURATION:PT1H',
    ];
    expect(spansOf(DAYS, toTime)[1]).toBe('2026-11-10T12:00:00Z/2026-11-10T13:00:00Z');
  });
});

describe('versions of one thing', () => {
  const moved = (sequence: number, hour: string) => [
    'RECURRENCE-ID:20261110T080000Z',
    `SEQUENCE:${sequence}`,
    `DTSTART:20261110T${hour}0000Z`,
  ];

  test('of an occurrence the highest SEQUENCE counts, in whatever order and type it is named', () => {
    const later = [
      'RECURRENCE-ID;TZID=Europe/Paris:20261110T090000',
      'SEQUENCE:3',
      'DTSTART:20261110T200000Z',
    ];
    const given = [moved(2, '15'), later, moved(1, '11')];
    for (const order of [given, given.toReversed()])
      expect(startsOf(TUESDAYS, ...order)[1]).toBe('2026-11-10T20:00:00Z');
  });

  test('an exception older than its series stays: the series may have changed elsewhere', () => {
    expect(startsOf([...TUESDAYS, 'SEQUENCE:9'], moved(1, '15'))[1]).toBe('2026-11-10T15:00:00Z');
  });

  test('a broken version that a later one supersedes is no more withheld', () => {
    expect(
      startsOf(
        ['SEQUENCE:1', 'DTSTART:20261103T080000Z', 'RRULE:x'],
        ['SEQUENCE:2', 'DTSTART:20261104T080000Z'],
      ),
    ).toEqual(['2026-11-04T08:00:00Z']);
  });
});

test('a series that was split has every occurrence once', () => {
  const head = [
    paris('DTSTART', '20261103T090000'),
    'DURATION:PT1H',
    'RRULE:FREQ=WEEKLY;UNTIL=20261116T225959Z',
  ];
  const tail = [paris('DTSTART', '20261117T100000'), 'DURATION:PT1H', 'RRULE:FREQ=WEEKLY;COUNT=2'];
  expect([...startsOf(head), ...startsOf(tail)]).toEqual([
    '2026-11-03T08:00:00Z',
    '2026-11-10T08:00:00Z',
    '2026-11-17T09:00:00Z',
    '2026-11-24T09:00:00Z',
  ]);
});
