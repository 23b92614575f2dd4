import { createHash, createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { canonicalJson } from '../../src/api/identity.ts';
import { changeIdOf } from '../../src/api/routes/cancellations.ts';
import { NewBooking } from '../../src/api/schemas/booking.ts';
import { commitBooking } from '../../src/store/bookings.ts';
import { openChange } from '../../src/store/changes.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'one' });
});
afterAll(() => api.close());

const blocks = '/v1/resources/one/blocks';
const body = { startAt: '2031-01-01T00:00:00Z', endAt: '2031-01-02T00:00:00Z' };
const freeSpan = { startAt: '2031-02-01T00:00:00Z', endAt: '2031-02-02T00:00:00Z' };
const block = (key: string | null, given: object = body) =>
  api.ask('POST', blocks, { body: given, headers: key === null ? {} : { 'idempotency-key': key } });
const count = async () => (await api.ask('GET', `${blocks}?limit=200`)).body.items.length as number;

test('a POST that creates needs a key', async () => {
  for (const key of [null, 'with space', 'x'.repeat(201)])
    expect((await block(key)).body.type).toBe('/problems/idempotency-key-missing');
});

test('a request that is repeated creates nothing and is answered the same, also in another spelling', async () => {
  const before = await count();
  const first = await block('k1');
  expect(first.status).toBe(201);
  expect(first.headers.get('idempotency-replayed')).toBeNull();
  const again = await block('k1', {
    endAt: '2031-01-02T01:00:00+01:00',
    startAt: body.startAt,
    unit: null,
  });
  expect(again.status).toBe(201);
  expect(again.body).toEqual(first.body);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(await count()).toBe(before + 1);
});

test('another body, or another route, under the same key is refused and changes nothing', async () => {
  await block('k2');
  const before = await count();
  const other = await block('k2', { ...body, endAt: '2031-01-03T00:00:00Z' });
  expect(other.status).toBe(422);
  expect(other.body.type).toBe('/problems/idempotency-mismatch');
  const elsewhere = await api.ask('POST', '/v1/resources', {
    headers: { 'idempotency-key': 'k2' },
    body: { id: 'two', name: 'Two', timeZone: 'UTC' },
  });
  expect(elsewhere.status).toBe(422);
  expect(await count()).toBe(before);
});

test('twins at the same moment create one thing and get one answer', async () => {
  const before = await count();
  const answers = await Promise.all(Array.from({ length: 12 }, () => block('k3')));
  expect(new Set(answers.map((one) => one.status))).toEqual(new Set([201]));
  expect(new Set(answers.map((one) => one.body.id)).size).toBe(1);
  expect(await count()).toBe(before + 1);
});

test('keys of two tenants never meet', async () => {
  await makeResource(api, { id: 'one', key: api.keys.b });
  const headers = { 'idempotency-key': 'k1' };
  const other = await api.ask('POST', blocks, { key: api.keys.b, body, headers });
  expect(other.status).toBe(201);
  expect(other.headers.get('idempotency-replayed')).toBeNull();
});

test('an id that is taken is told as such under a new key, and what has it stays as it is', async () => {
  const post = (key: string, name: string) =>
    api.ask('POST', '/v1/resources', {
      headers: { 'idempotency-key': key },
      body: { id: 'taken', name, timeZone: 'UTC' },
    });
  const rivals = await Promise.all(['t1', 't2', 't3'].map((key) => post(key, key)));
  const statuses = rivals.map((one) => one.status);
  expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  const other = await post('t4', 'Other');
  expect(other.body).toMatchObject({ status: 409, type: '/problems/already-exists' });
  const winner = rivals.find((one) => one.status === 201)!;
  expect((await api.ask('GET', '/v1/resources/taken')).body).toEqual(winner.body);
});

test('a fingerprint tells nobody what was asked: it is keyed, for each tenant by its own', async () => {
  const asked = { resourceId: 'one', ...freeSpan, party: 1, payment: { kind: 'none' } };
  const headers = { 'idempotency-key': 'fingerprint' };
  for (const key of [api.keys.a, api.keys.b]) {
    const reply = await api.ask('POST', '/v1/bookings', { key, headers, body: asked });
    expect(reply.status).toBe(201);
  }
  const [ofA, ofB] = api.commands.started.slice(-2).map((one) => one.fingerprint);
  expect(ofA).toMatch(/^[0-9a-f]{64}$/);
  expect(ofA).not.toBe(ofB);
  const text = `POST /v1/bookings\n${canonicalJson(NewBooking.parse(asked))}`;
  expect(ofA).not.toBe(createHash('sha256').update(text).digest('hex'));
  const { fingerprintKey } = await api.database.prisma.tenant.findUniqueOrThrow({
    where: { id: 'a' },
  });
  expect(fingerprintKey).toHaveLength(32);
  expect(ofA).toBe(createHmac('sha256', fingerprintKey).update(text).digest('hex'));
  const row = await api.database.prisma.idempotency.findUniqueOrThrow({
    where: { tenantId_key: { tenantId: 'a', key: 'fingerprint' } },
  });
  expect(row.fingerprint).toBe(ofA);
});

test('a request that was refused claims nothing', async () => {
  const refused = await block('k4', { ...body, unit: 9 });
  expect(refused.body.errors[0].pointer).toBe('/unit');
  expect((await block('k4')).status).toBe(201);
});

test('each change has exactly one entry in the journal, numbered without a gap', async () => {
  const made = await block('k5');
  await api.ask('DELETE', `${blocks}/${made.body.id}`);
  await api.ask('PATCH', '/v1/resources/one', { body: { name: 'Renamed' } });
  const { rows } = await api.database.pool.query<{ seq: string; type: string }>(
    `SELECT seq, type FROM journal WHERE tenant_id = 'a' AND subject = 'resource/one' ORDER BY seq`,
  );
  expect(rows.map((one) => Number(one.seq))).toEqual(rows.map((_, index) => index + 1));
  expect(rows.slice(-3).map((one) => one.type)).toEqual([
    'block.created',
    'block.removed',
    'resource.changed',
  ]);
});

test('a key that stands for one change of a booking stands for no other', async () => {
  await makeResource(api, { id: 'two' });
  const asked = { resourceId: 'two', ...freeSpan, payment: { kind: 'none' } };
  const headers = { 'idempotency-key': 'change-1' };
  const { body: booking } = await api.ask('POST', '/v1/bookings', {
    body: asked,
    headers: { 'idempotency-key': 'book-two' },
  });
  const ref = { tenantId: 'a', bookingId: booking.id as string };
  await commitBooking(api.database.pool, ref);
  const verb = (name: string, given: object) =>
    api.ask('POST', `/v1/bookings/${booking.id}/${name}`, { body: given, headers });
  const changeId = changeIdOf(ref, 'change-1');
  const ask = { amountMinor: 500, reference: null };
  await openChange(api.database.pool, { ...ref, changeId, kind: 'refund', reason: 'x', ask });
  const again = { amountMinor: 500, reason: 'goodwill' };
  expect((await verb('refunds', again)).status).toBe(200);
  for (const reply of [
    await verb('refunds', { ...again, amountMinor: 700 }),
    await verb('cancel', {}),
  ])
    expect([reply.status, reply.body.type]).toEqual([422, '/problems/idempotency-mismatch']);
});

test('a search whose end lies before its beginning is refused', async () => {
  const query = 'from=2031-06-08T00:00:00Z&to=2031-06-01T00:00:00Z';
  expect((await api.ask('GET', `/v1/bookings?${query}`)).status).toBe(400);
});
