import fc from 'fast-check';
import { Temporal as Tc39 } from 'temporal-polyfill';
import { describe, expect, test } from 'vitest';
import { parseFeed } from '../../src/calendar/parse.ts';
import {
  instantOf,
  instantToWall,
  resolveZone,
  WallTimeError,
  zoneIsKnown,
} from '../../src/calendar/zones.ts';
import { WINDOWS_ZONES } from '../../src/calendar/windows-zones.ts';
import { day, floating, iso, utc, zoned } from './an-event.ts';

const at = (local: string, zone: string) => iso(instantOf(zoned(local, zone), 'UTC'));

describe('instants of wall times', () => {
  test('a time that a clock change skips keeps the offset before the gap', () => {
    expect(at('2024-03-10T02:30:00', 'America/New_York')).toBe('2024-03-10T07:30:00Z');
    expect(at('2026-03-29T02:00:00', 'Europe/Paris')).toBe('2026-03-29T01:00:00Z');
    expect(at('2024-10-06T02:15:00', 'Australia/Lord_Howe')).toBe('2024-10-05T15:45:00Z');
  });

  test('a time that happens twice is its first occurrence', () => {
    expect(at('2024-11-03T01:30:00', 'America/New_York')).toBe('2024-11-03T05:30:00Z');
    expect(at('2026-10-25T02:30:00', 'Europe/Paris')).toBe('2026-10-25T00:30:00Z');
  });

  test('a day that a country skipped is moved past, whole', () => {
    expect(at('2011-12-30T12:00:00', 'Pacific/Apia')).toBe('2011-12-30T22:00:00Z');
  });

  test('dates and floating times are in the calendar zone, instants in none', () => {
    expect(iso(instantOf(day('2026-07-01'), 'Asia/Tokyo'))).toBe('2026-06-30T15:00:00Z');
    expect(iso(instantOf(floating('2026-07-01T09:00:00'), 'Asia/Tokyo'))).toBe(
      '2026-07-01T00:00:00Z',
    );
    expect(iso(instantOf(utc('2026-07-01T09:00:00Z'), 'Asia/Tokyo'))).toBe('2026-07-01T09:00:00Z');
    expect(instantOf(utc('2026-07-01T09:00:00.250Z'), 'UTC') % 1000).toBe(250);
  });

  test('no real date and no known zone are refused without repeating the text', () => {
    expect(() => instantOf(day('2026-02-30'), 'UTC')).toThrow(WallTimeError);
    expect(() => instantOf(zoned('2026-02-03T00:00:00', 'Secret/Place'), 'UTC')).toThrow(
      /not known; use an IANA name/,
    );
  });

  test('they agree with another implementation on every half hour around clock changes', () => {
    const cases = {
      'America/New_York': '2024-03-09',
      'Europe/Paris': '2026-10-24',
      'Africa/Casablanca': '2026-02-14',
      'Australia/Lord_Howe': '2024-04-06',
      'America/Caracas': '2016-04-30',
      'Asia/Pyongyang': '2018-05-04',
    };
    for (const [zone, date] of Object.entries(cases)) {
      const first = Tc39.PlainDateTime.from(`${date}T00:00`);
      for (let half = 0; half < 144; half += 1) {
        const local = first.add({ minutes: half * 30 });
        const theirs = local.toZonedDateTime(zone, { disambiguation: 'compatible' });
        expect(instantOf(zoned(local.toString({ smallestUnit: 'second' }), zone), 'UTC')).toBe(
          theirs.epochMilliseconds,
        );
      }
    }
  });
});

