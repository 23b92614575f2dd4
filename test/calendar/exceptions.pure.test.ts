import { describe, expect, test } from 'vitest';
import {
  anEvent,
  anException,
  day,
  expanded,
  floating,
  iso,
  startsOf,
  utc,
  windowOf,
  zoned,
} from './an-event.ts';

const NOVEMBER = windowOf('2026-11-01T00:00:00Z', '2026-12-01T00:00:00Z');
const WEEKLY = anEvent({
  start: zoned('2026-11-03T09:00:00', 'Europe/Paris'),
  end: zoned('2026-11-03T10:00:00', 'Europe/Paris'),
  recurrence: ['RRULE:FREQ=WEEKLY'],
});
const TUESDAYS = [
  '2026-11-03T08:00:00Z',
  '2026-11-10T08:00:00Z',
  '2026-11-17T08:00:00Z',
  '2026-11-24T08:00:00Z',
];
describe('exceptions', () => {
  const exception = (facts: Parameters<typeof anException>[0]) =>
    anException({ originalStart: zoned('2026-11-10T09:00:00', 'Europe/Paris'), ...facts });
  const moved = exception({ start: utc('2026-12-24T10:00:00Z'), end: utc('2026-12-24T12:00:00Z') });
  const december = windowOf('2026-12-24', '2026-12-26');

  test('one that moved away leaves its place, and one that moved in takes the new one', () => {
    const left = expanded({ master: WEEKLY, exceptions: [moved], window: NOVEMBER }).spans;
    expect(left.map((span) => iso(span.startAt))).toEqual(TUESDAYS.toSpliced(1, 1));
    expect(expanded({ master: WEEKLY, exceptions: [moved], window: december }).spans).toEqual([
      {
        startAt: Date.parse('2026-12-24T10:00:00Z'),
        endAt: Date.parse('2026-12-24T12:00:00Z'),
        originalStart: '2026-11-10T08:00:00Z',
        nativeId: 'exception',
      },
    ]);
  });

  test('spans are sorted by start, whoever takes them', () => {
    const early = exception({
      start: utc('2026-11-02T10:00:00Z'),
      end: utc('2026-11-02T12:00:00Z'),
    });
    expect(
      expanded({ master: WEEKLY, exceptions: [early], window: NOVEMBER }).spans.map(
        (span) => span.nativeId,
      ),
    ).toEqual(['exception', 'series', 'series', 'series']);
  });

  test('a cancelled one frees its place, with or without a start, named in any zone or by date', () => {
    const places = [
      zoned('2026-11-10T09:00:00', 'Europe/Paris'),
      utc('2026-11-10T08:00:00Z'),
      floating('2026-11-10T09:00:00'),
      day('2026-11-10'),
    ];
    for (const originalStart of places) {
      const gone = anException({ status: 'cancelled', start: null, originalStart });
      expect(startsOf({ master: WEEKLY, exceptions: [gone], window: NOVEMBER })).toEqual(
        TUESDAYS.toSpliced(1, 1),
      );
    }
  });

  test('a transparent one takes no time, and an opaque one of a transparent series does', () => {
    const here = { start: utc('2026-11-10T08:00:00Z'), end: utc('2026-11-10T09:00:00Z') };
    const free = exception({ ...here, transparency: 'transparent' });
    expect(startsOf({ master: WEEKLY, exceptions: [free], window: NOVEMBER })).toEqual(
      TUESDAYS.toSpliced(1, 1),
    );
    const master = anEvent({ ...WEEKLY, transparency: 'transparent' });
    expect(startsOf({ master, exceptions: [exception(here)], window: NOVEMBER })).toEqual(
      TUESDAYS.slice(1, 2),
    );
  });

  test('one whose series does not have its occurrence stands as a single entry', () => {
    const orphan = anException({
      originalStart: utc('2026-11-11T08:00:00Z'),
      start: utc('2026-11-11T09:00:00Z'),
      end: utc('2026-11-11T10:00:00Z'),
    });
    expect(startsOf({ master: WEEKLY, exceptions: [orphan], window: NOVEMBER })).toEqual([
      ...TUESDAYS.slice(0, 2),
      '2026-11-11T09:00:00Z',
      ...TUESDAYS.slice(2),
    ]);
    expect(startsOf({ master: orphan, window: NOVEMBER })).toEqual(['2026-11-11T09:00:00Z']);
  });

  test('of two for one occurrence the newer counts', () => {
    const newer = exception({
      sequence: 2,
      start: utc('2026-11-12T08:00:00Z'),
      end: utc('2026-11-12T09:00:00Z'),
    });
    expect(startsOf({ master: WEEKLY, exceptions: [newer, moved], window: NOVEMBER })).toContain(
      '2026-11-12T08:00:00Z',
    );
    expect(startsOf({ master: WEEKLY, exceptions: [newer, moved], window: december })).toEqual([]);
  });

  test('THISANDFUTURE moves and lengthens every later occurrence, but not those with their own', () => {
    const future = exception({
      thisAndFuture: true,
      nativeId: 'future',
      start: zoned('2026-11-11T14:00:00', 'Europe/Paris'),
      end: zoned('2026-11-11T16:00:00', 'Europe/Paris'),
    });
    const own = exception({
      originalStart: utc('2026-11-17T08:00:00Z'),
      start: utc('2026-11-17T20:00:00Z'),
      end: utc('2026-11-17T21:00:00Z'),
    });
    const { spans } = expanded({
      master: WEEKLY,
      exceptions: [future, own],
      window: windowOf('2026-11-01', '2026-12-03'),
    });
    expect(
      spans.map((span) => [
        span.nativeId,
        iso(span.startAt),
        (span.endAt - span.startAt) / 3_600_000,
      ]),
    ).toEqual([
      ['series', '2026-11-03T08:00:00Z', 1],
      ['future', '2026-11-11T13:00:00Z', 2],
      ['exception', '2026-11-17T20:00:00Z', 1],
      ['future', '2026-11-25T13:00:00Z', 2],
      ['future', '2026-12-02T13:00:00Z', 2],
    ]);
    expect(spans.map((span) => span.originalStart).slice(3)).toEqual([
      '2026-11-24T08:00:00Z',
      '2026-12-01T08:00:00Z',
    ]);
  });

  test('THISANDFUTURE cancelled ends the series there', () => {
    const ended = exception({ thisAndFuture: true, status: 'cancelled', start: null });
    expect(startsOf({ master: WEEKLY, exceptions: [ended], window: NOVEMBER })).toEqual(
      TUESDAYS.slice(0, 1),
    );
  });

  test('THISANDFUTURE may move occurrences into a window far from their places', () => {
    const later = exception({
      thisAndFuture: true,
      start: utc('2027-01-05T08:00:00Z'),
      end: utc('2027-01-05T09:00:00Z'),
    });
    expect(
      startsOf({
        master: WEEKLY,
        exceptions: [later],
        window: windowOf('2027-01-01', '2027-01-14'),
      }),
    ).toEqual(['2027-01-05T08:00:00Z', '2027-01-12T08:00:00Z']);
  });

  test('one that cannot be read leaves the occurrence where the series has it, and says so', () => {
    const broken = exception({ start: zoned('2026-11-10T09:00:00', 'Nowhere') });
    const { spans, withheld } = expanded({
      master: WEEKLY,
      exceptions: [broken],
      window: NOVEMBER,
    });
    expect(spans).toHaveLength(4);
    expect(withheld).toBe('bad-exception');
  });
});
