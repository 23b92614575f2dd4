import { DAY_SECONDS, dayNumber } from './civil.ts';
import type { DayFilter } from './rule-days.ts';
import { dayFilter, keepsDay, nextDay } from './rule-days.ts';
import { completed } from './rule-defaults.ts';
import type { StepBudget } from './rule-periods.ts';
import { periodsOf } from './rule-periods.ts';
import { chosenIndexes, dayTimes, gridOf, pointAfter, timesOfDay } from './rule-times.ts';
import type { Grid } from './rule-times.ts';
import type { Rule } from './rule.ts';

export interface Walk {
  rule: Rule;
  /** DTSTART in wall seconds: the seed of whatever the rule leaves unsaid. */
  start: number;
  /** Wall seconds, inclusive. */
  from: number;
  /** Wall seconds, exclusive. UNTIL is the caller's to fold in, for it may need a zone. */
  until: number;
  budget: StepBudget;
  /** More than this many are not looked for. */
  limit: number;
}

/**
 * The occurrences that a rule generates within `[from, until)`, ascending, in wall seconds; DTSTART
 * is among them only if it fits the rule (RFC 5545 §3.8.5.3 leaves open what it means otherwise).
 * Without COUNT the walk begins at the window; with it, at DTSTART, counting whole days and periods
 * at once. It stops early, leaving `budget.left` below zero, when the steps run out.
 */
export function occurrences(asked: Walk): number[] {
  const start = Math.floor(asked.start);
  const fraction = asked.start - start;
  const rule = completed(asked.rule, start);
  const course: Course = {
    ...asked,
    rule,
    start,
    from: Math.max(asked.from - fraction, start),
    until: Math.min(asked.until - fraction, END_OF_YEARS),
    left: rule.count ?? Infinity,
    found: [],
  };
  if (course.from < course.until) {
    const filter = dayFilter(rule, asked.rule);
    const grid = gridOf(rule, start);
    if (grid) walkGrid(course, filter, grid);
    else if (rule.frequency === 'DAILY') walkDays(course, filter);
    else walkPeriods(course, filter);
  }
  return fraction === 0 ? course.found : course.found.map((wall) => wall + fraction);
}

/** The end of year 9999, the last with a name of four digits. */
const END_OF_YEARS = dayNumber({ year: 10_000, month: 1, day: 1 }) * DAY_SECONDS;

interface Course extends Walk {
  /** Of COUNT. */
  left: number;
  found: number[];
}

/** Where the walk begins: counting needs all that came before. */
const beginOf = ({ rule, start, from }: Course): number => (rule.count === null ? from : start);

const isOver = ({ left, found, limit, budget }: Course): boolean =>
  left <= 0 || found.length >= limit || budget.left < 0;

/** Takes a day's occurrences; those before the window only count. */
function takeDay(course: Course, midnight: number, times: readonly number[]): void {
  const { start, from, until, found, budget } = course;
  const first = indexFrom(times, start - midnight);
  const shown = indexFrom(times, from - midnight);
  course.left -= shown - first;
  budget.left -= 1;
  for (let index = shown; index < times.length && !isOver(course); index += 1) {
    const wall = midnight + times[index]!;
    if (wall >= until) return;
    budget.left -= 1;
    course.left -= 1;
    found.push(wall);
  }
}

