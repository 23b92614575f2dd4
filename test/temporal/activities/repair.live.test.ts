import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../../src/domain/failure.ts';
import type { NeutralEvent } from '../../../src/domain/event.ts';
import type { Interval } from '../../../src/domain/interval.ts';
import { commitBooking } from '../../../src/store/bookings.ts';
import { holdUnits } from '../../../src/store/holds.ts';
import { listPasses } from '../../../src/store/history-of-events.ts';
import type { ConnectionKey } from '../../../src/store/sync.ts';
import { lastSlotAt } from '../../../temporal/activities/connection-repair.ts';
import type { Ledger } from '../../support/ledger.ts';
import {
  addConnection,
  addResource,
  aHold,
  anEvent,
  hour,
  listed,
  openLedger,
} from '../../support/ledger.ts';
import { openPort, type PortScene } from './port-scene.ts';
import { copyOf } from './stored-copy.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

let ledger: Ledger;
let port: PortScene;
let key: ConnectionKey;
let resourceId: string;
/** All that the channel's calendar holds; delta passes bring nothing of it. */
let there: NeutralEvent[];
let entries: ReturnType<typeof copyOf>['entries'];
let busy: ReturnType<typeof copyOf>['busy'];
let row: ReturnType<typeof copyOf>['row'];
beforeAll(async () => {
  ledger = await openLedger();
  ({ entries, busy, row } = copyOf(ledger.pool, () => key));
});
afterAll(() => ledger.close());
beforeEach(async () => {
  port = openPort(ledger);
  there = [];
  port.answer = ({ cursor }) => ({ changes: cursor === null ? listed(...there) : [] });
  resourceId = await addResource(ledger.admin);
  key = await addConnection(ledger.admin, { resourceId });
});

/** Cursors that the channel was asked with since the last time. */
const cursors = () => port.asked.splice(0).map((one) => one.cursor);
/** A first listing, and then a day later. */
const aDayLater = async () => {
  await port.pull(key);
  cursors();
  port.nowAt += DAY_MS;
};

describe('the nightly listing', () => {
  beforeEach(() => {
    port.deps.settings.repair!.compareEveryMs = null;
  });

  test('comes after a pass that found nothing, once a night, at an hour of its own', async () => {
    await aDayLater();
    expect(await port.pull(key)).toMatchObject({ againMs: 1 });
    expect(await port.pull(key)).toMatchObject({ againMs: null });
    expect(await port.pull(key)).toMatchObject({ againMs: null });
    expect(cursors()).toEqual(['cursor', null, 'cursor']);
    expect(await entries()).toEqual([]);
  });

  test('repairs what our copy lacks, has too much and has otherwise, and counts it', async () => {
    there = [anEvent('a', [0, 1]), anEvent('b', [2, 3]), anEvent('z', [8, 9])];
    await aDayLater();
    await port.pull(key);
    there = [anEvent('a', [10, 11]), anEvent('c', [4, 5]), anEvent('z', [8, 9])];
    await port.pull(key);
    expect(await busy()).toEqual(['c', 'z', 'a']);
    const counts = { added: 1, changed: 1, removed: 1, renamed: 0, spans: 0 };
    expect(await entries()).toMatchObject([
      { type: 'connection.repaired', data: { reason: 'nightly', ...counts } },
    ]);
    const [pass] = await listPasses(ledger.pool, key, { before: undefined, limit: 1 });
    expect(pass).toMatchObject({ kind: 'repair', added: 1, changed: 1, removed: 1 });
  });

  test('finds no difference in what is over and so lies before all that it lists', async () => {
    const start = { kind: 'zoned', local: '2026-01-05T09:00:00', zone: 'Europe/Paris' } as const;
    const end = { ...start, local: '2026-01-05T10:00:00' };
    const over = (nativeId: string, more: Partial<NeutralEvent> = {}) => ({
      ...anEvent(nativeId, [0, 1]),
      start,
      end,
      ...more,
    });
    const going = [over('going', { recurrence: ['RRULE:FREQ=WEEKLY'] }), anEvent('soon', [0, 1])];
    there = [
      over('once'),
      over('series', { recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] }),
      over('free', { transparency: 'transparent' }),
      ...going,
    ];
    await aDayLater();
    await port.pull(key);
    there = going;
    await port.pull(key);
    expect(await entries()).toEqual([]);
    expect(await listPasses(ledger.pool, key, { before: undefined, limit: 1 })).toMatchObject([
      { kind: 'listing', added: 5 },
    ]);
    // What is to come is missed; and what is over is gone from the copy, so that it does not grow.
    there = going.slice(0, 1);
    port.nowAt += DAY_MS;
    await port.pull(key);
    await port.pull(key);
    expect(await entries()).toMatchObject([{ data: { reason: 'nightly', removed: 1 } }]);
    const { rows } = await ledger.pool.query(
      'SELECT native_id FROM channel_event WHERE connection_id = $1 AND upper_inf(recorded)',
      [key.connectionId],
    );
    expect(rows).toEqual([{ native_id: 'going' }]);
  });

  test('makes busy time anew that was lost without any entry having changed', async () => {
    there = [anEvent('a', [0, 1]), anEvent('b', [2, 3])];
    await aDayLater();
    await ledger.admin.query(`DELETE FROM busy WHERE connection_id = $1 AND root_id = 'a'`, [
      key.connectionId,
    ]);
    await port.pull(key);
    await port.pull(key);
    expect(await busy()).toEqual(['a', 'b']);
    expect(await entries()).toMatchObject([{ data: { reason: 'nightly', added: 0, spans: 1 } }]);
  });

  test('that fails costs nothing: the position goes on serving, and it comes an hour later', async () => {
    await aDayLater();
    await port.pull(key);
    const answer = port.answer;
    port.answer = () => {
      throw new Failure({ kind: 'unavailable', code: 'http-503' });
    };
    expect(await port.pull(key)).toMatchObject({ kind: 'cursor-lost', what: 'checkpoint' });
    port.answer = answer;
    expect(await port.pull(key)).toMatchObject({ kind: 'page', againMs: null });
    port.nowAt += HOUR_MS;
    expect(await port.pull(key)).toMatchObject({ againMs: 1 });
    expect(cursors()).toEqual(['cursor', null, 'cursor', 'cursor']);
  });

  test('does not come while changes arrive, nor where it is turned off', async () => {
    await aDayLater();
    port.answer = () => ({ changes: listed(anEvent('a', [0, 1])) });
    expect(await port.pull(key)).toMatchObject({ againMs: null });
    port.deps.settings.repair!.nightly = false;
    port.answer = () => ({});
    expect(await port.pull(key)).toMatchObject({ againMs: null });
  });

  test('lies between one and five at night in the zone of the calendar', () => {
    const hours = Array.from({ length: 400 }, (_, n) => {
      const at = lastSlotAt(Date.UTC(2027, 5, 1, 12), 'Asia/Tokyo', `c-${n}`);
      return new Date(at + 9 * HOUR_MS).getUTCHours();
    });
    expect(new Set(hours)).toEqual(new Set([1, 2, 3, 4]));
  });
});

