import type { calendar_v3 } from 'googleapis/build/src/apis/calendar/v3.js';
import { describe, expect, test } from 'vitest';
import { instantOf } from '../../src/calendar/zones.ts';
import { mapItem, mapItems } from '../../src/channels/google/mapping.ts';
import { blocks } from '../../src/domain/sync-plan.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';

type Item = calendar_v3.Schema$Event;

const ZONE = 'Europe/Paris';

const meeting: Item = {
  id: 'abc123',
  etag: '"3181161784712000"',
  status: 'confirmed',
  updated: '2026-11-20T09:00:00.000Z',
  iCalUID: 'abc123@google.com',
  sequence: 2,
  eventType: 'default',
  start: { dateTime: '2026-12-01T10:00:00+01:00', timeZone: ZONE },
  end: { dateTime: '2026-12-01T11:00:00+01:00', timeZone: ZONE },
};

function eventOf(item: Item): NeutralEvent {
  const mapped = mapItem(item, ZONE);
  if (!('kind' in mapped) || mapped.kind !== 'upsert') throw new Error('It is not an event.');
  return mapped.event;
}

const withheldOf = (item: Item) => mapItems([item], ZONE).withheld[0];

describe('times', () => {
  test('a timed event keeps its zone', () => {
    const { start, end } = eventOf(meeting);
    expect(start).toEqual({ kind: 'zoned', local: '2026-12-01T10:00:00', zone: ZONE });
    expect(end).toEqual({ kind: 'zoned', local: '2026-12-01T11:00:00', zone: ZONE });
  });

  test('the offset Google writes may be of another zone than the event is kept in', () => {
    const start = { dateTime: '2026-12-01T10:00:00+01:00', timeZone: 'America/New_York' };
    const zoned = { kind: 'zoned', local: '2026-12-01T04:00:00', zone: 'America/New_York' };
    expect(eventOf({ ...meeting, start }).start).toEqual(zoned);
  });

  test('without a zone of its own an event is in the zone of its calendar', () => {
    const start = { dateTime: '2026-12-01T09:00:00Z' };
    expect(eventOf({ ...meeting, start }).start).toMatchObject({ zone: ZONE });
  });

  test('both passes of a repeated hour keep their instant', () => {
    for (const dateTime of ['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00+01:00']) {
      const end = { dateTime: '2026-10-25T05:00:00+01:00', timeZone: ZONE };
      const { start } = eventOf({ ...meeting, start: { dateTime, timeZone: ZONE }, end });
      expect(instantOf(start!, ZONE)).toBe(Date.parse(dateTime));
    }
  });

  test('a whole day is a date, and its end is exclusive', () => {
    const days = { start: { date: '2026-12-24' }, end: { date: '2026-12-27' } };
    expect(eventOf({ ...meeting, ...days })).toMatchObject({
      start: { kind: 'date', date: '2026-12-24' },
      end: { kind: 'date', date: '2026-12-27' },
    });
  });
});

describe('what takes time', () => {
  const settings = { tentative: 'busy', isOurs: () => false } as const;
  test.each([
    ['a plain event', {}, true],
    ['an event marked as free', { transparency: 'transparent' }, false],
    ['an event marked as busy', { transparency: 'opaque' }, true],
    ['an absence', { eventType: 'outOfOffice' }, true],
    ['focus time', { eventType: 'focusTime' }, true],
    ['an event from mail', { eventType: 'fromGmail' }, true],
    ['a working location', { eventType: 'workingLocation' }, false],
    ['a birthday', { eventType: 'birthday' }, false],
    ['a kind not known yet', { eventType: 'somethingNew' }, true],
    ['a status not known yet', { status: 'somethingNew' }, true],
    ['a tentative event', { status: 'tentative' }, true],
    ['an invitation declined', { attendees: [{ self: true, responseStatus: 'declined' }] }, false],
    ['one not answered', { attendees: [{ self: true, responseStatus: 'needsAction' }] }, true],
    ['one that others declined', { attendees: [{ responseStatus: 'declined' }] }, true],
  ])('%s', (_name, change, expected) => {
    expect(blocks(eventOf({ ...meeting, ...change }), settings)).toBe(expected);
  });

  test('an absence is told apart from other events', () => {
    expect(eventOf({ ...meeting, eventType: 'outOfOffice' }).kind).toBe('out-of-office');
    expect(eventOf({ ...meeting, eventType: 'workingLocation' }).kind).toBe('working-elsewhere');
  });

  test('our own marker is read back', () => {
    const extendedProperties = { private: { holdfast: 'booking-1', other: 'x' } };
    expect(eventOf({ ...meeting, extendedProperties }).marker).toBe('booking-1');
  });
});

