import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { occurrences } from '../../src/calendar/occurrences.ts';
import { parseRule } from '../../src/calendar/rule.ts';
import type { WallTime } from '../../src/domain/event.ts';
import { anEvent, day, expanded, floating, utc, windowOf, zoned } from './an-event.ts';

const HOUR_MS = 3_600_000;
const BASE = Date.parse('2026-01-01T00:00:00Z');

const start = fc.constantFrom<WallTime[]>(
  zoned('2025-10-26T02:30:00', 'Europe/Paris'),
  zoned('2025-03-09T02:30:00', 'America/New_York'),
  zoned('2011-12-30T23:30:00', 'Pacific/Apia'),
  utc('2025-11-30T23:59:59Z'),
  floating('2025-12-31T00:00:00'),
  day('2024-02-29'),
);
const rule = fc
  .record({
    freq: fc.constantFrom('YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY'),
    interval: fc.integer({ min: 1, max: 4 }),
    bound: fc.constantFrom('', ';COUNT=40', ';UNTIL=20260401T013000Z'),
    by: fc.constantFrom(
      '',
      ';BYDAY=MO,-1FR',
      ';BYMONTHDAY=-1,29',
      ';BYHOUR=1,2,3',
      ';BYMONTH=3,10',
    ),
  })
  .map((one) => `RRULE:FREQ=${one.freq};INTERVAL=${one.interval}${one.by}${one.bound}`);
const hours = fc.integer({ min: -150 * 24, max: 150 * 24 });

describe('the window', () => {
  test('split in two gives the same occurrences, each in the part it starts in', () => {
    fc.assert(
      fc.property(start, rule, fc.tuple(hours, hours, hours), (first, line, edges) => {
        const master = anEvent({ start: first, recurrence: [line] });
        const [a, b, c] = edges.toSorted((x, y) => x - y).map((one) => BASE + one * HOUR_MS);
        const within = (fromAt: number, untilAt: number) =>
          expanded({ master, window: { fromAt, untilAt } }).spans.filter(
            (span) => span.startAt >= fromAt && span.startAt < untilAt,
          );
        expect([...within(a!, b!), ...within(b!, c!)]).toEqual(within(a!, c!));
      }),
      { numRuns: 150 },
    );
  });

  test('only chooses: it never changes what an occurrence is', () => {
    const whole = { fromAt: BASE - 151 * 24 * HOUR_MS, untilAt: BASE + 151 * 24 * HOUR_MS };
    fc.assert(
      fc.property(start, rule, fc.tuple(hours, hours), (first, line, edges) => {
        const end = first.kind === 'date' ? day('2024-03-04') : null;
        const master = anEvent({ start: first, end, recurrence: [line] });
        const [fromAt, untilAt] = edges
          .toSorted((x, y) => x - y)
          .map((one) => BASE + one * HOUR_MS);
        const asked = expanded({ master, window: { fromAt: fromAt!, untilAt: untilAt! } }).spans;
        const all = expanded({ master, window: whole }).spans;
        const chosen = all.filter(
          (span) => span.startAt < untilAt! && (span.endAt > fromAt! || span.startAt >= fromAt!),
        );
        expect(asked).toEqual(chosen);
      }),
      { numRuns: 150 },
    );
  });
});

describe('counting', () => {
  const anyRule = fc
    .record({
      freq: fc.constantFrom('YEARLY', 'MONTHLY', 'WEEKLY', 'DAILY', 'HOURLY', 'MINUTELY'),
      interval: fc.integer({ min: 1, max: 5 }),
      count: fc.integer({ min: 1, max: 4_000 }),
      by: fc.subarray([
        ';BYMONTH=2,9',
        ';BYMONTHDAY=1,15,-1',
        ';BYDAY=MO,TH',
        ';BYHOUR=0,13',
        ';BYMINUTE=5,50',
        ';BYSETPOS=1,-1',
      ]),
    })
    .map((one) => `FREQ=${one.freq};INTERVAL=${one.interval};COUNT=${one.count}${one.by.join('')}`);

  test('whole days and periods at once gives what counting from DTSTART gives', () => {
    const days = fc.integer({ min: 0, max: 3_000 });
    fc.assert(
      fc.property(anyRule, days, (text, skipped) => {
        const walk = { rule: parseRule(text)!, start: 3_661, until: 3_000 * 86_400, limit: 1e6 };
        const from = skipped * 86_400 + 40_000;
        const whole = occurrences({ ...walk, from: 0, budget: { left: 1e7 } });
        const late = occurrences({ ...walk, from, budget: { left: 1e7 } });
        expect(late).toEqual(whole.filter((wall) => wall >= from));
      }),
      { numRuns: 200 },
    );
  });
});

