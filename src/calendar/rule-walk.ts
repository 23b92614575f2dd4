import type { Interval } from '../domain/interval.ts';
import { DAY_SECONDS } from './civil.ts';
import type { FutureChange } from './exceptions.ts';
import { occurrences } from './occurrences.ts';
import type { StepBudget } from './rule-periods.ts';
import type { Rule } from './rule.ts';
import type { Occurrence, OccurrenceSet, Series } from './series.ts';
import { holds } from './series.ts';
import type { Shape } from './shape.ts';
import { reaches, spanAt } from './shape.ts';
import { instantToWall, wallToInstant } from './zones.ts';

export interface Candidate extends Occurrence, Interval {}

export interface Expansion {
  shape: Shape;
  series: Series;
  exceptions: { futureChanges: readonly FutureChange[] };
  window: { fromAt: number; untilAt: number };
  /** What all rules of the entry together may still use. */
  stepsLeft: StepBudget;
  occurrencesLeft: number;
  /** Set when a limit left occurrences or exclusions of the window out. */
  isCut: boolean;
  /** From this instant on occurrences may be missing; null where none is. */
  cutAt: number | null;
}

/**
 * The occurrences of a series that could reach the window, before exceptions: DTSTART, what the
 * rules and RDATEs add, less what EXRULEs and EXDATEs take away. Each instant comes once.
 */
export function candidates(expansion: Expansion): Candidate[] {
  const { series, shape } = expansion;
  const range = wallRange(expansion);
  const found = new Map<number, Candidate>();
  const add = (candidate: Candidate) => {
    const known = found.get(candidate.startAt);
    if (!known || known.endAt < candidate.endAt) found.set(candidate.startAt, candidate);
  };
  if (series.rules.length === 0) add({ wall: shape.start, ...spanAt(shape, shape.start) });
  for (const rule of series.rules) {
    for (const one of ruleCandidates(expansion, { rule, startCounts: true, ...range })) add(one);
  }
  for (const { wall, endAt } of series.extraDates) {
    if (wall < range.from || (wall >= range.until && endAt === null)) continue;
    const span = spanAt(shape, wall);
    add({ wall, startAt: span.startAt, endAt: endAt ?? span.endAt });
  }
  const excluded = exclusions(expansion, range);
  return [...found.values()].filter((one) => !holds(excluded, one));
}

interface WallRange {
  from: number;
  until: number;
}

/**
 * Where on the wall an occurrence must start to reach the window, after any change that moves it.
 * Clock changes are allowed for by how far the offsets around the edge lie apart.
 */
function wallRange({ shape, series, exceptions, window }: Expansion): WallRange {
  const changes = exceptions.futureChanges.filter((change) => change.shape !== null);
  const shifts = [0, ...changes.map((change) => change.shiftSeconds)];
  const extraLengths = series.extraDates.map(({ wall, endAt }) =>
    endAt === null ? 0 : (endAt - wallToInstant(wall, shape.zone)) / 1000,
  );
  const lengths = [shape.lengthSeconds, ...changes.map((change) => change.shape!.lengthSeconds)];
  const longest = [...lengths, ...extraLengths].reduce((a, b) => Math.max(a, b), 0);
  const slack = shape.isDate || changes.length > 0 ? DAY_SECONDS : 0;
  const fromAt = window.fromAt - (longest + Math.max(...shifts)) * 1000;
  const untilAt = window.untilAt - Math.min(...shifts) * 1000;
  return {
    from: instantToWall(fromAt, shape.zone) - spreadSeconds(shape.zone, fromAt) - slack,
    until: instantToWall(untilAt, shape.zone) + spreadSeconds(shape.zone, untilAt) + slack,
  };
}

function spreadSeconds(zone: string, at: number): number {
  const around = [at - DAY_SECONDS * 1000, at, at + DAY_SECONDS * 1000];
  const offsets = around.map((one) => instantToWall(one, zone) - one / 1000);
  return Math.round(Math.max(...offsets) - Math.min(...offsets));
}

interface RuleRange extends WallRange {
  rule: Rule;
  startCounts: boolean;
}

/** Marks the expansion cut when the rule has more than the limits allow. */
function* ruleCandidates(expansion: Expansion, range: RuleRange): Generator<Candidate> {
  const { shape, window, stepsLeft: budget } = expansion;
  const bound = untilBound(range.rule, shape);
  const until = Math.min(range.until, bound.wall);
  const rule = shape.isDate ? withoutTimes(range.rule) : range.rule;
  const cut = (at: number) => {
    expansion.isCut = true;
    // An exclusion that is missing leaves time taken: nothing is cut off by it.
    if (range.startCounts) expansion.cutAt = Math.min(expansion.cutAt ?? Infinity, at);
  };
  let lastAt = window.fromAt;
  for (const at of occurrences({ ...range, rule, start: shape.start, until, budget })) {
    const wall = shape.isDate ? Math.floor(at / DAY_SECONDS) * DAY_SECONDS : at;
    const candidate = { wall, ...spanAt(shape, wall) };
    if (wall !== shape.start && candidate.startAt > bound.at) continue;
    if (reaches(candidate, window)) expansion.occurrencesLeft -= 1;
    if (expansion.occurrencesLeft < 0) {
      cut(candidate.startAt);
      return;
    }
    lastAt = candidate.startAt;
    yield candidate;
  }
  if (budget.left < 0) cut(lastAt);
}

/** Times of day mean nothing for whole days, and are to be passed over (RFC 5545 §3.3.10). */
const withoutTimes = (rule: Rule): Rule => ({ ...rule, hours: [], minutes: [], seconds: [] });

/**
 * Where UNTIL ends a rule: exclusive on the wall, inclusive as an instant. A date for a timed rule
 * means all of that day; an instant for whole days takes the later of its days in UTC and at home.
 */
function untilBound({ until }: Rule, shape: Shape): { wall: number; at: number } {
  if (!until) return { wall: Infinity, at: Infinity };
  const day = Math.floor(until.wall / DAY_SECONDS) * DAY_SECONDS;
  if (until.form === 'date') return { wall: day + DAY_SECONDS, at: Infinity };
  if (until.form === 'local') return { wall: until.wall + 1, at: Infinity };
  const at = until.wall * 1000;
  const home = instantToWall(at, shape.zone);
  if (shape.isDate) return { wall: Math.max(day, home) + 1, at: Infinity };
  return { wall: home + spreadSeconds(shape.zone, at) + 1, at };
}

function exclusions(expansion: Expansion, range: WallRange): OccurrenceSet {
  const { series } = expansion;
  if (series.exceptionRules.length === 0) return series.excluded;
  const instants = new Set(series.excluded.instants);
  for (const rule of series.exceptionRules) {
    for (const one of ruleCandidates(expansion, { rule, startCounts: false, ...range })) {
      instants.add(one.startAt);
    }
  }
  return { instants, dates: series.excluded.dates };
}
