import { isDate } from '../zones.ts';
import { badRequest } from './errors.ts';
import { indexes, isPatternType, weekdays } from './recurrence.ts';
import type { PatternType, PatternedRecurrence } from './recurrence.ts';
import { ianaZone } from './windows-zones.ts';

type Body = Record<string, unknown>;

const invalid = (what: string) =>
  badRequest('ErrorPropertyValidationFailure', `Recurrence is not valid: ${what}.`);

/** What each pattern must say. Source: Graph reference, recurrencePattern. */
const required: Record<PatternType, string[]> = {
  daily: [],
  weekly: ['daysOfWeek'],
  absoluteMonthly: ['dayOfMonth'],
  relativeMonthly: ['daysOfWeek'],
  absoluteYearly: ['dayOfMonth', 'month'],
  relativeYearly: ['daysOfWeek', 'month'],
};

/** Reads a `patternedRecurrence`; what it leaves out of the range is taken from the event's start. */
export function readRecurrence(
  value: unknown,
  start: { date: string; timeZone: string },
): PatternedRecurrence {
  const { pattern, range } = objectOf(value, 'recurrence');
  return {
    pattern: readPattern(objectOf(pattern, 'pattern')),
    range: readRange(objectOf(range, 'range'), start),
  };
}

function readPattern(body: Body): PatternedRecurrence['pattern'] {
  const { type } = body;
  if (!isPatternType(type)) throw invalid('pattern.type');
  for (const name of required[type]) {
    if (body[name] === undefined || body[name] === null)
      throw invalid(`pattern.${name} is missing`);
  }
  const days = (body['daysOfWeek'] ?? []) as unknown[];
  if (!Array.isArray(days)) throw invalid('pattern.daysOfWeek');
  const index = textOf(body['index'], 'first');
  if (!indexes.includes(index)) throw invalid('pattern.index');
  return {
    type,
    interval: integer(body['interval'] ?? 1, 'pattern.interval', [1, 999]),
    month: integer(body['month'] || 1, 'pattern.month', [1, 12]),
    dayOfMonth: integer(body['dayOfMonth'] || 1, 'pattern.dayOfMonth', [1, 31]),
    daysOfWeek: days.map(weekdayOf),
    firstDayOfWeek: weekdayOf(body['firstDayOfWeek'] ?? 'sunday'),
    index,
  };
}

function readRange(body: Body, start: { date: string; timeZone: string }) {
  const { type } = body;
  if (type !== 'endDate' && type !== 'noEnd' && type !== 'numbered') throw invalid('range.type');
  const startDate = textOf(body['startDate'], start.date);
  const endDate = textOf(body['endDate'], '0001-01-01');
  if (!isDate(startDate)) throw invalid('range.startDate');
  if (type === 'endDate' && (!isDate(endDate) || endDate < startDate))
    throw invalid('range.endDate');
  const recurrenceTimeZone = textOf(body['recurrenceTimeZone'], start.timeZone);
  if (ianaZone(recurrenceTimeZone) === undefined) throw invalid('range.recurrenceTimeZone');
  const count = type === 'numbered' ? body['numberOfOccurrences'] : 0;
  return {
    type,
    startDate,
    endDate: type === 'endDate' ? endDate : '0001-01-01',
    recurrenceTimeZone,
    numberOfOccurrences: integer(count, 'range.numberOfOccurrences', [
      type === 'numbered' ? 1 : 0,
      99_999,
    ]),
  } as const;
}

function textOf(value: unknown, fallback: string): string {
  return typeof value === 'string' && value !== '' ? value : fallback;
}

function objectOf(value: unknown, name: string): Body {
  if (typeof value !== 'object' || value === null) throw invalid(`${name} is missing`);
  return value as Body;
}

function integer(value: unknown, name: string, [least, most]: [number, number]): number {
  const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  if (!fits) throw invalid(name);
  return value as number;
}

function weekdayOf(name: unknown): number {
  const weekday = weekdays.indexOf(String(name).toLowerCase());
  if (weekday === -1) throw invalid('a day of the week');
  return weekday;
}

/** A recurrence as Graph shows it. */
export function recurrenceView({ pattern, range }: PatternedRecurrence): unknown {
  return {
    pattern: {
      ...pattern,
      month: pattern.type.endsWith('Yearly') ? pattern.month : 0,
      dayOfMonth: pattern.type.startsWith('absolute') ? pattern.dayOfMonth : 0,
      daysOfWeek: pattern.daysOfWeek.map((day) => weekdays[day]),
      firstDayOfWeek: weekdays[pattern.firstDayOfWeek],
    },
    range,
  };
}
