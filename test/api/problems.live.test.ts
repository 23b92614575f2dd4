import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROBLEM_NAMES } from '../../src/api/problem.ts';
import type { Reply, TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'one' });
});
afterAll(() => api.close());

function expectProblem(reply: Reply, status: number, name: string) {
  expect({ status: reply.status, type: reply.body?.type }).toEqual({
    status,
    type: `/problems/${name}`,
  });
  expect(reply.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(reply.body).toMatchObject({ status, instance: expect.stringMatching(/^urn:uuid:/) });
  expect(reply.body.detail.length).toBeGreaterThan(10);
}

const post = (body: unknown, headers: Record<string, string> = {}) =>
  api.ask('POST', '/v1/resources', { body, headers: { 'idempotency-key': 'p', ...headers } });

test('an unknown route, a method that is not offered and a missing thing are told apart', async () => {
  expectProblem(await api.ask('GET', '/v1/nothing'), 404, 'no-such-route');
  const refused = await api.ask('DELETE', '/v1/bookings');
  expectProblem(refused, 405, 'method-not-allowed');
  expect(refused.headers.get('allow')).toBe('POST, GET, HEAD');
  expectProblem(await api.ask('GET', '/v1/bookings/none'), 404, 'not-found');
  expectProblem(await api.ask('GET', '/v1/bookings/%E0%A4%A'), 400, 'invalid-request');
});

test('a body that is no JSON, too large, compressed or of another type is refused as such', async () => {
  const json = { 'content-type': 'application/json' };
  expectProblem(await post('{"id": ', json), 400, 'malformed-json');
  expectProblem(await post(`{"id":"${'x'.repeat(70_000)}"}`, json), 413, 'body-too-large');
  expectProblem(
    await post('id=1', { 'content-type': 'text/plain' }),
    415,
    'unsupported-media-type',
  );
  expect((await post('{}', json)).status).toBe(400);
  const packed = { ...json, 'content-encoding': 'gzip' };
  expectProblem(await post('{}', packed), 415, 'unsupported-media-type');
});

test('every wrong field is listed by pointer, unknown ones by name, and no value is repeated', async () => {
  const reply = await post({
    id: 'not an id',
    name: 'A place',
    timeZone: 'UTC',
    colour: 'red',
    settings: { opening: [{ days: ['mon'], from: '18:00', to: '08:00' }], secretive: 1 },
  });
  expectProblem(reply, 400, 'invalid-request');
  const pointers = reply.body.errors.map((one: { pointer: string }) => one.pointer);
  expect(pointers).toEqual(
    expect.arrayContaining(['/id', '/colour', '/settings/secretive', '/settings/opening/0/from']),
  );
  expect(reply.text).not.toContain('not an id');
  expect(reply.text).not.toContain('red');
});

test('what is missing, or of another kind, is told by the rule that it breaks', async () => {
  const ask = async (body: unknown) => {
    const reply = await api.ask('POST', '/v1/bookings', { body });
    expectProblem(reply, 400, 'invalid-request');
    const errors = reply.body.errors as { pointer: string; detail: string }[];
    return errors.map(({ pointer, detail }) => `${pointer} ${detail}`);
  };
  const none = { kind: 'none' };
  expect(await ask({ resourceId: 'one' })).toEqual(['/payment is missing']);
  expect(await ask({ resourceId: 'one', payment: 'cash' })).toEqual(['/payment must be an object']);
  expect(await ask({ resourceId: 'one', payment: { kind: 'cash' } })).toEqual([
    '/payment/kind must be one of method, browser, external, none',
  ]);
  expect(await ask({ payment: none, party: 1.5 })).toEqual([
    '/resourceId is missing',
    '/party must be a whole number',
  ]);
  expect(await ask([])).toEqual([' must be an object']);
});

test('an instant without an offset, an unknown zone and an unknown query field are refused', async () => {
  const path = '/v1/resources/one/availability';
  const ask = (query: string) => api.ask('GET', `${path}?${query}`);
  const local = await ask('from=2027-01-01T00:00:00&to=2027-01-02T00:00:00Z');
  expectProblem(local, 400, 'invalid-request');
  expect(local.body.errors[0].pointer).toBe('/from');
  const range = 'from=2027-01-01T00:00:00Z&to=2027-01-02T00:00:00Z';
  expectProblem(await ask(`${range}&colour=red`), 400, 'invalid-request');
  expectProblem(
    await ask('from=2027-01-01T00:00:00Z&to=2028-03-01T00:00:00Z'),
    400,
    'invalid-request',
  );
  expectProblem(await ask(`${range}&as=starts`), 400, 'invalid-request');
  const zone = await post({ id: 'z', name: 'Z', timeZone: 'Mars/Olympus' });
  expectProblem(zone, 400, 'invalid-request');
});

test('an error of our own says nothing of its cause, and the log has its id and no message', async () => {
  const failing = await startApi({
    zones: {
      ...api.deps.zones,
      isKnown: () => {
        throw new Error('secret words');
      },
    },
  });
  const reply = await failing.ask('POST', '/v1/resources', {
    headers: { 'idempotency-key': 'x' },
    body: { id: 'r', name: 'R', timeZone: 'UTC' },
  });
  await failing.close();
  expectProblem(reply, 500, 'internal');
  expect(reply.text).not.toContain('secret words');
  expect(failing.log.join()).toContain(reply.body.instance);
  expect(failing.log.join()).not.toContain('secret words');
});

test('a database that is away is 503 with a time to come back, and readiness says which part', async () => {
  const other = await startApi();
  await other.database.pool.end();
  const reply = await other.ask('GET', '/readyz', { key: null });
  expect(reply.status).toBe(503);
  expect(reply.body).toEqual({ ok: false, parts: { database: 'failing', workflows: 'ok' } });
  expect((await other.ask('GET', '/healthz', { key: null })).body).toEqual({ ok: true });
  await other.close().catch(() => undefined);
});

test('every problem has a page of its own at its type', async () => {
  for (const name of PROBLEM_NAMES) {
    const reply = await api.ask('GET', `/problems/${name}`, { key: null });
    expect(reply.status).toBe(200);
    expect(reply.headers.get('content-type')).toContain('text/html');
  }
});

test('the metrics tell durations by route, refusals, notifications and how connections stand', async () => {
  await api.ask('GET', '/v1/resources/one');
  const reply = await api.ask('GET', '/metrics', { key: null });
  expect(reply.status).toBe(200);
  expect(reply.text).toContain(
    'holdfast_http_request_duration_seconds_count{method="get",route="/v1/resources/{resourceId}",status="200"}',
  );
  // By kind, and nobody is called for.
  expect(reply.text).toContain('# TYPE holdfast_bookings_attention gauge');
  for (const name of [
    'holdfast_mirrors_attention',
    'holdfast_mirrors_behind',
    'holdfast_oldest_dirty_seconds',
  ])
    expect(reply.text).toContain(`\n${name} 0`);
});
