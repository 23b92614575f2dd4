import type { Interval } from './interval.ts';

/** A span in which so many units are free. */
export interface FreeUnits extends Interval {
  units: number;
}

/** A moment from which on so many units are taken somewhere. */
interface Level {
  at: number;
  count: number;
}

export interface Somewhere {
  taken: readonly Interval[];
  /** A span reaches so far over both its ends for what is taken there. */
  beforeMs: number;
  afterMs: number;
}

/**
 * The longest spans for which `party` units are free throughout, and beside them as many more as are
 * taken somewhere at most at one time within the span and its reach; by start. The later a span
 * begins the later it may end, so one walk over both kinds of moments finds them all.
 */
export function freeTogether(
  pieces: readonly FreeUnits[],
  party: number,
  { taken, beforeMs, afterMs }: Somewhere,
): Interval[] {
  const starts = risen([
    ...pieces.map((one) => one.startAt),
    ...taken.map((one) => one.endAt + beforeMs),
  ]);
  const ends = risen([
    ...pieces.map((one) => one.endAt),
    ...taken.map((one) => one.startAt - afterMs),
  ]);
  const free = freeUntil(pieces, ends);
  const most = mostWithin(levelsOf(taken), {
    starts: starts.map((at) => at - beforeMs),
    ends: ends.map((at) => at + afterMs),
  });
  const found: Interval[] = [];
  let last = -1;
  for (const [n, startAt] of starts.entries()) {
    free.begin(startAt);
    most.begin(n);
    while (last + 1 < ends.length) {
      const isPast = ends[last + 1]! <= startAt;
      if (!isPast && free.beyond() < party + most.until(last + 1)) break;
      last += 1;
      free.pass();
    }
    const endAt = ends[last] ?? -Infinity;
    if (endAt > startAt && endAt > (found.at(-1)?.endAt ?? -Infinity))
      found.push({ startAt, endAt });
  }
  return found;
}

const risen = (moments: readonly number[]): number[] => [
  ...new Set(Float64Array.from(moments).toSorted()),
];

/** The most that are taken at one time. */
export const mostAtOnce = (taken: readonly Interval[]): number =>
  levelsOf(taken).reduce((most, { count }) => Math.max(most, count), 0);

/** What ends makes room for what begins at the same moment. */
function levelsOf(taken: readonly Interval[]): Level[] {
  const steps = new Map<number, number>();
  for (const { startAt, endAt } of taken) {
    steps.set(startAt, (steps.get(startAt) ?? 0) + 1);
    steps.set(endAt, (steps.get(endAt) ?? 0) - 1);
  }
  let count = 0;
  return [...steps].toSorted(([a], [b]) => a - b).map(([at, by]) => ({ at, count: (count += by) }));
}

/** Units of the pieces that began by a start and last beyond an end, while both go on. */
function freeUntil(pieces: readonly FreeUnits[], ends: readonly number[]) {
  const rising = pieces.toSorted((a, b) => a.startAt - b.startAt);
  const place = new Map(ends.map((at, n) => [at, n]));
  const endingAt = new Uint32Array(ends.length);
  let next = 0;
  let last = -1;
  let count = 0;
  return {
    begin(startAt: number) {
      for (; next < rising.length && rising[next]!.startAt <= startAt; next += 1) {
        const { endAt, units } = rising[next]!;
        const n = place.get(endAt)!;
        if (n < last) continue;
        endingAt[n]! += units;
        count += units;
      }
    },
    beyond: () => count - (last < 0 ? 0 : endingAt[last]!),
    pass() {
      if (last >= 0) count -= endingAt[last]!;
      last += 1;
    },
  };
}

/** The most taken somewhere from a start to beyond an end, with their reach, while both go on. */
function mostWithin(
  levels: readonly Level[],
  reach: { starts: readonly number[]; ends: readonly number[] },
) {
  // Levels that may be the most of a span to come, each lower than those before it.
  const peaks: Level[] = [];
  let first = 0;
  let [here, there] = [0, 0];
  let [now, since] = [0, -Infinity];
  return {
    begin(n: number) {
      since = reach.starts[n]!;
      for (; here < levels.length && levels[here]!.at <= since; here += 1)
        now = levels[here]!.count;
      while (first < peaks.length && peaks[first]!.at <= since) first += 1;
    },
    until(n: number) {
      for (; there < levels.length && levels[there]!.at < reach.ends[n]!; there += 1) {
        const level = levels[there]!;
        if (level.at <= since) continue;
        while (peaks.length > first && peaks.at(-1)!.count <= level.count) peaks.pop();
        peaks.push(level);
      }
      return Math.max(now, peaks[first]?.count ?? 0);
    },
  };
}
