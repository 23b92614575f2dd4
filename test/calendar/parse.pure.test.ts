import { describe, expect, test } from 'vitest';
import { parseFeed } from '../../src/calendar/parse.ts';
import { day, floating, utc, zoned } from './an-event.ts';

const event = (...lines: string[]): string[] => ['BEGIN:VEVENT', ...lines, 'END:VEVENT'];
const feed = (...lines: string[]): string =>
  ['BEGIN:VCALENDAR', 'VERSION:2.0', ...lines, 'END:VCALENDAR', ''].join('\r\n');
const only = (...lines: string[]) => {
  const { events, withheld } = parseFeed(feed(...event(...lines)));
  expect(withheld).toEqual([]);
  expect(events).toHaveLength(1);
  return events[0]!;
};
const withheldOf = (...lines: string[]) => {
  const { events, withheld } = parseFeed(feed(...event(...lines)));
  expect(events).toEqual([]);
  expect(withheld).toHaveLength(1);
  return withheld[0]!;
};
const WHOLE_DAY = ['DTSTART;VALUE=DATE:20261201', 'DTEND;VALUE=DATE:20261205'];

describe('what a feed says of an entry', () => {
  test('a rental platform’s reservation is days, and nothing of the guest', () => {
    const text = feed(
      ...event(
        'DTSTAMP:20261120T101500Z',
        ...WHOLE_DAY,
        'SUMMARY:Reserved - Jane Roe',
        'UID:1418fb94e984-ab@airbnb.com',
        'DESCRIPTION:Reservation URL: https://example.org/HMX\\nPhone: 1234',
        'LOCATION:12 Rue Haute',
        'ATTENDEE;CN=Jane Roe:mailto:jane@example.org',
      ),
    );
    const parsed = parseFeed(text);
    expect(parsed).toEqual({
      complete: true,
      isTooLarge: false,
      zone: null,
      withheld: [],
      events: [
        {
          nativeId: '1418fb94e984-ab@airbnb.com',
          uid: '1418fb94e984-ab@airbnb.com',
          seriesId: null,
          originalStart: null,
          status: 'confirmed',
          transparency: 'opaque',
          kind: 'default',
          start: day('2026-12-01'),
          end: day('2026-12-05'),
          recurrence: [],
          thisAndFuture: false,
          sequence: 0,
          etag: null,
          updatedAt: null,
          marker: null,
        },
      ],
    });
    expect(JSON.stringify(parsed)).not.toMatch(/Jane|Rue|1234|HMX/);
  });

  test('status, transparency, kind, sequence, change time and our marker are read', () => {
    const read = only(
      'UID:a\\,b',
      'DTSTART:20261201T100000Z',
      'DTEND:20261201T110000Z',
      'STATUS:TENTATIVE',
      'TRANSP:TRANSPARENT',
      'X-MICROSOFT-CDO-BUSYSTATUS:OOF',
      'SEQUENCE:4',
      'LAST-MODIFIED:20261120T101500Z',
      'X-HOLDFAST-MARKER:booking-7',
    );
    expect(read).toMatchObject({
      nativeId: 'a,b',
      status: 'tentative',
      transparency: 'transparent',
      kind: 'out-of-office',
      sequence: 4,
      updatedAt: '2026-11-20T10:15:00Z',
      marker: 'booking-7',
    });
  });

  test.each([
    ['DTSTART:20261201T100000Z', utc('2026-12-01T10:00:00Z')],
    ['DTSTART:20261201T100000', floating('2026-12-01T10:00:00')],
    ['DTSTART;TZID="Europe/Paris":20261201T100000', zoned('2026-12-01T10:00:00', 'Europe/Paris')],
    [
      'DTSTART;TZID=Romance Standard Time:20261201T100000',
      zoned('2026-12-01T10:00:00', 'Europe/Paris'),
    ],
    ['DTSTART;TZID=Europe/Paris:20261201T100000Z', utc('2026-12-01T10:00:00Z')],
    ['DTSTART:20261201', day('2026-12-01')],
    ['DTSTART;VALUE=DATE:20261201T000000', day('2026-12-01')],
    ['dtstart;value=date:20261201', day('2026-12-01')],
    ['DTSTART;X-A="b;c:d";VALUE=DATE:20261201', day('2026-12-01')],
  ])('%s is read', (line, start) => {
    expect(only('UID:a', line).start).toEqual(start);
  });

  test.each([
    ['a date without an end is one day', ['DTSTART:20261201'], day('2026-12-02')],
    ['a time without an end takes none', ['DTSTART:20261201T100000Z'], utc('2026-12-01T10:00:00Z')],
    [
      'a duration of days follows the clock on the wall',
      ['DTSTART;TZID=Europe/Paris:20260328T120000', 'DURATION:P1D'],
      zoned('2026-03-29T12:00:00', 'Europe/Paris'),
    ],
    [
      'a duration of hours elapses',
      ['DTSTART;TZID=Europe/Paris:20260328T120000', 'DURATION:PT24H'],
      zoned('2026-03-29T13:00:00', 'Europe/Paris'),
    ],
    [
      'a duration that ends in the repeated hour keeps its instant',
      ['DTSTART;TZID=Europe/Paris:20261025T013000', 'DURATION:PT2H'],
      utc('2026-10-25T01:30:00Z'),
    ],
    [
      'a duration of weeks counts for dates',
      ['DTSTART:20261201', 'DURATION:P1W'],
      day('2026-12-08'),
    ],
    [
      'an end by date closes a timed entry at midnight',
      ['DTSTART:20261201T100000', 'DTEND;VALUE=DATE:20261202'],
      floating('2026-12-02T00:00:00'),
    ],
    [
      'an end by time closes a whole day after it',
      ['DTSTART:20261201', 'DTEND:20261202T100000'],
      day('2026-12-03'),
    ],
  ] as const)('%s', (_, lines, end) => {
    expect(only('UID:a', ...lines).end).toEqual(end);
  });

  test('an entry that starts in the hour a clock change skips may still end on the wall', () => {
    const read = only(
      'UID:a',
      'DTSTART;TZID=Europe/Paris:20260329T023000',
      'DTEND;TZID=Europe/Paris:20260329T030000',
    );
    expect(read.end).toEqual(zoned('2026-03-29T03:00:00', 'Europe/Paris'));
  });
});

