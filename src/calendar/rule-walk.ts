import type { Interval } from '../domain/interval.ts';
import { DAY_SECONDS } from './civil.ts';
import type { FutureChange } from './exceptions.ts';
import { occurrences } from './occurrences.ts';
import type { StepBudget } from './rule-periods.ts';
import type { Rule } from './rule.ts';
import type { Occurrence, OccurrenceSet, Series } from './series.ts';
import { holds } from './series.ts';
import type { Shape } from './shape.ts';
import { longestSeconds, reaches, spanAt } from './shape.ts';
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
  /** The last instants at which the rules that were cut could start anything; ±Infinity for none. */
  cutUntilAt: number;
}

/**
 * The occurrences of a series that could reach the window, before exceptions: DTSTART whether or
 * not a rule generates it, what the rules and RDATEs add, less what EXRULEs and EXDATEs take away.
 * Each instant comes once.
 */
export function candidates(expansion: Expansion): Candidate[] {
  const { series, shape } = expansion;
  const range = wallRange(expansion);
  const lists = series.rules.map((rule) => ruleCandidates(expansion, rule, range));
  const extras = [candidateAt(shape, shape.start)];
  for (const { wall, endAt } of series.extraDates) {
    if (wall < range.from || (wall >= range.until && endAt === null)) continue;
    const own = candidateAt(shape, wall);
    extras.push(endAt === null ? own : { ...own, endAt });
  }
  const found = joined(extras, lists);
  const excluded = exclusions(expansion, range);
  if (excluded.instants.size + excluded.days.size === 0) return found;
  return found.filter((one) => !holds(excluded, one));
}

function candidateAt(shape: Shape, wall: number): Candidate {
  const { startAt, endAt } = spanAt(shape, wall);
  const at = shape.nights ? wallToInstant(wall, shape.zone) : startAt;
  return { wall, at, startAt, endAt };
}

/** One of each instant, the longest. Each of the lists has an instant once, and one may be long. */
function joined(extras: readonly Candidate[], lists: readonly Candidate[][]): Candidate[] {
  const [longest = [], ...others] = lists.toSorted((a, b) => b.length - a.length);
  const found = new Map<number, Candidate>();
  const add = (one: Candidate) => {
    const known = found.get(one.at);
    if (!known || known.endAt < one.endAt) found.set(one.at, one);
  };
  for (const one of [...extras, ...others.flat()]) add(one);
  const alone = longest.filter((one) => {
    if (!found.has(one.at)) return true;
    add(one);
    return false;
  });
  return alone.concat([...found.values()]);
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
  const lengths = [longestSeconds(shape), ...changes.map(({ shape: own }) => longestSeconds(own!))];
  const longest = [...lengths, ...extraLengths].reduce((a, b) => Math.max(a, b), 0);
  const slack = (shape.isDate || changes.length > 0 ? 1 : 0) + (shape.nights ? 2 : 0);
  const fromAt = window.fromAt - (longest + Math.max(...shifts)) * 1000;
  const untilAt = window.untilAt - Math.min(...shifts) * 1000;
  const wallAt = (at: number) => instantToWall(at, shape.zone);
  return {
    from: wallAt(fromAt) - spreadSeconds(shape.zone, fromAt) - slack * DAY_SECONDS,
    until: wallAt(untilAt) + spreadSeconds(shape.zone, untilAt) + slack * DAY_SECONDS,
  };
}

function spreadSeconds(zone: string, at: number): number {
  const around = [at - DAY_SECONDS * 1000, at, at + DAY_SECONDS * 1000];
  const offsets = around.map((one) => instantToWall(one, zone) - one / 1000);
  return Math.round(Math.max(...offsets) - Math.min(...offsets));
}

/** Walls looked at beyond those that may reach the window: a second each in the range's slack. */
const ROOM = 15_000;

