import { describe, expect, test } from 'vitest';
import { busySpans } from '../../src/calendar/busy.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { anEvent, anException, day, floating, iso, utc, windowOf, zoned } from './an-event.ts';

const NIGHTS = { arrivalSeconds: 15 * 3600, departureSeconds: 11 * 3600 };

/** A calendar in New York of a resource in Paris. */
function taken(members: NeutralEvent[], more: { nights?: typeof NIGHTS } = {}): string[] {
  const { spans } = busySpans(members, {
    window: windowOf('2026-11-01', '2027-02-01'),
    calendarZone: 'America/New_York',
    dayZone: 'Europe/Paris',
    tentative: 'busy',
    isOurs: () => false,
    ...more,
  });
  return spans.map(({ startAt, endAt }) => `${iso(startAt)}/${iso(endAt)}`);
}
const stay = (from: string, to: string) => anEvent({ start: day(from), end: day(to) });

describe('whole days', () => {
  test('are in the zone of the resource, floating times in that of the calendar', () => {
    expect(taken([stay('2026-12-01', '2026-12-03')])).toEqual([
      '2026-11-30T23:00:00Z/2026-12-02T23:00:00Z',
    ]);
    const lunch = anEvent({
      start: floating('2026-12-01T12:00:00'),
      end: floating('2026-12-01T13:00:00'),
    });
    expect(taken([lunch])).toEqual(['2026-12-01T17:00:00Z/2026-12-01T18:00:00Z']);
  });

  test('of a series keep to that zone, with their exceptions', () => {
    const series = anEvent({ start: day('2026-12-01'), recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] });
    const gone = anException({
      status: 'cancelled',
      originalStart: day('2026-12-02'),
      start: null,
    });
    expect(taken([series, gone])).toEqual([
      '2026-11-30T23:00:00Z/2026-12-01T23:00:00Z',
      '2026-12-02T23:00:00Z/2026-12-03T23:00:00Z',
    ]);
  });
});

describe('on a resource sold by the night whole days mean nights', () => {
  const nights = (...members: NeutralEvent[]) => taken(members, { nights: NIGHTS });

  test('from arrival on the first day to departure on the day after the last', () => {
    expect(nights(stay('2026-12-01', '2026-12-05'))).toEqual([
      '2026-12-01T14:00:00Z/2026-12-05T10:00:00Z',
    ]);
  });

  test('so that one guest leaves on the day the next arrives', () => {
    const [first, second] = [stay('2026-12-01', '2026-12-05'), stay('2026-12-05', '2026-12-06')];
    expect([nights(first), nights(second)].flat()).toEqual([
      '2026-12-01T14:00:00Z/2026-12-05T10:00:00Z',
      '2026-12-05T14:00:00Z/2026-12-06T10:00:00Z',
    ]);
  });

  test('a single day is the night after it, and without an end too', () => {
    expect(nights(anEvent({ start: day('2026-12-01') }))).toEqual([
      '2026-12-01T14:00:00Z/2026-12-02T10:00:00Z',
    ]);
  });

  test('in a series too, whose exclusions still name days', () => {
    const recurrence = [
      'RRULE:FREQ=DAILY;COUNT=3',
      'EXDATE:20261202T000000',
      'EXDATE:20261202T230000Z',
    ];
    const series = anEvent({ start: day('2026-12-01'), end: day('2026-12-02'), recurrence });
    expect(nights(series)).toEqual(['2026-12-01T14:00:00Z/2026-12-02T10:00:00Z']);
  });

  test('timed entries stay as they are', () => {
    const timed = anEvent({ start: utc('2026-12-01T08:00:00Z'), end: utc('2026-12-01T09:00:00Z') });
    expect(nights(timed)).toEqual(['2026-12-01T08:00:00Z/2026-12-01T09:00:00Z']);
    const local = anEvent({
      start: zoned('2026-12-01T09:00:00', 'Europe/Paris'),
      end: zoned('2026-12-01T10:00:00', 'Europe/Paris'),
    });
    expect(nights(local)).toEqual(['2026-12-01T08:00:00Z/2026-12-01T09:00:00Z']);
  });
});
