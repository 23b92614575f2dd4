import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  const price = { per: 'booking', amountMinor: 9_900, currency: 'eur' };
  await makeResource(api, { id: 'ferry', settings: { soldBy: 'session', price } });
  await makeResource(api, { id: 'cabin' });
});
afterAll(() => api.close());

let keys = 0;
const post = (path: string, body: object) =>
  api.ask('POST', `/v1${path}`, { body, headers: { 'idempotency-key': `k-${(keys += 1)}` } });

const crossing = (day: number, more: object = {}) => ({
  startAt: `2031-06-0${day}T08:00:00+02:00`,
  endAt: `2031-06-0${day}T11:00:00+02:00`,
  capacity: 10,
  ...more,
});

const list = (query = '') => api.ask('GET', `/v1/resources/ferry/sessions${query}`);
const offered = async (query: string) =>
  (
    await api.ask(
      'GET',
      `/v1/resources/ferry/availability?from=2031-06-01T00:00:00Z&to=2031-07-01T00:00:00Z${query}`,
    )
  ).body;

test('sessions are scheduled many at once, listed by time in pages, resized and cancelled', async () => {
  const made = await post('/resources/ferry/sessions', {
    sessions: [crossing(3), crossing(1), crossing(2, { capacity: 5 })],
  });
  expect(made.status).toBe(201);
  expect(made.body.sessions).toMatchObject([
    { startAt: '2031-06-01T06:00:00.000Z', capacity: 10, placesLeft: 10, price: null },
    { capacity: 5 },
    { capacity: 10 },
  ]);
  const first = await list('?limit=2');
  const rest = await list(`?limit=2&after=${first.body.next}`);
  expect([...first.body.items, ...rest.body.items]).toEqual(made.body.sessions);
  expect(rest.body.next).toBeNull();
  const range = await list('?from=2031-06-02T00:00:00Z&to=2031-06-03T00:00:00Z');
  expect(range.body.items).toHaveLength(1);
  const one = `/v1/resources/ferry/sessions/${made.body.sessions[1].id}`;
  const grown = await api.ask('PATCH', one, { body: { capacity: 6 } });
  expect(grown.body).toMatchObject({ capacity: 6, placesLeft: 6 });
  await api.ask('DELETE', one);
  expect((await api.ask('GET', one)).body.cancelledAt).not.toBeNull();
  expect((await offered('')).sessions).toHaveLength(2);
  expect((await list('?after=nonsense')).status).toBe(400);
});

test('places are booked by session, at its price for each, with refusals that name the rule', async () => {
  const price = { amountMinor: 2_500, currency: 'eur' };
  const made = await post('/resources/ferry/sessions', {
    sessions: [crossing(8, { price }), crossing(9)],
  });
  const [sessionId, later] = made.body.sessions.map((one: { id: string }) => one.id);
  const book = (party: number, more: object = {}) =>
    post('/bookings', {
      resourceId: 'ferry',
      sessionId,
      party,
      payment: { kind: 'external' },
      ...more,
    });
  const booked = await book(4, { expectedAmount: { amountMinor: 10_000, currency: 'eur' } });
  expect(booked.status).toBe(201);
  expect(booked.body).toMatchObject({
    sessionId,
    party: 4,
    units: [],
    amountMinor: 10_000,
    startAt: '2031-06-08T06:00:00.000Z',
    endAt: '2031-06-08T09:00:00.000Z',
  });
  const full = await book(7);
  expect(full.status).toBe(409);
  expect(full.body).toMatchObject({ refusal: 'session-full', type: '/problems/not-available' });
  expect(full.body.nearest[0]).toMatchObject({ sessionId: later, placesLeft: 10 });
  expect((await book(11)).body.refusal).toBe('too-large');
  expect((await book(1, { sessionId: 'nobody' })).body.refusal).toBe('no-such-session');
  expect((await book(1, { startAt: '2031-06-08T06:00:00Z' })).status).toBe(400);
  const shown = (await offered('&party=7')).sessions.find(
    (one: { id: string }) => one.id === sessionId,
  );
  expect(shown).toMatchObject({ capacity: 10, placesLeft: 6, price, refusal: 'session-full' });
  const resized = await api.ask('PATCH', `/v1/resources/ferry/sessions/${sessionId}`, {
    body: { capacity: 3 },
  });
  expect(resized.body).toMatchObject({ type: '/problems/in-use', taken: 4 });
});