describe('offsets that are kept', () => {
  test('are those that the engine gives, at any instant of any zone', () => {
    const zones = Intl.supportedValuesOf('timeZone');
    const seconds = fc.integer({ min: 0, max: Date.UTC(2101, 0, 1) / 1000 });
    fc.assert(
      fc.property(fc.constantFrom(...zones), seconds, (zone, second) => {
        const theirs = Tc39.Instant.fromEpochMilliseconds(second * 1000).toZonedDateTimeISO(zone);
        expect(instantToWall(second * 1000, zone) - second).toBe(
          theirs.offsetNanoseconds / 1_000_000_000,
        );
      }),
      { numRuns: 300 },
    );
  });

  test('change at the second the engine changes, also twice within a fortnight', () => {
    const changes: Record<string, string[]> = {
      'Europe/Paris': ['2026-03-29T01:00:00Z', '2099-10-25T01:00:00Z'],
      'America/Recife': ['2000-10-08T03:00:00Z', '2000-10-15T02:00:00Z'],
      'Africa/Casablanca': ['2026-02-15T02:00:00Z', '2026-03-22T02:00:00Z'],
    };
    for (const [zone, instants] of Object.entries(changes)) {
      for (const instant of instants) {
        const changeAt = Date.parse(instant);
        const [before, after] = [changeAt - 1000, changeAt].map((one) => instantToWall(one, zone));
        expect(after! - before!).not.toBe(1);
      }
    }
  });
});

describe('zone names', () => {
  test.each([
    ['Europe/Paris', 'Europe/Paris'],
    ['europe/paris', 'Europe/Paris'],
    ['"Europe/Paris"', 'Europe/Paris'],
    ['/freeassociation.sourceforge.net/Europe/Paris', 'Europe/Paris'],
    ['/mozilla.org/20050126_1/America/Argentina/Salta', 'America/Argentina/Salta'],
    ['/Europe/Paris', 'Europe/Paris'],
    ['Romance Standard Time', 'Europe/Paris'],
    ['eastern standard time', 'America/New_York'],
    ['tzone://Microsoft/Utc', 'UTC'],
    ['Z', 'UTC'],
    ['GMT', 'UTC'],
    ['UTC+2', '+02:00'],
    ['-0330', '-03:30'],
    ['+05:45', '+05:45'],
    ['/mozilla.org/20070129_1/UTC', 'UTC'],
    ['/softwarestudio.org/Olson_20011030_5/America/New_York', 'America/New_York'],
    ['/freeassociation.sourceforge.net/Tzfile/Europe/Paris', 'Europe/Paris'],
    ['W. Europe', 'Europe/Berlin'],
    ['Pacific Daylight Time', 'America/Los_Angeles'],
    ['(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna', 'Europe/Amsterdam'],
    ['(GMT+01.00) Sarajevo / Warsaw / Zagreb', 'Europe/Sarajevo'],
    ['(UTC-05:00) Eastern Time (US & Canada)', 'America/New_York'],
    ['(UTC-06:00) Guadalajara, Mexico City, Monterrey', 'America/Mexico_City'],
    ['(UTC+09:00) Osaka, Sapporo, Tokyo', 'Asia/Tokyo'],
    ['(UTC+00:00) Dublin, Edinburgh, Lisbon, London', 'Europe/Dublin'],
    ['(UTC-07:00) Arizona', 'US/Arizona'],
    ['(UTC) Coordinated Universal Time', 'UTC'],
  ])('%s means %s', (tzid, zone) => {
    expect(resolveZone(tzid)).toBe(zone);
  });

  test('an alias stays as it was written, for engines disagree on the canonical name', () => {
    expect(resolveZone('Asia/Kolkata')).toBe('Asia/Kolkata');
    expect(resolveZone('US/Eastern')).toBe('US/Eastern');
  });

  test('a name that says nothing is unknown', () => {
    expect(resolveZone('Customized Time Zone')).toBeNull();
    expect(resolveZone('tzone://Microsoft/Custom')).toBeNull();
    expect(resolveZone('(UTC+03:00) Atlantis')).toBeNull();
    // The place is known, but its clocks are elsewhere.
    expect(resolveZone('(UTC+07:00) Paris')).toBeNull();
    expect(resolveZone('')).toBeNull();
    expect(zoneIsKnown('Mars/Olympus')).toBe(false);
    expect(zoneIsKnown('vtimezone:{')).toBe(false);
    expect(zoneIsKnown('vtimezone:[1]')).toBe(false);
  });

  test('every Windows name leads to a zone this engine knows', () => {
    const unknown = Object.values(WINDOWS_ZONES).filter((zone) => !zoneIsKnown(zone));
    expect(unknown).toEqual([]);
    expect(Object.keys(WINDOWS_ZONES).length).toBeGreaterThan(130);
  });
});

