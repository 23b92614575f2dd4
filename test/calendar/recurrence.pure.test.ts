import { describe, expect, test } from 'vitest';
import {
  anEvent,
  day,
  expanded,
  floating,
  iso,
  startsOf,
  utc,
  windowOf,
  zoned,
} from './an-event.ts';

const NOVEMBER = windowOf('2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z');
const WEEKLY = anEvent({
  start: zoned('2026-11-03T09:00:00', 'Europe/Paris'),
  end: zoned('2026-11-03T10:00:00', 'Europe/Paris'),
  recurrence: ['RRULE:FREQ=WEEKLY'],
});
const TUESDAYS = [
  '2026-11-03T08:00:00Z',
  '2026-11-10T08:00:00Z',
  '2026-11-17T08:00:00Z',
  '2026-11-24T08:00:00Z',
];
const withLines = (...lines: string[]) =>
  anEvent({ ...WEEKLY, recurrence: [...WEEKLY.recurrence, ...lines] });

describe('clock changes', () => {
  test('a weekly time stays on the wall', () => {
    const master = anEvent({
      start: zoned('2026-10-20T09:00:00', 'Europe/Paris'),
      recurrence: ['RRULE:FREQ=WEEKLY;COUNT=2'],
    });
    expect(startsOf({ master, window: windowOf('2026-01-01', '2027-01-01') })).toEqual([
      '2026-10-20T07:00:00Z',
      '2026-10-27T08:00:00Z',
    ]);
  });

  test('an occurrence in the skipped hour is kept, moved forward, and counted', () => {
    const master = anEvent({
      start: zoned('2024-03-09T02:30:00'),
      recurrence: ['RRULE:FREQ=DAILY;COUNT=3'],
    });
    expect(startsOf({ master, window: windowOf('2024-01-01', '2025-01-01') })).toEqual([
      '2024-03-09T07:30:00Z',
      '2024-03-10T07:30:00Z',
      '2024-03-11T06:30:00Z',
    ]);
  });

  test('the length of a timed entry elapses, that of whole days follows the calendar', () => {
    const night = anEvent({
      start: zoned('2026-10-23T22:00:00', 'Europe/Paris'),
      end: zoned('2026-10-24T06:00:00', 'Europe/Paris'),
      recurrence: ['RRULE:FREQ=DAILY;COUNT=2'],
    });
    const window = windowOf('2026-10-01', '2026-11-01');
    expect(expanded({ master: night, window }).spans.map((span) => iso(span.endAt))).toEqual([
      '2026-10-24T04:00:00Z',
      '2026-10-25T04:00:00Z',
    ]);
    const days = anEvent({
      start: day('2026-10-24'),
      end: day('2026-10-25'),
      recurrence: ['RRULE:FREQ=DAILY;COUNT=2'],
    });
    expect(expanded({ master: days, window }).spans).toMatchObject([
      {
        startAt: Date.parse('2026-10-23T22:00:00Z'),
        endAt: Date.parse('2026-10-24T22:00:00Z'),
        originalStart: '2026-10-24',
      },
      {
        startAt: Date.parse('2026-10-24T22:00:00Z'),
        endAt: Date.parse('2026-10-25T23:00:00Z'),
        originalStart: '2026-10-25',
      },
    ]);
  });

  test('a series whose own start falls into the gap keeps its length', () => {
    const master = anEvent({
      start: zoned('2024-03-10T02:30:00'),
      end: zoned('2024-03-10T03:30:00'),
      recurrence: ['RRULE:FREQ=DAILY;COUNT=2'],
    });
    const { spans } = expanded({ master, window: windowOf('2024-03-01', '2024-04-01') });
    expect(spans.map((span) => span.endAt - span.startAt)).toEqual([3_600_000, 3_600_000]);
  });
});

