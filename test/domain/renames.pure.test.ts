import { describe, expect, test } from 'vitest';
import { pairMoved, pairRenames } from '../../src/domain/renames.ts';

const named = (...ids: string[]) =>
  ids.map((nativeId) => ({ nativeId, time: nativeId.slice(0, 1) }));

test('an entry that is gone and one that came, of the same time, are one', () => {
  expect(pairRenames(named('a1', 'b1'), named('b2', 'c2', 'a2'))).toEqual([
    { fromId: 'a1', toId: 'a2' },
    { fromId: 'b1', toId: 'b2' },
  ]);
});

test('one that came is the new name of one only', () => {
  expect(pairRenames(named('a1', 'a2', 'a3'), named('a8', 'a9'))).toEqual([
    { fromId: 'a1', toId: 'a8' },
    { fromId: 'a2', toId: 'a9' },
  ]);
});

test('nothing is renamed to what takes another time', () => {
  expect(pairRenames(named('a1'), named('b1'))).toEqual([]);
});

describe('an entry only moved', () => {
  const single = (nativeId: string, startAt: number, endAt: number) => ({
    nativeId,
    startAt,
    endAt,
  });

  test.each([
    ['by less than half of its time', [1, 3], true],
    ['by half of it', [2, 6], true],
    ['by more', [3, 7], false],
    ['beside its own time', [4, 8], false],
    ['into a longer one', [-9, 9], true],
  ] as const)('when one came that lies %s', (_, [from, to], expected) => {
    expect(pairMoved([single('a', 0, 4)], [single('b', from, to)]).has('a')).toBe(expected);
  });

  test('and what came stands for one of several', () => {
    const moved = pairMoved([single('a', 0, 4), single('b', 4, 8)], [single('c', 0, 9)]);
    expect([...moved]).toEqual(['a']);
  });

  test('and stands for the one whose time it takes', () => {
    const missing = [single('a', 0, 4), single('b', 3, 7)];
    const added = [single('d', 4, 8), single('c', 1, 5)];
    expect([...pairMoved(missing, added)]).toEqual(['a', 'b']);
  });
});
