import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Access, Channel, ChannelProvider } from '../../../src/channels/channel-provider.ts';
import { Failure } from '../../../src/domain/failure.ts';
import type { ChannelLimits } from '../../../src/domain/limits.ts';
import { counted } from '../../../src/outbound/requests.ts';
import { callChannel } from '../../../temporal/activities/call-channel.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import { openLedger, TENANT, type Ledger } from '../../support/ledger.ts';
import { UNLIMITED } from '../../support/limits.ts';

let ledger: Ledger;
let limits: ChannelLimits;
let access: Access;
let account: { tenantId: string; accountId: string; channel: Channel };

beforeAll(async () => {
  ledger = await openLedger();
});
afterAll(() => ledger.close());
beforeEach(async () => {
  limits = { ...UNLIMITED.limits.ical };
  access = { kind: 'url', url: `https://${randomUUID()}.example.com/secret.ics` };
  account = { tenantId: TENANT, accountId: randomUUID(), channel: 'ical' };
  await ledger.admin.query(
    `INSERT INTO account (tenant_id, id, channel, credential) VALUES ($1, $2, 'ical', '\\x00')`,
    [TENANT, account.accountId],
  );
});

const provider = { supports: { oauth: false } } as unknown as ChannelProvider;
const deps = () =>
  ({
    database: { pool: ledger.pool },
    channels: new Map([['ical', provider]]),
    openAccess: () => Promise.resolve(access),
    ...UNLIMITED,
    limits: { ical: limits },
    log: () => undefined,
  }) as unknown as ActivityDependencies;
const call = <T>(answer: () => Promise<T>): Promise<T> => callChannel(deps(), account, answer);
const fine = () => Promise.resolve('fine');
const failing = (failure: ConstructorParameters<typeof Failure>[0]) => () =>
  Promise.reject(new Failure(failure));

test('a call without a token waits a moment in place, and gives up its slot for more', async () => {
  limits.account = { burst: 1, periodMs: 300 };
  await call(fine);
  const startedAt = performance.now();
  expect(await call(fine)).toBe('fine');
  expect(performance.now() - startedAt).toBeGreaterThan(150);
  limits.account = { burst: 1, periodMs: 60_000 };
  await call(fine).catch(() => undefined);
  const refusal = await call(fine).catch((error: unknown) => error as Failure);
  expect(refusal).toMatchObject({ kind: 'rate-limited', code: 'budget-spent' });
  expect((refusal as Failure).retryAfterMs).toBeGreaterThan(1_000);
});

test('a refusal stops the account’s other calls before they are made', async () => {
  await expect(
    call(failing({ kind: 'rate-limited', code: 'http-429', retryAfterMs: 60_000 })),
  ).rejects.toThrow('http-429');
  let made = 0;
  await expect(call(async () => (made += 1))).rejects.toMatchObject({
    kind: 'rate-limited',
    code: 'channel-asked-for-rest',
  });
  expect(made).toBe(0);
});

test('a host that is down is left alone, and its callers are told so at once', async () => {
  for (let n = 0; n < 8; n += 1)
    await call(failing({ kind: 'unavailable', code: 'network' })).catch(() => undefined);
  let made = 0;
  const refusals = await Promise.all(
    Array.from({ length: 20 }, () =>
      call(async () => (made += 1)).catch((error: unknown) => error as Failure),
    ),
  );
  expect(made).toBe(0);
  const waits = new Set<number | undefined>();
  for (const refusal of refusals) {
    expect(refusal).toMatchObject({ kind: 'unavailable', code: 'channel-down' });
    waits.add((refusal as Failure).retryAfterMs);
  }
  expect(waits.size).toBe(20);
});

test('a failure on our own way to the channel says nothing about the channel', async () => {
  const broken = { ...deps(), openAccess: () => Promise.reject(new Error('ours')) };
  for (let n = 0; n < 10; n += 1)
    await expect(callChannel(broken, account, fine)).rejects.toThrow('ours');
  for (let n = 0; n < 10; n += 1)
    await expect(call(() => Promise.reject(new Error('bug')))).rejects.toThrow('bug');
  expect(await call(fine)).toBe('fine');
});

test('requests beyond the first are charged afterwards', async () => {
  limits.account = { burst: 3, periodMs: 10_000 };
  const request = counted(fine);
  await call(async () => {
    for (let n = 0; n < 5; n += 1) await request();
  });
  await expect(call(fine)).rejects.toMatchObject({ code: 'budget-spent' });
});

test('no more calls of an account are open than may be, and each gives its place back', async () => {
  limits.atOnce = 2;
  let open = 0;
  let most = 0;
  const slow = async () => {
    open += 1;
    most = Math.max(most, open);
    await sleep(30);
    open -= 1;
    if (Math.random() < 0.5) throw new Failure({ kind: 'invalid', code: 'http-400' });
    return 'fine';
  };
  const codes = async (many: number): Promise<string[]> => {
    const ended = await Promise.allSettled(Array.from({ length: many }, () => call(slow)));
    return ended.map((one) =>
      one.status === 'fulfilled' ? one.value : (one.reason as Failure).code,
    );
  };
  for (const code of await codes(8))
    expect(['fine', 'http-400', 'too-many-at-once']).toContain(code);
  expect(most).toBe(2);
  for (const code of await codes(2)) expect(['fine', 'http-400']).toContain(code);
});

test('what is stored of a call names no secret of its address', async () => {
  await call(failing({ kind: 'unavailable', code: 'network' })).catch(() => undefined);
  const { rows } = await ledger.admin.query<{ text: string }>(
    `SELECT row_to_json(b)::text AS text FROM call_bucket b
     UNION ALL SELECT row_to_json(c)::text FROM circuit c`,
  );
  for (const { text } of rows) expect(text).not.toMatch(/secret/);
});
