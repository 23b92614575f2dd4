import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isMassConflict,
  isOutranked,
  isStronger,
  type Claim,
  type TimeClaim,
} from '../../src/domain/conflict.ts';
import { overlaps } from '../../src/domain/interval.ts';
import { ANY_UNIT } from '../../src/domain/units.ts';

const key = fc.record({
  priority: fc.integer({ min: 1, max: 3 }),
  sinceAt: fc.option(fc.integer({ min: 0, max: 4 })),
});
const claims = fc
  .tuple(key, key, key, fc.shuffledSubarray(['a', 'b', 'c'], { minLength: 3 }))
  .map(([a, b, c, ids]): [Claim, Claim, Claim] => [
    { ...a, id: ids[0]! },
    { ...b, id: ids[1]! },
    { ...c, id: ids[2]! },
  ]);

describe('the key', () => {
  it('puts any two claims in one order, and any three in no circle', () => {
    fc.assert(
      fc.property(claims, ([a, b, c]: [Claim, Claim, Claim]) => {
        expect(isStronger(a, a)).toBe(false);
        expect(isStronger(a, b)).toBe(a.id !== b.id && !isStronger(b, a));
        expect(isStronger(a, b) && isStronger(b, c) && !isStronger(a, c)).toBe(false);
      }),
    );
  });

  it('asks for the priority first, then who was there first, then the id', () => {
    const ours = { priority: 100, sinceAt: 10, id: 'booking/b' };
    expect(isStronger({ priority: 101, sinceAt: null, id: 'event/e' }, ours)).toBe(true);
    expect(isStronger({ priority: 100, sinceAt: 9, id: 'event/e' }, ours)).toBe(true);
    expect(isStronger({ priority: 100, sinceAt: 10, id: 'event/e' }, ours)).toBe(false);
    // Who does not say since when came last.
    expect(isStronger({ priority: 100, sinceAt: null, id: 'a' }, ours)).toBe(false);
  });
});

type Booking = TimeClaim & { units: number[]; sinceAt: number };
const HOURS = 6;
const spanFrom = (from: number, hours: number) => ({ startAt: from, endAt: from + hours });

const event = (units: fc.Arbitrary<number[] | null>) =>
  fc.record({
    from: fc.integer({ min: 0, max: HOURS }),
    hours: fc.integer({ min: 1, max: 3 }),
    units,
    priority: fc.constantFrom(90, 100, 110),
    sinceAt: fc.option(fc.integer({ min: 0, max: 9 })),
  });
const CAPACITY = 2;

/** Bookings of which no two want the same unit at one time, as the ledger keeps them. */
const bookings = fc
  .uniqueArray(
    fc.record({
      from: fc.integer({ min: 0, max: HOURS }),
      unit: fc.integer({ min: 1, max: CAPACITY }),
      sinceAt: fc.integer({ min: 0, max: 9 }),
    }),
    { maxLength: 3, comparator: (a, b) => a.unit === b.unit && Math.abs(a.from - b.from) < 2 },
  )
  .map((all) =>
    all.map(({ from, unit, sinceAt }, n): Booking => ({
      priority: 100,
      sinceAt,
      id: `booking/${n}`,
      spans: [spanFrom(from, 2)],
      units: [unit],
    })),
  );

const eventsOf = (units: fc.Arbitrary<number[] | null>) =>
  fc.array(event(units), { maxLength: 3 }).map((all) =>
    all.map(({ from, hours, ...more }, n): TimeClaim => ({
      ...more,
      id: `event/${n}`,
      spans: [spanFrom(from, hours)],
    })),
  );

const oneOrAll = fc.constantFrom<number[] | null>(null, [1], [2]);
const anyKind = fc.constantFrom<number[] | null>(null, [1], [2], [ANY_UNIT]);

function* permutations<T>(all: readonly T[]): Generator<T[]> {
  if (all.length === 0) yield [];
  for (const [n, first] of all.entries())
    for (const rest of permutations(all.toSpliced(n, 1))) yield [first, ...rest];
}

/** Each arrival is acted on at once: whoever is outranked by what is there gives way for good. */
function standingAfter(arrivals: readonly TimeClaim[]): string[] {
  const there: TimeClaim[] = [];
  for (const arrival of arrivals) {
    there.push(arrival);
    for (const one of there.filter(({ id }) => id.startsWith('booking/')))
      if (isOutranked(one as Booking, there, CAPACITY)) there.splice(there.indexOf(one), 1);
  }
  return there.map(({ id }) => id).toSorted();
}

describe('every order of up to six arrivals', () => {
  it('leaves the same bookings standing, when each event is acted on as it comes', () => {
    fc.assert(
      fc.property(bookings, eventsOf(oneOrAll), (ours, theirs) => {
        const all = [...ours, ...theirs];
        const first = standingAfter(all);
        for (const order of permutations(all)) expect(standingAfter(order)).toEqual(first);
      }),
      { numRuns: 60 },
    );
  });

  it('ends in one verdict on each booking, whatever the events take, moved or not', () => {
    fc.assert(
      fc.property(bookings, eventsOf(anyKind), (ours, theirs) => {
        const all = [...ours, ...theirs];
        const verdicts = (claims: readonly TimeClaim[]) =>
          ours.map((one) => isOutranked(one, claims, CAPACITY));
        const first = verdicts(all);
        for (const order of permutations(all)) expect(verdicts(order)).toEqual(first);
      }),
      { numRuns: 60 },
    );
  });

  it('is decided by what is stronger alone, so that what comes later and is weaker changes nothing', () => {
    fc.assert(
      fc.property(bookings, eventsOf(anyKind), (ours, theirs) => {
        const all = [...ours, ...theirs];
        for (const one of ours) {
          const stronger = all.filter((other) => isStronger(other, one));
          expect(isOutranked(one, all, CAPACITY)).toBe(isOutranked(one, stronger, CAPACITY));
        }
      }),
    );
  });

  it('refuses or takes back the same, where news comes late of what was there first', () => {
    // A booking asked for after the news of an older event is refused; before it, it gives way.
    fc.assert(
      fc.property(bookings, eventsOf(fc.constant(null)), (ours, theirs) => {
        const equal = theirs.map((one) => ({ ...one, priority: 100, sinceAt: one.sinceAt ?? 0 }));
        for (const one of ours) {
          const older = equal.filter((other) => isStronger(other, one));
          const isRefused = older.some(({ spans }) => overlaps(spans[0]!, one.spans[0]!));
          expect(isOutranked(one, equal, CAPACITY)).toBe(isRefused);
        }
      }),
    );
  });
});

it('of events that take any place, so many bookings give way as there are too many', () => {
  const span = [spanFrom(0, 1)];
  const old = { priority: 100, sinceAt: 1, id: 'booking/1', spans: span, units: [1] };
  const young = { priority: 100, sinceAt: 3, id: 'booking/2', spans: span, units: [2] };
  const somewhere = { priority: 100, sinceAt: 2, id: 'event/1', spans: span, units: [ANY_UNIT] };
  const all = [old, young, somewhere];
  expect([old, young].map((one) => isOutranked(one, all, 2))).toEqual([false, true]);
  expect(isOutranked(young, all, 3)).toBe(false);
});

it('a day that collides is no mass; most of a calendar, or twenty bookings, is', () => {
  expect(isMassConflict(2, 2)).toBe(false);
  expect(isMassConflict(3, 7)).toBe(false);
  expect(isMassConflict(4, 7)).toBe(true);
  expect(isMassConflict(20, 500)).toBe(false);
  expect(isMassConflict(21, 500)).toBe(true);
});
