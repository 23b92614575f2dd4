import { afterEach, expect, test } from 'vitest';
import { SCOPES } from '../../src/api/auth.ts';
import { LOAD_BOUNDS } from '../../src/domain/load.ts';
import type { RequestFigures } from '../../src/domain/request-limits.ts';
import { REQUEST_FIGURES } from '../../src/domain/request-limits.ts';
import { createKey } from '../../src/store/keys.ts';
import type { Reply, TestApi } from '../support/api.ts';
import { startApi } from '../support/api.ts';

let api: TestApi;
afterEach(() => api.close());

async function open(figures: Partial<RequestFigures>, proxies = 0): Promise<void> {
  const requestFigures = { ...REQUEST_FIGURES, ...figures };
  const publicUrl = 'https://holdfast.example.com';
  api = await startApi({
    config: {
      publicUrl,
      stripeJsUrl: 'https://js.stripe.com/v3/',
      loadBounds: LOAD_BOUNDS,
      requestFigures,
      proxies,
    },
  });
}

const read = (key?: string) => api.ask('GET', '/v1/resources', key ? { key } : {});
const write = (n: number | string, key?: string) =>
  api.ask('POST', '/v1/resources', {
    ...(key ? { key } : {}),
    headers: { 'idempotency-key': `k-${n}` },
    body: { id: `r-${n}`, name: 'R', timeZone: 'UTC' },
  });

function expectLimited(reply: Reply, policies: string[]) {
  expect(reply.status).toBe(429);
  expect(reply.headers.get('content-type')).toContain('application/problem+json');
  expect(reply.body).toMatchObject({
    type: '/problems/too-many-requests',
    'violated-policies': policies,
  });
  const after = Number(reply.headers.get('retry-after'));
  expect(after).toBeGreaterThanOrEqual(1);
  expect(after).toBeLessThanOrEqual(60);
  for (const policy of policies)
    expect(reply.headers.get('ratelimit')).toContain(`"${policy}";r=0;t=`);
}

test('each answer tells the limits and what is left; beyond them it is 429 with a time to come back', async () => {
  await open({ keyReads: 5 });
  const first = await read();
  expect(first.status).toBe(200);
  expect(first.headers.get('ratelimit-policy')).toBe(
    '"key-read";q=5;w=60, "tenant-read";q=240000;w=60',
  );
  expect(first.headers.get('ratelimit')).toBe('"key-read";r=4;t=12, "tenant-read";r=239999;t=1');
  // A request that fails for another reason is counted and told as well.
  const missing = await api.ask('GET', '/v1/bookings/none');
  expect([missing.status, missing.headers.get('ratelimit')]).toEqual([
    404,
    expect.stringMatching(/^"key-read";r=3;/),
  ]);
  for (let n = 0; n < 3; n += 1) await read();
  expectLimited(await read(), ['key-read']);
  expect((await write(1)).status).toBe(201);
  const metrics = await api.ask('GET', '/metrics', { key: null });
  expect(metrics.text).toContain('holdfast_requests_limited_total{policy="key-read"} 1');
});

test('writing is limited apart from reading, and who was refused has spent nothing', async () => {
  await open({ keyWrites: 2 });
  await write(1);
  await write(2);
  for (let n = 0; n < 4; n += 1) expectLimited(await write(`no-${n}`), ['key-write']);
  const reply = await read();
  expect(reply.status).toBe(200);
  expect(reply.headers.get('ratelimit')).toContain('"key-read";r=119999');
});

test("a tenant's keys share its limit, and another tenant has its own", async () => {
  await open({ tenantReads: 4 });
  const second = await createKey(api.database, { tenantId: 'a', label: '2', scopes: SCOPES });
  for (let n = 0; n < 2; n += 1) {
    expect((await read()).status).toBe(200);
    expect((await read(second)).status).toBe(200);
  }
  expectLimited(await read(second), ['tenant-read']);
  expect((await read(api.keys.b)).status).toBe(200);
});

test("a key's own limits hold in place of the setting's", async () => {
  await open({ keyReads: 100 });
  const own = { tenantId: 'a', label: 'own', scopes: SCOPES, readsPerMinute: 2 };
  const key = await createKey(api.database, own);
  expect((await read(key)).headers.get('ratelimit-policy')).toContain('"key-read";q=2;w=60');
  await read(key);
  expectLimited(await read(key), ['key-read']);
  expect((await read()).status).toBe(200);
});

test('who shows wrong keys all the time is sent away before the database is asked, and good keys are not', async () => {
  await open({ address: 5 });
  expect((await read()).status).toBe(200);
  for (let n = 0; n < 5; n += 1) expect((await read(`hf_nobody_${n}`)).status).toBe(401);
  let asked = 0;
  const { pool } = api.database;
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  pool.query = ((...args: unknown[]) => {
    asked += 1;
    return query(...args);
  }) as typeof pool.query;
  for (let n = 0; n < 5; n += 1) expectLimited(await read(`hf_other${n}_x`), ['address']);
  expect(asked).toBe(0);
  expect((await read()).status).toBe(200);
});

test('pages are limited by address; what hosts report and what probes ask is not', async () => {
  await open({ address: 3 });
  const page = (path: string) => api.ask('GET', path, { key: null });
  for (let n = 0; n < 3; n += 1) expect((await page('/docs')).status).toBe(200);
  expectLimited(await page('/docs'), ['address']);
  expectLimited(await page('/v1/feeds/none.ics'), ['address']);
  for (let n = 0; n < 10; n += 1) {
    const told = await api.ask('POST', '/v1/notifications/ical?watch=w&secret=s', { key: null });
    expect(told.status).toBe(202);
    const paid = await api.ask('POST', '/v1/payment-webhooks/a/main', { key: null, body: '{}' });
    expect(paid.status).toBe(401);
    expect((await page('/healthz')).status).toBe(200);
  }
});

test('an address that a caller claims counts only where our own proxy is known to have added it', async () => {
  await open({ address: 2 });
  const from = (address: string) =>
    api.ask('GET', '/docs', { key: null, headers: { 'x-forwarded-for': address } });
  await from('192.0.2.1');
  await from('192.0.2.2');
  expectLimited(await from('192.0.2.3'), ['address']);
  await api.close();
  await open({ address: 2 }, 1);
  await from('203.0.113.9, 192.0.2.1');
  await from('203.0.113.8, 192.0.2.1');
  expectLimited(await from('203.0.113.7, 192.0.2.1'), ['address']);
  expect((await from('192.0.2.2')).status).toBe(200);
});
