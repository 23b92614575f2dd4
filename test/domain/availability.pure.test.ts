import { expect, test } from 'vitest';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import type { AvailabilityFacts } from '../../src/domain/availability.ts';
import {
  freeSpans,
  nearestFree,
  nightsOf,
  refusalOf,
  startTimes,
} from '../../src/domain/availability.ts';
import type { OpeningRule, ResourceSettings } from '../../src/domain/resource.ts';
import { DEFAULT_RESOURCE_SETTINGS, WEEKDAYS } from '../../src/domain/resource.ts';
import type { Override } from '../../src/domain/rules.ts';
import { OVERRIDES } from '../../src/domain/rules.ts';

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
  begins: [],
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

test('of exceptions that name a day the last one decides, on opening and closing', () => {
  const exceptions = [
    { fromDay: '2027-02-01', toDay: '2027-02-07', open: [] },
    { fromDay: '2027-02-03', toDay: '2027-02-03', open: [{ from: '10:00', to: '12:00' }] },
  ];
  const window = windowOf('2027-01-31T00:00Z', '2027-02-09T00:00Z');
  const spans = (opening: OpeningRule[]) =>
    shown(freeSpans(factsOf({ settings: { opening, exceptions } }), { window, party: 1, zones }));
  expect(spans(daily('08:00', '09:00'))).toEqual([
    '2027-01-31T08:00/2027-01-31T09:00',
    '2027-02-03T10:00/2027-02-03T12:00',
    '2027-02-08T08:00/2027-02-08T09:00',
  ]);
  expect(spans([])).toEqual([
    '2027-01-31T00:00/2027-02-01T00:00',
    '2027-02-03T10:00/2027-02-03T12:00',
    '2027-02-08T00:00/2027-02-09T00:00',
  ]);
});

test('bookings begin inside the booking window, though they may end after it', () => {
  const facts = factsOf({ settings: { windowMs: 24 * HOUR }, nowAt: at('2027-02-01T08:00Z') });
  const window = windowOf('2027-02-01T00:00Z', '2027-02-05T00:00Z');
  expect(freeSpans(facts, { window, party: 1, zones })).toEqual([
    { ...windowOf('2027-02-01T08:00Z', '2027-02-05T00:00Z'), startBefore: at('2027-02-02T08:00Z') },
  ]);
  const why = (from: string) =>
    refusalOf(facts, { span: windowOf(from, '2027-02-04T00:00Z'), party: 1, zones });
  expect(why('2027-02-02T07:59Z')).toBeNull();
  expect(why('2027-02-02T08:00Z')).toBe('too-early');
});

test('on a day with as many bookings as it may have none begins, and one from the day before goes on', () => {
  const facts = factsOf({
    timeZone: 'Europe/Paris',
    settings: { maxPerDay: 2 },
    begins: [at('2027-02-02T00:00+01:00'), at('2027-02-02T23:30+01:00')],
  });
  const window = windowOf('2027-02-01T12:00Z', '2027-02-03T12:00Z');
  expect(
    freeSpans(facts, { window, party: 1, zones }).map((one) => ({
      span: shown([one])[0],
      startBefore: say(one.startBefore),
    })),
  ).toEqual([
    { span: '2027-02-01T12:00/2027-02-03T12:00', startBefore: '2027-02-01T23:00' },
    { span: '2027-02-02T23:00/2027-02-03T12:00', startBefore: '2027-02-03T12:00' },
  ]);
  const on = (from: string, to: string) =>
    refusalOf(facts, { span: windowOf(from, to), party: 1, zones });
  expect(on('2027-02-02T12:00Z', '2027-02-02T13:00Z')).toBe('day-full');
  expect(on('2027-02-01T12:00Z', '2027-02-02T13:00Z')).toBeNull();
});

test('a length that is too short or too long is named, and the nearest that may be is offered', () => {
  const facts = factsOf({ settings: { minDurationMs: HOUR, maxDurationMs: 3 * HOUR } });
  const window = windowOf('2027-02-01T00:00Z', '2027-02-02T00:00Z');
  const ask = (span: { startAt: number; endAt: number }) => ({ span, party: 1, zones });
  const short = windowOf('2027-02-01T10:00Z', '2027-02-01T10:30Z');
  const long = windowOf('2027-02-01T10:00Z', '2027-02-01T14:00Z');
  expect(refusalOf(facts, ask(short))).toBe('too-short');
  expect(refusalOf(facts, ask(long))).toBe('too-long');
  expect(shown(nearestFree(facts, { ...ask(short), window, limit: 1 }))).toEqual([
    '2027-02-01T10:00/2027-02-01T11:00',
  ]);
  const starts = { window, party: 1, zones, stepMs: HOUR };
  expect(startTimes(facts, { ...starts, durationMs: HOUR / 2 })).toEqual([]);
  expect(startTimes(facts, { ...starts, durationMs: HOUR })).toHaveLength(24);
});

test('staff pass over the rules they name, never over what is taken or not known', () => {
  const span = windowOf('2027-02-01T10:00Z', '2027-02-01T11:00Z');
  const facts = factsOf({
    nowAt: span.startAt,
    settings: { noticeMs: HOUR, opening: daily('08:00', '09:00') },
  });
  const why = (overrides: Override[], given = facts) =>
    refusalOf(given, { span, party: 1, zones, overrides });
  expect(why([])).toBe('too-soon');
  expect(why(['notice'])).toBe('closed');
  expect(why(['opening'])).toBe('too-soon');
  expect(why(['notice', 'opening'])).toBeNull();
  const taken = [{ ...span, unit: null, by: 'busy' as const }];
  expect(why([...OVERRIDES], { ...facts, taken })).toBe('busy');
  expect(why([...OVERRIDES], { ...facts, knownUntilAt: span.endAt - 1 })).toBe('beyond-horizon');
});