test('a resource that sells sessions is had by no other time, and another one has none', async () => {
  const bySpan = await post('/bookings', {
    resourceId: 'ferry',
    startAt: '2031-06-20T06:00:00Z',
    endAt: '2031-06-20T07:00:00Z',
    payment: { kind: 'external' },
  });
  expect(bySpan.body.refusal).toBe('no-such-session');
  const other = await post('/resources/cabin/sessions', { sessions: [crossing(1)] });
  expect(other.status).toBe(400);
  const booking = await post('/bookings', {
    resourceId: 'cabin',
    sessionId: 'x',
    payment: { kind: 'none' },
  });
  expect(booking.body.refusal).toBe('no-such-session');
});

test('sessions are shown by the limit of their day, as bookings are refused by it', async () => {
  await makeResource(api, { id: 'dives', settings: { soldBy: 'session', maxPerDay: 1 } });
  const made = await post('/resources/dives/sessions', { sessions: [crossing(1), crossing(2)] });
  const [first, second] = made.body.sessions as { id: string }[];
  const book = (sessionId: string) =>
    post('/bookings', { resourceId: 'dives', sessionId, payment: { kind: 'none' } });
  expect((await book(first!.id)).status).toBe(201);
  expect((await book(first!.id)).body.refusal).toBe('day-full');
  const { body } = await api.ask(
    'GET',
    '/v1/resources/dives/availability?from=2031-06-01T00:00:00Z&to=2031-07-01T00:00:00Z',
  );
  const refusals = body.sessions.map((one: { refusal: string | null }) => one.refusal);
  expect(refusals).toEqual(['day-full', null]);
  expect((await book(second!.id)).status).toBe(201);
});

test('availability tells sessions in pages, in one where there are not so many', async () => {
  await makeResource(api, { id: 'shuttle', settings: { soldBy: 'session' } });
  await api.database.pool.query(
    `INSERT INTO session (tenant_id, id, resource_id, start_at, end_at, capacity)
     SELECT 'a', 's-' || lpad(n::text, 4, '0'), 'shuttle', at, at + interval '10 minutes', 5
       FROM generate_series(0, 1204) AS n,
         LATERAL (SELECT '2031-06-01T00:00:00Z'::timestamptz + n / 2 * interval '20 minutes' AS at) AS t`,
  );
  const page = async (query: string) =>
    (
      await api.ask(
        'GET',
        `/v1/resources/shuttle/availability?from=2031-06-01T00:00:00Z&to=2032-06-01T00:00:00Z${query}`,
      )
    ).body;
  const idsOf = ({ sessions }: { sessions: { id: string }[] }) => sessions.map((one) => one.id);
  const first = await page('');
  expect(first.sessions).toHaveLength(1_000);
  const rest = await page(`&after=${first.next}`);
  expect(rest.next).toBeUndefined();
  const all = [...idsOf(first), ...idsOf(rest)];
  expect(all).toHaveLength(1_205);
  expect(all).toEqual(all.toSorted());
  const [one, two] = [await page('&limit=3'), await page(`&limit=3&after=${first.next}`)];
  expect([idsOf(one), idsOf(two)]).toEqual([all.slice(0, 3), all.slice(1_000, 1_003)]);
  const span = '?from=2031-06-01T00:00:00Z&to=2031-06-02T00:00:00Z';
  const other = `/v1/resources/cabin/availability${span}&after=${first.next}`;
  expect((await api.ask('GET', other)).body.errors[0].pointer).toBe('/after');
});

test('a page that is none is refused, whatever a date it looks like', async () => {
  for (const at of [
    '2027-01Z',
    '2027-01-01 00:00Z',
    '2027-02-31T00:00:00Z',
    '2027-13-01T00:00:00Z',
  ])
    expect((await list(`?after=${encodeURIComponent(`${at}_x`)}`)).status).toBe(400);
});

test('a session that goes on after the range is refused for what lies over its end', async () => {
  await makeResource(api, { id: 'night-train', settings: { soldBy: 'session' } });
  const late = { startAt: '2031-06-10T22:00:00Z', endAt: '2031-06-11T06:00:00Z', capacity: 5 };
  expect((await post('/resources/night-train/sessions', { sessions: [late] })).status).toBe(201);
  await post('/resources/night-train/blocks', {
    startAt: '2031-06-11T05:00:00Z',
    endAt: '2031-06-11T07:00:00Z',
  });
  for (const to of ['2031-06-11T00:00:00Z', '2031-06-12T00:00:00Z']) {
    const query = `from=2031-06-10T00:00:00Z&to=${to}`;
    const path = `/v1/resources/night-train/availability?${query}`;
    const { body } = await api.ask('GET', path);
    expect(body.sessions.map((one: { refusal: string }) => one.refusal)).toEqual(['blocked']);
  }
});