describe('series and their exceptions', () => {
  test('recurrence lines are kept, with zones that outlive the feed', () => {
    const read = only(
      'UID:a',
      'DTSTART;TZID=Romance Standard Time:20261201T100000',
      'RRULE:FREQ=WEEKLY;COUNT=5',
      'EXDATE;TZID=Romance Standard Time:20261208T100000,20261215T100000',
      'EXDATE;VALUE=DATE:20261222',
      'RDATE;VALUE=PERIOD:20270101T090000Z/PT2H',
    );
    expect(read.recurrence).toEqual([
      'RRULE:FREQ=WEEKLY;COUNT=5',
      'EXDATE;TZID=Europe/Paris:20261208T100000,20261215T100000',
      'EXDATE;VALUE=DATE:20261222',
      'RDATE;VALUE=PERIOD:20270101T090000Z/PT2H',
    ]);
  });

  test('an exception has an id of its own and names its series and its place', () => {
    const read = only(
      'UID:a',
      'RECURRENCE-ID;TZID=Europe/Paris;RANGE=THISANDFUTURE:20261208T100000',
      'DTSTART;TZID=Europe/Paris:20261209T100000',
    );
    expect(read).toMatchObject({
      nativeId: 'a#2026-12-08T09:00:00Z',
      uid: 'a',
      seriesId: 'a',
      originalStart: zoned('2026-12-08T10:00:00', 'Europe/Paris'),
      thisAndFuture: true,
    });
  });

  test('a cancelled entry needs no start', () => {
    expect(only('UID:a', 'STATUS:CANCELLED')).toMatchObject({ status: 'cancelled', start: null });
  });
});

