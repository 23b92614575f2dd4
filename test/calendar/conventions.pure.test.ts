import { describe, expect, test } from 'vitest';
import { dateText, localText } from '../../src/calendar/civil.ts';
import { ruleInstances } from '../../src/calendar/plain-rule.ts';
import { parseRule } from '../../src/calendar/rule.ts';
import type { WallTime } from '../../src/domain/event.ts';
import { anEvent, day, expanded, floating, iso, utc, windowOf, zoned } from './an-event.ts';

const EVER = windowOf('1900-01-01', '2100-01-01');
const LIMITS = { maxInstances: 50_000, maxSteps: 1_000_000 };

function instances(text: string, start: WallTime, more: { withStart?: boolean } = {}) {
  const rule = parseRule(text)!;
  return ruleInstances({ rule, start, window: EVER, zone: 'UTC', limits: LIMITS, ...more })
    .instances;
}
const walls = (text: string, start: WallTime) =>
  instances(text, start).map(({ wall }) => localText(wall));
const days = (text: string, start: string) =>
  instances(text, day(start)).map(({ wall }) => dateText(wall));

describe('a DTSTART that its rule does not generate', () => {
  const tuesday = '2026-11-03';
  const rule = 'FREQ=WEEKLY;BYDAY=WE;COUNT=2';

  test('is no instance of the plain rule, and COUNT does not count it', () => {
    expect(days(rule, tuesday)).toEqual(['2026-11-04', '2026-11-11']);
  });

  test('is added when asked for, and uses none of COUNT', () => {
    const given = instances(rule, day(tuesday), { withStart: true });
    expect(given.map(({ wall }) => dateText(wall))).toEqual([
      '2026-11-03',
      '2026-11-04',
      '2026-11-11',
    ]);
  });

  test('blocks in a feed, even when UNTIL lies before it', () => {
    const window = windowOf('2026-11-01', '2026-12-01');
    for (const line of [`RRULE:${rule}`, 'RRULE:FREQ=WEEKLY;UNTIL=20261001']) {
      const master = anEvent({ start: day(tuesday), recurrence: [line] });
      expect(expanded({ master, window }).spans[0]!.originalStart).toBe(tuesday);
    }
  });
});

describe('what a yearly rule leaves unsaid', () => {
  test('days of the month without a month are in the month of DTSTART', () => {
    expect(days('FREQ=YEARLY;BYMONTHDAY=13;COUNT=2', '2026-02-13')).toEqual([
      '2026-02-13',
      '2027-02-13',
    ]);
    expect(days('FREQ=YEARLY;BYMONTHDAY=29,-1;COUNT=3', '2024-02-01')).toEqual([
      '2024-02-29',
      '2025-02-28',
      '2026-02-28',
    ]);
    expect(days('FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR;COUNT=2', '2026-02-13')).toEqual([
      '2026-02-13',
      '2032-02-13',
    ]);
  });

  test('a weekday beside days of the year or the month only limits them', () => {
    expect(days('FREQ=YEARLY;BYYEARDAY=1,2,3,4,5,6,7;BYDAY=MO;COUNT=2', '2026-01-01')).toEqual([
      '2026-01-05',
      '2027-01-04',
    ]);
    expect(days('FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR;COUNT=2', '2026-01-01')).toEqual([
      '2026-02-13',
      '2026-03-13',
    ]);
  });
});

describe('weeks by number', () => {
  test('without a weekday give that of DTSTART', () => {
    expect(days('FREQ=YEARLY;BYWEEKNO=20;COUNT=2', '2026-01-07')).toEqual([
      '2026-05-13',
      '2027-05-19',
    ]);
  });

  test('are of years of whole weeks, with the days that lie in the year beside', () => {
    const rule = 'FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,SU;COUNT=4';
    expect(days(rule, '2025-12-29')).toEqual([
      '2025-12-29',
      '2026-01-04',
      '2027-01-04',
      '2027-01-10',
    ]);
    expect(days('FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU;COUNT=2', '2026-06-01')).toEqual([
      '2027-01-03',
      '2028-01-02',
    ]);
  });

  test('begin on WKST', () => {
    const rule = 'FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;COUNT=1';
    expect(days(`${rule};WKST=SU`, '2026-01-01')).toEqual(['2026-01-05']);
    expect(days(`${rule};WKST=MO`, '2026-01-01')).toEqual(['2027-01-04']);
  });

  test('with INTERVAL count from the week-year of a DTSTART that is an instance', () => {
    // 3 January 2027 is the Sunday of week 53 of 2026; the next such years are 2032 and 2037.
    expect(days('FREQ=YEARLY;INTERVAL=6;BYWEEKNO=53;BYDAY=SU;COUNT=2', '2027-01-03')).toEqual([
      '2027-01-03',
      '2033-01-02',
    ]);
  });

  test('and else from its calendar year', () => {
    expect(days('FREQ=YEARLY;INTERVAL=5;BYWEEKNO=53;BYDAY=TH;COUNT=1', '2027-01-03')).toEqual([
      '2032-12-30',
    ]);
    expect(days('FREQ=YEARLY;INTERVAL=6;BYWEEKNO=53;BYDAY=TH;COUNT=1', '2027-01-03')).toEqual([
      '2093-12-31',
    ]);
  });
});

