import { expect, test } from 'vitest';
import { instantOf, instantToWall, wallToInstant, zoneIsKnown } from '../../src/calendar/zones.ts';
import { closedDays } from '../../src/domain/closed-days.ts';
import type { OpeningException, ResourceSettings } from '../../src/domain/resource.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../../src/domain/resource.ts';

const zones = { toInstant: wallToInstant, toWall: instantToWall, isKnown: zoneIsKnown, instantOf };
const within = { startAt: Date.UTC(2027, 0, 1), endAt: Date.UTC(2028, 0, 1) };
const nights = {
  checkIn: '15:00',
  checkOut: '11:00',
  minNights: 1,
  maxNights: 30,
  closedToArrival: [],
  closedToDeparture: [],
  seasons: [],
};

const closedBy = (exceptions: OpeningException[], more: Partial<ResourceSettings> = {}) =>
  closedDays(
    { timeZone: 'Europe/Paris', settings: { ...DEFAULT_RESOURCE_SETTINGS, exceptions, ...more } },
    { within, zones },
  ).map(({ startAt, endAt }) => [new Date(startAt).toISOString(), new Date(endAt).toISOString()]);

const closed = (fromDay: string, toDay = fromDay): OpeningException => ({
  fromDay,
  toDay,
  open: [],
});

test('days that follow one another are one span, of local days, also where a clock changes', () => {
  expect(closedBy([closed('2027-03-27', '2027-03-28'), closed('2027-03-29')])).toEqual([
    ['2027-03-26T23:00:00.000Z', '2027-03-29T22:00:00.000Z'],
  ]);
});

test('nights are closed from the check-in before them to the check-out after them', () => {
  const byNight = { soldBy: 'night' as const, nights };
  expect(closedBy([closed('2027-06-01', '2027-06-03')], byNight)).toEqual([
    ['2027-06-01T13:00:00.000Z', '2027-06-04T09:00:00.000Z'],
  ]);
});

test('the last exception that names a day counts, and hours that differ close no day', () => {
  const open = { ...closed('2027-06-02'), open: [{ from: '10:00', to: '12:00' }] };
  expect(closedBy([closed('2027-06-01', '2027-06-03'), open])).toHaveLength(2);
  expect(closedBy([open, closed('2027-06-01', '2027-06-03')])).toHaveLength(1);
  expect(closedBy([open])).toEqual([]);
});

test('what lies outside the time that is asked about, and sessions, are left out', () => {
  expect(
    closedBy([closed('2020-01-01', '2026-12-30'), closed('2029-01-01', '2199-01-01')]),
  ).toEqual([]);
  expect(closedBy([closed('2027-06-01')], { soldBy: 'session' })).toEqual([]);
});

test('each exception is looked at once, however many there are and however long', () => {
  let looks = 0;
  const all = Array.from({ length: 400 }, () => ({
    ...closed('2020-01-01', '2199-01-01'),
    get fromDay() {
      looks += 1;
      return '2020-01-01';
    },
  }));
  expect(closedBy(all)).toHaveLength(1);
  expect(looks).toBeLessThanOrEqual(all.length);
});
