import { civilDate, dayNumber, daysInMonth, isLeap, modulo, weekdayOf } from './civil.ts';
import type { CivilDate } from './civil.ts';
import type { Rule } from './rule.ts';

/**
 * Whether a day passes every day part of the rule. Read as filters over the period, the parts give
 * what the expand and limit table of RFC 5545 §3.3.10 asks, once `completed` has filled the gaps.
 */
export function keepsDay(rule: Rule, day: number): boolean {
  const date = civilDate(day);
  if (rule.months.length > 0 && !rule.months.includes(date.month)) return false;
  return (
    keepsMonthDay(rule, date) &&
    keepsYearDay(rule, day, date) &&
    keepsWeekNumber(rule, day) &&
    keepsWeekday(rule, day, date)
  );
}

/** False when the rule leaves out this day's whole month, so that it can be jumped over. */
export function allowsMonth(rule: Rule, day: number): boolean {
  return rule.months.length === 0 || rule.months.includes(civilDate(day).month);
}

export const yearStart = (year: number): number => dayNumber({ year, month: 1, day: 1 });

/** First day of week 1: the first week with at least four days in the year (RFC 5545 §3.3.10). */
export function weekStartOf(rule: Rule, year: number): number {
  return weekFirstDay(rule, dayNumber({ year, month: 1, day: 4 }));
}

/** The year a day's week is counted in, which may not be the year of the day. */
export const weekYearOf = (rule: Rule, day: number): number =>
  civilDate(weekFirstDay(rule, day) + 3).year;

const weekFirstDay = (rule: Rule, day: number): number =>
  day - modulo(weekdayOf(day) - rule.weekStart, 7);

/** Lists hold negative numbers for places counted from the end. */
const hasPlace = (list: readonly number[], place: number, size: number): boolean =>
  list.includes(place) || list.includes(place - size - 1);

function keepsMonthDay(rule: Rule, { year, month, day }: CivilDate): boolean {
  return rule.monthDays.length === 0 || hasPlace(rule.monthDays, day, daysInMonth(year, month));
}

function keepsYearDay(rule: Rule, day: number, { year }: CivilDate): boolean {
  if (rule.yearDays.length === 0) return true;
  return hasPlace(rule.yearDays, day - yearStart(year) + 1, isLeap(year) ? 366 : 365);
}

function keepsWeekNumber(rule: Rule, day: number): boolean {
  if (rule.weekNumbers.length === 0) return true;
  const year = weekYearOf(rule, day);
  const first = weekStartOf(rule, year);
  const weeks = (weekStartOf(rule, year + 1) - first) / 7;
  return hasPlace(rule.weekNumbers, Math.floor((day - first) / 7) + 1, weeks);
}

function keepsWeekday(rule: Rule, day: number, date: CivilDate): boolean {
  if (rule.days.length === 0) return true;
  const weekday = weekdayOf(day);
  return rule.days.some((one) => {
    if (one.weekday !== weekday) return false;
    return one.nth === 0 || isNth(rule, one.nth, { day, date });
  });
}

/** A number before a weekday counts within the month or the year; elsewhere it means nothing. */
function isNth(rule: Rule, nth: number, { day, date }: { day: number; date: CivilDate }): boolean {
  const inMonth =
    rule.frequency === 'MONTHLY' || (rule.frequency === 'YEARLY' && rule.months.length > 0);
  const inYear = rule.frequency === 'YEARLY' && rule.weekNumbers.length === 0;
  if (!inMonth && !inYear) return true;
  const place = inMonth ? date.day - 1 : day - yearStart(date.year);
  const size = inMonth ? daysInMonth(date.year, date.month) : isLeap(date.year) ? 366 : 365;
  if (nth > 0) return Math.floor(place / 7) + 1 === nth;
  return Math.floor((size - 1 - place) / 7) + 1 === -nth;
}