describe('an EXDATE', () => {
  test('removes exactly the occurrence it names, and COUNT counts it all the same', () => {
    const window = { fromAt: BASE, untilAt: BASE + 100 * 24 * HOUR_MS };
    fc.assert(
      fc.property(start, rule, fc.nat(), (first, line, pick) => {
        const master = anEvent({ start: first, recurrence: [line] });
        const all = expanded({ master, window }).spans;
        fc.pre(all.length > 0);
        const gone = all[pick % all.length]!;
        const name = gone.originalStart.replaceAll(/[-:]/g, '');
        const exdate = name.includes('T') ? `EXDATE:${name}` : `EXDATE;VALUE=DATE:${name}`;
        const without = anEvent({ start: first, recurrence: [line, exdate] });
        expect(expanded({ master: without, window }).spans).toEqual(
          all.filter((span) => span !== gone),
        );
      }),
      { numRuns: 150 },
    );
  });
});

/** Steps a rule takes to fill the year 2026, out of a million. */
function stepsOf(text: string, startDay: number): number {
  const budget = { left: 1_000_000 };
  const rule = parseRule(text)!;
  const from = BASE / 1000;
  const until = from + 365 * 86_400;
  occurrences({ rule, start: startDay * 86_400, from, until, budget, limit: 10_000 });
  return 1_000_000 - budget.left;
}

describe('limits', () => {
  test.each([
    ['FREQ=SECONDLY', 0, 100_000],
    ['FREQ=SECONDLY;COUNT=999999999999', 0, 100_000],
    ['FREQ=SECONDLY;BYHOUR=9;BYMINUTE=0;BYSECOND=0', 0, 2_000],
    ['FREQ=SECONDLY;INTERVAL=86399;BYMONTH=2;BYMONTHDAY=30', 0, 1_000],
    ['FREQ=DAILY;COUNT=100000', 0, 1_500],
    ['FREQ=WEEKLY;COUNT=100000', 0, 1_500],
    ['FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=100000', 0, 1_500],
    ['FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9;BYMINUTE=0,10,20,30,40,50;COUNT=9999999', 0, 12_000],
    ['FREQ=SECONDLY;BYHOUR=9;COUNT=99999999999', 0, 20_000],
    ['FREQ=SECONDLY;INTERVAL=61;BYSECOND=1,2,3;COUNT=99999999999', 0, 150_000],
    ['FREQ=MONTHLY;BYDAY=2TU;COUNT=100000', 0, 500],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5', -100_000, 25_000],
    ['FREQ=DAILY;BYMONTHDAY=-1,-2;COUNT=5', 20_026, 200],
    ['FREQ=YEARLY;INTERVAL=999999999999999', 0, 500],
    ['FREQ=MINUTELY;INTERVAL=525600;BYMONTH=2', 0, 50],
  ])('%s takes few steps', (text, startDay, most) => {
    expect(stepsOf(text, startDay)).toBeLessThan(most);
  });

  test('a rule with too many occurrences takes from DTSTART to the end, and says so', () => {
    const start = utc('2026-02-01T00:00:00Z');
    const end = utc('2026-02-01T00:00:01Z');
    const master = anEvent({ start, end, recurrence: ['RRULE:FREQ=SECONDLY'] });
    const window = windowOf('2026-01-01', '2027-01-01');
    const asked = { master, window, limits: { maxOccurrences: 50 } };
    expect(expanded(asked)).toMatchObject({
      truncated: true,
      overLimits: { startAt: Date.parse('2026-02-01'), endAt: window.untilAt },
      withheld: 'too-many-occurrences',
    });
    const until = { ...master, recurrence: ['RRULE:FREQ=SECONDLY;UNTIL=20260301T000000Z'] };
    expect(expanded({ ...asked, master: until }).overLimits).toEqual({
      startAt: Date.parse('2026-02-01'),
      endAt: Date.parse('2026-03-01T00:00:01Z'),
    });
  });

  test('a rule is given a million steps before it is given up', () => {
    const rule = parseRule('FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=1')!;
    const budget = { left: 1_000_000 };
    const walk = { rule, start: 0, from: 0, until: 4e11, limit: 10 };
    expect(occurrences({ ...walk, budget })).toEqual([]);
    expect(budget.left).toBeGreaterThan(0);
    const recurrence = Array.from(
      { length: 12 },
      (_, index) => `RRULE:FREQ=SECONDLY;INTERVAL=${86_399 - 2 * index};BYSECOND=0;COUNT=9999999`,
    );
    const master = anEvent({ start: utc('0001-01-01T00:00:00Z'), recurrence });
    const { withheld } = expanded({ master, window: windowOf('2026-01-01', '2026-01-02') });
    expect(withheld).toBe('too-many-occurrences');
  });

  test('the rules of one entry share its limits, however many it has', () => {
    const recurrence = Array.from({ length: 500 }, () => 'RRULE:FREQ=MINUTELY');
    const master = anEvent({ start: utc('1970-01-01T00:00:00Z'), recurrence });
    const asked = { master, window: windowOf('2026-01-01', '2026-02-01') };
    for (const limits of [{ maxOccurrences: 1_000 }, { maxSteps: 1_000 }])
      expect(expanded({ ...asked, limits })).toMatchObject({ truncated: true });
  });

  test('limits are the caller’s to set, and a rule that just fits is whole', () => {
    const master = anEvent({ start: day('2026-01-01'), recurrence: ['RRULE:FREQ=DAILY;COUNT=10'] });
    const asked = { master, window: windowOf('2026-01-01', '2027-01-01') };
    expect(expanded({ ...asked, limits: { maxOccurrences: 10 } }).truncated).toBe(false);
    expect(expanded({ ...asked, limits: { maxOccurrences: 9 } }).truncated).toBe(true);
  });
});

