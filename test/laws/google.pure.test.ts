import { createGoogleProvider } from '../../src/channels/google/provider.ts';
import type { FailureRow } from './bench.ts';
import { channelLaws } from './channel-provider.ts';
import { openGoogleBench } from './google-bench.ts';

const nowhere = 'http://127.0.0.1:9';
const { supports } = createGoogleProvider({
  apiUrl: nowhere,
  authUrl: nowhere,
  tokenUrl: nowhere,
  clientId: '',
  clientSecret: '',
});

/** Calendar API guide "Handle API errors". */
const said = (status: number, reason: string, domain = 'global') => ({
  status,
  body: {
    error: { code: status, message: 'Text', errors: [{ domain, reason, message: 'Text' }] },
  },
});

const failures: FailureRow[] = [
  {
    name: 'an access token that is over',
    fault: { on: 'pull', ...said(401, 'authError') },
    expected: { kind: 'unauthorized', code: 'authError' },
  },
  {
    name: 'a 403 for calling too often',
    fault: { on: 'pull', ...said(403, 'userRateLimitExceeded', 'usageLimits') },
    expected: { kind: 'rate-limited', code: 'userRateLimitExceeded' },
  },
  {
    name: 'a 403 for a spent quota',
    fault: { on: 'pull', ...said(403, 'quotaExceeded', 'usageLimits') },
    expected: { kind: 'rate-limited', code: 'quotaExceeded' },
  },
  {
    name: 'a 403 for a consent that is too small',
    fault: { on: 'pull', ...said(403, 'insufficientPermissions') },
    expected: { kind: 'unauthorized', code: 'insufficientPermissions' },
  },
  {
    name: 'a 403 for what nobody may do',
    fault: { on: 'write', ...said(403, 'forbiddenForNonOrganizer', 'calendar') },
    expected: { kind: 'invalid', code: 'forbiddenForNonOrganizer' },
  },
  {
    name: 'a 429 that says how long to wait',
    fault: {
      on: 'pull',
      ...said(429, 'rateLimitExceeded', 'usageLimits'),
      headers: { 'Retry-After': '7' },
    },
    expected: { kind: 'rate-limited', code: 'rateLimitExceeded', retryAfterMs: 7_000 },
  },
  {
    name: 'a calendar that is not there',
    fault: { on: 'pull', ...said(404, 'notFound') },
    expected: { kind: 'not-found', code: 'notFound' },
  },
  {
    name: 'a condition that does not hold',
    fault: { on: 'remove', ...said(412, 'conditionNotMet') },
    expected: { kind: 'conflict', code: 'conditionNotMet' },
  },
  {
    name: 'a span without length',
    fault: { on: 'write', ...said(400, 'timeRangeEmpty', 'calendar') },
    expected: { kind: 'invalid', code: 'timeRangeEmpty' },
  },
  {
    name: 'a fault of theirs',
    fault: { on: 'pull', ...said(500, 'backendError') },
    expected: { kind: 'unavailable', code: 'backendError' },
  },
  {
    name: 'a 503 of their front end, in no known form',
    fault: { on: 'read', status: 503, body: '<html>', headers: { 'Retry-After': '2' } },
    expected: { kind: 'unavailable', code: 'http-503', retryAfterMs: 2_000 },
  },
  {
    name: 'an answer in no known form that blames us',
    fault: { on: 'pull', status: 400, body: 'somebody@example.com' },
    expected: { kind: 'invalid', code: 'http-400' },
  },
];

channelLaws('google', {
  supports,
  failures,
  pageSize: 500,
  positions: [
    { name: 'the usual answers', switches: {} },
    {
      name: 'short pages and bare tombstones',
      switches: { 'google.pages': 'short', 'google.tombstones': 'bare' },
    },
    {
      name: 'empty pages, full tombstones and a 410 without a reason',
      switches: {
        'google.pages': 'empty',
        'google.tombstones': 'full',
        'google.goneWithoutReason': true,
      },
    },
    {
      name: 'ids that are free again after a deletion, and bounds that last',
      switches: { 'google.deletedIdStaysTaken': false, 'google.syncKeepsTimeBounds': true },
      freesIds: true,
    },
    {
      name: 'changes that are seen late and sync tokens refused with a 400',
      switches: { 'google.visibilityDelayMs': 60, 'google.malformedSyncToken': 'invalid' },
      settleMs: 90,
    },
  ],
  open: openGoogleBench,
});
