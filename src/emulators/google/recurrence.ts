import type { Recurrence, Rule } from './recurrence-rule.ts';

const dayMs = 86_400_000;
/** Periods looked at before a rule that yields nothing is given up. */
const periodLimit = 40_000;

/**
 * Start times of a series on its wall clock, ascending, up to `untilWallMs`, the first one included
 * whatever the rules say. Source: RFC 5545 §3.3.10 and §3.8.5.
 */
export function wallStarts(
  startWallMs: number,
  recurrence: Recurrence,
  untilWallMs: number,
): number[] {
  const starts = new Set([startWallMs, ...recurrence.dates]);
  for (const rule of recurrence.rules) {
    for (const start of ruleStarts(startWallMs, rule, untilWallMs)) starts.add(start);
  }
  for (const rule of recurrence.excludedRules) {
    for (const start of ruleStarts(startWallMs, rule, untilWallMs)) starts.delete(start);
  }
  for (const date of recurrence.excludedDates) starts.delete(date);
  return [...starts].filter((start) => start <= untilWallMs).toSorted((a, b) => a - b);
}

function* ruleStarts(startWallMs: number, rule: Rule, untilWallMs: number): Iterable<number> {
  const end = Math.min(untilWallMs, rule.untilWallMs ?? untilWallMs);
  let left = rule.count ?? Infinity;
  for (let period = 0; period < periodLimit; period += 1) {
    const candidates = periodStarts(startWallMs, rule, period);
    if (candidates.from > end) return;
    for (const start of select(candidates.starts, rule.bySetPos)) {
      if (start < startWallMs) continue;
      if (start > end || left === 0) return;
      left -= 1;
      yield start;
    }
  }
}

function select(starts: number[], positions: number[]): number[] {
  const sorted = [...new Set(starts)].toSorted((a, b) => a - b);
  if (positions.length === 0) return sorted;
  const chosen = positions.map((at) => sorted.at(at > 0 ? at - 1 : at));
  return sorted.filter((start) => chosen.includes(start));
}

type Period = { from: number; starts: number[] };

function periodStarts(startWallMs: number, rule: Rule, period: number): Period {
  const step = period * rule.interval;
  const subDaily = { HOURLY: 3_600_000, MINUTELY: 60_000, SECONDLY: 1000 } as const;
  switch (rule.frequency) {
    case 'HOURLY':
    case 'MINUTELY':
    case 'SECONDLY': {
      const from = startWallMs + step * subDaily[rule.frequency];
      return { from, starts: fits(from, rule) ? [from] : [] };
    }
    case 'DAILY':
    case 'WEEKLY':
    case 'MONTHLY':
    case 'YEARLY': {
      const days = periodDays(startWallMs, rule, step);
      const starts = days.filter((day) => fits(day, rule)).flatMap(timesOn(startWallMs, rule));
      return { from: days[0] ?? periodFrom(startWallMs, rule, step), starts };
    }
  }
}

/** All days of the period, before any BY part limits them. */
function periodDays(startWallMs: number, rule: Rule, step: number): number[] {
  const from = periodFrom(startWallMs, rule, step);
  const next = periodFrom(startWallMs, rule, step + 1);
  return Array.from(
    { length: Math.round((next - from) / dayMs) },
    (_, day) => from + day * dayMs,
  ).filter((day) => isDefaultDay(day, startWallMs, rule));
}

function periodFrom(startWallMs: number, rule: Rule, step: number): number {
  const start = new Date(startWallMs);
  const day = Date.UTC(start.getUTCFullYear(), start.getUTCMonth(), start.getUTCDate());
  if (rule.frequency === 'DAILY') return day + step * dayMs;
  if (rule.frequency === 'WEEKLY') {
    return day - ((start.getUTCDay() - rule.weekStart + 7) % 7) * dayMs + step * 7 * dayMs;
  }
  if (rule.frequency === 'MONTHLY') {
    return Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + step, 1);
  }
  return Date.UTC(start.getUTCFullYear() + step, 0, 1);
}

/** Where no BY part names days, the start's own day of week, of month or of year is meant. */
function isDefaultDay(dayWallMs: number, startWallMs: number, rule: Rule): boolean {
  const { MONTHDAY, YEARDAY, WEEKNO, MONTH } = rule.by;
  const named = [MONTHDAY, YEARDAY, rule.byDay].some((list) => list.length > 0);
  if (named || rule.frequency === 'DAILY') return true;
  const day = new Date(dayWallMs);
  const start = new Date(startWallMs);
  const weekly = rule.frequency === 'WEEKLY' || WEEKNO.length > 0;
  if (weekly) return day.getUTCDay() === start.getUTCDay();
  if (day.getUTCDate() !== start.getUTCDate()) return false;
  const anyMonth = rule.frequency === 'MONTHLY' || MONTH.length > 0;
  return anyMonth || day.getUTCMonth() === start.getUTCMonth();
}

