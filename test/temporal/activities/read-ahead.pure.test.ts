import { expect, test } from 'vitest';
import { busySpans } from '../../../src/calendar/busy.ts';
import type { Pulled } from '../../../src/channels/channel-provider.ts';
import type { NeutralEvent } from '../../../src/domain/event.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import {
  expandAhead,
  expander,
  readAhead,
  takeAhead,
} from '../../../temporal/activities/read-ahead.ts';
import { anEvent, hour } from '../../support/ledger.ts';

const page: Pulled = {
  kind: 'snapshot',
  changes: [],
  withheld: [],
  nextCursor: 'c',
  checkpoint: null,
  more: false,
  ageMs: 0,
};
const place = { tenantId: 't', connectionId: 'c', version: 7, checkpoint: 'p' };
const aProcess = () => ({}) as ActivityDependencies;

test('a page read ahead is taken once, and only at its place', async () => {
  const deps = aProcess();
  readAhead(deps, place, () => Promise.resolve(page));
  expect(await takeAhead(aProcess(), place)).toBeNull();
  expect(await takeAhead(deps, { ...place, version: 8 })).toBeNull();
  expect(await takeAhead(deps, { ...place, checkpoint: 'q' })).toBeNull();
  expect(await takeAhead(deps, { ...place, tenantId: 'u' })).toBeNull();
  expect(await takeAhead(deps, place)).toBe(page);
  expect(await takeAhead(deps, place)).toBeNull();
});

test('what could not be read ahead is read when it is needed', async () => {
  const deps = aProcess();
  readAhead(deps, place, () => Promise.reject(new Error('away')));
  expect(await takeAhead(deps, place)).toBeNull();
});

test('only a few pages are kept', async () => {
  const deps = aProcess();
  for (let version = 1; version <= 9; version += 1)
    readAhead(deps, { ...place, version }, () => Promise.resolve(page));
  expect(await takeAhead(deps, { ...place, version: 1 })).toBeNull();
  expect(await takeAhead(deps, { ...place, version: 9 })).toBe(page);
});

const at = (hours: number) => Date.parse(hour(hours));
const given = {
  tentative: 'busy' as const,
  window: { fromAt: at(-24), untilAt: at(24 * 40) },
  calendarZone: 'UTC',
};
const weekly: NeutralEvent = { ...anEvent('weekly', [0, 1]), recurrence: ['RRULE:FREQ=WEEKLY'] };
const none = () => false;

test('what was expanded ahead is what expanding answers', async () => {
  const events = [weekly, anEvent('once', [3, 4])];
  await expandAhead(events, given, 100);
  const expand = expander({ ...given, isOurs: none });
  for (const event of events)
    expect(expand([event], 100)).toEqual(busySpans([event], { ...given, isOurs: none }));
});

test('it is expanded anew where anything differs', async () => {
  await expandAhead([weekly], given, 100);
  const later = { ...given, window: { fromAt: at(24 * 20), untilAt: at(24 * 80) } };
  const anew = busySpans([weekly], { ...later, isOurs: none });
  expect(expander({ ...later, isOurs: none })([weekly], 100)).toEqual(anew);
  const ours = expander({ ...given, isOurs: (event) => event === weekly });
  expect(ours([weekly], 100).spans).toEqual([]);
  const few = busySpans([weekly], { ...given, isOurs: none, maxSpans: 2 });
  expect(expander({ ...given, isOurs: none })([weekly], 2)).toEqual(few);
  const gone = { ...anEvent('gone', [168, 169]), seriesId: 'weekly', status: 'cancelled' as const };
  const exception = { ...gone, originalStart: anEvent('x', [168, 169]).start };
  expect(expander({ ...given, isOurs: none })([weekly, exception], 100)).toEqual(
    busySpans([weekly, exception], { ...given, isOurs: none }),
  );
});
