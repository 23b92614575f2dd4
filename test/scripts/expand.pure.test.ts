import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/expand.ts', import.meta.url));
const FILE = fileURLToPath(new URL('../calendar/corpus/google.ics', import.meta.url));

function expand(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [SCRIPT, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TZ: 'Asia/Tokyo' },
  });
  return { lines: stdout.split('\n').slice(0, -1), stderr, status };
}
const ofRule = (rule: string, start: string, ...more: string[]) =>
  expand('--rule', rule, '--start', start, ...more);

describe('the instances of one rule', () => {
  test.each([
    ['20261103T090000', ['2026-11-03T09:00:00', '2026-11-04T09:00:00']],
    ['20261103T090000Z', ['2026-11-03T09:00:00Z', '2026-11-04T09:00:00Z']],
    ['VALUE=DATE:20261103', ['2026-11-03', '2026-11-04']],
    [
      'DTSTART;TZID=Europe/Paris:20261024T090000',
      ['2026-10-24T09:00:00+02:00', '2026-10-25T09:00:00+01:00'],
    ],
  ])('from %s are a line each', (start, lines) => {
    expect(ofRule('RRULE:FREQ=DAILY;COUNT=2', start)).toEqual({ lines, stderr: '', status: 0 });
  });

  test('lie within the window, and DTSTART is added only when asked', () => {
    const given = ['FREQ=WEEKLY;BYDAY=WE', '20261103', '--to', '2026-11-19'] as const;
    expect(ofRule(...given, '--from', '2026-11-11').lines).toEqual(['2026-11-11', '2026-11-18']);
    expect(ofRule(...given, '--with-start', '--limit', '2').lines).toEqual([
      '2026-11-03',
      '2026-11-04',
    ]);
  });
});

describe('the occurrences of a file', () => {
  test('are start, end, UID and recurrence id with TABs between', () => {
    const { lines, status } = expand('--from', '2026-11-18', '--to', '2026-11-25', FILE);
    expect(lines.map((line) => line.split('\t'))).toEqual([
      [
        '2026-11-18T19:00:00Z',
        '2026-11-18T20:30:00Z',
        '3f8e0class@google.com',
        '2026-11-17T17:00:00Z',
      ],
      [
        '2026-11-24T17:00:00Z',
        '2026-11-24T18:30:00Z',
        '3f8e0class@google.com',
        '2026-11-24T17:00:00Z',
      ],
    ]);
    expect(status).toBe(0);
  });

  test('without those that take no time, when asked', () => {
    const christmas = ['--from', '2026-12-25', '--to', '2026-12-26', FILE];
    expect(expand(...christmas).lines).toEqual(['2026-12-25\t2026-12-26\tholiday@google.com\t-']);
    expect(expand('--busy', ...christmas).lines).toEqual([]);
  });
});

test('what is wrong is said in a sentence, with exit code 1', () => {
  const wrong: [string[], RegExp][] = [
    [[], /Give one FILE, or --rule and --start/],
    [['--rule', 'FREQ=OFTEN', '--start', '20260101'], /--rule is no recurrence rule/],
    [['--rule', 'FREQ=DAILY'], /--rule needs --start/],
    [
      ['--rule', 'FREQ=DAILY', '--start', 'TZID=Atlantis:20260101T000000'],
      /TZID that is not known/,
    ],
    [['--from', 'soon', FILE], /--from is no date or time/],
    [['/nowhere/at-all.ics'], /cannot be read \(ENOENT\)/],
  ];
  for (const [args, message] of wrong) {
    const { stderr, status, lines } = expand(...args);
    expect({ status, lines }).toEqual({ status: 1, lines: [] });
    expect(stderr).toMatch(message);
  }
});
