import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { subtract, union, type Interval } from '../../src/domain/interval.ts';
import { compareBusy, firstOf, inBoth, isDifferent } from '../../src/domain/repair.ts';

const MINUTE_MS = 60_000;
const span = (from: number, to: number): Interval => ({
  startAt: from * MINUTE_MS,
  endAt: to * MINUTE_MS,
});
const window = span(0, 1_000);
const spans = fc
  .array(fc.tuple(fc.nat(900), fc.integer({ min: 1, max: 90 })), { maxLength: 8 })
  .map((all) => all.map(([from, length]) => span(from, from + length)));

describe('a comparison', () => {
  test('finds nothing where both say the same, in whatever pieces', () => {
    fc.assert(
      fc.property(spans, (all) => {
        const found = compareBusy({ window, theirs: union(all), ours: all, certain: all });
        expect(isDifferent(found)).toBe(false);
      }),
    );
  });

  test('names exactly what only one of them takes', () => {
    fc.assert(
      fc.property(spans, spans, (theirs, ours) => {
        const { missing, extra } = compareBusy({ window, theirs, ours, certain: ours });
        expect(missing).toEqual(subtract(theirs, ours));
        expect(extra).toEqual(subtract(ours, theirs));
      }),
    );
  });

  test('lets our copy take more than the channel where it only keeps to the safe side', () => {
    const found = compareBusy({ window, theirs: [], ours: [span(5, 9)], certain: [] });
    expect(isDifferent(found)).toBe(false);
  });

  test('looks at its window only, and overlooks what rounding to minutes makes', () => {
    const theirs = [
      { startAt: 10 * MINUTE_MS, endAt: 20 * MINUTE_MS + 59_999 },
      span(2_000, 2_100),
    ];
    const ours = [span(10, 20)];
    expect(isDifferent(compareBusy({ window, theirs, ours, certain: ours }))).toBe(false);
  });
});

test('two looks agree on what both found', () => {
  const first = { missing: [span(0, 10)], extra: [span(50, 60)] };
  const second = { missing: [span(5, 20)], extra: [] };
  expect(inBoth(first, second)).toEqual({ missing: [span(5, 10)], extra: [] });
  expect(isDifferent(inBoth(first, { missing: [span(30, 40)], extra: [] }))).toBe(false);
});

test('of many differences the first are kept', () => {
  const many = Array.from({ length: 9 }, (_, n) => span(n * 10, n * 10 + 5));
  expect(firstOf({ missing: many, extra: [] }, 2)).toEqual({
    missing: many.slice(0, 2),
    extra: [],
  });
});
