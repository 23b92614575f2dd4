import { expect, test } from 'vitest';
import { FAILURE_KINDS, Failure, isRetryable, retryAfterMs } from '../../src/domain/failure.ts';

const NOW_AT = Date.UTC(2035, 0, 1);
const wait = (header: string | null | undefined) => retryAfterMs(header, NOW_AT, Date.parse);

test('a failure says its kind and code, and nothing else', () => {
  const failure = new Failure({ kind: 'declined', code: 'card_declined' });
  expect(failure.message).toBe('declined: card_declined');
  expect(Object.fromEntries(Object.entries(failure))).toEqual({
    name: 'Failure',
    kind: 'declined',
    code: 'card_declined',
    retryAfterMs: undefined,
    missing: [],
  });
});

test('only what may pass by itself is worth asking again', () => {
  expect(FAILURE_KINDS.filter(isRetryable)).toEqual(['rate-limited', 'unavailable']);
});

test.each([
  ['5', 5_000],
  [' 5 ', 5_000],
  ['0', 1_000],
  ['86400', 3_600_000],
  [new Date(NOW_AT + 90_000).toUTCString(), 90_000],
  [new Date(NOW_AT - 90_000).toUTCString(), undefined],
  ['0.4', 1_000],
  ['2.5', 2_500],
  [String(NOW_AT / 1_000 + 90), 90_000],
  [String(NOW_AT + 90_000), 90_000],
  [String(NOW_AT / 1_000 + 86_400), 3_600_000],
  [String(NOW_AT / 1_000 - 90), undefined],
  ['soon', undefined],
  ['-5', undefined],
  ['', undefined],
  [null, undefined],
  [undefined, undefined],
])('Retry-After %j is a wait of %j', (header, expected) => {
  expect(wait(header)).toBe(expected);
});
