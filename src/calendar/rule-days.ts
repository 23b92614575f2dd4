import { civilDate, dayNumber, daysInMonth, isLeap, modulo, weekdayOf } from './civil.ts';
import type { Rule, RuleDay } from './rule.ts';

/** The day parts of a completed rule, as sets of bits: bit n stands for the number n. */
export interface DayFilter {
  rule: Rule;
  /** Every day passes. */
  isWide: boolean;
  /** Nothing but the weekday matters. */
  isWeekly: boolean;
  months: number;
  /** Days of the month, for months of 28 to 31 days. */
  monthDays: readonly number[];
  /** Weekdays of which every one counts; 0 is Sunday. */
  weekdays: number;
  nthDays: readonly RuleDay[];
  /** Weekdays of which any counts. */
  someWeekdays: number;
  /** Where numbers before weekdays count. */
  nthIn: 'month' | 'year';
  /** Which days of common and of leap years pass; null when any does. */
  yearDays: { common: Uint8Array; leap: Uint8Array } | null;
  /** The month looked at last: walks go from day to day, and dates cost divisions. */
  last: { first: number; size: number; year: number; month: number };
}

/**
 * Read as filters over the period, the day parts give what the expand and limit table of RFC 5545
 * §3.3.10 asks once the rule is completed: a weekday beside days of month or year only limits them,
 * and its number counts within what the rule as written names.
 */
export function dayFilter(rule: Rule, asWritten: Rule): DayFilter {
  const isMonthly =
    rule.frequency === 'MONTHLY' || (rule.frequency === 'YEARLY' && asWritten.months.length > 0);
  const isYearly = rule.frequency === 'YEARLY' && rule.weekNumbers.length === 0;
  const takesNth = isMonthly || isYearly;
  // A number before a weekday means nothing where there is neither month nor year to count in.
  const plain = rule.days.filter((day) => day.nth === 0 || !takesNth);
  const others = rule.months.length + rule.weekNumbers.length + rule.yearDays.length;
  const isWeekly = others + rule.monthDays.length === 0 && plain.length === rule.days.length;
  return {
    rule,
    isWide: isWeekly && rule.days.length === 0,
    isWeekly,
    months: bitsOf(rule.months),
    monthDays: [28, 29, 30, 31].map((size) => bitsOf(rule.monthDays, size)),
    weekdays: rule.days.length === 0 ? ALL : weekdayBits(plain),
    someWeekdays: rule.days.length === 0 ? ALL : weekdayBits(rule.days),
    nthDays: takesNth ? rule.days.filter((day) => day.nth !== 0) : [],
    nthIn: isMonthly ? 'month' : 'year',
    yearDays:
      rule.yearDays.length === 0
        ? null
        : { common: yearDayTable(rule, 365), leap: yearDayTable(rule, 366) },
    last: { first: 0, size: 0, year: 0, month: 0 },
  };
}

function yearDayTable(rule: Rule, size: number): Uint8Array {
  const table = new Uint8Array(size + 1);
  for (const one of rule.yearDays) {
    const place = one > 0 ? one : size + 1 + one;
    if (place >= 1 && place <= size) table[place] = 1;
  }
  return table;
}

const ALL = 0xffff_ffff;

/** All bits for a part that is not there. Negative numbers count from the end of `size`. */
function bitsOf(list: readonly number[], size = 0): number {
  if (list.length === 0) return ALL;
  let bits = 0;
  for (const one of list) {
    const place = one > 0 || size === 0 ? one : size + 1 + one;
    if (place >= 0 && place < 32) bits |= 1 << place;
  }
  return bits;
}

const weekdayBits = (days: readonly RuleDay[]): number =>
  days.reduce((bits, day) => bits | (1 << day.weekday), 0);

/** Whether a day passes every day part of the rule. */
export function keepsDay(filter: DayFilter, day: number): boolean {
  if (filter.isWide) return true;
  const weekday = weekdayOf(day);
  if (filter.isWeekly) return ((filter.weekdays >>> weekday) & 1) === 1;
  return keepsDate(filter, dateOf(filter, day), { day, weekday });
}