describe('what lines add and take away', () => {
  test('an EXDATE takes away the instant it names, in whatever zone', () => {
    const lines = [
      'EXDATE;TZID=Europe/Paris:20261110T090000',
      'EXDATE:20261117T080000Z',
      'EXDATE;TZID=Eastern Standard Time:20261124T030000',
    ];
    expect(startsOf({ master: withLines(...lines), window: NOVEMBER })).toEqual(
      TUESDAYS.slice(0, 1),
    );
  });

  test('an EXDATE that is a date takes away the day, also of a timed series', () => {
    expect(
      startsOf({ master: withLines('EXDATE;VALUE=DATE:20261110,20261124'), window: NOVEMBER }),
    ).toEqual([TUESDAYS[0], TUESDAYS[2]]);
  });

  test('an excluded occurrence still counts', () => {
    const master = anEvent({
      ...WEEKLY,
      recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3', 'EXDATE:20261103T080000Z'],
    });
    expect(startsOf({ master, window: NOVEMBER })).toEqual(TUESDAYS.slice(1, 3));
  });

  test.each([
    'EXDATE;VALUE=DATE:20261102',
    'EXDATE:20261102T000000Z',
    'EXDATE:20261101T230000Z',
    'EXDATE;TZID=Europe/Paris:20261102T000000',
  ])('%s takes a whole day from a series of days', (line) => {
    const master = anEvent({
      start: day('2026-11-01'),
      end: day('2026-11-02'),
      recurrence: ['RRULE:FREQ=DAILY;COUNT=3', line],
    });
    expect(expanded({ master, window: NOVEMBER }).spans.map((span) => span.originalStart)).toEqual([
      '2026-11-01',
      '2026-11-03',
    ]);
  });

  test('an RDATE adds a time, a day at the hour of the series, or a period with a length of its own', () => {
    const master = withLines(
      'RDATE;TZID=Europe/Paris:20261105T120000',
      'RDATE;VALUE=DATE:20261106',
      'RDATE;VALUE=PERIOD:20261107T080000Z/PT3H,20261108T080000Z/20261108T083000Z',
    );
    const added = expanded({ master, window: windowOf('2026-11-04', '2026-11-09') }).spans;
    expect(added.map((span) => [iso(span.startAt), (span.endAt - span.startAt) / 60_000])).toEqual([
      ['2026-11-05T11:00:00Z', 60],
      ['2026-11-06T08:00:00Z', 60],
      ['2026-11-07T08:00:00Z', 180],
      ['2026-11-08T08:00:00Z', 30],
    ]);
  });

  test('an RDATE without a rule leaves DTSTART, and one that repeats an occurrence adds none', () => {
    const master = anEvent({ ...WEEKLY, recurrence: ['RDATE:20261103T080000Z,20261104T080000Z'] });
    expect(startsOf({ master, window: NOVEMBER })).toEqual([
      '2026-11-03T08:00:00Z',
      '2026-11-04T08:00:00Z',
    ]);
  });

  test('several rules join, and an EXRULE takes its own from them', () => {
    const master = withLines(
      'RRULE:FREQ=MONTHLY;BYMONTHDAY=4',
      'EXRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU',
    );
    // DTSTART fits the EXRULE, so it goes as well.
    expect(startsOf({ master, window: NOVEMBER })).toEqual([
      '2026-11-04T08:00:00Z',
      TUESDAYS[1],
      TUESDAYS[3],
    ]);
  });

  test('times of day in the rule of a series of days are passed over', () => {
    const rules = ['RRULE:FREQ=DAILY;BYHOUR=9,17;COUNT=3', 'RRULE:FREQ=HOURLY;UNTIL=20261103'];
    for (const line of rules) {
      const master = anEvent({ start: day('2026-11-01'), recurrence: [line] });
      const { spans } = expanded({ master, window: NOVEMBER });
      expect(spans.map((span) => span.originalStart)).toEqual([
        '2026-11-01',
        '2026-11-02',
        '2026-11-03',
      ]);
    }
  });

  test('DTSTART blocks where the rule would not give it, and uses none of COUNT', () => {
    const master = anEvent({ ...WEEKLY, recurrence: ['RRULE:FREQ=WEEKLY;BYDAY=WE;COUNT=3'] });
    expect(startsOf({ master, window: NOVEMBER })).toEqual([
      '2026-11-03T08:00:00Z',
      '2026-11-04T08:00:00Z',
      '2026-11-11T08:00:00Z',
      '2026-11-18T08:00:00Z',
    ]);
  });

  test.each([
    ['20261117T080000Z', 3],
    ['20261117T075959Z', 2],
    ['20261117T090000', 3],
    ['20261117T085959', 2],
    ['20261117', 3],
    ['20261116', 2],
  ])('UNTIL=%s includes what starts then', (until, count) => {
    const master = anEvent({ ...WEEKLY, recurrence: [`RRULE:FREQ=WEEKLY;UNTIL=${until}`] });
    expect(startsOf({ master, window: NOVEMBER })).toEqual(TUESDAYS.slice(0, count));
  });

  test.each(['20261103', '20261103T000000Z', '20261102T230000Z', '20261103T000000'])(
    'UNTIL=%s includes the third of a series of days',
    (until) => {
      const master = anEvent({
        start: day('2026-11-01'),
        end: day('2026-11-02'),
        recurrence: [`RRULE:FREQ=DAILY;UNTIL=${until}`],
      });
      expect(expanded({ master, window: NOVEMBER }).spans).toHaveLength(3);
    },
  );
});