describe('series', () => {
  const recurrence = [
    'RRULE:FREQ=WEEKLY;COUNT=5',
    'EXDATE;TZID=Europe/Paris:20261208T100000',
    'RDATE;VALUE=DATE:20261225',
  ];
  const exception: Item = {
    ...meeting,
    id: 'abc123_20261215T090000Z',
    recurringEventId: 'abc123',
    originalStartTime: { dateTime: '2026-12-15T10:00:00+01:00', timeZone: ZONE },
  };

  test('a master keeps its rules and the zone that they expand in', () => {
    const event = eventOf({ ...meeting, recurrence });
    expect(event.recurrence).toEqual(recurrence);
    expect(event.start).toMatchObject({ kind: 'zoned', zone: ZONE });
  });

  test('an exception names its series and its occurrence', () => {
    expect(eventOf(exception)).toMatchObject({
      seriesId: 'abc123',
      originalStart: { kind: 'zoned', local: '2026-12-15T10:00:00', zone: ZONE },
    });
  });

  test('a cancelled exception with no more than Google guarantees takes its occurrence out', () => {
    const { id, recurringEventId, originalStartTime } = exception;
    const item = { id, recurringEventId, originalStartTime, status: 'cancelled' } as Item;
    expect(eventOf(item)).toMatchObject({ status: 'cancelled', seriesId: 'abc123', start: null });
  });

  test('any other cancelled event is gone, with nothing but its id', () => {
    const change = { kind: 'removed', nativeId: 'abc123' };
    expect(mapItem({ id: 'abc123', status: 'cancelled' }, ZONE)).toEqual(change);
    expect(mapItem({ ...meeting, status: 'cancelled' }, ZONE)).toEqual(change);
  });
});

describe('what cannot be understood is withheld, and blocks what of it is understood', () => {
  test.each<[string, Item, string]>([
    ['no start', { ...meeting, start: {} }, 'bad-start'],
    ['a start that is no date', { ...meeting, start: { date: '2026-02-30' } }, 'bad-start'],
    [
      'a start without offset',
      { ...meeting, start: { dateTime: '2026-12-01T10:00:00' } },
      'bad-start',
    ],
    ['no end', { ...meeting, end: {} }, 'bad-end'],
    ['a date and a time', { ...meeting, end: { date: '2026-12-02' } }, 'mixed-start-and-end'],
    ['an end first', { ...meeting, end: { dateTime: '2026-12-01T08:00:00Z' } }, 'end-before-start'],
    ['a rule that is none', { ...meeting, recurrence: ['DTSTART:20260101'] }, 'bad-rule'],
    ['an exception of nothing known', { ...meeting, recurringEventId: 'x' }, 'bad-original-start'],
    [
      'a series in an unknown zone',
      {
        ...meeting,
        start: { dateTime: '2026-12-01T10:00:00Z', timeZone: 'Mars/Base' },
        recurrence: ['RRULE:FREQ=DAILY'],
      },
      'unknown-zone',
    ],
  ])('%s', (_name, item, reason) => {
    expect(mapItems([item], ZONE).changes).toEqual([]);
    expect(withheldOf(item)).toMatchObject({ nativeId: 'abc123', reason });
  });

  test('a day whose end makes no sense still blocks that day', () => {
    const item = { ...meeting, start: { date: '2026-12-31' }, end: { date: '2026-12-31' } };
    const end = { kind: 'date', date: '2027-01-01' };
    expect(withheldOf(item)?.event).toMatchObject({ start: { date: '2026-12-31' }, end });
  });

  test('a broken rule leaves the good ones and the first occurrence', () => {
    const recurrence = ['RRULE:FREQ=DAILY;COUNT=3', 'broken'];
    const event = withheldOf({ ...meeting, recurrence })?.event;
    expect(event?.recurrence).toEqual(['RRULE:FREQ=DAILY;COUNT=3']);
    expect(event?.start).toMatchObject({ local: '2026-12-01T10:00:00' });
  });

  test('an event without an id is listed under the same stand-in each time', () => {
    const item: Item = { ...meeting, id: null };
    expect(withheldOf(item)?.reason).toBe('no-id');
    expect(withheldOf(item)?.nativeId).toBe(withheldOf({ ...item })?.nativeId);
  });

  test('one such event harms no other', () => {
    const { changes, withheld } = mapItems([{ ...meeting, id: 'bad', start: {} }, meeting], ZONE);
    expect([changes.length, withheld.length]).toEqual([1, 1]);
  });

  test('no text about a person gets in', () => {
    const item: Item = {
      ...meeting,
      summary: 'Secret',
      description: 'Secret',
      location: 'Secret',
      attendees: [{ email: 'Secret' }],
    };
    const all = [mapItem(item, ZONE), mapItem({ ...item, end: {} }, ZONE)];
    expect(JSON.stringify(all)).not.toContain('Secret');
  });
});