/** How many members of an ascending list come before a value. */
function indexFrom(list: readonly number[], value: number): number {
  if (list.length === 0 || list[0]! >= value) return 0;
  let low = 1;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const dayOf = (wall: number): number => Math.floor(wall / DAY_SECONDS);

function walkDays(course: Course, filter: DayFilter): void {
  const { rule, start, until, budget } = course;
  const all = timesOfDay(rule);
  const places = chosenIndexes(all.length, rule.positions);
  const times = rule.positions.length > 0 ? places.map((place) => all[place]!) : all;
  if (times.length === 0) return;
  const anchor = dayOf(start);
  const onGrid = (day: number) =>
    anchor + Math.ceil((day - anchor) / rule.interval) * rule.interval;
  let day = onGrid(dayOf(beginOf(course)));
  while (day * DAY_SECONDS < until && !isOver(course)) {
    budget.left -= 1;
    if (keepsDay(filter, day)) takeDay(course, day * DAY_SECONDS, times);
    // All days are alike, so those before the window need no walking.
    const even = filter.isWide ? Math.floor((dayOf(course.from) - day) / rule.interval) - 1 : 0;
    if (even > 0) {
      course.left -= even * times.length;
      day += even * rule.interval;
    }
    day = onGrid(nextDay(filter, day));
  }
}

/** Hours, minutes or seconds lie on a grid; whole days without a point or a match are jumped. */
function walkGrid(course: Course, filter: DayFilter, grid: Grid): void {
  const { rule, until, budget } = course;
  if (grid.offsets.length === 0) return;
  const timesAt = dayTimes(rule, grid);
  const isEven = filter.isWide && DAY_SECONDS % grid.stride === 0;
  let day = dayOf(pointAfter(grid, Math.max(dayOf(beginOf(course)) * DAY_SECONDS, grid.origin)));
  while (day * DAY_SECONDS < until && !isOver(course)) {
    budget.left -= 1;
    const midnight = day * DAY_SECONDS;
    if (keepsDay(filter, day)) {
      const times = timesAt(midnight, budget);
      takeDay(course, midnight, times);
      const even = isEven ? dayOf(course.from) - day - 1 : 0;
      if (even > 0) {
        course.left -= even * times.length;
        day += even;
      }
    }
    const next = nextDay(filter, day);
    day = grid.stride <= DAY_SECONDS ? next : dayOf(pointAfter(grid, next * DAY_SECONDS));
  }
}

/** Weeks, months and years. */
function walkPeriods(course: Course, filter: DayFilter): void {
  const { rule, start, until, budget } = course;
  const times = timesOfDay(rule);
  const periods = periodsOf(filter, start, (days) => isInSet(rule, { days, times }, start));
  const reached = periods.numberOf(dayOf(beginOf(course)));
  const passed = Math.max(0, Math.floor((reached - periods.first) / rule.interval));
  const seen = periods.numberOf(dayOf(course.from));
  let period = periods.first + passed * rule.interval;
  while (periods.firstDay(period) * DAY_SECONDS < until && !isOver(course)) {
    budget.left -= 1;
    const days = periods.daysOf(period, budget);
    if (rule.positions.length > 0) takeSet(course, days, times);
    else for (const day of days) takeDay(course, day * DAY_SECONDS, times);
    const even = Math.floor((seen - period) / rule.interval) - 1;
    if (even > 0 && periods.evenDays !== null) {
      course.left -= even * setSize(rule, periods.evenDays * times.length);
      period += even * rule.interval;
    }
    period += rule.interval;
  }
}

const setSize = (rule: Rule, size: number): number =>
  rule.positions.length === 0 ? size : chosenIndexes(size, rule.positions).length;

interface Members {
  days: readonly number[];
  times: readonly number[];
}

/** Without making the set, which may have every second of a year. */
function isInSet(rule: Rule, members: Members, wall: number): boolean {
  if (rule.positions.length > 0) return setOf(rule, members).includes(wall);
  const day = dayOf(wall);
  return members.days.includes(day) && members.times.includes(wall - day * DAY_SECONDS);
}

/** The members of a period that BYSETPOS chooses. */
function setOf(rule: Rule, { days, times }: Members): number[] {
  return chosenIndexes(days.length * times.length, rule.positions).map(
    (index) => days[Math.floor(index / times.length)]! * DAY_SECONDS + times[index % times.length]!,
  );
}

function takeSet(course: Course, days: readonly number[], times: readonly number[]): void {
  for (const wall of setOf(course.rule, { days, times })) {
    const midnight = dayOf(wall) * DAY_SECONDS;
    takeDay(course, midnight, [wall - midnight]);
  }
}
