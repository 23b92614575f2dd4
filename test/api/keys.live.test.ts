import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KEY_CACHE_MS, SCOPES } from '../../src/api/auth.ts';
import { createKey } from '../../src/store/keys.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let clockAt = Date.now();
let api: TestApi;
beforeAll(async () => {
  api = await startApi({ now: () => clockAt });
  await makeResource(api, { id: 'one' });
});
afterAll(() => api.close());

const path = '/v1/resources/one';
const keyWith = (scopes: readonly string[], more: { loopbackOnly?: boolean } = {}) =>
  createKey(api.database, { tenantId: 'a', label: 'test', scopes, ...more });

test('no key, half a key, a wrong secret and an unknown key are all 401', async () => {
  const good = api.keys.a;
  for (const key of [
    null,
    'nonsense',
    good.slice(0, -1),
    `${good.slice(0, -1)}Z`,
    'hf_none_none',
  ]) {
    const reply = await api.ask('GET', path, { key });
    expect(reply.status).toBe(401);
    expect(reply.body.type).toBe('/problems/unauthenticated');
    expect(reply.headers.get('www-authenticate')).toBe('Bearer');
  }
  expect((await api.ask('GET', path)).status).toBe(200);
});

test('a key opens what its scopes name and nothing else; admin opens everything', async () => {
  const reader = await keyWith(['availability:read']);
  expect((await api.ask('GET', path, { key: reader })).status).toBe(200);
  const refused = await api.ask('DELETE', path, { key: reader });
  expect(refused.status).toBe(403);
  expect(refused.body).toMatchObject({ type: '/problems/forbidden', scopes: ['admin'] });
  const admin = await keyWith(['admin']);
  expect((await api.ask('GET', '/v1/accounts', { key: admin })).status).toBe(200);
});

test('a revoked key is refused at the latest when the cache is over', async () => {
  const key = await keyWith(SCOPES);
  expect((await api.ask('GET', path, { key })).status).toBe(200);
  await api.database.prisma.apiKey.updateMany({
    where: { id: key.split('_')[1]! },
    data: { revokedAt: new Date() },
  });
  clockAt += KEY_CACHE_MS;
  expect((await api.ask('GET', path, { key })).status).toBe(401);
});

test('the secret is nowhere in the database', async () => {
  const key = await keyWith(SCOPES);
  const { rows } = await api.database.pool.query<{ row: string }>(
    'SELECT api_key::text AS row FROM api_key',
  );
  const secret = key.split('_')[2]!;
  expect(rows.some(({ row }) => row.includes(secret))).toBe(false);
});

test('a key for the local machine is refused through a proxy, and nothing else is', async () => {
  const key = await keyWith(SCOPES, { loopbackOnly: true });
  expect((await api.ask('GET', path, { key })).status).toBe(200);
  for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via']) {
    const reply = await api.ask('GET', path, { key, headers: { [name]: '127.0.0.1' } });
    expect(reply.body).toMatchObject({ status: 403, type: '/problems/loopback-only' });
  }
  const open = await api.ask('GET', path, { headers: { 'x-forwarded-for': '203.0.113.7' } });
  expect(open.status).toBe(200);
});

test('somebody without a key cannot make us read a body', async () => {
  const status = await new Promise<number>((resolve, reject) => {
    const sent = request(`${api.url}/v1/resources`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': '60000' },
    });
    sent.on('response', (response) => {
      resolve(response.statusCode ?? 0);
      sent.destroy();
    });
    sent.on('error', reject);
    sent.flushHeaders();
  });
  expect(status).toBe(401);
});
