import { DAY_SECONDS } from './civil.ts';
import type { PeriodSet, StepBudget } from './rule-periods.ts';
import { periodSets } from './rule-periods.ts';
import type { Frequency, Rule } from './rule.ts';

export interface Walk {
  rule: Rule;
  /** DTSTART in wall seconds: the seed of whatever the rule leaves unsaid. */
  start: number;
  /** Wall seconds, inclusive. */
  from: number;
  /** Wall seconds, exclusive. UNTIL is the caller's to fold in, for it may need a zone. */
  until: number;
  /** Whether DTSTART is an occurrence even where it does not fit the rule (RFC 5545 §3.8.5.3). */
  startCounts: boolean;
  budget: StepBudget;
}

/**
 * The occurrences of one rule within `[from, until)`, ascending, in wall seconds. Without COUNT the
 * walk begins at the window; with it, at DTSTART, taking whole periods at once. It stops early,
 * leaving `budget.left` below zero, when the steps run out.
 */
export function* occurrences(walk: Walk): Generator<number> {
  const { start, from, startCounts, budget } = walk;
  const { rule, until } = withoutPlainCount(walk);
  let left = rule.count ?? Infinity;
  if (startCounts) {
    left -= 1;
    if (start >= from && start < until) yield start;
  }
  const begin = rule.count === null ? Math.max(start, from) : start;
  for (const set of periodSets({ rule, start, begin, until, budget })) {
    if (left <= 0) return;
    const skipped = sizeBefore(set, walk);
    left -= skipped;
    if (skipped > 0) continue;
    for (const wall of members(set, rule.positions)) {
      if (wall < start || (startCounts && wall === start)) continue;
      budget.left -= 1;
      if (wall >= until || left <= 0 || budget.left < 0) return;
      left -= 1;
      if (wall >= from) yield wall;
    }
  }
}

const PLAIN_STEP_SECONDS: Partial<Record<Frequency, number>> = {
  SECONDLY: 1,
  MINUTELY: 60,
  HOURLY: 3600,
  DAILY: DAY_SECONDS,
  WEEKLY: 7 * DAY_SECONDS,
};

/** A rule of even steps says with COUNT where it ends, so nothing needs counting. */
function withoutPlainCount({ rule, start, until }: Walk): { rule: Rule; until: number } {
  const stepSeconds = PLAIN_STEP_SECONDS[rule.frequency];
  if (rule.count === null || stepSeconds === undefined || hasParts(rule)) return { rule, until };
  const last = start + (rule.count - 1) * rule.interval * stepSeconds;
  return { rule: { ...rule, count: null }, until: Math.min(until, last + 1) };
}

function hasParts(rule: Rule): boolean {
  const lists = [rule.months, rule.weekNumbers, rule.yearDays, rule.monthDays, rule.days];
  const times = [rule.hours, rule.minutes, rule.seconds, rule.positions];
  return [...lists, ...times].some((list) => list.length > 0);
}

/** How many members a set has when all of them lie between DTSTART and the window; else 0. */
function sizeBefore(set: PeriodSet, { start, from, rule }: Walk): number {
  const first = set.bases[0];
  const last = set.bases.at(-1);
  if (first === undefined || last === undefined) return 0;
  const isBetween = first + set.offsets[0]! > start && last + set.offsets.at(-1)! < from;
  if (!isBetween) return 0;
  const size = set.bases.length * set.offsets.length;
  return rule.positions.length === 0 ? size : chosenIndexes(size, rule.positions).length;
}

function* members(set: PeriodSet, positions: readonly number[]): Generator<number> {
  const width = set.offsets.length;
  const size = set.bases.length * width;
  if (positions.length > 0) {
    for (const index of chosenIndexes(size, positions)) {
      yield set.bases[Math.floor(index / width)]! + set.offsets[index % width]!;
    }
    return;
  }
  for (const base of set.bases) {
    for (const offset of set.offsets) yield base + offset;
  }
}

function chosenIndexes(size: number, positions: readonly number[]): number[] {
  const indexes = positions.map((one) => (one > 0 ? one - 1 : size + one));
  const inside = indexes.filter((index) => index >= 0 && index < size);
  return [...new Set(inside)].toSorted((a, b) => a - b);
}
