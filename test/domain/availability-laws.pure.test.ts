import fc from 'fast-check';
import { expect, test } from 'vitest';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import type { AvailabilityFacts, Taken } from '../../src/domain/availability.ts';
import { freeSpans, nearestFree, refusalOf, startTimes } from '../../src/domain/availability.ts';
import { dayOf } from '../../src/domain/local-days.ts';
import { spanOfStay } from '../../src/domain/nights.ts';
import type { NightRules, OpeningException, OpeningRule } from '../../src/domain/resource.ts';
import { DEFAULT_RESOURCE_SETTINGS, WEEKDAYS } from '../../src/domain/resource.ts';
import { nightDays, staysOf } from '../../src/domain/stays.ts';

/** Availability and hold say the same, whatever the rules, over clock changes too. */
const zones = { toInstant: wallToInstant, toWall: instantToWall, isKnown: zoneIsKnown, instantOf };
const STEP = 30 * 60_000;
const SLOTS = 96;
const DAY = 48 * STEP;
const BASE = Date.parse('2027-03-27T00:00Z');
const RUNS = { numRuns: 150 };

const daily = (from: string, to: string): OpeningRule[] => [{ days: [...WEEKDAYS], from, to }];
const slots = (max: number) => fc.integer({ min: 0, max }).map((n) => n * STEP);
const perhaps = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: null, freq: 2 });

const anyTaken = (span: number) =>
  fc.array(
    fc
      .record({
        from: fc.integer({ min: -6, max: span }),
        length: fc.integer({ min: 1, max: 12 }),
        unit: fc.option(fc.integer({ min: 0, max: 3 }), { nil: null }),
        by: fc.constantFrom<Taken['by']>('busy', 'block'),
      })
      .map(({ from, length, ...rest }) => ({
        ...rest,
        startAt: BASE + from * STEP,
        endAt: BASE + (from + length) * STEP,
      })),
    { maxLength: 8 },
  );

const day = fc.integer({ min: 25, max: 31 }).map((n) => `2027-03-${n}`);
const anyException = fc
  .tuple(
    day,
    day,
    fc.constantFrom<OpeningException['open'][]>(
      [],
      [{ from: '00:00', to: '24:00' }],
      [{ from: '02:30', to: '11:00' }],
    ),
  )
  .map(([one, other, open]): OpeningException => {
    const [fromDay, toDay] = [one, other].toSorted() as [string, string];
    return { fromDay, toDay, open };
  });

const place = {
  timeZone: fc.constantFrom('UTC', 'Europe/Paris', 'America/New_York', 'Australia/Lord_Howe'),
  capacity: fc.integer({ min: 1, max: 3 }),
  begins: fc.array(
    slots(SLOTS * 2).map((ms) => BASE - DAY + ms),
    { maxLength: 5 },
  ),
  known: perhaps(fc.integer({ min: 20, max: SLOTS })),
};
const common = {
  bufferBeforeMs: slots(3),
  bufferAfterMs: slots(3),
  noticeMs: slots(20),
  windowMs: perhaps(slots(80)),
  maxPerDay: perhaps(fc.integer({ min: 1, max: 3 })),
};

const byTime = fc
  .record({
    ...place,
    settings: fc.record({
      ...common,
      opening: fc.constantFrom<OpeningRule[][]>(
        [],
        daily('00:00', '24:00'),
        daily('01:30', '09:00'),
        [...daily('08:00', '12:00'), ...daily('13:00', '22:30')],
      ),
      exceptions: fc.array(anyException, { maxLength: 2 }),
      minDurationMs: perhaps(slots(4)),
      maxDurationMs: perhaps(slots(12).map((ms) => ms + 4 * STEP)),
    }),
    taken: anyTaken(SLOTS),
  })
  .map(({ known, settings, ...rest }): AvailabilityFacts => ({
    ...rest,
    settings: { ...DEFAULT_RESOURCE_SETTINGS, ...settings },
    knownUntilAt: known === null ? null : BASE + known * STEP,
    nowAt: BASE,
  }));

test('free spans hold exactly the bookings of a lawful length that no rule refuses', () => {
  fc.assert(
    fc.property(byTime, fc.integer({ min: 1, max: 3 }), (facts, party) => {
      const window = { startAt: BASE, endAt: BASE + SLOTS * STEP };
      const spans = freeSpans(facts, { window, party, zones });
      const { minDurationMs, maxDurationMs } = facts.settings;
      for (let from = 0; from < SLOTS; from += 1) {
        for (const length of [1, 2, 5, 17]) {
          const span = { startAt: BASE + from * STEP, endAt: BASE + (from + length) * STEP };
          if (span.endAt > window.endAt) continue;
          const durationMs = length * STEP;
          const isLawful =
            durationMs >= (minDurationMs ?? 0) && durationMs <= (maxDurationMs ?? Infinity);
          const isFree = refusalOf(facts, { span, party, zones }) === null;
          const isInside = spans.some(
            (one) =>
              one.startAt <= span.startAt &&
              span.startAt < one.startBefore &&
              span.endAt <= one.endAt,
          );
          expect([from, length, isLawful && isInside]).toEqual([from, length, isFree]);
        }
      }
    }),
    RUNS,
  );
});

