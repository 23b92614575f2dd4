import { expect, test } from 'vitest';
import { readRecurrence, recurrenceView } from '../../src/emulators/microsoft/recurrence-body.ts';
import { seriesDays } from '../../src/emulators/microsoft/recurrence.ts';
import { ianaZone } from '../../src/emulators/microsoft/windows-zones.ts';

const start = { date: '2026-12-01', timeZone: 'UTC' };

function days(pattern: object, range: object = {}, skip = false): string[] {
  const recurrence = readRecurrence(
    { pattern, range: { type: 'numbered', numberOfOccurrences: 4, ...range } },
    start,
  );
  const until = Date.parse('2040-01-01');
  return [...seriesDays(recurrence, until, skip)].map((day) =>
    new Date(day).toISOString().slice(0, 10),
  );
}

test('each pattern gives the days that its page describes', () => {
  expect(days({ type: 'daily', interval: 3 })).toEqual([
    '2026-12-01',
    '2026-12-04',
    '2026-12-07',
    '2026-12-10',
  ]);
  expect(days({ type: 'absoluteMonthly', interval: 2, dayOfMonth: 15 })).toEqual([
    '2026-12-15',
    '2027-02-15',
    '2027-04-15',
    '2027-06-15',
  ]);
  expect(
    days({ type: 'absoluteYearly', interval: 1, dayOfMonth: 15, month: 3 }).slice(0, 2),
  ).toEqual(['2027-03-15', '2028-03-15']);
  const relative = { interval: 1, daysOfWeek: ['thursday', 'friday'] };
  expect(days({ ...relative, type: 'relativeMonthly', index: 'second' }).slice(0, 2)).toEqual([
    '2026-12-04',
    '2027-01-07',
  ]);
  expect(
    days({ ...relative, type: 'relativeYearly', index: 'last', month: 11 }).slice(0, 2),
  ).toEqual(['2027-11-26', '2028-11-30']);
});

test('weeks begin on the day that the pattern names, which decides with an interval', () => {
  const pattern = { type: 'weekly', interval: 2, daysOfWeek: ['tuesday', 'sunday'] };
  expect(days({ ...pattern, firstDayOfWeek: 'monday' })).toEqual([
    '2026-12-01',
    '2026-12-06',
    '2026-12-15',
    '2026-12-20',
  ]);
  expect(days({ ...pattern, firstDayOfWeek: 'sunday' })).toEqual([
    '2026-12-01',
    '2026-12-13',
    '2026-12-15',
    '2026-12-27',
  ]);
});

test('day 31 falls on the last day of a shorter month, or is skipped', () => {
  const pattern = { type: 'absoluteMonthly', interval: 1, dayOfMonth: 31 };
  expect(days(pattern).slice(1, 3)).toEqual(['2027-01-31', '2027-02-28']);
  expect(days(pattern, {}, true).slice(1, 3)).toEqual(['2027-01-31', '2027-03-31']);
});

test('a range ends with its date included, with its count, or not', () => {
  const pattern = { type: 'daily', interval: 1 };
  expect(days(pattern, { type: 'endDate', endDate: '2026-12-03' })).toHaveLength(3);
  expect(days(pattern, { type: 'numbered', numberOfOccurrences: 2 })).toHaveLength(2);
  expect(days(pattern, { type: 'noEnd' }).at(-1)).toBe('2040-01-01');
});

test('a pattern without what its type needs is refused, and a whole one reads back', () => {
  expect(() => days({ type: 'weekly', interval: 1 })).toThrow('daysOfWeek');
  expect(() => days({ type: 'hourly', interval: 1 })).toThrow('pattern.type');
  expect(() => days({ type: 'daily', interval: 0 })).toThrow('interval');
  const pattern = {
    type: 'weekly',
    interval: 1,
    month: 0,
    dayOfMonth: 0,
    daysOfWeek: ['monday'],
    firstDayOfWeek: 'sunday',
    index: 'first',
  };
  const range = {
    type: 'noEnd',
    startDate: '2026-12-01',
    endDate: '0001-01-01',
    recurrenceTimeZone: 'Romance Standard Time',
    numberOfOccurrences: 0,
  };
  expect(recurrenceView(readRecurrence({ pattern, range }, start))).toEqual({ pattern, range });
});

test('zones are known by their Windows and their IANA names', () => {
  expect(ianaZone('Romance Standard Time')).toBe('Europe/Paris');
  expect(ianaZone('pacific standard time')).toBe('America/Los_Angeles');
  expect(ianaZone('Asia/Tokyo')).toBe('Asia/Tokyo');
  expect(ianaZone('tzone://Microsoft/Custom')).toBeUndefined();
});