/** Marks the expansion cut when the rule has more than the limits allow. */
function ruleCandidates(expansion: Expansion, given: Rule, range: WallRange): Candidate[] {
  const { shape, window } = expansion;
  const bound = untilBound(given, shape);
  const rule = shape.isDate ? withoutTimes(given) : given;
  const limit = expansion.occurrencesLeft + ROOM;
  const until = Math.min(range.until, bound.wall);
  const budget = expansion.stepsLeft;
  const walls = occurrences({ rule, start: shape.start, from: range.from, until, budget, limit });
  const found: Candidate[] = [];
  const isTooMany =
    walls.length >= limit || sureIn(window, shape.zone, walls) > expansion.occurrencesLeft;
  if (isTooMany) expansion.occurrencesLeft = -1;
  // Of a rule with too many none is made: all time from DTSTART to its end is taken.
  for (const wall of isTooMany ? [] : walls) {
    const day = shape.isDate ? Math.floor(wall / DAY_SECONDS) * DAY_SECONDS : wall;
    const candidate = candidateAt(shape, day);
    // Not the end: a clock change may have moved it past later ones.
    if (candidate.at > bound.at) continue;
    if (found.at(-1)?.at === candidate.at) continue;
    if (reaches(candidate, window)) expansion.occurrencesLeft -= 1;
    if (expansion.occurrencesLeft < 0) break;
    found.push(candidate);
  }
  if (budget.left < 0 || expansion.occurrencesLeft < 0) {
    expansion.isCut = true;
    const lastAt = Math.min(bound.at, wallToInstant(Math.min(bound.wall, range.until), shape.zone));
    expansion.cutUntilAt = Math.max(expansion.cutUntilAt, lastAt);
  }
  return found;
}

/** How many of the walls lie within the window however clocks change. */
function sureIn({ fromAt, untilAt }: Expansion['window'], zone: string, walls: number[]): number {
  const from = instantToWall(fromAt, zone) + spreadSeconds(zone, fromAt);
  const until = instantToWall(untilAt, zone) - spreadSeconds(zone, untilAt);
  return walls.reduce((count, wall) => (wall >= from && wall < until ? count + 1 : count), 0);
}

/** Times of day mean nothing for whole days, and are to be passed over (RFC 5545 §3.3.10). */
const withoutTimes = (rule: Rule): Rule => ({ ...rule, hours: [], minutes: [], seconds: [] });

/**
 * Where UNTIL ends a rule: exclusive on the wall, inclusive as an instant. A date for a timed rule
 * means all of that day; beside a floating start the Z of an instant is passed over; beside whole
 * days an instant means the later of its days in UTC and at home.
 */
export function untilBound({ until }: Rule, shape: Shape): { wall: number; at: number } {
  if (!until) return { wall: Infinity, at: Infinity };
  const day = Math.floor(until.wall / DAY_SECONDS) * DAY_SECONDS;
  if (until.form === 'date') return { wall: day + DAY_SECONDS, at: Infinity };
  if (until.form === 'local' || shape.kind === 'floating')
    return { wall: until.wall + 1, at: Infinity };
  const at = until.wall * 1000;
  const home = instantToWall(at, shape.zone);
  if (shape.isDate) return { wall: Math.max(day, home) + 1, at: Infinity };
  return { wall: home + spreadSeconds(shape.zone, at) + 1, at };
}

function exclusions(expansion: Expansion, range: WallRange): OccurrenceSet {
  const { series } = expansion;
  if (series.exceptionRules.length === 0) return series.excluded;
  const instants = new Set(series.excluded.instants);
  // An exclusion that is missing leaves time taken: nothing is cut off by it.
  const { cutUntilAt } = expansion;
  for (const rule of series.exceptionRules) {
    for (const one of ruleCandidates(expansion, rule, range)) instants.add(one.at);
  }
  expansion.cutUntilAt = cutUntilAt;
  return { instants, days: series.excluded.days };
}
