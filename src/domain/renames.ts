import type { Interval } from './interval.ts';

/**
 * A channel that gives its entries new ids at every listing says by them nothing new: an entry that
 * is gone and one that came, of the same time, are one entry under another name.
 */
export interface Rename {
  fromId: string;
  toId: string;
}

/** One entry, and text that is equal exactly where two take the same time. */
export interface Named {
  nativeId: string;
  time: string;
}

/** Pairs what is missing with what was added, each at most once, in the order given. */
export function pairRenames(missing: readonly Named[], added: readonly Named[]): Rename[] {
  const free = new Map<string, string[]>();
  for (const { nativeId, time } of added.toReversed())
    free.set(time, [...(free.get(time) ?? []), nativeId]);
  return missing.flatMap(({ nativeId, time }) => {
    const toId = free.get(time)?.pop();
    return toId === undefined ? [] : [{ fromId: nativeId, toId }];
  });
}

/** An entry that takes time once. */
export interface Single extends Interval {
  nativeId: string;
}

/** A platform has a handful of blocks that slide; what lost more than this is not looked at. */
const MOST_MOVED = 500;

/**
 * Which of what is missing only moved: an entry that came takes at least half of the same time.
 * Platforms keep a block of notice before a home, and one after the last day that can be booked, and
 * move both a day every day under new ids. Each entry that came stands for one at most.
 */
export function pairMoved(missing: readonly Single[], added: readonly Single[]): Set<string> {
  const moved = new Set<string>();
  if (missing.length > MOST_MOVED || added.length > MOST_MOVED) return moved;
  const free = new Set(added);
  for (const one of missing) {
    const shared = (other: Single) =>
      Math.min(one.endAt, other.endAt) - Math.max(one.startAt, other.startAt);
    const best = [...free].toSorted((a, b) => shared(b) - shared(a))[0];
    if (!best || shared(best) * 2 < one.endAt - one.startAt) continue;
    free.delete(best);
    moved.add(one.nativeId);
  }
  return moved;
}
