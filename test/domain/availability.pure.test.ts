import fc from 'fast-check';
import { expect, test } from 'vitest';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import type { AvailabilityFacts, Taken } from '../../src/domain/availability.ts';
import {
  freeSpans,
  nearestFree,
  nightsOf,
  refusalOf,
  startTimes,
} from '../../src/domain/availability.ts';
import type { OpeningRule, ResourceSettings } from '../../src/domain/resource.ts';
import { DEFAULT_RESOURCE_SETTINGS, WEEKDAYS } from '../../src/domain/resource.ts';

const zones = { toInstant: wallToInstant, toWall: instantToWall, isKnown: zoneIsKnown, instantOf };
const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);
const say = (instant: number): string => new Date(instant).toISOString().slice(0, 16);

const factsOf = (
  given: Partial<Omit<AvailabilityFacts, 'settings'>> & { settings?: Partial<ResourceSettings> },
): AvailabilityFacts => ({
  timeZone: 'UTC',
  capacity: 1,
  taken: [],
  knownUntilAt: null,
  nowAt: at('2027-01-01T00:00Z'),
  ...given,
  settings: { ...DEFAULT_RESOURCE_SETTINGS, ...given.settings },
});

const daily = (from: string, to: string): OpeningRule[] => [{ days: [...WEEKDAYS], from, to }];
const windowOf = (from: string, to: string) => ({ startAt: at(from), endAt: at(to) });
const shown = (spans: { startAt: number; endAt: number }[]) =>
  spans.map((one) => `${say(one.startAt)}/${say(one.endAt)}`);

test('a booking beside a taken time keeps its buffers on both sides', () => {
  const facts = factsOf({
    settings: { bufferBeforeMs: HOUR, bufferAfterMs: 2 * HOUR },
    taken: [{ ...windowOf('2027-02-01T10:00Z', '2027-02-01T12:00Z'), unit: null, by: 'busy' }],
  });
  const window = windowOf('2027-02-01T00:00Z', '2027-02-02T00:00Z');
  expect(shown(freeSpans(facts, { window, party: 1, zones }))).toEqual([
    '2027-02-01T00:00/2027-02-01T08:00',
    '2027-02-01T13:00/2027-02-02T00:00',
  ]);
});

test('units that are free at different times give spans that overlap', () => {
  const facts = factsOf({
    capacity: 2,
    taken: [
      { ...windowOf('2027-02-01T12:00Z', '2027-02-02T00:00Z'), unit: 1, by: 'occupancy' },
      { ...windowOf('2027-02-01T00:00Z', '2027-02-01T10:00Z'), unit: 2, by: 'occupancy' },
    ],
  });
  const window = windowOf('2027-02-01T00:00Z', '2027-02-02T00:00Z');
  expect(shown(freeSpans(facts, { window, party: 1, zones }))).toEqual([
    '2027-02-01T00:00/2027-02-01T12:00',
    '2027-02-01T10:00/2027-02-02T00:00',
  ]);
  expect(shown(freeSpans(facts, { window, party: 2, zones }))).toEqual([
    '2027-02-01T10:00/2027-02-01T12:00',
  ]);
});

test('nothing is free before the notice is over, nor beyond what outside calendars tell', () => {
  const facts = factsOf({
    settings: { noticeMs: 24 * HOUR, bufferAfterMs: HOUR },
    nowAt: at('2027-02-01T00:00:30Z'),
    knownUntilAt: at('2027-02-03T00:00Z'),
  });
  const window = windowOf('2027-02-01T00:00Z', '2027-02-09T00:00Z');
  expect(shown(freeSpans(facts, { window, party: 1, zones }))).toEqual([
    '2027-02-02T00:01/2027-02-02T23:00',
  ]);
});

test('openings follow the clocks of the zone into and out of summer time', () => {
  const facts = factsOf({
    timeZone: 'Europe/Paris',
    settings: { opening: daily('08:00', '10:00') },
  });
  const spring = windowOf('2027-03-27T00:00Z', '2027-03-29T00:00Z');
  expect(shown(freeSpans(facts, { window: spring, party: 1, zones }))).toEqual([
    '2027-03-27T07:00/2027-03-27T09:00',
    '2027-03-28T06:00/2027-03-28T08:00',
  ]);
  const autumn = windowOf('2027-10-30T00:00Z', '2027-11-01T00:00Z');
  expect(shown(freeSpans(facts, { window: autumn, party: 1, zones }))).toEqual([
    '2027-10-30T06:00/2027-10-30T08:00',
    '2027-10-31T07:00/2027-10-31T09:00',
  ]);
});

test('the day that loses an hour has 23 hourly starts, the one that gains it has 25', () => {
  const facts = factsOf({ timeZone: 'Europe/Paris' });
  const starts = (from: string, to: string) =>
    startTimes(facts, {
      window: { startAt: at(from), endAt: at(to) },
      party: 1,
      zones,
      durationMs: HOUR,
      stepMs: HOUR,
    });
  expect(starts('2027-03-28T00:00+01:00', '2027-03-29T00:00+02:00')).toHaveLength(23);
  expect(starts('2027-10-31T00:00+02:00', '2027-11-01T00:00+01:00')).toHaveLength(25);
});

test('an opening that lies in the skipped hour does not exist that day', () => {
  const facts = factsOf({
    timeZone: 'Europe/Paris',
    settings: { opening: daily('02:00', '03:00') },
  });
  const window = windowOf('2027-03-28T00:00Z', '2027-03-28T20:00Z');
  expect(freeSpans(facts, { window, party: 1, zones })).toEqual([]);
});