function dateOf({ last }: DayFilter, day: number): Month & { day: number } {
  if (day < last.first || day >= last.first + last.size) {
    const date = civilDate(day);
    last.first = day - date.day + 1;
    last.size = daysInMonth(date.year, date.month);
    last.year = date.year;
    last.month = date.month;
  }
  return { year: last.year, month: last.month, day: day - last.first + 1 };
}

/** Days of the month that pass, appended; answers how many it looked at. */
export function addMonth(filter: DayFilter, month: Month, into: number[]): number {
  if (((filter.months >>> month.month) & 1) === 0) return 1;
  const first = dayNumber({ ...month, day: 1 });
  const size = daysInMonth(month.year, month.month);
  const firstWeekday = weekdayOf(first);
  const date = { ...month, day: 0 };
  const bits = filter.monthDays[size - 28]!;
  let looked = 1;
  for (let index = 0; index < size; index += 1) {
    const weekday = (firstWeekday + index) % 7;
    if (((bits >>> (index + 1)) & (filter.someWeekdays >>> weekday) & 1) === 0) continue;
    looked += 1;
    date.day = index + 1;
    const day = first + index;
    if (keepsDate(filter, date, { day, weekday })) into.push(day);
  }
  return looked;
}

interface Month {
  year: number;
  /** 1–12. */
  month: number;
}

interface Place {
  day: number;
  weekday: number;
}

function keepsDate(filter: DayFilter, date: Month & { day: number }, place: Place): boolean {
  const { rule } = filter;
  if (((filter.months >>> date.month) & 1) === 0) return false;
  const size = daysInMonth(date.year, date.month);
  const bits = filter.monthDays[size - 28]!;
  if (((bits >>> date.day) & 1) === 0) return false;
  if (((filter.weekdays >>> place.weekday) & 1) === 0) {
    if (!filter.nthDays.some((one) => isNth(filter, one, { ...date, ...place, of: date.day })))
      return false;
  }
  if (filter.yearDays && !keepsYearDay(filter.yearDays, place.day, date.year)) return false;
  return rule.weekNumbers.length === 0 || keepsWeekNumber(rule, place.day);
}

function isNth(filter: DayFilter, one: RuleDay, at: Month & Place & { of: number }): boolean {
  if (one.weekday !== at.weekday) return false;
  const inMonth = filter.nthIn === 'month';
  const place = inMonth ? at.of - 1 : at.day - yearStart(at.year);
  const size = inMonth ? daysInMonth(at.year, at.month) : isLeap(at.year) ? 366 : 365;
  if (one.nth > 0) return Math.floor(place / 7) + 1 === one.nth;
  return Math.floor((size - 1 - place) / 7) + 1 === -one.nth;
}

/** The day after, or the first of the next month that the rule allows anything in. */
export function nextDay(filter: DayFilter, day: number): number {
  if (filter.months === ALL) return day + 1;
  let { year, month } = civilDate(day);
  if (((filter.months >>> month) & 1) === 1) return day + 1;
  do {
    year = month === 12 ? year + 1 : year;
    month = (month % 12) + 1;
  } while (((filter.months >>> month) & 1) === 0);
  return dayNumber({ year, month, day: 1 });
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

function keepsYearDay(
  { common, leap }: NonNullable<DayFilter['yearDays']>,
  day: number,
  year: number,
): boolean {
  return (isLeap(year) ? leap : common)[day - yearStart(year) + 1] === 1;
}

function keepsWeekNumber(rule: Rule, day: number): boolean {
  const year = weekYearOf(rule, day);
  const first = weekStartOf(rule, year);
  const weeks = (weekStartOf(rule, year + 1) - first) / 7;
  return hasPlace(rule.weekNumbers, Math.floor((day - first) / 7) + 1, weeks);
}
