import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GuardInput, MissingEvent } from '../../src/domain/deletion-guard.ts';
import { guardRemovals } from '../../src/domain/deletion-guard.ts';

const HOUR_MS = 3_600_000;
const NOW_AT = 1_000 * HOUR_MS;
const POLL_MS = HOUR_MS / 2;

const missing = (count: number, more: Partial<MissingEvent> = {}): MissingEvent[] =>
  Array.from({ length: count }, (_, n) => ({
    nativeId: `e${n}`,
    rootId: `e${n}`,
    futureSpans: 1,
    renamed: false,
    missingSinceAt: null,
    ...more,
  }));
const judge = (input: Partial<GuardInput>) =>
  guardRemovals({
    missing: [],
    futureSpans: 10,
    nowAt: NOW_AT,
    absenceConfirmMs: 0,
    pollIntervalMs: POLL_MS,
    unconditional: true,
    acceptRemovals: false,
    ...input,
  });
const isHeldBack = (input: Partial<GuardInput>) => judge(input).heldBack.length > 0;

const aMissing = fc.array(
  fc.record({
    futureSpans: fc.integer({ min: 0, max: 4 }),
    renamed: fc.boolean(),
    missingSinceAt: fc.option(fc.integer({ min: NOW_AT - 5 * HOUR_MS, max: NOW_AT })),
  }),
  { maxLength: 12 },
);
const anInput = fc
  .record({
    lost: aMissing,
    kept: fc.nat(20),
    absenceConfirmMs: fc.constantFrom(0, HOUR_MS),
    unconditional: fc.boolean(),
    acceptRemovals: fc.boolean(),
  })
  .map(({ lost, kept, ...rest }): GuardInput => {
    // Every third is an exception of the one before it.
    const events = lost.map((one, n) => ({
      nativeId: `e${n}`,
      rootId: n % 3 === 1 ? `e${n - 1}` : `e${n}`,
      ...one,
    }));
    const futureSpans = kept + events.reduce((sum, one) => sum + one.futureSpans, 0);
    return { missing: events, futureSpans, nowAt: NOW_AT, pollIntervalMs: POLL_MS, ...rest };
  });

describe('every verdict', () => {
  test('puts each missing entry on one side', () => {
    fc.assert(
      fc.property(anInput, (input) => {
        const { gone, heldBack } = guardRemovals(input);
        expect([...gone, ...heldBack].toSorted()).toEqual(
          input.missing.map((one) => one.nativeId).toSorted(),
        );
      }),
    );
  });

  test('holds back only what takes time ahead and was not renamed, or belongs to such', () => {
    fc.assert(
      fc.property(anInput, (input) => {
        const heldBack = new Set(guardRemovals(input).heldBack);
        const kept = input.missing.filter(
          ({ nativeId, rootId }) =>
            heldBack.has(nativeId) && (nativeId === rootId || !heldBack.has(rootId)),
        );
        expect(kept.filter((one) => one.futureSpans === 0 || one.renamed)).toEqual([]);
      }),
    );
  });

  test('keeps the exceptions of whatever it keeps', () => {
    fc.assert(
      fc.property(anInput, (input) => {
        const verdict = guardRemovals(input);
        const gone = input.missing.filter(({ nativeId }) => verdict.gone.includes(nativeId));
        expect(gone.filter(({ rootId }) => verdict.heldBack.includes(rootId))).toEqual([]);
      }),
    );
  });

  test('believes everything once somebody looked', () => {
    fc.assert(
      fc.property(anInput, (input) => {
        const verdict = guardRemovals({ ...input, acceptRemovals: true });
        expect(verdict).toMatchObject({ heldBack: [], guarded: false });
      }),
    );
  });

  test('believes at the second listing, long enough after the first', () => {
    fc.assert(
      fc.property(anInput, (input) => {
        const first = NOW_AT - Math.max(input.absenceConfirmMs, POLL_MS);
        const again = input.missing.map((one) => ({ ...one, missingSinceAt: first }));
        const second = { ...input, missing: again, unconditional: true };
        expect(guardRemovals(second)).toMatchObject({ heldBack: [] });
      }),
    );
  });

  test('calls a person only when something is held back', () => {
    fc.assert(
      fc.property(anInput, (input) => {
        const { guarded, heldBack } = guardRemovals(input);
        expect(guarded && heldBack.length === 0).toBe(false);
      }),
    );
  });
});

