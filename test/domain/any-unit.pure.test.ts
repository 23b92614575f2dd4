import fc from 'fast-check';
import { expect, test } from 'vitest';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import type { AvailabilityFacts, Taken } from '../../src/domain/availability.ts';
import { freeSpans, refusalOf } from '../../src/domain/availability.ts';
import { mostAtOnce } from '../../src/domain/free-together.ts';
import { ANY_UNIT } from '../../src/domain/units.ts';
import { publishedEntries } from '../../src/domain/published.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../../src/domain/resource.ts';

/** Events of a calendar that tells no unit, on a resource of several: each takes any one of them. */
const zones = { toInstant: wallToInstant, toWall: instantToWall, isKnown: zoneIsKnown, instantOf };
const MINUTE = 60_000;
const DAY_MINUTES = 24;

const taken = (unit: number, from: number, to: number): Taken => ({
  unit,
  startAt: from * MINUTE,
  endAt: to * MINUTE,
  by: unit === ANY_UNIT ? 'busy' : 'occupancy',
});

const factsOf = (
  capacity: number,
  spans: Taken[],
  [before, after]: readonly [number, number] = [0, 0],
): AvailabilityFacts => ({
  timeZone: 'UTC',
  capacity,
  taken: spans,
  begins: [],
  knownUntilAt: null,
  nowAt: -100 * MINUTE,
  settings: {
    ...DEFAULT_RESOURCE_SETTINGS,
    bufferBeforeMs: before * MINUTE,
    bufferAfterMs: after * MINUTE,
  },
});
const window = { startAt: 0, endAt: DAY_MINUTES * MINUTE };

/** A small world on a grid of minutes. */
const world = fc.integer({ min: 1, max: 4 }).chain((capacity) =>
  fc.record({
    capacity: fc.constant(capacity),
    party: fc.integer({ min: 1, max: capacity }),
    buffers: fc.tuple(fc.nat(2), fc.nat(2)),
    spans: fc.array(
      fc
        .tuple(fc.nat(capacity), fc.nat(18), fc.integer({ min: 1, max: 6 }))
        .map(([unit, from, length]) => taken(unit, from, from + length)),
      { maxLength: 7 },
    ),
  }),
);

test('a span is offered exactly when a hold of it is not refused, whatever is taken', () => {
  fc.assert(
    fc.property(world, ({ capacity, party, buffers, spans }) => {
      const facts = factsOf(capacity, spans, buffers);
      const offered = freeSpans(facts, { window, party, zones });
      for (let from = 0; from < DAY_MINUTES; from += 1)
        for (let to = from + 1; to <= DAY_MINUTES; to += 1) {
          const span = { startAt: from * MINUTE, endAt: to * MINUTE };
          const isOffered = offered.some(
            (one) => one.startAt <= span.startAt && span.endAt <= one.endAt,
          );
          expect(isOffered).toBe(refusalOf(facts, { span, party, zones }) === null);
        }
    }),
    { numRuns: 60 },
  );
});

test('two that follow one another need one unit, and two at once need two', () => {
  const offered = (...spans: Taken[]) =>
    freeSpans(factsOf(2, spans), { window, party: 1, zones }).map(({ startAt, endAt }) => [
      startAt / MINUTE,
      endAt / MINUTE,
    ]);
  expect(offered(taken(ANY_UNIT, 0, 2), taken(ANY_UNIT, 2, 4))).toEqual([[0, 24]]);
  expect(offered(taken(ANY_UNIT, 0, 3), taken(ANY_UNIT, 2, 4))).toEqual([
    [0, 2],
    [3, 24],
  ]);
  expect(mostAtOnce([taken(ANY_UNIT, 0, 3), taken(ANY_UNIT, 2, 4)])).toBe(2);
});

test('a feed of one unit closes when nothing is left beside what is taken somewhere', () => {
  const source = (unit: number | null, from: number, to: number) => ({
    key: `s/${unit}/${from}`,
    unit,
    startAt: from,
    endAt: to,
  });
  const sources = [source(ANY_UNIT, 0, 10), source(2, 4, 6)];
  expect(publishedEntries(sources, { unit: 1, capacity: 2 })).toEqual([
    { key: 'full/4', startAt: 4, endAt: 6 },
  ]);
  expect(publishedEntries(sources, { unit: null, capacity: 2 })).toEqual([
    { key: 'full/4', startAt: 4, endAt: 6 },
  ]);
  expect(publishedEntries([sources[0]!], { unit: null, capacity: 1 })).toHaveLength(1);
});

test('of 500 units, ten thousand times and a thousand events that name none, each offer can be had', () => {
  const random = (n: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % n;
  let seed = 7;
  const spans = Array.from({ length: 11_000 }, (_, n) => {
    const from = random(n < 10_000 ? 90 * 24 : 3 * 24);
    return taken(n < 10_000 ? 1 + random(500) : ANY_UNIT, from, from + 1 + random(72));
  });
  const facts = factsOf(500, spans);
  const wide = { startAt: 0, endAt: 90 * 24 * MINUTE };
  const offered = freeSpans(facts, { window: wide, party: 20, zones });
  for (const span of offered) expect(refusalOf(facts, { span, party: 20, zones })).toBeNull();
  expect(offered.length).toBeGreaterThan(1);
});