/** From 1970, in a horizon of 18 months. */
const BOMBS = [
  'FREQ=SECONDLY',
  'FREQ=SECONDLY;COUNT=999999999999',
  'FREQ=SECONDLY;INTERVAL=7;COUNT=999999999',
  'FREQ=SECONDLY;INTERVAL=86399;BYSECOND=0;COUNT=99999999999',
  'FREQ=MINUTELY;INTERVAL=1439;BYHOUR=3;BYMINUTE=7;COUNT=9999999',
  'FREQ=HOURLY;INTERVAL=23;BYMONTHDAY=31;BYDAY=MO;BYMONTH=2;COUNT=3',
  'FREQ=DAILY;BYMONTHDAY=31;BYDAY=MO;BYYEARDAY=1;COUNT=5',
  'FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2',
  'FREQ=MONTHLY;BYDAY=5MO,-5TU;BYMONTHDAY=1,2,3,4,5,6,7,8;COUNT=999',
  'FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;COUNT=999999999',
  'FREQ=YEARLY;BYWEEKNO=1,-1,53;BYYEARDAY=366;BYMONTH=1;COUNT=999999',
  `FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=1,-1;BYHOUR=${upTo(24)};BYMINUTE=${upTo(60)};BYSECOND=${upTo(60)}`,
  `FREQ=HOURLY;INTERVAL=7;BYMINUTE=${upTo(60)};BYSECOND=${upTo(60)};COUNT=999999999`,
];

function upTo(count: number): string {
  return Array.from({ length: count }, (_, index) => index).join(',');
}

describe('bombs', () => {
  test.each(BOMBS)('%s is worked out or given up within the steps of one rule', (text) => {
    const budget = { left: 1_000_000 };
    const found = occurrences({
      rule: parseRule(text)!,
      start: 0,
      from: BASE / 1000,
      until: BASE / 1000 + 548 * 86_400,
      budget,
      limit: 41_000,
    });
    // Nothing is looked at that is not paid for: no more can be found than was.
    expect(found.length).toBeLessThanOrEqual(1_000_000 - budget.left);
    expect(budget.left).toBeGreaterThan(-100_000);
  });
});

test('a set of every minute of a year is not made to see whether DTSTART is in it', () => {
  const weeks = Array.from({ length: 53 }, (_, index) => index + 1).join(',');
  const text = `FREQ=YEARLY;BYWEEKNO=${weeks};BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=${upTo(24)};BYMINUTE=${upTo(60)};BYSECOND=${upTo(60)}`;
  const master = anEvent({ start: utc('1970-01-01T00:00:00Z'), recurrence: [`RRULE:${text}`] });
  const asked = { master, window: windowOf('2026-01-01', '2027-06-01') };
  const { cpu } = spent(() => expect(expanded(asked).truncated).toBe(true));
  expect(cpu).toBeLessThan(100);
});

test('of a rule over the limit no occurrence is made, only the time from its start to its end', () => {
  const [start, end] = [utc('1970-01-01T00:00:00Z'), utc('1970-01-01T00:05:00Z')];
  const recurrence = ['RRULE:FREQ=MINUTELY;INTERVAL=20'];
  const master = anEvent({ start, end, recurrence });
  const window = windowOf('2026-01-01', '2027-06-01');
  const { spans, overLimits } = expanded({ master, window });
  expect(spans).toEqual([]);
  expect(overLimits).toEqual({ startAt: window.fromAt, endAt: window.untilAt });
});

/** Milliseconds of this process, which others on the machine do not lengthen. */
function spent(run: () => void): { cpu: number } {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / 1_000 };
}

test('the zone of the machine changes nothing', () => {
  const module = fileURLToPath(new URL('host-zone-sample.ts', import.meta.url));
  const [utcSample, tokyoSample] = ['UTC', 'Asia/Tokyo'].map((TZ) =>
    execFileSync(process.execPath, [module], { env: { ...process.env, TZ }, encoding: 'utf8' }),
  );
  expect(JSON.parse(utcSample!)).toMatchObject({ spans: expect.any(Array), hostZone: 'UTC' });
  expect(JSON.parse(tokyoSample!)).toEqual({ ...JSON.parse(utcSample!), hostZone: 'Asia/Tokyo' });
});
