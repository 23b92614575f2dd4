import { expect, it } from 'vitest';
import { difference, readmeBlocks } from './readme.ts';

const none = () => new Map<string, string>();

it('a command goes with the answer that follows it', () => {
  const readme = 'a\n```bash\nx 1\n```\n```js\n[ 1 ]\n```\nb\n```bash\ny\n```\n\n```js\n2\n```\n';
  expect(readmeBlocks(readme)).toEqual([
    { command: 'x 1\n', answer: '[ 1 ]\n' },
    { command: 'y\n', answer: null },
  ]);
});

it('another state, amount, time of day or number of entries is a difference', () => {
  for (const [promised, printed] of [
    ["[ 'confirmed', 18000 ]", "[ 'declined', 18000 ]"],
    ["[ 'confirmed', 18000 ]", "[ 'confirmed', 18001 ]"],
    ["[ '2026-12-21T14:00:00.000Z' ]", "[ '2027-01-02T15:00:00.000Z' ]"],
    ["[ 'a' ]", "[ 'a', 'a' ]"],
  ] as const)
    expect(difference(promised, printed, none())).not.toBeNull();
});

it('clocks, latencies and line breaks are none', () => {
  const promised = "{ at: '2026-11-21T15:41:42.508Z', fromChangeMs: 69, x: '…/auth?…' }";
  const printed =
    "{\n  at: '2031-01-01T00:00:00.001Z',\n fromChangeMs: 7, x: 'http://h/auth?a=1' }";
  expect(difference(promised, printed, none())).toBeNull();
});

it('one day or id of the README stands for one day or id of what is printed', () => {
  const standIns = none();
  const two = '[ 2026-12-21T00:00:00.000Z, 2026-12-21 ]';
  expect(difference(two, '[ 2027-02-03T00:00:00.000Z, 2027-02-03 ]', standIns)).toBeNull();
  expect(difference(two, '[ 2027-02-04T00:00:00.000Z, 2027-02-04 ]', standIns)).toContain('before');
});