function fits(wallMs: number, rule: Rule): boolean {
  const at = new Date(wallMs);
  const year = at.getUTCFullYear();
  const dayOfYear = Math.floor((wallMs - Date.UTC(year, 0, 1)) / dayMs) + 1;
  const daysInYear = Math.round((Date.UTC(year + 1, 0, 1) - Date.UTC(year, 0, 1)) / dayMs);
  const daysInMonth = new Date(Date.UTC(year, at.getUTCMonth() + 1, 0)).getUTCDate();
  const { MONTH, MONTHDAY, YEARDAY, WEEKNO } = rule.by;
  return (
    allows(MONTH, at.getUTCMonth() + 1, 12) &&
    allows(MONTHDAY, at.getUTCDate(), daysInMonth) &&
    allows(YEARDAY, dayOfYear, daysInYear) &&
    (WEEKNO.length === 0 || inWeeks(WEEKNO, wallMs, rule.weekStart)) &&
    (rule.byDay.length === 0 || onDays(rule, wallMs)) &&
    fitsTime(wallMs, rule)
  );
}

/** Sub-daily rules are limited by times of day; the others are multiplied by them in `timesOn`. */
function fitsTime(wallMs: number, { by, frequency }: Rule): boolean {
  if (!['HOURLY', 'MINUTELY', 'SECONDLY'].includes(frequency)) return true;
  const at = new Date(wallMs);
  return (
    allows(by.HOUR, at.getUTCHours(), 24) &&
    allows(by.MINUTE, at.getUTCMinutes(), 60) &&
    allows(by.SECOND, at.getUTCSeconds(), 60)
  );
}

function allows(list: number[], value: number, length: number): boolean {
  return list.length === 0 || list.includes(value) || list.includes(value - length - 1);
}

function onDays(rule: Rule, wallMs: number): boolean {
  const at = new Date(wallMs);
  const year = at.getUTCFullYear();
  const inYear = rule.frequency === 'YEARLY' && rule.by.MONTH.length === 0;
  const from = Date.UTC(year, inYear ? 0 : at.getUTCMonth(), 1);
  const next = inYear ? Date.UTC(year + 1, 0, 1) : Date.UTC(year, at.getUTCMonth() + 1, 1);
  const nth = Math.floor((wallMs - from) / (7 * dayMs)) + 1;
  const nthFromEnd = -(Math.floor((next - dayMs - wallMs) / (7 * dayMs)) + 1);
  return rule.byDay.some(
    (day) =>
      day.weekday === at.getUTCDay() &&
      (day.nth === 0 || day.nth === nth || day.nth === nthFromEnd),
  );
}

function inWeeks(weeks: number[], wallMs: number, weekStart: number): boolean {
  const weekday = (new Date(wallMs).getUTCDay() - weekStart + 7) % 7;
  // A week belongs to the year that has at least four of its days.
  const fourth = new Date(wallMs + (3 - weekday) * dayMs);
  const year = fourth.getUTCFullYear();
  const number = Math.floor((fourth.getTime() - Date.UTC(year, 0, 1)) / (7 * dayMs)) + 1;
  const last = new Date(Date.UTC(year, 11, 28));
  const lastShift = 3 - ((last.getUTCDay() - weekStart + 7) % 7);
  const total = Math.floor(
    (last.getTime() + lastShift * dayMs - Date.UTC(year, 0, 1)) / (7 * dayMs),
  );
  return allows(weeks, number, total + 1);
}

function timesOn(startWallMs: number, { by }: Rule): (day: number) => number[] {
  const start = new Date(startWallMs);
  const orOwn = (list: number[], own: number) => (list.length > 0 ? list : [own]);
  const seconds = orOwn(by.HOUR, start.getUTCHours()).flatMap((hour) =>
    orOwn(by.MINUTE, start.getUTCMinutes()).flatMap((minute) =>
      orOwn(by.SECOND, start.getUTCSeconds()).map((second) => hour * 3600 + minute * 60 + second),
    ),
  );
  return (day) => seconds.map((second) => day + second * 1000);
}
