import { describe, expect, test } from 'vitest';
import { busySpans } from '../../src/calendar/busy.ts';
import type { Item } from '../../src/channels/microsoft/item.ts';
import { mapItem, mapItems } from '../../src/channels/microsoft/mapping.ts';
import type { Reading } from '../../src/channels/microsoft/mapping.ts';
import { transactionIdOf } from '../../src/channels/microsoft/marker.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { blocks } from '../../src/domain/sync-plan.ts';

const PARIS: Reading = { zone: 'Europe/Paris', frames: new Map() };

const utc = (dateTime: string) => ({ dateTime, timeZone: 'UTC' });

const single = (rest: Item = {}): Item => ({
  id: 'AAMkOne',
  '@odata.etag': 'W/"one"',
  type: 'singleInstance',
  iCalUId: '0400',
  showAs: 'busy',
  isAllDay: false,
  isCancelled: false,
  lastModifiedDateTime: '2027-01-01T10:00:00.1234567Z',
  start: utc('2027-01-04T09:00:00.0000000'),
  end: utc('2027-01-04T10:00:00.0000000'),
  ...rest,
});

const eventOf = (item: Item, reading = PARIS): NeutralEvent => {
  const mapped = mapItem(item, reading);
  if (!('kind' in mapped) || mapped.kind !== 'upsert') throw new Error('no entry');
  return mapped.event;
};

const takesTime = (item: Item): boolean =>
  blocks(eventOf(item), { tentative: 'busy', isOurs: () => false });

describe('what of an event is kept', () => {
  test('times have seven decimals and no offset', () => {
    expect(eventOf(single())).toMatchObject({
      start: { kind: 'utc', at: '2027-01-04T09:00:00.000Z' },
      end: { kind: 'utc', at: '2027-01-04T10:00:00.000Z' },
      updatedAt: '2027-01-01T10:00:00.123Z',
    });
  });

  test('an event is told in the zone it was made in, by its Windows name', () => {
    const { start } = eventOf(single({ originalStartTimeZone: 'Pacific Standard Time' }));
    const zone = 'America/Los_Angeles';
    expect(start).toEqual({ kind: 'zoned', local: '2027-01-04T01:00:00', zone });
  });

  test('an answer in another zone than asked for is read in that zone', () => {
    const timeZone = 'Tokyo Standard Time';
    const item = single({ start: { dateTime: '2027-01-04T18:00:00', timeZone } });
    expect(eventOf(item).start).toEqual({ kind: 'utc', at: '2027-01-04T09:00:00.000Z' });
  });

  test.each(['tzone://Microsoft/Custom', 'Somewhere Standard Time', ''])(
    'a zone that names none (%s) costs the name of the zone and no more',
    (originalStartTimeZone) => {
      const { start } = eventOf(single({ originalStartTimeZone }));
      expect(start).toEqual({ kind: 'utc', at: '2027-01-04T09:00:00.000Z' });
    },
  );

  test('both passes of a repeated hour keep their instants', () => {
    const originalStartTimeZone = 'Romance Standard Time';
    const at = (dateTime: string) =>
      eventOf(single({ start: utc(dateTime), originalStartTimeZone }));
    const [early, late] = ['2026-10-25T00:30:00', '2026-10-25T01:30:00'].map(
      (one) => at(one).start,
    );
    expect(early).toMatchObject({ kind: 'zoned', local: '2026-10-25T02:30:00' });
    expect(late).toEqual({ kind: 'utc', at: '2026-10-25T01:30:00.000Z' });
  });

  test('titles, bodies, people and places go no further', () => {
    const item = {
      ...single(),
      subject: 'Private title',
      bodyPreview: 'Private body',
      attendees: [{ emailAddress: { address: 'private@example.com' } }],
      location: { displayName: 'Private place' },
    };
    expect(JSON.stringify(mapItems([item], PARIS))).not.toMatch(/private/i);
  });
});

