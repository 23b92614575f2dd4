const patternTypes = [
  'daily',
  'weekly',
  'absoluteMonthly',
  'relativeMonthly',
  'absoluteYearly',
  'relativeYearly',
] as const;
export type PatternType = (typeof patternTypes)[number];

export const weekdays = [
  'sunday',
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
];
export const indexes = ['first', 'second', 'third', 'fourth', 'last'];

/** Source: Graph reference, recurrencePattern. Weekdays count from Sunday = 0, months from 1. */
interface Pattern {
  type: PatternType;
  interval: number;
  month: number;
  dayOfMonth: number;
  daysOfWeek: number[];
  firstDayOfWeek: number;
  index: string;
}

/** Source: Graph reference, recurrenceRange. Dates as `2026-12-01`; the end date is included. */
interface Range {
  type: 'endDate' | 'noEnd' | 'numbered';
  startDate: string;
  endDate: string;
  recurrenceTimeZone: string;
  numberOfOccurrences: number;
}

export interface PatternedRecurrence {
  pattern: Pattern;
  range: Range;
}

const dayMs = 86_400_000;
/** Periods looked at before a pattern that yields nothing is given up. */
const periodLimit = 60_000;

/** Days of a series, each as midnight UTC of its date, in order, up to and including `untilDayMs`. */
export function* seriesDays(
  { pattern, range }: PatternedRecurrence,
  untilDayMs: number,
  skipShortMonths: boolean,
): Iterable<number> {
  const fromDayMs = Date.parse(range.startDate);
  const lastDayMs = range.type === 'endDate' ? Date.parse(range.endDate) : Infinity;
  let left = range.type === 'numbered' ? range.numberOfOccurrences : Infinity;
  for (let period = 0; period < periodLimit; period += 1) {
    const days = periodDays(pattern, {
      fromDayMs,
      step: period * pattern.interval,
      skipShortMonths,
    });
    if (days.from > Math.min(untilDayMs, lastDayMs)) return;
    for (const day of days.found) {
      if (day < fromDayMs) continue;
      if (day > untilDayMs || day > lastDayMs || left === 0) return;
      left -= 1;
      yield day;
    }
  }
}

interface Step {
  fromDayMs: number;
  step: number;
  skipShortMonths: boolean;
}

type Days = { from: number; found: number[] };

function periodDays(pattern: Pattern, { fromDayMs, step, skipShortMonths }: Step): Days {
  const start = new Date(fromDayMs);
  switch (pattern.type) {
    case 'daily':
      return { from: fromDayMs + step * dayMs, found: [fromDayMs + step * dayMs] };
    case 'weekly': {
      const shift = (start.getUTCDay() - pattern.firstDayOfWeek + 7) % 7;
      const from = fromDayMs + (step * 7 - shift) * dayMs;
      const week = Array.from({ length: 7 }, (_, day) => from + day * dayMs);
      return { from, found: week.filter((day) => onWeekday(pattern, day)) };
    }
    case 'absoluteMonthly':
    case 'relativeMonthly': {
      const from = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + step, 1);
      return { from, found: daysInMonth(pattern, from, skipShortMonths) };
    }
    case 'absoluteYearly':
    case 'relativeYearly': {
      const from = Date.UTC(start.getUTCFullYear() + step, pattern.month - 1, 1);
      return { from, found: daysInMonth(pattern, from, skipShortMonths) };
    }
  }
}

/** The one day that the pattern has in a month, if it has one. */
function daysInMonth(pattern: Pattern, fromMs: number, skipShortMonths: boolean): number[] {
  const first = new Date(fromMs);
  const next = Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 1);
  const length = Math.round((next - fromMs) / dayMs);
  if (pattern.type === 'absoluteMonthly' || pattern.type === 'absoluteYearly') {
    if (pattern.dayOfMonth > length && skipShortMonths) return [];
    return [fromMs + (Math.min(pattern.dayOfMonth, length) - 1) * dayMs];
  }
  const days = Array.from({ length }, (_, day) => fromMs + day * dayMs);
  const fitting = days.filter((day) => onWeekday(pattern, day));
  const chosen = fitting.at(pattern.index === 'last' ? -1 : indexes.indexOf(pattern.index));
  return chosen === undefined ? [] : [chosen];
}

function onWeekday({ daysOfWeek }: Pattern, day: number): boolean {
  return daysOfWeek.includes(new Date(day).getUTCDay());
}

export function isPatternType(text: unknown): text is PatternType {
  return patternTypes.includes(text as PatternType);
}
