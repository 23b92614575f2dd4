import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Interval } from '../../src/domain/interval.ts';
import { intersect, overlaps, subtract, union } from '../../src/domain/interval.ts';

const RANGE = 30;
const anInterval = fc
  .tuple(fc.nat(RANGE), fc.nat(6))
  .map(([startAt, length]): Interval => ({ startAt, endAt: startAt + length }));
const intervals = fc.array(anInterval, { maxLength: 10 });

/** The whole numbers that intervals cover: the plainest model of half-open spans. */
const points = (all: readonly Interval[]): number[] => {
  const covered = new Set<number>();
  for (const { startAt, endAt } of all) for (let n = startAt; n < endAt; n += 1) covered.add(n);
  return [...covered].toSorted((a, b) => a - b);
};
const isTidy = (all: readonly Interval[]): boolean =>
  all.every((one, n) => one.startAt < one.endAt && (n === 0 || all[n - 1]!.endAt < one.startAt));

test('a union covers the same instants, sorted, without neighbours that touch', () => {
  fc.assert(
    fc.property(intervals, (all) => {
      const before = structuredClone(all);
      const merged = union(all);
      expect(points(merged)).toEqual(points(all));
      expect(isTidy(merged)).toBe(true);
      expect(all).toEqual(before);
    }),
  );
});

test('a difference covers what is in the first and not in the second', () => {
  fc.assert(
    fc.property(intervals, intervals, (a, b) => {
      const rest = subtract(a, b);
      const taken = new Set(points(b));
      expect(points(rest)).toEqual(points(a).filter((n) => !taken.has(n)));
      expect(isTidy(rest)).toBe(true);
    }),
  );
});

test('an intersection covers what lies in both, whichever comes first', () => {
  fc.assert(
    fc.property(intervals, intervals, (a, b) => {
      const both = intersect(a, b);
      const others = new Set(points(b));
      expect(points(both)).toEqual(points(a).filter((n) => others.has(n)));
      expect(points(intersect(b, a))).toEqual(points(both));
    }),
  );
});

test('two spans overlap when they share an instant, and not when they only touch', () => {
  const some = anInterval.filter((one) => one.startAt < one.endAt);
  fc.assert(
    fc.property(some, some, (a, b) => {
      expect(overlaps(a, b)).toBe(points(intersect([a], [b])).length > 0);
    }),
  );
});