describe('identity', () => {
  test('without a UID an entry is known by its span, in every order of the file', () => {
    const one = event('DTSTART:20261201', 'DTEND:20261203');
    const two = event('DTSTART:20261210', 'DTEND:20261211');
    const ids = (text: string) => parseFeed(text).events.map((read) => read.nativeId);
    expect(ids(feed(...one, ...two))).toEqual([
      'no-uid:opaque:2026-12-01/2026-12-03',
      'no-uid:opaque:2026-12-10/2026-12-11',
    ]);
    expect(ids(feed(...two, ...one)).toSorted()).toEqual(ids(feed(...one, ...two)));
  });

  test('of one UID the higher sequence counts, and twins are one', () => {
    const old = event('UID:a', ...WHOLE_DAY);
    const fresh = event('UID:a', 'SEQUENCE:2', 'DTSTART:20270101');
    expect(parseFeed(feed(...fresh, ...old, ...fresh)).events).toMatchObject([
      { nativeId: 'a', start: day('2027-01-01') },
    ]);
  });

  test('different entries under one UID all stand, whatever their order', () => {
    const one = event('UID:a', ...WHOLE_DAY);
    const two = event('UID:a', 'DTSTART:20270101');
    const parsed = [feed(...one, ...two), feed(...two, ...one)].map(
      (text) => parseFeed(text).events,
    );
    expect(parsed[0]!.map((read) => read.nativeId)).toEqual(['a', 'a~2']);
    expect(parsed[1]).toEqual(parsed[0]);
  });
});

describe('what cannot be understood is withheld, never absent', () => {
  test.each([
    ['a broken rule leaves the first occurrence', ['RRULE:FREQ=SOMETIMES'], 'bad-rule'],
    ['a rule of another calendar too', ['RRULE:RSCALE=HEBREW;FREQ=YEARLY'], 'bad-rule'],
    ['a broken exclusion excludes nothing', ['EXDATE:never'], 'bad-date'],
    [
      'a zone nobody knows in an exclusion',
      ['EXDATE;TZID=Nowhere:20261201T000000'],
      'unknown-zone',
    ],
    [
      'a broken recurrence id leaves the exception standing',
      ['RECURRENCE-ID:soon'],
      'bad-recurrence-id',
    ],
  ])('%s', (_, lines, reason) => {
    const item = withheldOf('UID:a', ...WHOLE_DAY, ...lines);
    expect(item).toMatchObject({
      reason,
      event: { uid: 'a', start: day('2026-12-01'), end: day('2026-12-05'), recurrence: [] },
    });
  });

  test.each([
    ['DTEND;VALUE=DATE:20261201', 'end-before-start'],
    ['DTEND;VALUE=DATE:20261130', 'end-before-start'],
    ['DURATION:-P1D', 'end-before-start'],
    ['DTEND;VALUE=DATE:20261399', 'bad-end'],
    ['DURATION:long', 'bad-end'],
    ['DURATION:P99999999999D', 'bad-end'],
  ])('%s leaves the first day blocked', (line, reason) => {
    const item = withheldOf('UID:a', 'DTSTART;VALUE=DATE:20261201', line);
    expect(item).toMatchObject({
      reason,
      event: { start: day('2026-12-01'), end: day('2026-12-02') },
    });
  });

  test('without a start only the id is left, and where there is none a fingerprint without content', () => {
    expect(withheldOf('UID:a', 'DTSTART:someday')).toEqual({
      nativeId: 'a',
      reason: 'bad-start',
      event: null,
    });
    const nameless = withheldOf('SUMMARY:Secret', 'DTSTART:someday');
    expect(nameless.nativeId).toMatch(/^unread:[0-9a-f]{16}$/);
    expect(withheldOf('SUMMARY:Other', 'DTSTART:someday').nativeId).toBe(nameless.nativeId);
  });

  test('one bad entry harms no other, and shares no id with one', () => {
    const parsed = parseFeed(
      feed(
        ...event('UID:a', 'DTSTART:never'),
        ...event('UID:b', ...WHOLE_DAY),
        ...event('UID:b', 'DTSTART:20270101', 'RRULE:x'),
        ...event('UID:c', 'DTSTART:20270101'),
      ),
    );
    expect(parsed.complete).toBe(true);
    expect(parsed.events.map((read) => read.nativeId)).toEqual(['b', 'c']);
    expect(parsed.withheld.map((item) => item.nativeId)).toEqual(['a', 'b~2']);
    expect(parsed.withheld[1]!.event!.nativeId).toBe('b~2');
  });

  test('an entry whose END is missing is withheld, and the next one is read', () => {
    const parsed = parseFeed(
      feed('BEGIN:VEVENT', 'UID:a', ...WHOLE_DAY, ...event('UID:b', ...WHOLE_DAY)),
    );
    expect(parsed.events.map((read) => read.nativeId)).toEqual(['b']);
    expect(parsed.withheld).toMatchObject([{ nativeId: 'a', reason: 'cut-off' }]);
  });
});

