import { createMicrosoftProvider } from '../../src/channels/microsoft/provider.ts';
import type { FailureRow } from './bench.ts';
import { channelLaws } from './channel-provider.ts';
import { openMicrosoftBench } from './microsoft-bench.ts';

const nowhere = 'http://127.0.0.1:9';
const { supports } = createMicrosoftProvider({
  apiUrl: nowhere,
  authUrl: nowhere,
  tokenUrl: nowhere,
  clientId: '',
  clientSecret: '',
});

/** Graph "error responses and resource types". */
const said = (status: number, code: string, inner?: string) => ({
  status,
  body: {
    error: { code, message: 'Text', ...(inner ? { innerError: { code: inner } } : {}) },
  },
});

const failures: FailureRow[] = [
  {
    name: 'an access token that is over',
    fault: { on: 'pull', ...said(401, 'InvalidAuthenticationToken') },
    expected: { kind: 'unauthorized', code: 'InvalidAuthenticationToken' },
  },
  {
    name: 'a right that was taken away',
    fault: { on: 'read', ...said(403, 'ErrorAccessDenied') },
    expected: { kind: 'unauthorized', code: 'ErrorAccessDenied' },
  },
  {
    name: 'a 429 that says how long to wait',
    fault: { on: 'pull', ...said(429, 'TooManyRequests'), headers: { 'Retry-After': '7' } },
    expected: { kind: 'rate-limited', code: 'TooManyRequests', retryAfterMs: 7_000 },
  },
  {
    name: 'a mailbox that is asked too much at once',
    fault: { on: 'pull', ...said(429, 'ApplicationThrottled') },
    expected: { kind: 'rate-limited', code: 'ApplicationThrottled' },
  },
  {
    name: 'the same, told as a 503 with the code inside',
    fault: {
      on: 'pull',
      ...said(503, 'serviceNotAvailable', 'MailboxConcurrency'),
      headers: { 'Retry-After': '10' },
    },
    expected: { kind: 'rate-limited', code: 'MailboxConcurrency', retryAfterMs: 10_000 },
  },
  {
    name: 'a calendar that is not there any more',
    fault: { on: 'pull', ...said(404, 'ErrorItemNotFound'), times: 2 },
    expected: { kind: 'not-found', code: 'ErrorItemNotFound' },
    requests: 2,
  },
  {
    name: 'a condition that does not hold',
    fault: { on: 'remove', ...said(412, 'ErrorIrresolvableConflict') },
    expected: { kind: 'conflict', code: 'conditionNotMet' },
  },
  {
    name: 'a write that is refused for good',
    fault: { on: 'remove', ...said(400, 'ErrorInvalidRequest') },
    expected: { kind: 'invalid', code: 'ErrorInvalidRequest' },
  },
  {
    name: 'a fault of theirs',
    fault: { on: 'pull', ...said(500, 'InternalServerError') },
    expected: { kind: 'unavailable', code: 'InternalServerError' },
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

const onMicrosoft = (switches: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(switches).map(([name, value]) => [`microsoft.${name}`, value]));

channelLaws('microsoft', {
  supports,
  failures,
  pageSize: 200,
  positions: [
    { name: 'the usual answers', switches: {}, freesIds: 'under-another-id' },
    {
      name: 'short pages that begin with what was there before, and series sent whole',
      switches: onMicrosoft({ pages: 'short', replays: 'entities', seriesChanges: 'whole' }),
      freesIds: 'under-another-id',
    },
    {
      name: 'empty pages, and deleted occurrences of which only the series tells',
      switches: onMicrosoft({
        pages: 'empty',
        occurrenceDeletion: 'masterOnly',
        outsideChanges: 'silent',
        transactionOutlivesEvent: true,
        duplicateTransaction: '409',
      }),
    },
    {
      name: 'resets told by a nested code, and creates that answer the first event',
      switches: onMicrosoft({
        resetAnswer: 'SyncStateNotFound',
        resetNested: true,
        transactionReplay: 'first',
        preconditionCode: 'PreconditionFailed',
        seriesUid: 'shared',
      }),
      freesIds: 'under-another-id',
    },
    {
      name: 'changes that are seen late, and resets with a 404',
      switches: onMicrosoft({
        visibilityDelayMs: 60,
        resetAnswer: 'resyncRequired',
        resetStatus: 404,
      }),
      settleMs: 90,
      freesIds: 'under-another-id',
    },
  ],
  open: openMicrosoftBench,
});
