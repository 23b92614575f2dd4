import { civilDate, DAY_SECONDS, dayNumber, modulo } from './civil.ts';
import { allowsMonth, keepsDay, weekStartOf, weekYearOf, yearStart } from './rule-days.ts';
import { completed } from './rule-defaults.ts';
import type { Rule } from './rule.ts';

/** How many steps a walk may still take; below zero it has been cut short. */
export interface StepBudget {
  left: number;
}

/** One period's candidates: every base plus every offset, both ascending, in wall seconds. */
export interface PeriodSet {
  bases: readonly number[];
  offsets: readonly number[];
}

interface Range {
  rule: Rule;
  start: number;
  /** Periods that end before this are jumped over. */
  begin: number;
  until: number;
  budget: StepBudget;
}

/** The sets of the rule's periods from `begin` on, ascending, empty ones left out. */
export function* periodSets(range: Range): Generator<PeriodSet> {
  const rule = completed(range.rule, range.start);
  if (isSubDaily(rule)) yield* timePeriods({ ...range, rule });
  else yield* dayPeriods({ ...range, rule });
}

const UNIT_SECONDS = { SECONDLY: 1, MINUTELY: 60, HOURLY: 3600 } as const;
type SubDailyRule = Rule & { frequency: keyof typeof UNIT_SECONDS };

const isSubDaily = (rule: Rule): rule is SubDailyRule => rule.frequency in UNIT_SECONDS;

function* dayPeriods({ rule, start, begin, until, budget }: Range): Generator<PeriodSet> {
  const offsets = rule.hours.flatMap((hour) =>
    rule.minutes.flatMap((minute) =>
      rule.seconds.map((second) => hour * 3600 + minute * 60 + second),
    ),
  );
  const anchor = periodNumber(rule, Math.floor(start / DAY_SECONDS));
  const reached = periodNumber(rule, Math.floor(begin / DAY_SECONDS));
  const skipped = Math.max(0, Math.floor((reached - anchor) / rule.interval));
  for (let period = anchor + skipped * rule.interval; ; period += rule.interval) {
    const first = firstDay(rule, period);
    if (first * DAY_SECONDS >= until) return;
    const end = firstDay(rule, period + 1);
    budget.left -= 1;
    const days: number[] = [];
    for (let day = first; day < end; day = allowsMonth(rule, day) ? day + 1 : nextMonth(day, end)) {
      budget.left -= 1;
      if (keepsDay(rule, day)) days.push(day * DAY_SECONDS);
    }
    if (budget.left < 0) return;
    if (days.length > 0) yield { bases: days, offsets };
  }
}

/** Counts days, weeks, months or years, whichever the rule steps by. */
function periodNumber(rule: Rule, day: number): number {
  if (rule.frequency === 'DAILY') return day;
  // 1970-01-04 was a Sunday, day 3.
  if (rule.frequency === 'WEEKLY') return Math.floor((day - 3 - rule.weekStart) / 7);
  if (rule.frequency === 'YEARLY' && rule.weekNumbers.length > 0) return weekYearOf(rule, day);
  const { year, month } = civilDate(day);
  return rule.frequency === 'YEARLY' ? year : year * 12 + month - 1;
}

function firstDay(rule: Rule, period: number): number {
  if (rule.frequency === 'DAILY') return period;
  if (rule.frequency === 'WEEKLY') return period * 7 + 3 + rule.weekStart;
  if (rule.frequency === 'MONTHLY') {
    return dayNumber({ year: Math.floor(period / 12), month: modulo(period, 12) + 1, day: 1 });
  }
  return rule.weekNumbers.length > 0 ? weekStartOf(rule, period) : yearStart(period);
}

function nextMonth(day: number, end: number): number {
  const { year, month } = civilDate(day);
  const next = dayNumber({ year: month === 12 ? year + 1 : year, month: (month % 12) + 1, day: 1 });
  return Math.min(next, end);
}

/** Hours, minutes or seconds lie on a grid; whole days without a point or a match are jumped. */
function* timePeriods(range: Range & { rule: SubDailyRule }): Generator<PeriodSet> {
  const { rule, start, begin, until, budget } = range;
  const unit = UNIT_SECONDS[rule.frequency];
  const grid = { unit, stride: unit * rule.interval, origin: Math.floor(start / unit) * unit };
  const offsets = offsetsWithin(rule);
  let reached = Math.max(grid.origin, Math.floor(begin / unit) * unit);
  while (budget.left > 0) {
    const point = grid.origin + Math.ceil((reached - grid.origin) / grid.stride) * grid.stride;
    if (point >= until) return;
    const day = Math.floor(point / DAY_SECONDS);
    budget.left -= 1;
    if (keepsDay(rule, day)) {
      for (const base of pointsOfDay(range, grid, point)) yield { bases: [base], offsets };
    }
    const next = allowsMonth(rule, day) ? day + 1 : nextMonth(day, Infinity);
    reached = next * DAY_SECONDS;
  }
  budget.left = -1;
}

interface Grid {
  unit: number;
  stride: number;
  origin: number;
}

/** Walks the grid or the listed times of the day, whichever are fewer. */
function* pointsOfDay(range: Range, grid: Grid, first: number): Generator<number> {
  const { rule, budget, until } = range;
  const midnight = Math.floor(first / DAY_SECONDS) * DAY_SECONDS;
  const end = Math.min(midnight + DAY_SECONDS, until);
  const listed = listedTimes(rule, grid.unit);
  const gridPoints = Math.ceil((end - first) / grid.stride);
  if (listed.size < gridPoints) {
    for (const time of listed.times()) {
      const point = midnight + time;
      budget.left -= 1;
      if (point >= end || budget.left < 0) return;
      if (point >= first && (point - grid.origin) % grid.stride === 0) yield point;
    }
    return;
  }
  for (let point = first; point < end; point += grid.stride) {
    budget.left -= 1;
    if (budget.left < 0) return;
    if (keepsTime(rule, point - midnight, grid.unit)) yield point;
  }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const EVERY_HOUR = upTo(24);
const EVERY_SIXTIETH = upTo(60);
const FIRST_ONLY = [0];

function listedTimes(rule: Rule, unit: number): { size: number; times: () => Generator<number> } {
  const hours = rule.hours.length > 0 ? rule.hours : EVERY_HOUR;
  const minutes = unit > 60 ? FIRST_ONLY : rule.minutes.length > 0 ? rule.minutes : EVERY_SIXTIETH;
  const seconds = unit > 1 ? FIRST_ONLY : rule.seconds.length > 0 ? rule.seconds : EVERY_SIXTIETH;
  return {
    size: hours.length * minutes.length * seconds.length,
    *times() {
      for (const hour of hours) {
        for (const minute of minutes) {
          for (const second of seconds) yield hour * 3600 + minute * 60 + second;
        }
      }
    },
  };
}

function keepsTime(rule: Rule, time: number, unit: number): boolean {
  const lacks = (list: readonly number[], value: number) =>
    list.length > 0 && !list.includes(value);
  if (lacks(rule.hours, Math.floor(time / 3600))) return false;
  if (unit <= 60 && lacks(rule.minutes, Math.floor((time % 3600) / 60))) return false;
  return unit > 1 || !lacks(rule.seconds, time % 60);
}

function offsetsWithin(rule: SubDailyRule): number[] {
  if (rule.frequency === 'SECONDLY') return FIRST_ONLY;
  if (rule.frequency === 'MINUTELY') return [...rule.seconds];
  return rule.minutes.flatMap((minute) => rule.seconds.map((second) => minute * 60 + second));
}
