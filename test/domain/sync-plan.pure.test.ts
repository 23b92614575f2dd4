import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Change, NeutralEvent, WithheldItem } from '../../src/domain/event.ts';
import { canonicalEvent } from '../../src/domain/event.ts';
import type { Interval } from '../../src/domain/interval.ts';
import type { KnownEvent, PagePlan } from '../../src/domain/sync-plan.ts';
import { blocks, planPage } from '../../src/domain/sync-plan.ts';

const event = (nativeId: string, day: number, more: Partial<NeutralEvent> = {}): NeutralEvent => ({
  nativeId,
  uid: null,
  seriesId: null,
  originalStart: null,
  status: 'confirmed',
  transparency: 'opaque',
  kind: 'default',
  start: { kind: 'date', date: `2035-01-${String(day).padStart(2, '0')}` },
  end: null,
  recurrence: [],
  thisAndFuture: false,
  sequence: 0,
  etag: null,
  updatedAt: null,
  marker: null,
  ...more,
});
const upsert = (one: NeutralEvent): Change => ({ kind: 'upsert', event: one });
const removed = (nativeId: string): Change => ({ kind: 'removed', nativeId });

interface Copy {
  known: Map<string, KnownEvent>;
  spans: Map<string, string>;
}
const empty = (): Copy => ({ known: new Map(), spans: new Map() });

const BUSY = {
  tentative: 'busy',
  isOurs: ({ marker }: NeutralEvent) => marker === 'booking',
} as const;

/** One span per member that blocks, by its day. */
const expand = (members: readonly NeutralEvent[]): { spans: Interval[]; withheld: null } => ({
  spans: members
    .filter((one) => blocks(one, BUSY))
    .map((one) => Number(one.start?.kind === 'date' ? one.start.date.slice(-2) : 0))
    .toSorted((a, b) => a - b)
    .map((day) => ({ startAt: day, endAt: day + 1 })),
  withheld: null,
});
const hash = (one: NeutralEvent, reason: string | null) => `${canonicalEvent(one)}|${reason}`;

type Page = { changes?: Change[]; withheld?: WithheldItem[]; gone?: string[] };
const plan = (copy: Copy, page: Page): PagePlan =>
  planPage({
    changes: page.changes ?? [],
    withheld: page.withheld ?? [],
    gone: page.gone ?? [],
    known: copy.known,
    expandAgain: [],
    expand,
    hash,
  });

function carryOut(copy: Copy, page: PagePlan): Copy {
  const known = new Map(copy.known);
  const spans = new Map(copy.spans);
  for (const nativeId of page.removals) known.delete(nativeId);
  for (const { kind: _, ...write } of page.writes) known.set(write.nativeId, write);
  for (const series of page.series)
    if (series.spans.length > 0) spans.set(series.rootId, JSON.stringify(series.spans));
    else spans.delete(series.rootId);
  return { known, spans };
}
const bring = (copy: Copy, page: Page): Copy => carryOut(copy, plan(copy, page));
const contents = ({ known, spans }: Copy) => ({
  known: Object.fromEntries([...known].map(([id, one]) => [id, [one.hash, one.rootId]])),
  spans: Object.fromEntries(spans),
});

const anId = fc.constantFrom('a', 'b', 'm');
const aDay = fc.integer({ min: 1, max: 28 });
const aChange: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(anId, aDay).map(([id, day]) => upsert(event(id, day))),
  fc
    .tuple(fc.constantFrom('m1', 'm2'), aDay, fc.constantFrom('m', 'b'))
    .map(([id, day, seriesId]) => upsert(event(id, day, { seriesId }))),
  fc.tuple(anId, aDay).map(([id, day]) => upsert(event(id, day, { status: 'cancelled' }))),
  fc.constantFrom('a', 'b', 'm', 'm1', 'm2').map(removed),
);
const changes = fc.array(aChange, { maxLength: 12 });

