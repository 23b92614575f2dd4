import { createIcalProvider } from '../../src/channels/ical/provider.ts';
import type { FailureRow } from './bench.ts';
import { channelLaws } from './channel-provider.ts';
import { openIcalBench } from './ical-bench.ts';

const { supports } = createIcalProvider({
  fetchOutside: () => Promise.reject(new Error('The laws ask only through the bench.')),
});

const status = (code: number, headers?: Record<string, string>) => ({
  on: 'pull' as const,
  status: code,
  body: 'Text',
  ...(headers ? { headers } : {}),
});

const failures: FailureRow[] = [
  ...[401, 403].map((code) => ({
    name: `a ${code}`,
    fault: status(code),
    expected: { kind: 'unauthorized' as const, code: `http-${code}` },
  })),
  ...[404, 410].map((code) => ({
    name: `a ${code}`,
    fault: status(code),
    expected: { kind: 'not-found' as const, code: `http-${code}` },
  })),
  {
    name: 'a 429 that says how long to wait',
    fault: status(429, { 'Retry-After': '7' }),
    expected: { kind: 'rate-limited', code: 'http-429', retryAfterMs: 7_000 },
  },
  {
    name: 'a 503 that says until when',
    fault: status(503, {
      Date: 'Sat, 21 Nov 2026 10:00:00 GMT',
      'Retry-After': 'Sat, 21 Nov 2026 10:01:30 GMT',
    }),
    expected: { kind: 'unavailable', code: 'http-503', retryAfterMs: 90_000 },
  },
  ...[408, 500, 502, 504].map((code) => ({
    name: `a ${code}`,
    fault: status(code),
    expected: { kind: 'unavailable' as const, code: `http-${code}` },
  })),
  {
    name: 'a part of the file',
    fault: status(206),
    expected: { kind: 'invalid', code: 'feed-incomplete' },
  },
  {
    name: 'a status that blames us',
    fault: status(400),
    expected: { kind: 'invalid', code: 'http-400' },
  },
  {
    name: 'a page for people',
    fault: { on: 'pull', status: 200, body: '<html>Sign in</html>' },
    expected: { kind: 'invalid', code: 'feed-not-a-calendar' },
  },
];

channelLaws('ical', {
  supports,
  failures,
  pageSize: 500,
  positions: [
    { name: 'an ETag and a Last-Modified', switches: {} },
    { name: 'a weak ETag', switches: { validators: 'weak' } },
    { name: 'Last-Modified alone', switches: { validators: 'last-modified-only' } },
    { name: 'no validators', switches: { validators: 'none' } },
    {
      name: 'a host that ignores conditions, compresses unasked and tells no length',
      switches: { ignoresConditionals: true, encoding: 'gzip-unasked', chunked: true },
    },
  ],
  open: openIcalBench,
});
