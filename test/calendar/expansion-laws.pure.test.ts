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

/** Steps a rule takes to fill the year 2026, out of a million. */
function stepsOf(text: string, startDay: number): number {
  const budget = { left: 1_000_000 };
  const rule = parseRule(text)!;
  const from = BASE / 1000;
  const until = from + 365 * 86_400;
  const found = occurrences({
    rule,
    start: startDay * 86_400,
    from,
    until,
    startCounts: true,
    budget,
  });
  let taken = 0;
  for (const _ of found) if ((taken += 1) > 10_000) break;
  return 1_000_000 - budget.left;
}

describe('limits', () => {
  test.each([
    ['FREQ=SECONDLY', 0, 21_000],
    ['FREQ=SECONDLY;COUNT=999999999999', 0, 21_000],
    ['FREQ=SECONDLY;BYHOUR=9;BYMINUTE=0;BYSECOND=0', 0, 2_000],
    ['FREQ=SECONDLY;INTERVAL=86399;BYMONTH=2;BYMONTHDAY=30', 0, 1_000],
    ['FREQ=DAILY;COUNT=100000', 0, 1_500],
    ['FREQ=WEEKLY;COUNT=100000', 0, 1_500],
    ['FREQ=WEEKLY;BYDAY=MO,WE,FR;COUNT=100000', 0, 25_000],
    ['FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9;BYMINUTE=0,10,20,30,40,50;COUNT=9999999', 0, 70_000],
    ['FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=5', -100_000, 25_000],
    ['FREQ=DAILY;BYMONTHDAY=-1,-2;COUNT=5', 20_026, 200],
    ['FREQ=YEARLY;INTERVAL=999999999999999', 0, 500],
    ['FREQ=MINUTELY;INTERVAL=525600;BYMONTH=2', 0, 50],
  ])('%s takes few steps', (text, startDay, most) => {
    expect(stepsOf(text, startDay)).toBeLessThan(most);
  });

  test('a rule with too many occurrences gives the first of them and says so', () => {
    const master = anEvent({
      start: utc('1970-01-01T00:00:00Z'),
      recurrence: ['RRULE:FREQ=SECONDLY'],
    });
    const { spans, truncated, withheld } = expanded({
      master,
      window: windowOf('2026-01-01', '2027-01-01'),
    });
    expect({ count: spans.length, truncated, withheld }).toEqual({
      count: 10_000,
      truncated: true,
      withheld: 'too-many-occurrences',
    });
    expect(spans[0]!.startAt).toBe(BASE);
  });

  test('a rule that takes too many steps says so and gives no guess', () => {
    const recurrence = ['RRULE:FREQ=SECONDLY;BYHOUR=9;COUNT=99999999999'];
    const master = anEvent({ start: utc('1970-01-01T09:00:00Z'), recurrence });
    expect(expanded({ master, window: windowOf('2026-01-01', '2027-01-01') })).toEqual({
      spans: [],
      truncated: true,
      cutAt: null,
      withheld: 'too-many-occurrences',
    });
  });

  test('the rules of one entry share its limits, however many it has', () => {
    const recurrence = Array.from(
      { length: 500 },
      (_, index) => `RRULE:FREQ=SECONDLY;BYSECOND=${index % 60};COUNT=9999999`,
    );
    const master = anEvent({ start: utc('1970-01-01T00:00:00Z'), recurrence });
    const asked = { master, window: windowOf('2026-01-01', '2027-01-01') };
    expect(expanded(asked)).toMatchObject({ spans: [], truncated: true });
    const plain = {
      ...master,
      recurrence: Array.from({ length: 500 }, () => 'RRULE:FREQ=MINUTELY'),
    };
    expect(expanded({ ...asked, master: plain }).spans).toHaveLength(10_000);
  });

  test('limits are the caller’s to set, and a rule that just fits is whole', () => {
    const master = anEvent({ start: day('2026-01-01'), recurrence: ['RRULE:FREQ=DAILY;COUNT=10'] });
    const asked = { master, window: windowOf('2026-01-01', '2027-01-01') };
    expect(expanded({ ...asked, limits: { maxOccurrences: 10 } }).truncated).toBe(false);
    expect(expanded({ ...asked, limits: { maxOccurrences: 9 } }).truncated).toBe(true);
  });
});

test('the zone of the machine changes nothing', () => {
  const module = fileURLToPath(new URL('host-zone-sample.ts', import.meta.url));
  const [utcSample, tokyoSample] = ['UTC', 'Asia/Tokyo'].map((TZ) =>
    execFileSync(process.execPath, [module], { env: { ...process.env, TZ }, encoding: 'utf8' }),
  );
  expect(JSON.parse(utcSample!)).toMatchObject({ spans: expect.any(Array), hostZone: 'UTC' });
  expect(JSON.parse(tokyoSample!)).toEqual({ ...JSON.parse(utcSample!), hostZone: 'Asia/Tokyo' });
});
