import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openApiDocument } from '../../src/api/openapi.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

interface Operation {
  operationId: string;
  security?: unknown[];
  requestBody?: { content: Record<string, { example?: unknown }> };
}

const document = openApiDocument() as { paths: Record<string, Record<string, Operation>> };
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);
const keyed = operations.filter((one) => one.operation.security === undefined);

let api: TestApi;
/** Ids of everything tenant A has, by path parameter. */
const ids: Record<string, string> = {
  channel: 'ical',
  tenantId: 'a',
  resourceId: 'villa-of-a',
  position: '7',
};
const guest = { name: 'Guest-of-A' };
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'villa-of-a', capacity: 2 });
  const make = async (path: string, body: object) => {
    const headers = { 'idempotency-key': `scene-${path.replaceAll('/', '-')}` };
    const reply = await api.ask('POST', `/v1${path}`, { body, headers });
    expect(reply.status).toBe(201);
    return reply.body.id as string;
  };
  ids['accountId'] = await make('/accounts', {
    channel: 'ical',
    url: 'https://a.example.com/x.ics',
  });
  ids['connectionId'] = await make('/connections', connectionBody());
  ids['blockId'] = await make('/resources/villa-of-a/blocks', {
    startAt: '2031-01-01T00:00:00Z',
    endAt: '2031-01-02T00:00:00Z',
  });
  ids['feedId'] = await make('/resources/villa-of-a/feeds', { subscriber: 'Feed-of-A' });
  ids['linkedId'] = 'pool-of-a';
  await makeResource(api, { id: 'pool-of-a' });
  await api.ask('POST', '/v1/resources/villa-of-a/links', {
    body: { linkedId: 'pool-of-a', kind: 'need', units: 1 },
    headers: { 'idempotency-key': 'scene-link' },
  });
  ids['sessionId'] = 'session-of-a';
  await api.database.pool.query(
    `INSERT INTO session (tenant_id, id, resource_id, start_at, end_at, capacity)
     VALUES ('a', $1, 'villa-of-a', '2031-05-01', '2031-05-02', 5)`,
    [ids['sessionId']],
  );
  await api.database.pool.query(
    `UPDATE connection SET expanded_until = '2032-01-01', dirty = false`,
  );
  await api.database.pool.query(
    `INSERT INTO pass (tenant_id, connection_id, position, from_position, kind, started_at, added,
       changed, removed, renamed, spans, held_back)
     VALUES ('a', $1, 7, 3, 'changes', now(), 1, 0, 0, 0, 0, 0)`,
    [ids['connectionId']],
  );
  ids['bookingId'] = await make('/bookings', { ...bookingBody(), guest });
  await api.database.pool.query(
    `INSERT INTO conflict (tenant_id, booking_id, connection_id, root_id) VALUES ('a', $1, $2, 'x')`,
    [ids['bookingId'], ids['connectionId']],
  );
  ids['conflictId'] = (
    await api.database.pool.query<{ id: string }>('SELECT id FROM conflict')
  ).rows[0]!.id;
  const account = { id: 'payments-of-a', service: 'stripe', secretKey: 'sk_a' };
  ids['paymentAccountId'] = await make('/payment-accounts', account);
});
afterAll(() => api.close());

const connectionBody = () => ({
  resourceId: ids['resourceId'],
  accountId: ids['accountId'],
  calendarId: 'feed',
});
const bookingBody = () => ({
  resourceId: ids['resourceId'],
  startAt: '2031-03-01T10:00:00Z',
  endAt: '2031-03-01T12:00:00Z',
  payment: { kind: 'none' },
});

/** Bodies that point at what is A's; the others are the document's own examples. */
const pointing: Record<string, () => object> = {
  createConnection: connectionBody,
  createBooking: bookingBody,
  decideConflicts: () => ({ ids: [ids['conflictId']], keep: 'theirs' }),
  createPaymentAccount: () => ({ id: 'main', service: 'stripe', secretKey: 'sk_b' }),
};

const QUERIES: Record<string, string> = {
  getAvailability: '?from=2031-01-01T00:00:00Z&to=2031-02-01T00:00:00Z',
  listConnections: '?resourceId=villa-of-a',
  listBookings: '?resourceId=villa-of-a',
};

async function askAs(key: string, one: (typeof operations)[number], idempotencyKey: string) {
  const { operationId, requestBody } = one.operation;
  const path = one.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? 'unknown');
  const example = requestBody?.content['application/json']?.example ?? {};
  const body = requestBody ? (pointing[operationId]?.() ?? example) : undefined;
  return api.ask(one.method.toUpperCase(), `${path}${QUERIES[operationId] ?? ''}`, {
    key,
    body,
    headers: { 'idempotency-key': idempotencyKey },
  });
}

/** Everything that belongs to A, in every table. */
async function everythingOfA(): Promise<string[]> {
  const { rows: tables } = await api.database.pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.columns
      WHERE column_name = 'tenant_id' AND table_schema = 'public' ORDER BY 1`,
  );
  const found = [];
  for (const { name } of tables) {
    const { rows } = await api.database.pool.query<{ row: string }>(
      `SELECT t::text AS row FROM ${name} t WHERE tenant_id = 'a' ORDER BY 1`,
    );
    found.push(...rows.map(({ row }) => `${name} ${row}`));
  }
  return found;
}

/** What would give A away, had it been said. */
const traces = () =>
  Object.entries(ids)
    .filter(([name]) => !['channel', 'tenantId', 'position'].includes(name))
    .map(([, id]) => id)
    .concat('Guest-of-A', 'a.example.com', 'sk_a');

test('the document lists every route that a key opens', () => {
  expect(keyed.length).toBeGreaterThan(25);
  const open = operations.filter((one) => one.operation.security !== undefined);
  for (const { path } of open)
    expect(path).toMatch(
      /^\/(v1\/(oauth\/callback|notifications|payment-webhooks|payment-links|feeds|customer)|healthz|readyz|metrics)/,
    );
});

test.each(keyed)('$method $path shows and changes nothing of another tenant', async (one) => {
  const before = await everythingOfA();
  const asked = [...api.commands.asked];
  const reply = await askAs(api.keys.b, one, `b-${one.operation.operationId}`);
  const allowed = one.path.includes('{') ? [403, 404, 422] : [200, 201, 404, 422];
  expect(allowed).toContain(reply.status);
  // What was asked for by id is answered by id.
  const said = one.operation.operationId === 'decideConflicts' ? [ids['conflictId']] : [];
  for (const trace of traces().filter((id) => !said.includes(id)))
    expect(reply.text).not.toContain(trace);
  expect(await everythingOfA()).toEqual(before);
  expect(api.commands.asked).toEqual(asked);
});

test.each(keyed)('$method $path is closed without a key and with one of no scopes', async (one) => {
  expect((await askAs('', one, 'none')).status).toBe(401);
});

test('the same calls with the key of A find what is there, in the shape that the document gives', async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'doc', ...document });
  const reads = keyed.filter((one) => one.method === 'get');
  for (const one of reads) {
    const { operationId } = one.operation;
    const reply = await askAs(api.keys.a, one, 'own');
    expect([operationId, reply.status]).toEqual([operationId, 200]);
    const pointer = `/paths/${one.path.replaceAll('/', '~1')}/get/responses/200`;
    const schema = { $ref: encodeURI(`doc#${pointer}/content/application~1json/schema`) };
    expect(ajv.validate(schema, reply.body) ? null : ajv.errors).toBeNull();
  }
});
