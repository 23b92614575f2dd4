import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { channelCalls, type ChannelCalls } from '../../src/call-channel.ts';
import type { ChannelProvider } from '../../src/channels/channel-provider.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { ChannelLimits } from '../../src/domain/limits.ts';
import { withPermit } from '../../src/permit.ts';
import { feedProvider, startApi, type TestApi } from '../support/api.ts';
import { UNLIMITED } from '../support/limits.ts';

/** What a person asks for by pressing a button takes from the same limits as all that is read. */
let api: TestApi;
let calls: ChannelCalls;
let limits: ChannelLimits;
let made: string[];
let onCall: () => void;

const meet = (verb: string) => {
  made.push(verb);
  onCall();
};
const provider: ChannelProvider = {
  ...feedProvider,
  prove: async ({ credential }) => {
    meet('prove');
    return { credential, subject: null };
  },
  listCalendars: async (input) => {
    meet('listCalendars');
    return feedProvider.listCalendars(input);
  },
};

const permitting = () => ({
  database: api.database,
  channels: new Map([['ical', provider]] as const),
  openAccess: async () => ({ kind: 'url', url: 'https://one.example.com/a.ics' }) as const,
  tallied: UNLIMITED.tallied,
  limits: { ...UNLIMITED.limits, ical: limits },
  log: () => undefined,
});

beforeAll(async () => {
  api = await startApi({
    providers: new Map([['ical', provider]]),
    callChannel: (account, call) => calls.callChannel(account, call),
    callUnopened: (account, call) => calls.callUnopened(account, call),
  });
});
afterAll(() => api.close());
beforeEach(() => {
  made = [];
  onCall = () => undefined;
  setLimits({ burst: 2, periodMs: 60_000 });
});
function setLimits(account: ChannelLimits['account']): void {
  limits = { ...UNLIMITED.limits.ical, account };
  calls = channelCalls(permitting());
}

let keys = 0;
const anAddress = () => `https://feeds.example.com/${(keys += 1)}.ics`;
const connectAccount = (url: string, key = api.keys.a) =>
  api.ask('POST', '/v1/accounts', {
    key,
    body: { channel: 'ical', url },
    headers: { 'idempotency-key': `k-${(keys += 1)}` },
  });
const calendarsOf = (id: string) => api.ask('GET', `/v1/accounts/${id}/calendars`);

test('a button pressed again and again stops at the limits of the account, with the time to wait', async () => {
  const { body: account } = await connectAccount(anAddress());
  made = [];
  const replies = await Promise.all(Array.from({ length: 6 }, () => calendarsOf(account.id)));
  expect(made).toHaveLength(2);
  const refused = replies.filter((one) => one.status !== 200);
  expect(refused).toHaveLength(4);
  for (const one of refused) {
    expect(one.status).toBe(429);
    expect(one.body).toMatchObject({ type: '/problems/channel-limited', code: 'budget-spent' });
    expect(Number(one.headers.get('retry-after'))).toBeGreaterThan(1);
  }
});

test('what is read of the calendars, and what buttons ask for, are one sum', async () => {
  const { body: account } = await connectAccount(anAddress());
  const asking = { tenantId: 'a', accountId: account.id as string, channel: 'ical' as const };
  for (let n = 0; n < 2; n += 1)
    await withPermit(
      permitting(),
      { ...asking, party: 'ical/one.example.com', waited: false },
      ({ ask }) => ask(async () => undefined),
    );
  expect((await calendarsOf(account.id)).status).toBe(429);
});

test('trying one address again and again is limited; other addresses and tenants are not by it', async () => {
  const url = anAddress();
  const statuses: number[] = [];
  for (let n = 0; n < 4; n += 1) statuses.push((await connectAccount(url)).status);
  expect(statuses).toEqual([201, 201, 429, 429]);
  expect((await connectAccount(url, api.keys.b)).status).toBe(201);
  expect((await connectAccount(anAddress())).status).toBe(201);
});

test('a channel that refuses a button for a while is asked by nobody until then', async () => {
  setLimits({ burst: 100, periodMs: 1 });
  const { body: account } = await connectAccount(anAddress());
  onCall = () => {
    throw new Failure({ kind: 'rate-limited', code: 'http-429', retryAfterMs: 30_000 });
  };
  const first = await calendarsOf(account.id);
  expect(first.status).toBe(429);
  expect(Number(first.headers.get('retry-after'))).toBe(30);
  onCall = () => undefined;
  made = [];
  const { status, body } = await calendarsOf(account.id);
  expect({ status, made }).toEqual({ status: 429, made: [] });
  expect(body.code).toBe('channel-asked-for-rest');
});
