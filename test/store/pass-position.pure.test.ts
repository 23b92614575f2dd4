import { expect, test } from 'vitest';
import { beganAt, pageBefore } from '../../src/store/passes.ts';
import type { AppliedPage, OpenPass } from '../../src/store/sync.ts';

const page = (more: boolean) => ({ more, pass: { from: 3 } }) as AppliedPage;
const pass = (checkpoint: Buffer | null, lastPage: AppliedPage | null) =>
  ({ checkpoint, lastPage, cursorVersion: 7 }) as OpenPass;
const between = Buffer.from('x');

test('a pass began where its first page was read', () => {
  expect(beganAt(pass(between, page(true)))).toBe(3);
});

test.each([
  ['nothing was read yet', pass(null, null)],
  ['the last pass ended', pass(null, page(false))],
  ['a restore was cut short, whose pages say nothing of what was listed', pass(null, page(true))],
])('a pass begins here where %s', (_, open) => {
  expect(beganAt(open)).toBe(7);
  expect(pageBefore(open)).toBeNull();
});

test('a restore goes on from its own page, without a checkpoint', () => {
  expect(pageBefore(pass(null, page(true)), true)).toEqual(page(true));
});