test('starts are exactly the steps at which a booking of that length is possible', () => {
  fc.assert(
    fc.property(byTime, fc.integer({ min: 1, max: 6 }), (facts, length) => {
      const window = { startAt: BASE, endAt: BASE + SLOTS * STEP };
      const ask = { window, party: 1, zones };
      const durationMs = length * STEP;
      const found = startTimes(facts, { ...ask, durationMs, stepMs: STEP });
      expect(found).toEqual([...new Set(found)].toSorted((a, b) => a - b));
      for (let from = 0; from + length <= SLOTS; from += 1) {
        const startAt = BASE + from * STEP;
        const span = { startAt, endAt: startAt + durationMs };
        const isFree = refusalOf(facts, { span, party: 1, zones }) === null;
        // Openings begin at half hours, so every slot of ours is a step.
        expect([from, found.includes(startAt)]).toEqual([from, isFree]);
      }
    }),
    RUNS,
  );
});

test('what is offered as nearest can be booked', () => {
  fc.assert(
    fc.property(byTime, fc.integer({ min: 0, max: 80 }), (facts, from) => {
      const window = { startAt: BASE, endAt: BASE + SLOTS * STEP };
      const span = { startAt: BASE + from * STEP, endAt: BASE + (from + 3) * STEP };
      for (const one of nearestFree(facts, { window, span, party: 1, zones, limit: 3 }))
        expect(refusalOf(facts, { span: one, party: 1, zones })).toBeNull();
    }),
    RUNS,
  );
});

const weekdays = fc.subarray([...WEEKDAYS], { maxLength: 4 });
const anyNights = fc
  .record({
    times: fc.constantFrom(['15:00', '11:00'], ['02:30', '02:30'], ['23:59', '00:00']),
    minNights: fc.integer({ min: 1, max: 3 }),
    more: fc.integer({ min: 0, max: 5 }),
    closedToArrival: weekdays,
    closedToDeparture: weekdays,
    seasons: fc.array(
      fc.record(
        {
          days: fc.tuple(day, day),
          minNights: fc.integer({ min: 1, max: 2 }),
          closedToArrival: weekdays,
          closedToDeparture: weekdays,
        },
        { requiredKeys: ['days'] },
      ),
      { maxLength: 2 },
    ),
  })
  .map(({ times, more, seasons, ...rest }): NightRules => {
    const inOrder = seasons.map(({ days, ...season }) => {
      const [fromDay, toDay] = days.toSorted() as [string, string];
      return { fromDay, toDay, ...season };
    });
    const [checkIn, checkOut] = times as [string, string];
    return { checkIn, checkOut, ...rest, maxNights: rest.minNights + more, seasons: inOrder };
  });

const byNight = fc
  .record({
    ...place,
    nights: anyNights,
    settings: fc.record(common),
    taken: anyTaken(SLOTS * 3),
    closed: fc.array(anyException, { maxLength: 2 }),
  })
  .map(({ known, nights, settings, closed, ...rest }): AvailabilityFacts => {
    const exceptions = closed.map((one) => ({ ...one, open: one.open.slice(0, 1) }));
    return {
      ...rest,
      settings: { ...DEFAULT_RESOURCE_SETTINGS, ...settings, soldBy: 'night', nights, exceptions },
      knownUntilAt: known === null ? null : BASE + known * 3 * STEP,
      nowAt: BASE,
    };
  });

/** Days of which every stay below lies in the window. */
const askOf = (facts: AvailabilityFacts) => {
  const first = dayOf(BASE, { timeZone: facts.timeZone, zones });
  return {
    window: { startAt: BASE - 2 * DAY, endAt: BASE + 12 * DAY },
    fromDay: first - 1,
    toDay: first + 4,
    zones,
  };
};

test('stays of a length are exactly those that no rule refuses', () => {
  fc.assert(
    fc.property(
      byNight,
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 5 }),
      (facts, party, nights) => {
        const ask = askOf(facts);
        const found = staysOf(facts, { ...ask, party, nights }).map((one) => one.arrivalDay);
        for (let day = ask.fromDay; day <= ask.toDay; day += 1) {
          const stay = { arrivalDay: day, departureDay: day + nights };
          const span = spanOfStay(stay, facts.settings.nights!, { ...facts, zones });
          const isFree = refusalOf(facts, { span, party, zones }) === null;
          expect([day, found.includes(day)]).toEqual([day, isFree]);
        }
      },
    ),
    RUNS,
  );
});

test('a day on which one may arrive has a stay, and a stay is of nights that are free', () => {
  fc.assert(
    fc.property(byNight, (facts) => {
      const ask = { ...askOf(facts), party: 1 };
      const days = new Map(nightDays(facts, ask).map((one) => [one.day, one]));
      const arrivals = new Set<number>();
      for (let nights = 1; nights <= 8; nights += 1) {
        for (const stay of staysOf(facts, { ...ask, nights })) {
          arrivals.add(stay.arrivalDay);
          for (let day = stay.arrivalDay; day < stay.departureDay; day += 1)
            expect(days.get(day)?.isFree ?? true).toBe(true);
          expect(days.get(stay.departureDay)?.mayDepart ?? true).toBe(true);
        }
      }
      const may = [...days.values()].filter((one) => one.mayArrive).map((one) => one.day);
      expect(may).toEqual([...arrivals].toSorted((a, b) => a - b));
    }),
    RUNS,
  );
});

test('nearest stays can be booked', () => {
  fc.assert(
    fc.property(byNight, fc.integer({ min: 0, max: 5 }), (facts, from) => {
      const { window } = askOf(facts);
      const span = { startAt: BASE + from * DAY, endAt: BASE + (from + 2) * DAY };
      for (const one of nearestFree(facts, { window, span, party: 1, zones, limit: 3 }))
        expect(refusalOf(facts, { span: one, party: 1, zones })).toBeNull();
    }),
    RUNS,
  );
});
