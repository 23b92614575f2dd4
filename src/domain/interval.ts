/** Half-open spans of time `[startAt, endAt)`, in epoch milliseconds. */
export interface Interval {
  startAt: number;
  endAt: number;
}

export const overlaps = (a: Interval, b: Interval): boolean =>
  a.startAt < b.endAt && b.startAt < a.endAt;

/** Sorted, without overlaps or touching neighbours, covering the same instants. */
export function union(intervals: readonly Interval[]): Interval[] {
  const sorted = intervals
    .filter((one) => one.startAt < one.endAt)
    .toSorted((a, b) => a.startAt - b.startAt);
  const merged: Interval[] = [];
  for (const one of sorted) {
    const last = merged.at(-1);
    if (last && one.startAt <= last.endAt) last.endAt = Math.max(last.endAt, one.endAt);
    else merged.push({ startAt: one.startAt, endAt: one.endAt });
  }
  return merged;
}

/** What of `from` is in none of `taken`. */
export function subtract(from: readonly Interval[], taken: readonly Interval[]): Interval[] {
  const cuts = union(taken);
  return union(from).flatMap((whole) => {
    const free: Interval[] = [];
    let cursor = whole.startAt;
    for (const cut of cuts) {
      if (cut.endAt <= cursor) continue;
      if (cut.startAt >= whole.endAt) break;
      if (cut.startAt > cursor) free.push({ startAt: cursor, endAt: cut.startAt });
      cursor = cut.endAt;
    }
    if (cursor < whole.endAt) free.push({ startAt: cursor, endAt: whole.endAt });
    return free;
  });
}

/** What lies in both. */
export function intersect(a: readonly Interval[], b: readonly Interval[]): Interval[] {
  const rest = subtract(a, b);
  return subtract(a, rest);
}
