import { describe, expect, test } from 'vitest';
import { busySpans } from '../../src/calendar/busy.ts';
import type { BusyOptions } from '../../src/calendar/busy.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { anEvent, utc } from './an-event.ts';

const DAY_MS = 86_400_000;
const FROM_AT = Date.UTC(2026, 0, 1);
const UNTIL_AT = FROM_AT + 100 * DAY_MS;

const spansOf = (members: NeutralEvent[], more: Partial<BusyOptions> = {}) =>
  busySpans(members, {
    window: { fromAt: FROM_AT, untilAt: UNTIL_AT },
    calendarZone: 'UTC',
    tentative: 'busy',
    isOurs: () => false,
    ...more,
  });
const seriesBy = (rule: string) =>
  anEvent({
    start: utc('2026-01-01T00:00:00Z'),
    end: utc('2026-01-01T00:00:01Z'),
    recurrence: [rule],
  });

describe('a series with more than a limit allows', () => {
  test('takes all time from its start to the end of the window, and is withheld', () => {
    const { spans, withheld } = spansOf([seriesBy('RRULE:FREQ=SECONDLY;INTERVAL=10')]);
    expect(withheld).toBe('too-many-occurrences');
    expect(spans).toEqual([{ startAt: FROM_AT, endAt: UNTIL_AT }]);
  });

  test('takes no more than to its UNTIL', () => {
    const until = 'RRULE:FREQ=SECONDLY;INTERVAL=10;UNTIL=20260201T000000Z';
    expect(spansOf([seriesBy(until)]).spans).toEqual([
      { startAt: FROM_AT, endAt: Date.UTC(2026, 1, 1, 0, 0, 1) },
    ]);
  });

  test('takes all of the window when not one occurrence was found in its steps', () => {
    const start = { start: utc('0001-01-01T00:00:00Z'), end: utc('0001-01-01T00:00:01Z') };
    const rule = 'RRULE:FREQ=SECONDLY;INTERVAL=86399;BYSECOND=0;COUNT=99999999999';
    const series = { ...seriesBy(rule), recurrence: [rule, rule, rule], ...start };
    expect(spansOf([series]).spans).toEqual([{ startAt: FROM_AT, endAt: UNTIL_AT }]);
  });

  test('has no more spans than the page has left, and covers at least as much', () => {
    const series = seriesBy('RRULE:FREQ=HOURLY');
    const whole = spansOf([series]).spans;
    const { spans, withheld } = spansOf([series], { maxSpans: 10 });
    expect(withheld).toBe('too-many-occurrences');
    expect(spans).toHaveLength(10);
    for (const { startAt, endAt } of whole)
      expect(spans.some((one) => one.startAt <= startAt && endAt <= one.endAt)).toBe(true);
    expect(spansOf([series], { maxSpans: 0 }).spans).toEqual([
      { startAt: FROM_AT, endAt: UNTIL_AT },
    ]);
  });
});

test('an entry with a marker takes time unless its booking takes that place', () => {
  const event = { ...seriesBy('RRULE:FREQ=DAILY;COUNT=3'), marker: 'ours' };
  expect(spansOf([event]).spans).toHaveLength(3);
  expect(spansOf([event], { isOurs: ({ marker }) => marker === 'ours' }).spans).toEqual([]);
});
