import fc from 'fast-check';
import { expect, test } from 'vitest';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import type { AvailabilityFacts, Taken } from '../../src/domain/availability.ts';
import { freeSpans, refusalOf } from '../../src/domain/availability.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../../src/domain/resource.ts';

const HOUR_MS = 3_600_000;
const zones = {
  toInstant: wallToInstant,
  toWall: instantToWall,
  isKnown: zoneIsKnown,
  instantOf,
};

const facts = (
  taken: readonly Taken[],
  more: Partial<AvailabilityFacts> & { bufferAfterMs?: number } = {},
): AvailabilityFacts => {
  const { bufferAfterMs = 0, ...rest } = more;
  return {
    timeZone: 'UTC',
    capacity: 1,
    settings: { ...DEFAULT_RESOURCE_SETTINGS, bufferAfterMs },
    taken,
    begins: [],
    knownUntilAt: null,
    nowAt: 0,
    ...rest,
  };
};

const taken = (from: number, to: number, unit: number | null = 1): Taken => ({
  startAt: from * HOUR_MS,
  endAt: to * HOUR_MS,
  unit,
  by: 'occupancy',
});

const window = { startAt: HOUR_MS, endAt: 24 * HOUR_MS };
const hoursOf = (all: AvailabilityFacts, party = 1) =>
  freeSpans(all, { window, party, zones }).map((one) => [
    one.startAt / HOUR_MS,
    one.endAt / HOUR_MS,
  ]);

test('a booking fits where the resource and all that it takes are free, each with its own buffers', () => {
  const all = facts([taken(2, 4)], {
    linked: [
      { id: 'people', units: 1, facts: facts([taken(8, 10)], { bufferAfterMs: HOUR_MS }) },
      {
        id: 'room',
        units: 2,
        facts: facts([taken(14, 16, 1), taken(18, 19, 2)], { capacity: 3 }),
      },
      { id: 'sauna', units: 3, facts: facts([taken(20, 21, 2)], { capacity: 3 }) },
    ],
  });
  expect(hoursOf(all)).toEqual([
    [1, 2],
    [4, 7],
    // A room of one's own for the whole time: two of three are free throughout.
    [10, 18],
    [16, 20],
    [21, 24],
  ]);
});

test('what is sold no more, or known too short a time, is never had', () => {
  const gone = { id: 'room', units: 1, facts: facts([], { capacity: 0 }) };
  expect(hoursOf(facts([], { linked: [gone] }))).toEqual([]);
  const short = { id: 'room', units: 1, facts: facts([], { knownUntilAt: 5 * HOUR_MS }) };
  expect(hoursOf(facts([], { linked: [short] }))).toEqual([[1, 5]]);
});

const someTaken = fc.array(
  fc.record({
    from: fc.integer({ min: 0, max: 22 }),
    hours: fc.integer({ min: 1, max: 6 }),
    unit: fc.constantFrom(null, 0, 1, 2, 3),
  }),
  { maxLength: 6 },
);

test('free spans and refusals say the same of every span, whatever is linked', () => {
  const place = fc.record({ taken: someTaken, buffer: fc.constantFrom(0, 1) });
  fc.assert(
    fc.property(fc.array(place, { minLength: 2, maxLength: 4 }), ([own, ...others]) => {
      const factsOf = ({ taken: list, buffer }: typeof own & object) =>
        facts(
          list.map((one) => taken(one.from, one.from + one.hours, one.unit)),
          { capacity: 3, bufferAfterMs: buffer * HOUR_MS },
        );
      const linked = others.map((one, n) => ({ id: `l${n}`, units: n + 1, facts: factsOf(one) }));
      const all = { ...factsOf(own!), linked };
      const spans = freeSpans(all, { window, party: 1, zones });
      for (let from = 1; from < 24; from += 1)
        for (let to = from + 1; to <= 24; to += 1) {
          const span = { startAt: from * HOUR_MS, endAt: to * HOUR_MS };
          const isFree = spans.some(
            (one) => one.startAt <= span.startAt && span.endAt <= one.endAt,
          );
          expect(refusalOf(all, { span, party: 1, zones }) === null).toBe(isFree);
        }
    }),
    { numRuns: 60 },
  );
});