describe('lists and times', () => {
  test('lists are sets: order and repeats change nothing', () => {
    const pairs = [
      ['FREQ=WEEKLY;BYDAY=TU,MO,TU;COUNT=4', 'FREQ=WEEKLY;BYDAY=MO,TU;COUNT=4'],
      [
        'FREQ=DAILY;BYHOUR=9,8,9;BYMINUTE=30,0,30;COUNT=5',
        'FREQ=DAILY;BYHOUR=8,9;BYMINUTE=0,30;COUNT=5',
      ],
      ['FREQ=YEARLY;BYWEEKNO=2,1,2;COUNT=5', 'FREQ=YEARLY;BYWEEKNO=1,2;COUNT=5'],
      ['FREQ=MONTHLY;BYMONTHDAY=3,2,1;BYSETPOS=-1,3;COUNT=3', 'FREQ=MONTHLY;BYMONTHDAY=3;COUNT=3'],
    ] as const;
    for (const [one, other] of pairs)
      expect(walls(one, utc('2026-01-01T08:00:00Z'))).toEqual(
        walls(other, utc('2026-01-01T08:00:00Z')),
      );
  });

  test('times of day mean nothing for a date', () => {
    const rule = 'FREQ=DAILY;BYHOUR=9,17;BYMINUTE=5;BYSECOND=7;INTERVAL=2;COUNT=3';
    expect(days(rule, '2026-10-18')).toEqual(['2026-10-18', '2026-10-20', '2026-10-22']);
  });

  test('BYSETPOS chooses within each period, also of hours and minutes', () => {
    const start = utc('2026-10-23T15:40:00Z');
    expect(
      walls('FREQ=HOURLY;BYMINUTE=0,10,20,30,40,50;BYSETPOS=-2,3;INTERVAL=2;COUNT=3', start),
    ).toEqual(['2026-10-23T15:40:00', '2026-10-23T17:20:00', '2026-10-23T17:40:00']);
    expect(walls('FREQ=DAILY;BYMINUTE=0,10,20;BYSETPOS=2;COUNT=2', start)).toEqual([
      '2026-10-24T15:10:00',
      '2026-10-25T15:10:00',
    ]);
  });

  test('a leap second counts as the second before it', () => {
    expect(walls('FREQ=DAILY;BYSECOND=60;COUNT=1', utc('2026-01-01T00:00:00Z'))).toEqual([
      '2026-01-01T00:00:59',
    ]);
  });
});

describe('UNTIL is inclusive', () => {
  const newYork = zoned('2026-11-03T23:30:00');
  test.each<[string, WallTime, string, number]>([
    ['UTC beside UTC', utc('2026-11-03T09:00:00Z'), '20261105T090000Z', 3],
    ['UTC beside UTC, a second short', utc('2026-11-03T09:00:00Z'), '20261105T085959Z', 2],
    ['UTC beside a zone', newYork, '20261106T043000Z', 3],
    ['UTC beside a zone, a second short', newYork, '20261106T042959Z', 2],
    ['a local time beside a zone', newYork, '20261105T233000', 3],
    ['a local time beside UTC', utc('2026-11-03T09:00:00Z'), '20261105T090000', 3],
    [
      'UTC beside floating: the Z is passed over',
      floating('2026-11-03T09:00:00'),
      '20261105T090000Z',
      3,
    ],
    ['UTC beside floating, a second short', floating('2026-11-03T09:00:00'), '20261105T085959Z', 2],
    ['a date beside a zone: all of that local day', newYork, '20261105', 3],
    ['a date beside UTC', utc('2026-11-03T23:59:59Z'), '20261105', 3],
    ['a date beside floating', floating('2026-11-03T23:59:59'), '20261105', 3],
    ['a date beside a date', day('2026-11-03'), '20261105', 3],
    ['a local time beside a date', day('2026-11-03'), '20261105T000000', 3],
    ['UTC beside a date', day('2026-11-03'), '20261105T000000Z', 3],
  ])('%s', (_, start, until, count) => {
    expect(instances(`FREQ=DAILY;UNTIL=${until}`, start)).toHaveLength(count);
  });
});

describe('clock changes', () => {
  test('in a gap the offset before it is used, and the instance counts', () => {
    const given = instances('FREQ=DAILY;COUNT=3', zoned('2024-03-09T02:30:00'));
    expect(given.map(({ at }) => iso(at))).toEqual([
      '2024-03-09T07:30:00Z',
      '2024-03-10T07:30:00Z',
      '2024-03-11T06:30:00Z',
    ]);
  });

  test('in a fold it is the first', () => {
    const given = instances('FREQ=DAILY;COUNT=2', zoned('2024-11-02T01:30:00'));
    expect(given.map(({ at }) => iso(at))).toEqual([
      '2024-11-02T05:30:00Z',
      '2024-11-03T05:30:00Z',
    ]);
  });
});

describe('far away', () => {
  test('a series from 1970 is found in 2099, in summer and in winter', () => {
    const master = anEvent({
      start: zoned('1970-01-05T09:00:00'),
      recurrence: ['RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO'],
    });
    const starts = (from: string, to: string) =>
      expanded({ master, window: windowOf(from, to) }).spans.map((span) => iso(span.startAt));
    expect(starts('2099-01-01', '2099-01-31')).toEqual([
      '2099-01-12T14:00:00Z',
      '2099-01-26T14:00:00Z',
    ]);
    expect(starts('2099-07-01', '2099-07-20')).toEqual(['2099-07-13T13:00:00Z']);
  });

  test('COUNT from 1970 is kept exactly', () => {
    const last = days('FREQ=DAILY;COUNT=40000', '1970-01-01').at(-1);
    expect(last).toBe('2079-07-07');
    const monthly = days('FREQ=MONTHLY;BYDAY=-1FR;COUNT=1500', '1970-01-01');
    expect([monthly.length, monthly.at(-1)]).toEqual([1500, '2094-12-31']);
  });
});