describe("the channel's own free/busy answer", () => {
  let taken: Interval[];
  const spanOf = ([from, to]: readonly [number, number]): Interval => ({
    startAt: Date.parse(hour(from)),
    endAt: Date.parse(hour(to)),
  });
  beforeEach(async () => {
    port.deps.settings.repair!.nightly = false;
    taken = [spanOf([0, 1])];
    port.freeBusy = () => taken;
    there = [anEvent('a', [0, 1])];
  });

  test('that agrees is asked for every few hours, and changes nothing', async () => {
    await aDayLater();
    let calls = 0;
    port.freeBusy = () => ((calls += 1), taken);
    for (const waitMs of [0, HOUR_MS, HOUR_MS]) {
      port.nowAt += waitMs;
      expect(await port.pull(key)).toMatchObject({ againMs: null });
    }
    expect(calls).toBe(1);
    port.nowAt += 5 * HOUR_MS;
    await port.pull(key);
    expect(calls).toBe(2);
    expect(await entries()).toEqual([]);
  });

  test.each([
    [
      'more',
      [
        [0, 1],
        [5, 6],
      ],
      { missing: 1, extra: 0 },
    ],
    ['less', [], { missing: 0, extra: 1 }],
  ] as const)('that names %s twice leads to a listing', async (_name, spans, differs) => {
    await aDayLater();
    taken = spans.map(spanOf);
    expect(await port.pull(key)).toMatchObject({ againMs: 10_000 });
    expect(await entries()).toEqual([]);
    expect(await port.pull(key)).toMatchObject({ againMs: 1 });
    expect(await entries()).toMatchObject([{ type: 'connection.differs', data: differs }]);
    there = spans.map((span, n) => anEvent(n === 0 ? 'a' : 'new', span));
    expect(await port.pull(key)).toMatchObject({ againMs: null });
    expect(cursors()).toEqual(['cursor', 'cursor', null]);
    expect(await busy()).toEqual(there.map((one) => one.nativeId));
    expect((await entries()).at(-1)).toMatchObject({
      type: 'connection.repaired',
      data: { reason: 'free-busy', added: differs.missing, removed: differs.extra },
    });
  });

  test('that differs only at the first of two looks leads to nothing', async () => {
    await aDayLater();
    taken = [spanOf([0, 1]), spanOf([5, 6])];
    expect(await port.pull(key)).toMatchObject({ againMs: 10_000 });
    taken = [spanOf([0, 1]), spanOf([8, 9])];
    expect(await port.pull(key)).toMatchObject({ againMs: null });
    expect(await entries()).toEqual([]);
  });

  test('differs by nothing that we read otherwise, or that is ours', async () => {
    await ledger.admin.query(
      `UPDATE connection SET settings = settings || '{"tentative": "free"}' WHERE id = $1`,
      [key.connectionId],
    );
    const held = aHold(resourceId, { startAt: hour(50), endAt: hour(51) });
    await holdUnits(ledger.pool, held);
    await commitBooking(ledger.pool, held);
    there.push(anEvent('maybe', [20, 21], { status: 'tentative' }));
    // Servers differ in whether an invitation that was declined is taken.
    there.push(anEvent('declined', [24, 25], { kind: 'not-taken' }));
    there.push(anEvent('declined too', [26, 27], { kind: 'not-taken' }));
    taken.push(spanOf([20, 21]), spanOf([24, 25]), spanOf([50, 51]));
    await aDayLater();
    expect(await port.pull(key)).toMatchObject({ againMs: null });
  });

  test('is not held against what blocks only to be safe', async () => {
    const safe = anEvent('unclear', [30, 31]);
    port.answer = ({ cursor }) =>
      cursor === null
        ? {
            changes: listed(...there),
            withheld: [{ nativeId: 'unclear', event: safe, reason: 'bad-rule' }],
          }
        : {};
    await aDayLater();
    expect(await port.pull(key)).toMatchObject({ againMs: null });
    expect(await busy()).toEqual(['a', 'unclear']);
  });

  test('that there is none of, or that fails, keeps nothing from being live', async () => {
    await aDayLater();
    port.freeBusy = () => null;
    expect(await port.pull(key)).toMatchObject({ status: 'live', againMs: null });
    port.nowAt += DAY_MS;
    port.freeBusy = () => {
      throw new Failure({ kind: 'rate-limited', code: 'quota' });
    };
    expect(await port.pull(key)).toMatchObject({ status: 'live', againMs: null });
  });
});

