import { describe, expect, test } from 'vitest';
import { anEvent, expanded, inNewYork, windowOf, zoned } from './an-event.ts';

/** The worked examples of RFC 5545 §3.8.5.3, all on the clock of New York. */
interface Example {
  start: string;
  rule: string;
  until: string;
  /** Local days, or local times where a day has several. */
  gives: string[];
}

const days = (year: number, text: string): string[] =>
  text.split('; ').flatMap((part) => {
    const [month, list] = part.split(':');
    return list!.split(',').map((one) => `${year}-${month}-${one.padStart(2, '0')}`);
  });
const run = (year: number, month: string, [first, last]: [number, number]): string[] =>
  Array.from(
    { length: last - first + 1 },
    (_, index) => `${year}-${month}-${String(first + index).padStart(2, '0')}`,
  );

const september = '1997-09-02T09:00';
const EXAMPLES: Record<string, Example> = {
  'daily for ten occurrences': {
    start: september,
    rule: 'FREQ=DAILY;COUNT=10',
    until: '1999-01-01',
    gives: run(1997, '09', [2, 11]),
  },
  'daily until Christmas Eve': {
    start: september,
    rule: 'FREQ=DAILY;UNTIL=19971224T000000Z',
    until: '1999-01-01',
    gives: [
      ...run(1997, '09', [2, 30]),
      ...run(1997, '10', [1, 31]),
      ...run(1997, '11', [1, 30]),
      ...run(1997, '12', [1, 23]),
    ],
  },
  'every other day, for ever': {
    start: september,
    rule: 'FREQ=DAILY;INTERVAL=2',
    until: '1997-10-01',
    gives: days(1997, '09:2,4,6,8,10,12,14,16,18,20,22,24,26,28,30'),
  },
  'every ten days, five times': {
    start: september,
    rule: 'FREQ=DAILY;INTERVAL=10;COUNT=5',
    until: '1999-01-01',
    gives: days(1997, '09:2,12,22; 10:2,12'),
  },
  'every day in January, said yearly': {
    start: '1998-01-01T09:00',
    rule: 'FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA',
    until: '2002-01-01',
    gives: [1998, 1999, 2000].flatMap((year) => run(year, '01', [1, 31])),
  },
  'every day in January, said daily': {
    start: '1998-01-01T09:00',
    rule: 'FREQ=DAILY;UNTIL=20000131T140000Z;BYMONTH=1',
    until: '2002-01-01',
    gives: [1998, 1999, 2000].flatMap((year) => run(year, '01', [1, 31])),
  },
  'weekly for ten occurrences': {
    start: september,
    rule: 'FREQ=WEEKLY;COUNT=10',
    until: '1999-01-01',
    gives: days(1997, '09:2,9,16,23,30; 10:7,14,21,28; 11:4'),
  },
  'weekly until Christmas Eve': {
    start: september,
    rule: 'FREQ=WEEKLY;UNTIL=19971224T000000Z',
    until: '1999-01-01',
    gives: days(1997, '09:2,9,16,23,30; 10:7,14,21,28; 11:4,11,18,25; 12:2,9,16,23'),
  },
  'every other week, weeks from Sunday': {
    start: september,
    rule: 'FREQ=WEEKLY;INTERVAL=2;WKST=SU',
    until: '1998-02-18',
    gives: [
      ...days(1997, '09:2,16,30; 10:14,28; 11:11,25; 12:9,23'),
      ...days(1998, '01:6,20; 02:3,17'),
    ],
  },
  'Tuesdays and Thursdays for five weeks, by UNTIL': {
    start: september,
    rule: 'FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH',
    until: '1999-01-01',
    gives: days(1997, '09:2,4,9,11,16,18,23,25,30; 10:2'),
  },
  'Tuesdays and Thursdays for five weeks, by COUNT': {
    start: september,
    rule: 'FREQ=WEEKLY;COUNT=10;WKST=SU;BYDAY=TU,TH',
    until: '1999-01-01',
    gives: days(1997, '09:2,4,9,11,16,18,23,25,30; 10:2'),
  },
  'Monday, Wednesday, Friday of every other week': {
    start: '1997-09-01T09:00',
    rule: 'FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR',
    until: '1999-01-01',
    gives: days(
      1997,
      '09:1,3,5,15,17,19,29; 10:1,3,13,15,17,27,29,31; 11:10,12,14,24,26,28; 12:8,10,12,22',
    ),
  },
  'Tuesday and Thursday of every other week, eight times': {
    start: september,
    rule: 'FREQ=WEEKLY;INTERVAL=2;COUNT=8;WKST=SU;BYDAY=TU,TH',
    until: '1999-01-01',
    gives: days(1997, '09:2,4,16,18,30; 10:2,14,16'),
  },
  'the first Friday, ten times': {
    start: '1997-09-05T09:00',
    rule: 'FREQ=MONTHLY;COUNT=10;BYDAY=1FR',
    until: '1999-01-01',
    gives: [
      ...days(1997, '09:5; 10:3; 11:7; 12:5'),
      ...days(1998, '01:2; 02:6; 03:6; 04:3; 05:1; 06:5'),
    ],
  },
  'the first Friday until Christmas Eve': {
    start: '1997-09-05T09:00',
    rule: 'FREQ=MONTHLY;UNTIL=19971224T000000Z;BYDAY=1FR',
    until: '1999-01-01',
    gives: days(1997, '09:5; 10:3; 11:7; 12:5'),
  },
  'first and last Sunday of every other month': {
    start: '1997-09-07T09:00',
    rule: 'FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU',
    until: '1999-01-01',
    gives: [...days(1997, '09:7,28; 11:2,30'), ...days(1998, '01:4,25; 03:1,29; 05:3,31')],
  },
  'the second-to-last Monday': {
    start: '1997-09-22T09:00',
    rule: 'FREQ=MONTHLY;COUNT=6;BYDAY=-2MO',
    until: '1999-01-01',
    gives: [...days(1997, '09:22; 10:20; 11:17; 12:22'), ...days(1998, '01:19; 02:16')],
  },
  'the third-to-last day of the month': {
    start: '1997-09-28T09:00',
    rule: 'FREQ=MONTHLY;BYMONTHDAY=-3',
    until: '1998-03-01',
    gives: [...days(1997, '09:28; 10:29; 11:28; 12:29'), ...days(1998, '01:29; 02:26')],
  },
  'the 2nd and 15th': {
    start: september,
    rule: 'FREQ=MONTHLY;COUNT=10;BYMONTHDAY=2,15',
    until: '1999-01-01',
    gives: [...days(1997, '09:2,15; 10:2,15; 11:2,15; 12:2,15'), ...days(1998, '01:2,15')],
  },
  'the first and last day of the month': {
    start: '1997-09-30T09:00',
    rule: 'FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1',
    until: '1999-01-01',
    gives: [...days(1997, '09:30; 10:1,31; 11:1,30; 12:1,31'), ...days(1998, '01:1,31; 02:1')],
  },
  'the 10th to 15th of every 18th month': {
    start: '1997-09-10T09:00',
    rule: 'FREQ=MONTHLY;INTERVAL=18;COUNT=10;BYMONTHDAY=10,11,12,13,14,15',
    until: '2002-01-01',
    gives: [...run(1997, '09', [10, 15]), ...run(1999, '03', [10, 13])],
  },
  'every Tuesday of every other month': {
    start: september,
    rule: 'FREQ=MONTHLY;INTERVAL=2;BYDAY=TU',
    until: '1998-04-01',
    gives: [
      ...days(1997, '09:2,9,16,23,30; 11:4,11,18,25'),
      ...days(1998, '01:6,13,20,27; 03:3,10,17,24,31'),
    ],
  },
  'June and July': {
    start: '1997-06-10T09:00',
    rule: 'FREQ=YEARLY;COUNT=10;BYMONTH=6,7',
    until: '2010-01-01',
    gives: [1997, 1998, 1999, 2000, 2001].flatMap((year) => days(year, '06:10; 07:10')),
  },
  'January to March of every other year': {
    start: '1997-03-10T09:00',
    rule: 'FREQ=YEARLY;INTERVAL=2;COUNT=10;BYMONTH=1,2,3',
    until: '2010-01-01',
    gives: [
      '1997-03-10',
      ...[1999, 2001, 2003].flatMap((year) => days(year, '01:10; 02:10; 03:10')),
    ],
  },
  'the 1st, 100th and 200th day of every third year': {
    start: '1997-01-01T09:00',
    rule: 'FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200',
    until: '2010-01-01',
    gives: [
      ...days(1997, '01:1; 04:10; 07:19'),
      ...days(2000, '01:1; 04:9; 07:18'),
      ...days(2003, '01:1; 04:10; 07:19'),
      '2006-01-01',
    ],
  },
  'the 20th Monday of the year': {
    start: '1997-05-19T09:00',
    rule: 'FREQ=YEARLY;BYDAY=20MO',
    until: '2000-01-01',
    gives: ['1997-05-19', '1998-05-18', '1999-05-17'],
  },
  'Monday of week 20': {
    start: '1997-05-12T09:00',
    rule: 'FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO',
    until: '2000-01-01',
    gives: ['1997-05-12', '1998-05-11', '1999-05-17'],
  },
  'every Thursday in March': {
    start: '1997-03-13T09:00',
    rule: 'FREQ=YEARLY;BYMONTH=3;BYDAY=TH',
    until: '2000-01-01',
    gives: [
      ...days(1997, '03:13,20,27'),
      ...days(1998, '03:5,12,19,26'),
      ...days(1999, '03:4,11,18,25'),
    ],
  },
  'every Thursday in summer': {
    start: '1997-06-05T09:00',
    rule: 'FREQ=YEARLY;BYDAY=TH;BYMONTH=6,7,8',
    until: '1999-01-01',
    gives: [
      ...days(1997, '06:5,12,19,26; 07:3,10,17,24,31; 08:7,14,21,28'),
      ...days(1998, '06:4,11,18,25; 07:2,9,16,23,30; 08:6,13,20,27'),
    ],
  },
  'the Saturday after the first Sunday': {
    start: '1997-09-13T09:00',
    rule: 'FREQ=MONTHLY;BYDAY=SA;BYMONTHDAY=7,8,9,10,11,12,13',
    until: '1998-07-01',
    gives: [
      ...days(1997, '09:13; 10:11; 11:8; 12:13'),
      ...days(1998, '01:10; 02:7; 03:7; 04:11; 05:9; 06:13'),
    ],
  },
  'election day in the United States': {
    start: '1996-11-05T09:00',
    rule: 'FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8',
    until: '2005-01-01',
    gives: ['1996-11-05', '2000-11-07', '2004-11-02'],
  },
  'the third of Tuesday to Thursday': {
    start: '1997-09-04T09:00',
    rule: 'FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3',
    until: '1999-01-01',
    gives: ['1997-09-04', '1997-10-07', '1997-11-06'],
  },
  'the second-to-last weekday': {
    start: '1997-09-29T09:00',
    rule: 'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2',
    until: '1998-04-01',
    gives: [...days(1997, '09:29; 10:30; 11:27; 12:30'), ...days(1998, '01:29; 02:26; 03:30')],
  },
  'every three hours until 17:00Z': {
    start: september,
    rule: 'FREQ=HOURLY;INTERVAL=3;UNTIL=19970902T170000Z',
    until: '1999-01-01',
    gives: ['1997-09-02T09:00', '1997-09-02T12:00'],
  },
  'every quarter of an hour, six times': {
    start: september,
    rule: 'FREQ=MINUTELY;INTERVAL=15;COUNT=6',
    until: '1999-01-01',
    gives: ['09:00', '09:15', '09:30', '09:45', '10:00', '10:15'].map((at) => `1997-09-02T${at}`),
  },
  'every hour and a half, four times': {
    start: september,
    rule: 'FREQ=MINUTELY;INTERVAL=90;COUNT=4',
    until: '1999-01-01',
    gives: ['09:00', '10:30', '12:00', '13:30'].map((at) => `1997-09-02T${at}`),
  },
  'a week that starts on Monday makes a difference': {
    start: '1997-08-05T09:00',
    rule: 'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO',
    until: '1999-01-01',
    gives: days(1997, '08:5,10,19,24'),
  },
  'a week that starts on Sunday makes a difference': {
    start: '1997-08-05T09:00',
    rule: 'FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU',
    until: '1999-01-01',
    gives: days(1997, '08:5,17,19,31'),
  },
  'a day that the month lacks is passed over': {
    start: '2007-01-15T09:00',
    rule: 'FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5',
    until: '2010-01-01',
    gives: days(2007, '01:15,30; 02:15; 03:15,30'),
  },
};