describe('single entries and edges', () => {
  const single = anEvent({ start: utc('2026-11-10T08:00:00Z'), end: utc('2026-11-10T09:00:00Z') });

  test('a span that began before the window and reaches into it is there, one that touches it is not', () => {
    expect(
      startsOf({ master: single, window: windowOf('2026-11-10T08:59:59Z', '2026-11-11') }),
    ).toHaveLength(1);
    expect(
      startsOf({ master: single, window: windowOf('2026-11-10T09:00:00Z', '2026-11-11') }),
    ).toEqual([]);
    expect(
      startsOf({ master: single, window: windowOf('2026-11-01', '2026-11-10T08:00:00Z') }),
    ).toEqual([]);
  });

  test('a long occurrence of a series reaches in from far before', () => {
    const master = anEvent({
      start: day('2026-01-01'),
      end: day('2026-03-01'),
      recurrence: ['RRULE:FREQ=YEARLY'],
    });
    expect(expanded({ master, window: windowOf('2028-02-28', '2028-02-29') }).spans).toMatchObject([
      { originalStart: '2028-01-01' },
    ]);
  });

  test('cancelled and transparent entries take no time', () => {
    expect(
      startsOf({ master: anEvent({ ...single, status: 'cancelled' }), window: NOVEMBER }),
    ).toEqual([]);
    expect(
      startsOf({
        master: anEvent({ ...single, start: null, status: 'cancelled' }),
        window: NOVEMBER,
      }),
    ).toEqual([]);
    expect(
      startsOf({ master: anEvent({ ...single, transparency: 'transparent' }), window: NOVEMBER }),
    ).toEqual([]);
  });

  test('days and floating times are in the calendar’s zone', () => {
    const starts = [day('2026-11-10'), floating('2026-11-10T00:00:00')].map((start) =>
      startsOf({ master: anEvent({ start }), window: NOVEMBER, defaultZone: 'Asia/Tokyo' }),
    );
    expect(starts).toEqual([['2026-11-09T15:00:00Z'], ['2026-11-09T15:00:00Z']]);
  });

  test('what cannot be read is named, and the rest of it still blocks', () => {
    const broken = anEvent({
      ...WEEKLY,
      recurrence: ['RRULE:FREQ=NEVER', 'RDATE:20261105T080000Z,soon'],
    });
    expect(expanded({ master: broken, window: NOVEMBER })).toMatchObject({
      withheld: 'bad-rule',
      spans: [{ originalStart: '2026-11-03T08:00:00Z' }, { originalStart: '2026-11-05T08:00:00Z' }],
    });
    const adrift = anEvent({ ...WEEKLY, start: zoned('2026-11-03T09:00:00', 'Nowhere') });
    expect(expanded({ master: adrift, window: NOVEMBER })).toMatchObject({
      withheld: 'unknown-zone',
      spans: [{ startAt: Date.parse(TUESDAYS[0]!) }, {}, {}, {}],
    });
    const lost = anEvent({ start: day('2026-13-01') });
    expect(expanded({ master: lost, window: NOVEMBER })).toEqual({
      spans: [],
      truncated: false,
      overLimits: null,
      withheld: 'bad-start',
    });
  });
});
