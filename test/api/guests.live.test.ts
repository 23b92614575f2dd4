import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'hall', capacity: 50 });
});
afterAll(() => api.close());

const book = async (key: string, body: object = {}, tenantKey = api.keys.a): Promise<string> => {
  const reply = await api.ask('POST', '/v1/bookings', {
    key: tenantKey,
    headers: { 'idempotency-key': key },
    body: {
      resourceId: 'hall',
      startAt: '2031-03-01T10:00:00Z',
      endAt: '2031-03-01T12:00:00Z',
      payment: { kind: 'none' },
      ...body,
    },
  });
  expect(reply.status).toBe(201);
  return reply.body.id;
};
const found = async (query: string): Promise<string[]> => {
  const reply = await api.ask('GET', `/v1/bookings?${query}`);
  expect(reply.status).toBe(200);
  return reply.body.items.map((one: { id: string }) => one.id);
};
const erase = (reference: string, key = api.keys.a) =>
  api.ask('POST', '/v1/guest-erasures', { key, body: { reference } });

test('bookings are found by time, state, resource, reference and attention, together', async () => {
  await makeResource(api, { id: 'shed', capacity: 9 });
  const guest = { reference: ' Web-4711 ' };
  const first = await book('f-1', { resourceId: 'shed', guest });
  const later = { startAt: '2031-03-02T10:00:00Z', endAt: '2031-03-05T10:00:00Z' };
  const second = await book('f-2', {
    resourceId: 'shed',
    guest: { reference: 'web-4711' },
    ...later,
  });
  const other = await book('f-3', { resourceId: 'shed', guest: { reference: 'web-47' }, ...later });
  expect(await found('reference=WEB-4711')).toEqual([first, second]);
  expect(await found('reference=web-4711&from=2031-03-02T00:00:00Z')).toEqual([second]);
  const shed = 'resourceId=shed';
  expect(await found(`${shed}&from=2031-03-04T00:00:00Z&to=2031-03-04T01:00:00Z`)).toEqual([
    second,
    other,
  ]);
  expect(await found(`${shed}&to=2031-03-02T10:00:00Z`)).toEqual([first]);
  expect(await found(`${shed}&from=2031-03-05T10:00:00Z`)).toEqual([]);
  expect(await found(`${shed}&state=confirmed`)).toEqual([]);
  expect(await found(`${shed}&attention=true`)).toEqual([]);
  await api.database.pool.query(`SELECT flag_attention('a', $1, 'stuck')`, [other]);
  expect(await found('attention=true')).toEqual([other]);
  expect(await found('sessionId=none')).toEqual([]);
});

test('pages of a search are stable while others book', async () => {
  await makeResource(api, { id: 'paged', capacity: 50 });
  const guest = { reference: 'regular' };
  const own: string[] = [];
  for (let n = 0; n < 5; n += 1) own.push(await book(`p-${n}`, { resourceId: 'paged', guest }));
  const search = '/v1/bookings?resourceId=paged&from=2031-01-01T00:00:00Z&limit=2';
  const seen: string[] = [];
  let next: string | null = '';
  while (next !== null) {
    const { body } = await api.ask('GET', `${search}${next && `&after=${next}`}`);
    seen.push(...body.items.map((one: { id: string }) => one.id));
    next = body.next;
    if (seen.length < 6) await book(`p-late-${seen.length}`, { resourceId: 'paged' });
  }
  expect(seen.slice(0, 5)).toEqual(own);
  expect(new Set(seen).size).toBe(seen.length);
});

/** Every row of every table as text, with bytes as hex. */
async function everything(): Promise<string> {
  const { rows: tables } = await api.database.pool.query<{ name: string }>(
    `SELECT quote_ident(relname) AS name FROM pg_class
      WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        AND has_table_privilege(oid, 'SELECT')`,
  );
  const texts: string[] = [];
  for (const { name } of tables) {
    const { rows } = await api.database.pool.query<{ row: string }>(
      `SELECT t::text AS row FROM ${name} AS t`,
    );
    texts.push(...rows.map((one) => one.row));
  }
  return texts.join('\n');
}

test('of an erased customer nothing is left in any table, and the ledger is whole', async () => {
  const guest = {
    name: 'Marker-Ada',
    contact: 'marker@example.com',
    reference: 'Marker-4711',
    metadata: { note: 'Marker-note' },
  };
  const ids = [await book('e-1', { guest }), await book('e-2', { guest })];
  const kept = await book('e-3', { guest: { ...guest, reference: 'somebody-else' } });
  const { rows: held } = await api.database.pool.query<{ sealed: string; hash: string }>(
    `SELECT encode(guest, 'hex') AS sealed, encode(reference_hash, 'hex') AS hash FROM booking
      WHERE id = ANY ($1)`,
    [ids],
  );
  const marks = held.flatMap(({ sealed, hash }) => [sealed, hash]);
  const before = await everything();
  for (const mark of marks) expect(before).toContain(mark);
  expect(before).not.toMatch(/marker/i);

  expect((await erase('nobody')).body).toEqual({ bookings: 0 });
  expect((await erase('marker-4711', api.keys.b)).body).toEqual({ bookings: 0 });
  expect((await erase('marker-4711')).body).toEqual({ bookings: 2 });
  expect((await erase('marker-4711')).body).toEqual({ bookings: 0 });

  const after = await everything();
  for (const mark of marks) expect(after).not.toContain(mark);
  expect(await found('reference=Marker-4711')).toEqual([]);
  expect(await found('reference=somebody-else')).toEqual([kept]);
  for (const id of ids) {
    const { body } = await api.ask('GET', `/v1/bookings/${id}`);
    expect(body).toMatchObject({ state: 'held', guest: null, units: [expect.any(Number)] });
    const { rows } = await api.database.pool.query<{ type: string; data: object }>(
      `SELECT type, data FROM journal WHERE subject = $1 ORDER BY seq DESC LIMIT 1`,
      [`booking/${id}`],
    );
    expect(rows[0]).toEqual({ type: 'booking.guest-erased', data: {} });
  }
});

test('the guest of one booking is erased with its reference and its draft', async () => {
  const guest = { name: 'One', reference: 'one-of-many' };
  const [id, other] = [await book('o-1', { guest }), await book('o-2', { guest })];
  expect((await api.ask('DELETE', `/v1/bookings/${id}/guest`)).status).toBe(204);
  expect(await found('reference=one-of-many')).toEqual([other]);
  const { rows } = await api.database.pool.query(
    `SELECT FROM booking_draft WHERE booking_id = $1 AND (guest IS NOT NULL OR reference_hash IS NOT NULL)`,
    [id],
  );
  expect(rows).toEqual([]);
});