describe('whole days', () => {
  const day = (start: string, end: string, rest: Item = {}) =>
    eventOf(single({ isAllDay: true, start: utc(start), end: utc(end), ...rest }));
  const dates = (from: string, to: string) => ({
    start: { kind: 'date', date: from },
    end: { kind: 'date', date: to },
  });

  test('shifted by the request for UTC, they are read where they were made', () => {
    const originalStartTimeZone = 'Romance Standard Time';
    const shifted = day('2026-11-30T23:00:00', '2026-12-01T23:00:00', { originalStartTimeZone });
    expect(shifted).toMatchObject(dates('2026-12-01', '2026-12-02'));
    const far = { originalStartTimeZone: 'Tokyo Standard Time' };
    const tokyo = day('2026-11-30T15:00:00', '2026-12-01T15:00:00', far);
    expect(tokyo).toMatchObject(dates('2026-12-01', '2026-12-02'));
  });

  test('shown as dates whatever was asked for, they are those dates', () => {
    const originalStartTimeZone = 'Romance Standard Time';
    const shown = day('2026-12-01T00:00:00', '2026-12-03T00:00:00', { originalStartTimeZone });
    expect(shown).toMatchObject(dates('2026-12-01', '2026-12-03'));
  });

  test('made in a zone without a name, they are read in the calendar’s', () => {
    const originalStartTimeZone = 'tzone://Microsoft/Custom';
    const shifted = day('2027-06-30T22:00:00', '2027-07-01T22:00:00', { originalStartTimeZone });
    expect(shifted).toMatchObject(dates('2027-07-01', '2027-07-02'));
  });

  test('that fit no zone, they block the instants they say', () => {
    const odd = day('2026-12-01T04:30:00', '2026-12-02T04:30:00');
    expect(odd.start).toEqual({ kind: 'utc', at: '2026-12-01T04:30:00.000Z' });
  });

  const bare = (start: string, end: string): Item => ({
    id: 'occurrence',
    type: 'occurrence',
    seriesMasterId: 'series',
    start: utc(start),
    end: utc(end),
  });

  test('a bare occurrence from midnight to midnight of the calendar is a day', () => {
    const event = eventOf(bare('2027-03-27T23:00:00', '2027-03-28T22:00:00'));
    expect(event).toMatchObject(dates('2027-03-28', '2027-03-29'));
  });

  test('a bare occurrence of an all-day series made elsewhere is the day it is there', () => {
    const frames = new Map([['series', { isAllDay: true, zone: 'Asia/Tokyo' }]]);
    const event = eventOf(bare('2027-01-03T15:00:00', '2027-01-04T15:00:00'), { ...PARIS, frames });
    expect(event).toMatchObject(dates('2027-01-04', '2027-01-05'));
  });

  test('a bare occurrence of a timed series keeps its instants, a day long or not', () => {
    const frames = new Map([['series', { isAllDay: false, zone: null }]]);
    const event = eventOf(bare('2027-01-04T00:00:00', '2027-01-05T00:00:00'), { ...PARIS, frames });
    expect(event.start).toEqual({ kind: 'utc', at: '2027-01-04T00:00:00.000Z' });
  });

  test('what says that it is timed stays so from midnight to midnight: clocks differ, and nights do', () => {
    const frames = new Map([['series', { isAllDay: false, zone: null }]]);
    const bareDay = bare('2027-01-03T23:00:00', '2027-01-04T23:00:00');
    const told = { ...bareDay, isAllDay: false, showAs: 'busy' };
    for (const event of [
      eventOf(bareDay, { ...PARIS, frames }),
      eventOf(told),
      eventOf(told, { ...PARIS, wholeOccurrences: true }),
    ])
      expect([event.start, event.end]).toEqual([
        { kind: 'utc', at: '2027-01-03T23:00:00.000Z' },
        { kind: 'utc', at: '2027-01-04T23:00:00.000Z' },
      ]);
  });
});