const startsOf = (example: Pick<Example, 'start' | 'rule' | 'until'>, more: string[] = []) =>
  expanded({
    master: anEvent({
      start: zoned(`${example.start}:00`),
      recurrence: [`RRULE:${example.rule}`, ...more],
    }),
    window: windowOf('1990-01-01T00:00:00Z', `${example.until}T00:00:00Z`),
  }).spans.map((span) => inNewYork(span.startAt));

describe('the examples of RFC 5545 come out as printed there', () => {
  test.each(Object.entries(EXAMPLES))('%s', (_, example) => {
    const time = example.start.slice(10);
    const wanted = example.gives.map((one) => (one.length > 10 ? one : one + time));
    expect(startsOf(example)).toEqual(wanted);
  });

  test('Friday the 13th, with a DTSTART that is none and is excluded', () => {
    const example = {
      start: september,
      rule: 'FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13',
      until: '2001-01-01',
    };
    const excluded = ['EXDATE;TZID=America/New_York:19970902T090000'];
    expect(startsOf(example, excluded).map((at) => at.slice(0, 10))).toEqual([
      ...days(1998, '02:13; 03:13; 11:13'),
      '1999-08-13',
      '2000-10-13',
    ]);
  });

  test('every twenty minutes of the working day, said two ways', () => {
    const daily = 'FREQ=DAILY;BYHOUR=9,10,11,12,13,14,15,16;BYMINUTE=0,20,40';
    const minutely = 'FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16';
    const said = [daily, minutely].map((rule) =>
      startsOf({ start: september, rule, until: '1997-09-05' }),
    );
    expect(said[0]).toHaveLength(72);
    expect(said[0]!.slice(23, 25)).toEqual(['1997-09-02T16:40', '1997-09-03T09:00']);
    expect(said[1]).toEqual(said[0]);
  });
});
