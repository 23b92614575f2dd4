import { expect, test } from 'vitest';
import { pairRenames } from '../../src/domain/renames.ts';

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
