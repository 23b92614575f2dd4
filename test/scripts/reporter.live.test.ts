import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const cases = fileURLToPath(new URL('./reporter-cases/', import.meta.url));
const vitest = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));

test('a run that passes ends with its counts and succeeds', () => {
  expect(run(['passes'])).toMatchObject({ last: '2 passed, 0 failed', status: 0 });
});

test('a failed test is counted, and fails the run', () => {
  expect(run(['passes', 'fails'])).toMatchObject({ last: '3 passed, 1 failed', status: 1 });
});

test('a file that does not load counts as a failed test', () => {
  expect(run(['passes', 'does-not-load'])).toMatchObject({
    last: '2 passed, 1 failed',
    status: 1,
  });
});

test('a skipped test says why, and fails the run only in continuous integration', () => {
  const skipped = run(['skips']);
  expect(skipped).toMatchObject({ last: '1 passed, 0 failed', status: 0 });
  expect(skipped.output).toContain('skipped: skips itself (no such machine here)');
  expect(run(['skips'], 'true')).toMatchObject({ last: '1 passed, 1 failed', status: 1 });
});

test('a run that selects nothing is a failure, not a success of nothing', () => {
  expect(run(['no-such-file'])).toMatchObject({ last: '0 passed, 1 failed', status: 1 });
});

function run(names: string[], ci = 'false') {
  const { stdout, status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--root', cases, ...names],
    {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], NO_COLOR: '1', CI: ci },
    },
  );
  return { output: stdout, last: stdout.trimEnd().split('\n').at(-1), status };
}
