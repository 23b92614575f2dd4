import { DAY_SECONDS, modulo } from './civil.ts';
import type { StepBudget } from './rule-periods.ts';
import type { Frequency, Rule } from './rule.ts';

const UNIT_SECONDS: Partial<Record<Frequency, number>> = {
  SECONDLY: 1,
  MINUTELY: 60,
  HOURLY: 3600,
};

/** Every so many seconds from a start: what rules of hours, minutes and seconds step by. */
export interface Grid {
  unit: number;
  stride: number;
  origin: number;
  /** What is added to each point: minutes and seconds below the unit, BYSETPOS applied. */
  offsets: readonly number[];
}

/** Null for rules of days and longer. */
export function gridOf(rule: Rule, start: number): Grid | null {
  const unit = UNIT_SECONDS[rule.frequency];
  if (unit === undefined) return null;
  const below = unit === 1 ? [0] : unit === 60 ? rule.seconds : minutesAndSeconds(rule);
  return {
    unit,
    stride: unit * rule.interval,
    origin: Math.floor(start / unit) * unit,
    offsets: rule.positions.length > 0 ? chosen(below, rule.positions) : below,
  };
}

/** Seconds of the day at which a rule of days or longer has its occurrences, ascending. */
export const timesOfDay = (rule: Rule): number[] => combined(rule);

function combined(lists: Pick<Rule, 'hours' | 'minutes' | 'seconds'>): number[] {
  const below = minutesAndSeconds(lists);
  return lists.hours.flatMap((hour) => below.map((rest) => hour * 3600 + rest));
}

const minutesAndSeconds = ({ minutes, seconds }: Pick<Rule, 'minutes' | 'seconds'>): number[] =>
  minutes.flatMap((minute) => seconds.map((second) => minute * 60 + second));

/** BYSETPOS: members of an ascending set by their places from either end. */
export function chosen(set: readonly number[], positions: readonly number[]): number[] {
  return chosenIndexes(set.length, positions).map((index) => set[index]!);
}

export function chosenIndexes(size: number, positions: readonly number[]): number[] {
  const indexes = positions.map((one) => (one > 0 ? one - 1 : size + one));
  const inside = indexes.filter((index) => index >= 0 && index < size);
  return [...new Set(inside)].toSorted((a, b) => a - b);
}

/** The first point of the grid at or after a wall time. */
export const pointAfter = (grid: Grid, wall: number): number =>
  grid.origin + Math.ceil((wall - grid.origin) / grid.stride) * grid.stride;

/**
 * Seconds of a day at which the grid has occurrences. Days on which it falls alike have the same,
 * which are worked out once: together they are never more than the seconds of a day.
 */
export function dayTimes(
  rule: Rule,
  grid: Grid,
): (midnight: number, budget: StepBudget) => number[] {
  const known = new Map<number, number[]>();
  return (midnight, budget) => {
    const phase = modulo(grid.origin - midnight, grid.stride);
    if (phase >= DAY_SECONDS) return [];
    const kept = known.get(phase);
    if (kept) return kept;
    const times = timesFrom(rule, { grid, phase }, budget);
    // A few are as quickly worked out as looked up.
    if (times.length > 24) known.set(phase, times);
    return times;
  };
}

/** Walks the grid or the listed times of the day, whichever are fewer. */
function timesFrom(
  rule: Rule,
  { grid, phase }: { grid: Grid; phase: number },
  budget: StepBudget,
): number[] {
  const lists = listsOf(rule, grid.unit);
  const listed = lists.hours.length * lists.minutes.length * lists.seconds.length;
  const onGrid = Math.ceil((DAY_SECONDS - phase) / grid.stride);
  budget.left -= Math.min(listed, onGrid);
  const points =
    listed < onGrid
      ? combined(lists).filter((time) => time >= phase && (time - phase) % grid.stride === 0)
      : gridTimes(grid, phase).filter((time) => keepsTime(rule, time, grid.unit));
  const { offsets } = grid;
  if (offsets.length === 1 && offsets[0] === 0) return points;
  budget.left -= points.length * offsets.length;
  return points.flatMap((point) => offsets.map((offset) => point + offset));
}

function gridTimes({ stride }: Grid, phase: number): number[] {
  const times: number[] = [];
  for (let time = phase; time < DAY_SECONDS; time += stride) times.push(time);
  return times;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const EVERY_HOUR = upTo(24);
const EVERY_SIXTIETH = upTo(60);

function listsOf(rule: Rule, unit: number): Pick<Rule, 'hours' | 'minutes' | 'seconds'> {
  const or = (list: readonly number[], all: readonly number[]) => (list.length > 0 ? list : all);
  return {
    hours: or(rule.hours, EVERY_HOUR),
    minutes: unit > 60 ? [0] : or(rule.minutes, EVERY_SIXTIETH),
    seconds: unit > 1 ? [0] : or(rule.seconds, EVERY_SIXTIETH),
  };
}

function keepsTime(rule: Rule, time: number, unit: number): boolean {
  const lacks = (list: readonly number[], value: number) =>
    list.length > 0 && !list.includes(value);
  if (lacks(rule.hours, Math.floor(time / 3600))) return false;
  if (unit <= 60 && lacks(rule.minutes, Math.floor((time % 3600) / 60))) return false;
  return unit > 1 || !lacks(rule.seconds, time % 60);
}
