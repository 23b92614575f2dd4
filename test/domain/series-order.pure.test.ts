import { describe, expect, test } from 'vitest';
import { busySpans } from '../../src/calendar/busy.ts';
import type { Change, NeutralEvent } from '../../src/domain/event.ts';
import { planPage, type KnownEvent } from '../../src/domain/sync-plan.ts';
import { anEvent, gone, hour, listed } from '../support/ledger.ts';

/** A copy of a calendar that pages are applied to, one after another. */
function aCopy() {
  let known = new Map<string, KnownEvent>();
  const spans = new Map<string, string[]>();
  const hours = (at: number) => (at - Date.parse(hour(0))) / 3_600_000;
  return {
    apply(...changes: Change[]) {
      const plan = planPage({
        changes,
        withheld: [],
        known,
        expandAgain: [],
        expand: (members) => busySpans(members, EXPANSION),
        hash: (event) => JSON.stringify(event),
      });
      known = new Map(known);
      for (const one of plan.writes) known.set(one.nativeId, one);
      for (const nativeId of plan.removals) known.delete(nativeId);
      for (const one of plan.series)
        spans.set(
          one.rootId,
          one.spans.map(({ startAt, endAt }) => `${hours(startAt)}-${hours(endAt)}`),
        );
    },
    entries: () => [...known.keys()].toSorted(),
    busy: () => [...spans.values()].flat().toSorted(),
  };
}

const EXPANSION = {
  window: { fromAt: Date.parse(hour(0)), untilAt: Date.parse(hour(24 * 30)) },
  calendarZone: 'UTC',
  tentative: 'busy',
  isOurs: () => false,
} as const;

const WEEK = 168;
const master = anEvent('s', [0, 1], { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] });
const exception = (n: number, more: Partial<NeutralEvent> = {}): NeutralEvent =>
  anEvent(`s_${n}`, [n * WEEK + 5, n * WEEK + 6], {
    seriesId: 's',
    originalStart: { kind: 'utc', at: hour(n * WEEK) },
    ...more,
  });

describe('a series and its exceptions', () => {
  const inOrder = aCopy();
  inOrder.apply(...listed(master, exception(1), exception(2, { status: 'cancelled' })));

  test.each([
    ['on one page', [[exception(1), exception(2, { status: 'cancelled' }), master]]],
    ['on pages before it', [[exception(1)], [exception(2, { status: 'cancelled' })], [master]]],
    ['around it', [[exception(2, { status: 'cancelled' })], [master], [exception(1)]]],
  ])('come to the same when exceptions precede their master %s', (_name, pages) => {
    const copy = aCopy();
    for (const page of pages) copy.apply(...listed(...page));
    expect(copy.busy()).toEqual(inOrder.busy());
    expect(copy.busy()).toEqual(['0-1', '173-174']);
    expect(copy.entries()).toEqual(inOrder.entries());
  });

  test('go together at the tombstone of the master', () => {
    const copy = aCopy();
    copy.apply(...listed(master, exception(1), anEvent('other', [50, 51])));
    copy.apply(...gone('s'));
    expect(copy.entries()).toEqual(['other']);
    expect(copy.busy()).toEqual(['50-51']);
  });
});

describe('an exception whose master never comes', () => {
  test('is a single event', () => {
    const copy = aCopy();
    copy.apply(...listed(exception(1)));
    expect(copy.busy()).toEqual(['173-174']);
    copy.apply(...listed(exception(1, { end: { kind: 'utc', at: hour(WEEK + 8) } })));
    expect(copy.busy()).toEqual(['173-176']);
    copy.apply(...gone('s_1'));
    expect(copy.busy()).toEqual([]);
  });

  test('takes no time where it is a cancelled occurrence', () => {
    const copy = aCopy();
    copy.apply(...listed(exception(1, { status: 'cancelled' })));
    expect(copy.busy()).toEqual([]);
  });
});