test('days that are open to midnight join, so that a stay may last over nights', () => {
  const facts = factsOf({
    timeZone: 'Europe/Paris',
    settings: { opening: daily('00:00', '24:00') },
  });
  const span = windowOf('2027-03-26T15:00Z', '2027-03-30T09:00Z');
  expect(refusalOf(facts, { span, party: 1, zones })).toBeNull();
  expect(nightsOf(span, 'Europe/Paris', zones)).toBe(4);
  expect(nightsOf(windowOf('2027-03-26T15:00Z', '2027-03-26T16:00Z'), 'Europe/Paris', zones)).toBe(
    1,
  );
});

test('each rule refuses under its own name', () => {
  const day = windowOf('2027-02-01T00:00Z', '2027-02-02T00:00Z');
  const span = windowOf('2027-02-01T10:00Z', '2027-02-01T11:00Z');
  const why = (given: Parameters<typeof factsOf>[0], party = 1) =>
    refusalOf(factsOf(given), { span, party, zones });
  expect(why({})).toBeNull();
  expect(why({}, 2)).toBe('too-large');
  expect(why({ nowAt: span.startAt + 1 })).toBe('too-soon');
  expect(why({ settings: { opening: daily('08:00', '10:30') } })).toBe('closed');
  expect(why({ knownUntilAt: at('2027-02-01T10:59Z') })).toBe('beyond-horizon');
  expect(why({ taken: [{ ...day, unit: null, by: 'busy' }] })).toBe('busy');
  expect(why({ taken: [{ ...day, unit: null, by: 'block' }] })).toBe('blocked');
  expect(why({ taken: [{ ...day, unit: 1, by: 'occupancy' }] })).toBe('taken');
});

test('the nearest free spans are of the same length, nearest first', () => {
  const facts = factsOf({
    taken: [{ ...windowOf('2027-02-01T10:00Z', '2027-02-01T12:00Z'), unit: 1, by: 'occupancy' }],
  });
  const window = windowOf('2027-01-31T00:00Z', '2027-02-03T00:00Z');
  const span = windowOf('2027-02-01T11:00Z', '2027-02-01T12:00Z');
  expect(shown(nearestFree(facts, { window, span, party: 1, zones, limit: 3 }))).toEqual([
    '2027-02-01T12:00/2027-02-01T13:00',
    '2027-02-01T09:00/2027-02-01T10:00',
  ]);
});

const BASE = at('2027-03-27T00:00Z');
const STEP = 30 * 60_000;
const SLOTS = 96;

const anyFacts = fc
  .record({
    timeZone: fc.constantFrom('UTC', 'Europe/Paris', 'America/New_York', 'Australia/Lord_Howe'),
    capacity: fc.integer({ min: 1, max: 3 }),
    bufferBeforeMs: fc.integer({ min: 0, max: 3 }).map((n) => n * STEP),
    bufferAfterMs: fc.integer({ min: 0, max: 3 }).map((n) => n * STEP),
    noticeMs: fc.integer({ min: 0, max: 20 }).map((n) => n * STEP),
    opening: fc.constantFrom<OpeningRule[][]>(
      [],
      daily('00:00', '24:00'),
      daily('01:30', '09:00'),
      [...daily('08:00', '12:00'), ...daily('13:00', '22:30')],
    ),
    known: fc.option(fc.integer({ min: 20, max: SLOTS }), { nil: null }),
    taken: fc.array(
      fc.record({
        from: fc.integer({ min: -6, max: SLOTS }),
        slots: fc.integer({ min: 1, max: 12 }),
        unit: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
        by: fc.constantFrom<Taken['by']>('busy', 'block'),
      }),
      { maxLength: 8 },
    ),
  })
  .map(({ timeZone, capacity, known, taken, ...settings }) =>
    factsOf({
      timeZone,
      capacity,
      settings,
      nowAt: BASE,
      knownUntilAt: known === null ? null : BASE + known * STEP,
      taken: taken.map((one) => ({
        startAt: BASE + one.from * STEP,
        endAt: BASE + (one.from + one.slots) * STEP,
        unit: one.unit,
        by: one.by,
      })),
    }),
  );

test('free spans hold exactly the bookings that no rule refuses, over clock changes too', () => {
  fc.assert(
    fc.property(anyFacts, fc.integer({ min: 1, max: 3 }), (facts, party) => {
      const window = { startAt: BASE, endAt: BASE + SLOTS * STEP };
      const spans = freeSpans(facts, { window, party, zones });
      for (let from = 0; from < SLOTS; from += 1) {
        for (const slots of [1, 2, 5, 17]) {
          const span = { startAt: BASE + from * STEP, endAt: BASE + (from + slots) * STEP };
          if (span.endAt > window.endAt) continue;
          const inside = spans.some(
            (one) => one.startAt <= span.startAt && span.endAt <= one.endAt,
          );
          const free = refusalOf(facts, { span, party, zones }) === null;
          expect([say(span.startAt), slots, inside]).toEqual([say(span.startAt), slots, free]);
        }
      }
    }),
    { numRuns: 150 },
  );
});

test('every start is one at which a booking of that length is possible, listed once and in order', () => {
  fc.assert(
    fc.property(anyFacts, fc.integer({ min: 1, max: 6 }), (facts, slots) => {
      const window = { startAt: BASE, endAt: BASE + SLOTS * STEP };
      const ask = { window, party: 1, zones };
      const found = startTimes(facts, { ...ask, durationMs: slots * STEP, stepMs: STEP });
      for (const startAt of found) {
        const span = { startAt, endAt: startAt + slots * STEP };
        expect(refusalOf(facts, { span, party: 1, zones })).toBeNull();
      }
      expect(new Set(found).size).toBe(found.length);
      expect(found.toSorted((a, b) => a - b)).toEqual(found);
    }),
    { numRuns: 100 },
  );
});