describe('absence from a feed', () => {
  const feed = (): NeutralEvent[] =>
    Array.from({ length: 12 }, (_, n) => anEvent(`e${n}`, [n, n + 0.5]));

  test('counts at a second reading that no cache can have answered', async () => {
    port.absenceConfirmMs = 600_000;
    there = feed();
    await port.pull(key);
    there = there.slice(1);
    // The file changed, and all of it came although the question was conditional.
    port.answer = () => ({ kind: 'snapshot', changes: listed(...there) });
    await port.pull(key);
    port.nowAt += 500_000;
    await port.pull(key);
    expect(await busy()).toContain('e0');
    port.nowAt += 200_000;
    cursors();
    await port.pull(key);
    expect(cursors()).toEqual([null]);
    expect(await busy()).not.toContain('e0');
  });

  test('of most of it is guarded: what was known blocks, and confirmedAt stands still', async () => {
    there = feed();
    await port.pull(key);
    const before = await row();
    there = [anEvent('new', [40, 41])];
    port.answer = () => ({ kind: 'snapshot', changes: listed(...there) });
    expect(await port.pull(key)).toMatchObject({ status: 'guarded' });
    expect(await busy()).toHaveLength(13);
    expect((await row())['confirmed_at']).toEqual(before['confirmed_at']);
    port.nowAt += HOUR_MS;
    expect(await port.pull(key)).toMatchObject({ status: 'live' });
    expect(await busy()).toEqual(['new']);
  });

  test('counts occurrences, also where they touch and are one span of busy time', async () => {
    const daily = anEvent('closed', [500, 524], { recurrence: ['RRULE:FREQ=DAILY;COUNT=100'] });
    there = [...feed(), daily];
    await port.pull(key);
    there = feed();
    port.answer = () => ({ kind: 'snapshot', changes: listed(...there) });
    expect(await port.pull(key)).toMatchObject({ status: 'guarded' });
    expect(await busy()).toContain('closed');
  });

  test('under new names is one rename each, and availability does not move', async () => {
    there = feed();
    await port.pull(key);
    const inTokyo = (hours: number) => ({
      kind: 'zoned' as const,
      local: hour(hours + 9).slice(0, 19),
      zone: 'Asia/Tokyo',
    });
    there = feed().map((one, n) => ({
      ...one,
      nativeId: `new-${one.nativeId}`,
      // The same instants in other words.
      ...(n % 2 === 0 && { start: inTokyo(n), end: inTokyo(n + 0.5) }),
    }));
    port.absenceConfirmMs = 600_000;
    port.answer = () => ({ kind: 'snapshot', changes: listed(...there) });
    expect(await port.pull(key)).toMatchObject({ status: 'live' });
    const types = (await entries('event.%')).map((one) => one.type);
    expect(types.slice(12)).toEqual(Array.from({ length: 12 }, () => 'event.renamed'));
    expect(await busy()).toHaveLength(12);
  });
});
