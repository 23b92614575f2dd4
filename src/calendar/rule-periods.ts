import { civilDate, DAY_SECONDS, dayNumber, modulo } from './civil.ts';
import type { DayFilter } from './rule-days.ts';
import { addMonth, keepsDay, weekStartOf, weekYearOf, yearStart } from './rule-days.ts';
import type { Rule } from './rule.ts';

/** How many steps a walk may still take; below zero it has been cut short. */
export interface StepBudget {
  left: number;
}

/** The weeks, months or years a rule steps by, each with a number. */
export interface Periods {
  /** The first one on the rule's grid that may hold DTSTART. */
  first: number;
  numberOf: (day: number) => number;
  firstDay: (period: number) => number;
  /** The days of a period that pass the rule, ascending; pays for what it looks at. */
  daysOf: (period: number, budget: StepBudget) => number[];
  /** How many days every period has, where they all have as many. */
  evenDays: number | null;
}

export function periodsOf(filter: DayFilter, start: number, isMember: IsMember): Periods {
  const { rule } = filter;
  if (rule.frequency === 'WEEKLY') return weeks(filter, start);
  if (rule.frequency === 'MONTHLY') return months(filter, start);
  return rule.weekNumbers.length > 0 ? weekYears(filter, start, isMember) : years(filter, start);
}

/** Whether DTSTART is one of the occurrences that a period's days give. */
export type IsMember = (days: readonly number[]) => boolean;

const dayOf = (wall: number): number => Math.floor(wall / DAY_SECONDS);

function weeks(filter: DayFilter, start: number): Periods {
  const { weekStart, days } = filter.rule;
  // 1970-01-04 was a Sunday, day 3.
  const numberOf = (day: number) => Math.floor((day - 3 - weekStart) / 7);
  const firstDay = (period: number) => period * 7 + 3 + weekStart;
  return {
    first: numberOf(dayOf(start)),
    numberOf,
    firstDay,
    daysOf: (period, budget) => keptWithin(filter, firstDay(period), budget),
    evenDays: filter.isWeekly ? new Set(days.map((one) => one.weekday)).size : null,
  };
}

function keptWithin(filter: DayFilter, firstOfWeek: number, budget: StepBudget): number[] {
  const days: number[] = [];
  budget.left -= 7;
  for (let day = firstOfWeek; day < firstOfWeek + 7; day += 1) {
    if (keepsDay(filter, day)) days.push(day);
  }
  return days;
}

function months(filter: DayFilter, start: number): Periods {
  const numberOf = (day: number) => {
    const { year, month } = civilDate(day);
    return year * 12 + month - 1;
  };
  const monthOf = (period: number) => ({
    year: Math.floor(period / 12),
    month: modulo(period, 12) + 1,
  });
  return {
    first: numberOf(dayOf(start)),
    numberOf,
    firstDay: (period) => dayNumber({ ...monthOf(period), day: 1 }),
    daysOf(period, budget) {
      const days: number[] = [];
      budget.left -= addMonth(filter, monthOf(period), days);
      return days;
    },
    evenDays: evenMonthDays(filter.rule),
  };
}

/** Days that every month has: up to the 28th, or up to the fourth of a weekday. */
function evenMonthDays({
  months: some,
  weekNumbers,
  yearDays,
  monthDays,
  days,
}: Rule): number | null {
  if (some.length + weekNumbers.length + yearDays.length > 0) return null;
  const numbers = days.length === 0 ? monthDays : days.map((one) => one.nth);
  if (days.length > 0 && monthDays.length > 0) return null;
  const most = days.length > 0 ? 4 : 28;
  const isEven =
    numbers.every((one) => one > 0 && one <= most) ||
    (numbers.every((one) => one < 0 && one >= -most) && numbers.length > 0);
  return isEven ? numbers.length : null;
}

function years(filter: DayFilter, start: number): Periods {
  return {
    first: civilDate(dayOf(start)).year,
    numberOf: (day) => civilDate(day).year,
    firstDay: yearStart,
    daysOf(year, budget) {
      const days: number[] = [];
      for (let month = 1; month <= 12; month += 1) {
        budget.left -= addMonth(filter, { year, month }, days);
      }
      return days;
    },
    evenDays: null,
  };
}

/**
 * Years of whole weeks, so that days which lie in the neighbouring calendar year belong. INTERVAL
 * counts from DTSTART's week-year if DTSTART is an occurrence, else from its calendar year.
 */
function weekYears(filter: DayFilter, start: number, isMember: IsMember): Periods {
  const { rule } = filter;
  const daysOf = (year: number, budget: StepBudget) => {
    const first = weekStartOf(rule, year);
    const count = (weekStartOf(rule, year + 1) - first) / 7;
    const numbers = rule.weekNumbers.map((one) => (one > 0 ? one : count + 1 + one));
    const inside = [...new Set(numbers)].filter((one) => one >= 1 && one <= count);
    const ascending = inside.toSorted((a, b) => a - b);
    budget.left -= 1;
    return ascending.flatMap((one) => keptWithin(filter, first + (one - 1) * 7, budget));
  };
  const own = weekYearOf(rule, dayOf(start));
  const anchor = isMember(daysOf(own, { left: 0 })) ? own : civilDate(dayOf(start)).year;
  return {
    first: own + modulo(anchor - own, rule.interval),
    numberOf: (day) => weekYearOf(rule, day),
    firstDay: (year) => weekStartOf(rule, year),
    daysOf,
    evenDays: null,
  };
}