describe('the text as it comes', () => {
  const plain = feed(
    'X-WR-TIMEZONE:europe/paris',
    ...event(
      'UID:a-long-one',
      'DTSTAMP:20261120T101500Z',
      'DTSTAMP:20261120T101500Z',
      ...WHOLE_DAY,
    ),
  );

  test.each([
    ['with LF only', (text: string) => text.replaceAll('\r\n', '\n')],
    ['with CR only', (text: string) => text.replaceAll('\r\n', '\r')],
    ['with a byte order mark', (text: string) => `\uFEFF${text}`],
    ['folded by TAB', (text: string) => text.replace('a-long', 'a-\r\n\tlong')],
    ['folded by space within a name', (text: string) => text.replace('DTEND', 'DT\n END')],
    [
      'with blank lines and junk lines',
      (text: string) => text.replace('UID', 'no property\r\n\r\nUID'),
    ],
    ['without the last line end', (text: string) => text.trimEnd()],
    [
      'with an alarm inside',
      (text: string) =>
        text.replace(
          'END:VEVENT',
          'BEGIN:VALARM\r\nDURATION:PT1H\r\nUID:x\r\nEND:VALARM\r\nEND:VEVENT',
        ),
    ],
  ])('%s means the same', (_, change) => {
    const parsed = parseFeed(change(plain));
    expect(parsed).toEqual(parseFeed(plain));
    expect(parsed).toMatchObject({ complete: true, zone: 'Europe/Paris', withheld: [] });
    expect(parsed.events).toMatchObject([{ nativeId: 'a-long-one' }]);
  });

  test('at every cut it is incomplete, and never throws', () => {
    const end = plain.trimEnd().length;
    for (let cut = 0; cut < end; cut += 1)
      expect(parseFeed(plain.slice(0, cut)).complete).toBe(false);
  });

  test('a page that is no calendar is incomplete and empty', () => {
    expect(parseFeed('<html><body>Sign in</body></html>')).toEqual({
      complete: false,
      isTooLarge: false,
      zone: null,
      events: [],
      withheld: [],
    });
    expect(parseFeed(`<p>Sorry</p>\n${plain}`).complete).toBe(false);
  });

  test('an empty calendar is complete', () => {
    expect(parseFeed(feed())).toMatchObject({ complete: true, events: [], withheld: [] });
  });

  test('floating times are judged in the zone the calendar or the caller names', () => {
    const lines = event('UID:a', 'DTSTART:20260701T100000', 'DTEND:20260701T090000Z');
    expect(parseFeed(feed(...lines), { defaultZone: 'Europe/Paris' }).events).toHaveLength(1);
    expect(parseFeed(feed(...lines), { defaultZone: 'UTC' }).withheld).toHaveLength(1);
    expect(
      parseFeed(feed('X-WR-TIMEZONE:Europe/Paris', ...lines), { defaultZone: 'UTC' }).events,
    ).toHaveLength(1);
  });
});