describe('planning', () => {
  test('page by page comes to the same as at once', () => {
    fc.assert(
      fc.property(changes, changes, fc.nat(12), (before, all, cut) => {
        const start = bring(empty(), { changes: before });
        const parts = bring(bring(start, { changes: all.slice(0, cut) }), {
          changes: all.slice(cut),
        });
        expect(contents(parts)).toEqual(contents(bring(start, { changes: all })));
      }),
    );
  });

  test('a page again writes nothing, removes nothing, and leaves all time as it is', () => {
    fc.assert(
      fc.property(changes, changes, (before, page) => {
        const after = bring(bring(empty(), { changes: before }), { changes: page });
        const again = plan(after, { changes: page });
        expect([again.writes, again.removals]).toEqual([[], []]);
        expect(contents(carryOut(after, again))).toEqual(contents(after));
      }),
    );
  });

  test('keeps the spans of every series those of its members', () => {
    fc.assert(
      fc.property(changes, changes, (before, page) => {
        const { known, spans } = bring(bring(empty(), { changes: before }), { changes: page });
        for (const rootId of new Set([...known.values()].map((one) => one.rootId))) {
          const members = [...known.values()].filter((one) => one.rootId === rootId);
          const expected = expand(members.map((one) => one.event)).spans;
          expect(spans.get(rootId) ?? '[]').toBe(JSON.stringify(expected));
        }
      }),
    );
  });

  test('names what it adds, changes and removes', () => {
    const copy = bring(empty(), { changes: [upsert(event('a', 1)), upsert(event('b', 2))] });
    const next = plan(copy, {
      changes: [upsert(event('a', 3)), upsert(event('c', 4)), removed('b')],
    });
    expect(next.writes.map((one) => [one.nativeId, one.kind])).toEqual([
      ['a', 'changed'],
      ['c', 'added'],
    ]);
    expect(next.removals).toEqual(['b']);
    expect(next.seen).toEqual(['a', 'c']);
    expect(next.series.map((one) => one.rootId).toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('what says the same to us is no change', () => {
    const copy = bring(empty(), { changes: [upsert(event('a', 1))] });
    const same = event('a', 1, { etag: 'x', sequence: 9, updatedAt: '2035-01-01T00:00:00Z' });
    expect(plan(copy, { changes: [upsert(same)] })).toMatchObject({ writes: [], series: [] });
  });
});

describe('a series', () => {
  const series = () =>
    bring(empty(), {
      changes: [
        upsert(event('m', 1)),
        upsert(event('m1', 2, { seriesId: 'm' })),
        upsert(event('m2', 3, { seriesId: 'm' })),
      ],
    });

  test('that is removed takes its exceptions along', () => {
    expect(contents(bring(series(), { changes: [removed('m')] }))).toEqual({
      known: {},
      spans: {},
    });
  });

  test('that is removed leaves an exception that is listed after it', () => {
    const page = { changes: [removed('m'), upsert(event('m1', 2, { seriesId: 'm' }))] };
    expect([...bring(series(), page).known.keys()]).toEqual(['m1']);
  });

  test('whose master alone is no longer listed keeps the exceptions that are', () => {
    const after = bring(series(), { gone: ['m', 'm2'] });
    expect([...after.known.keys()]).toEqual(['m1']);
    expect(after.spans.get('m')).toBe(JSON.stringify([{ startAt: 2, endAt: 3 }]));
  });

  test('that an exception leaves for another is expanded again, as is the other', () => {
    const moved = plan(series(), { changes: [upsert(event('m1', 2, { seriesId: 'n' }))] });
    expect(moved.series.map((one) => one.rootId).toSorted()).toEqual(['m', 'n']);
  });
});

describe('a withheld entry', () => {
  const reason = 'bad-rule';

  test('blocks what of it is understood, and is listed', () => {
    const page = plan(empty(), { withheld: [{ nativeId: 'a', reason, event: event('a', 5) }] });
    expect(page.writes).toMatchObject([{ nativeId: 'a', kind: 'added', withheldReason: reason }]);
    expect(page.series).toEqual([{ rootId: 'a', spans: [{ startAt: 5, endAt: 6 }] }]);
    expect(page.seen).toEqual(['a']);
  });

  test('of which nothing can be read is listed and blocks nothing', () => {
    const page = plan(empty(), { withheld: [{ nativeId: 'a', reason, event: null }] });
    expect(page.writes).toMatchObject([{ nativeId: 'a', withheldReason: reason }]);
    expect(page.series).toEqual([{ rootId: 'a', spans: [] }]);
  });

  test('that was understood before goes on blocking what it blocked', () => {
    const copy = bring(empty(), { changes: [upsert(event('a', 1))] });
    const page = { withheld: [{ nativeId: 'a', reason, event: null }] };
    const after = bring(copy, page);
    expect(after.known.get('a')).toMatchObject({ withheldReason: reason });
    expect(after.spans).toEqual(copy.spans);
    expect(plan(after, page).writes).toEqual([]);
  });

  test('that is understood again is no longer withheld', () => {
    const copy = bring(empty(), { withheld: [{ nativeId: 'a', reason, event: event('a', 1) }] });
    const after = bring(copy, { changes: [upsert(event('a', 1))] });
    expect(after.known.get('a')).toMatchObject({ withheldReason: null });
  });

  test('by what expansion says is marked so, and a repeat plans nothing', () => {
    const input = {
      changes: [upsert(event('a', 1))],
      withheld: [],
      expandAgain: [],
      expand: () => ({ spans: [], withheld: 'too-many-occurrences' }),
      hash,
    };
    const first = planPage({ ...input, known: new Map() });
    expect(first.writes).toMatchObject([{ withheldReason: 'too-many-occurrences' }]);
    const known = carryOut(empty(), first).known;
    expect(planPage({ ...input, known })).toMatchObject({ writes: [], series: [] });
  });
});

test.each<[boolean, Partial<NeutralEvent>]>([
  [true, {}],
  [false, { status: 'cancelled' }],
  [false, { transparency: 'transparent' }],
  [false, { kind: 'working-elsewhere' }],
  [true, { kind: 'out-of-office' }],
  [false, { marker: 'booking' }],
  [true, { marker: 'of another place' }],
  [false, { start: null }],
  [true, { status: 'tentative' }],
])('blocks: %s for %o', (expected, more) => {
  expect(blocks(event('a', 1, more), BUSY)).toBe(expected);
});

test('a tentative entry takes no time where the connection says so', () => {
  expect(blocks(event('a', 1, { status: 'tentative' }), { ...BUSY, tentative: 'free' })).toBe(
    false,
  );
});

test('exceptions that went with their series leave nothing behind', () => {
  const copy = empty();
  copy.known.set('s', knownOf(event('s', 3, { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'] })));
  const tombstone = event('s-4', 4, { seriesId: 's', status: 'cancelled', start: null });
  const { writes, removals } = plan(copy, { changes: [removed('s'), upsert(tombstone)] });
  expect([writes, removals]).toEqual([[], ['s']]);
});

const knownOf = (one: NeutralEvent): KnownEvent => ({
  nativeId: one.nativeId,
  rootId: one.seriesId ?? one.nativeId,
  hash: hash(one, null),
  event: one,
  withheldReason: null,
});

test('each nature of an entry counts as the connection says, and several only together', () => {
  const says = (more: Partial<NeutralEvent>, settings: object) =>
    blocks(event('a', 1, more), { ...BUSY, ...settings });
  const cases: [Partial<NeutralEvent>, object, boolean][] = [
    [{ kind: 'out-of-office' }, {}, true],
    [{ kind: 'out-of-office' }, { outOfOffice: 'free' }, false],
    [{ kind: 'working-elsewhere' }, {}, false],
    [{ kind: 'working-elsewhere' }, { workingElsewhere: 'busy' }, true],
    [
      { kind: 'working-elsewhere', transparency: 'transparent' },
      { workingElsewhere: 'busy' },
      true,
    ],
    [{ transparency: 'transparent' }, {}, false],
    [{ transparency: 'transparent' }, { free: 'busy' }, true],
    [{ transparency: 'transparent', status: 'tentative' }, { free: 'busy' }, true],
    [
      { transparency: 'transparent', status: 'tentative' },
      { free: 'busy', tentative: 'free' },
      false,
    ],
    [{ kind: 'out-of-office', status: 'tentative' }, { tentative: 'free' }, false],
    [{ kind: 'not-taken', transparency: 'transparent' }, { free: 'busy' }, false],
    [{ status: 'cancelled', transparency: 'transparent' }, { free: 'busy' }, false],
  ];
  for (const [more, settings, takes] of cases)
    expect([more, settings, says(more, settings)]).toEqual([more, settings, takes]);
});