const CUSTOM_ZONE = [
  'BEGIN:VTIMEZONE',
  'TZID:Customized Time Zone',
  'BEGIN:STANDARD',
  'DTSTART:16010101T030000',
  'TZOFFSETFROM:+0200',
  'TZOFFSETTO:+0100',
  'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10',
  'END:STANDARD',
  'BEGIN:DAYLIGHT',
  'DTSTART:16010101T020000',
  'TZOFFSETFROM:+0100',
  'TZOFFSETTO:+0200',
  'RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3',
  'END:DAYLIGHT',
  'END:VTIMEZONE',
];

const feedWith = (zone: string[], start: string) =>
  parseFeed(
    [
      'BEGIN:VCALENDAR',
      ...zone,
      'BEGIN:VEVENT',
      'UID:a',
      start,
      'END:VEVENT',
      'END:VCALENDAR',
    ].join('\n'),
  );

describe('a VTIMEZONE in the feed', () => {
  test('tells the offsets of a zone that nobody else knows, gap and fold included', () => {
    const { events, withheld } = feedWith(
      CUSTOM_ZONE,
      'DTSTART;TZID=Customized Time Zone:20260701T100000',
    );
    expect(withheld).toEqual([]);
    const start = events[0]!.start!;
    expect(start).toMatchObject({ kind: 'zoned', zone: expect.stringMatching(/^vtimezone:\[/) });
    const zone = start.kind === 'zoned' ? start.zone : '';
    expect(zoneIsKnown(zone)).toBe(true);
    expect(resolveZone(zone)).toBe(zone);
    for (const local of [
      '2026-07-01T10:00:00',
      '2026-01-01T10:00:00',
      '2026-03-29T02:30:00',
      '2026-10-25T02:30:00',
      '1999-06-01T00:00:00',
    ]) {
      expect(at(local, zone)).toBe(at(local, 'Europe/Paris'));
    }
  });

  test('gives way to an IANA name, also one it carries itself', () => {
    const located = CUSTOM_ZONE.toSpliced(2, 0, 'X-LIC-LOCATION:Asia/Tokyo');
    const { events } = feedWith(located, 'DTSTART;TZID=Customized Time Zone:20260701T100000');
    expect(events[0]!.start).toMatchObject({ zone: 'Asia/Tokyo' });
    const renamed = CUSTOM_ZONE.with(1, 'TZID:Asia/Tokyo');
    expect(
      feedWith(renamed, 'DTSTART;TZID=Asia/Tokyo:20260701T100000').events[0]!.start,
    ).toMatchObject({
      zone: 'Asia/Tokyo',
    });
  });

  test('that disagrees with a name that is known gives way to it', () => {
    const wrong = CUSTOM_ZONE.with(1, 'TZID:Eastern Standard Time');
    const { events } = feedWith(wrong, 'DTSTART;TZID=Eastern Standard Time:20260701T100000');
    expect(events[0]!.start).toMatchObject({ zone: 'America/New_York' });
  });

  test('comes before what a loose name may mean', () => {
    const own = CUSTOM_ZONE.with(1, 'TZID:Eastern');
    const { events } = feedWith(own, 'DTSTART;TZID=Eastern:20260701T100000');
    expect(events[0]!.start).toMatchObject({ zone: expect.stringMatching(/^vtimezone:/) });
  });

  test('does not leak into the next feed', () => {
    feedWith(CUSTOM_ZONE, 'DTSTART;TZID=Customized Time Zone:20260701T100000');
    const next = feedWith([], 'DTSTART;TZID=Customized Time Zone:20260701T100000');
    expect(next.events).toEqual([]);
    expect(next.withheld).toMatchObject([
      { nativeId: 'a', reason: 'unknown-zone', event: { start: floating('2026-07-01T10:00:00') } },
    ]);
  });
});