describe('what takes time', () => {
  test.each([
    ['busy', true],
    ['oof', true],
    ['tentative', true],
    ['unknown', true],
    ['free', false],
    ['workingElsewhere', false],
  ])('shown as %s: %s', (showAs, expected) => {
    expect(takesTime(single({ showAs }))).toBe(expected);
  });

  test('tentative, out of office and working elsewhere stay told apart', () => {
    expect(eventOf(single({ showAs: 'tentative' })).status).toBe('tentative');
    expect(eventOf(single({ showAs: 'oof' })).kind).toBe('out-of-office');
    expect(eventOf(single({ showAs: 'workingElsewhere' })).kind).toBe('working-elsewhere');
  });

  test('a declined invitation and a cancelled meeting take none', () => {
    expect(takesTime(single({ responseStatus: { response: 'declined' } }))).toBe(false);
    expect(takesTime(single({ responseStatus: { response: 'accepted' } }))).toBe(true);
    expect(takesTime(single({ isCancelled: true }))).toBe(false);
  });

  test('occurrences are taken, not expanded, and have the nature of their series', () => {
    const series = (showAs: string): Item => ({
      ...single({ showAs }),
      id: 's',
      type: 'seriesMaster',
    });
    const occurrence: Item = {
      id: 'o',
      type: 'occurrence',
      seriesMasterId: 's',
      start: utc('2027-01-11T09:00:00'),
      end: utc('2027-01-11T10:00:00'),
    };
    const exception: Item = {
      ...single({
        showAs: 'busy',
        start: utc('2027-01-18T12:00:00'),
        end: utc('2027-01-18T13:00:00'),
      }),
      id: 'e',
      type: 'exception',
      seriesMasterId: 's',
      originalStart: '2027-01-18T09:00:00Z',
    };
    const spansWith = (showAs: string) =>
      busySpans(
        [series(showAs), occurrence, exception].map((item) => eventOf(item)),
        {
          window: { fromAt: Date.parse('2027-01-01'), untilAt: Date.parse('2028-01-01') },
          calendarZone: 'Europe/Paris',
          tentative: 'busy',
          isOurs: () => false,
        },
      ).spans.map(({ startAt }) => new Date(startAt).toISOString());
    expect(spansWith('busy')).toEqual(['2027-01-11T09:00:00.000Z', '2027-01-18T12:00:00.000Z']);
    expect(spansWith('free')).toEqual(['2027-01-18T12:00:00.000Z']);
  });
});

describe('what cannot be understood', () => {
  test.each([
    ['bad-start', { start: utc('soon') }, false],
    ['bad-start', { start: { dateTime: '2027-01-04T09:00:00', timeZone: 'Nowhere' } }, false],
    ['bad-end', { end: utc('2027-02-30T10:00:00') }, true],
    ['end-before-start', { end: utc('2027-01-04T08:00:00') }, true],
  ])('is withheld as %s, and blocks what of it is', (reason, flaw, blocksStart) => {
    const { changes, withheld } = mapItems([single(flaw), single({ id: 'fine' })], PARIS);
    expect(changes).toHaveLength(1);
    expect(withheld).toMatchObject([{ nativeId: 'AAMkOne', reason }]);
    expect(withheld[0]!.event !== null).toBe(blocksStart);
  });

  test('an item without an id is told apart from the others', () => {
    const { withheld } = mapItems([{ type: 'singleInstance' }, { type: 'exception' }], PARIS);
    expect(new Set(withheld.map(({ nativeId }) => nativeId)).size).toBe(2);
  });

  test('a removal needs nothing but an id', () => {
    const removed = { id: 'gone', '@removed': { reason: 'deleted' } };
    expect(mapItem(removed, PARIS)).toEqual({ kind: 'removed', nativeId: 'gone' });
  });
});

describe('our marker', () => {
  test('is read from the property, and from the transactionId where there is none', () => {
    const transactionId = transactionIdOf('room', 'booking-1', 3);
    expect(eventOf(single({ transactionId })).marker).toBe('booking-1');
    const singleValueExtendedProperties = [
      { id: 'String {6d1f0b52-7c4e-4b0e-9a57-0f2f6a7c31de} Name holdfast', value: 'booking-2' },
    ];
    const both = single({ transactionId, singleValueExtendedProperties });
    expect(eventOf(both).marker).toBe('booking-2');
  });

  test('is not read into the transactionIds of other programs', () => {
    for (const transactionId of ['localevent:d3fa2faf', 'holdfast:', 'holdfast:booking-1', null])
      expect(eventOf(single({ transactionId })).marker).toBeNull();
  });

  test('is another transactionId in another calendar or generation', () => {
    const ids = [
      transactionIdOf('one', 'm', 0),
      transactionIdOf('two', 'm', 0),
      transactionIdOf('one', 'm', 1),
    ];
    expect(new Set(ids).size).toBe(3);
  });
});