describe('what looks wrong', () => {
  test.each([
    [4, 8, false],
    [5, 8, true],
    [5, 10, false],
    [6, 10, true],
    [6, 7, false],
    [7, 7, true],
    [3, 3, true],
    [2, 2, false],
    [1, 1, false],
  ])('%i lost of %i: held back is %s', (lost, futureSpans, expected) => {
    expect(isHeldBack({ missing: missing(lost), futureSpans })).toBe(expected);
    expect(judge({ missing: missing(lost), futureSpans }).guarded).toBe(expected);
  });

  test('counts spans, not entries', () => {
    expect(isHeldBack({ missing: missing(1, { futureSpans: 6 }) })).toBe(true);
  });

  test('counts neither ended nor renamed entries, nor what only moved', () => {
    expect(isHeldBack({ missing: missing(9, { futureSpans: 0 }) })).toBe(false);
    expect(isHeldBack({ missing: missing(9, { renamed: true }) })).toBe(false);
    expect(isHeldBack({ missing: missing(9, { moved: true }) })).toBe(false);
  });

  test('does not hold back what ended beside what it holds back', () => {
    const ended = { ...missing(1)[0]!, nativeId: 'ended', rootId: 'ended', futureSpans: 0 };
    const verdict = judge({ missing: [...missing(9), ended] });
    expect(verdict.gone).toEqual(['ended']);
  });
});

describe('an exception', () => {
  const exception = (more: Partial<MissingEvent> = {}): MissingEvent => ({
    ...missing(1, { nativeId: 'x', rootId: 'e0' })[0]!,
    ...more,
  });

  test('is lost time of its own where its series is still listed', () => {
    const [one] = missing(1, { rootId: 'listed' });
    expect(isHeldBack({ missing: [one!], futureSpans: 20, absenceConfirmMs: HOUR_MS })).toBe(true);
  });

  test('is not counted twice beside its series, and stays with it', () => {
    const series = missing(1, { futureSpans: 5 });
    expect(isHeldBack({ missing: [...series, exception()], futureSpans: 10 })).toBe(false);
    const verdict = judge({ missing: [...series, exception({ futureSpans: 0 })], futureSpans: 9 });
    expect(verdict).toMatchObject({ heldBack: ['e0', 'x'], guarded: true });
  });
});

test('much that is missing must be missing for a poll interval, whatever the channel', () => {
  const since = (ms: number) => missing(9, { missingSinceAt: NOW_AT - ms });
  expect(isHeldBack({ missing: since(POLL_MS - 1) })).toBe(true);
  expect(isHeldBack({ missing: since(POLL_MS) })).toBe(false);
  expect(isHeldBack({ missing: since(POLL_MS), absenceConfirmMs: HOUR_MS })).toBe(true);
});

describe('a channel whose absence must last', () => {
  const slow = { absenceConfirmMs: HOUR_MS, futureSpans: 20 };

  test('keeps a single missing entry until it was missing long enough, calling nobody', () => {
    expect(judge({ ...slow, missing: missing(1) })).toMatchObject({
      heldBack: ['e0'],
      guarded: false,
    });
    const since = (ms: number) => missing(1, { missingSinceAt: NOW_AT - ms });
    expect(isHeldBack({ ...slow, missing: since(HOUR_MS - 1) })).toBe(true);
    expect(isHeldBack({ ...slow, missing: since(HOUR_MS) })).toBe(false);
  });

  test('believes no listing that a cache may have answered', () => {
    const late = { ...slow, missing: missing(1, { missingSinceAt: NOW_AT - 2 * HOUR_MS }) };
    expect(isHeldBack({ ...late, unconditional: false })).toBe(true);
    expect(isHeldBack({ ...late, unconditional: true })).toBe(false);
  });

  test('waits for a whole interval between polls where that is longer', () => {
    const since = (ms: number) => missing(1, { missingSinceAt: NOW_AT - ms });
    const often = { ...slow, pollIntervalMs: 3 * HOUR_MS };
    expect(isHeldBack({ ...often, missing: since(2 * HOUR_MS) })).toBe(true);
    expect(isHeldBack({ ...often, missing: since(3 * HOUR_MS) })).toBe(false);
  });
});
