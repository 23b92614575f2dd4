import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  for (const id of ['villa', 'room']) await makeResource(api, { id });
  await makeResource(api, { id: 'people', capacity: 2 });
  await makeResource(api, { id: 'tours', settings: { soldBy: 'session' } });
});
afterAll(() => api.close());

let keys = 0;
const post = (path: string, body: object) =>
  api.ask('POST', `/v1${path}`, { body, headers: { 'idempotency-key': `k-${(keys += 1)}` } });
const link = (from: string, linkedId: string, kind: string, units: number | null = null) =>
  post(`/resources/${from}/links`, { linkedId, kind, units });
const book = (resourceId: string, day: number) =>
  post('/bookings', {
    resourceId,
    startAt: `2031-06-0${day}T00:00:00Z`,
    endAt: `2031-06-0${day + 1}T00:00:00Z`,
    payment: { kind: 'none' },
  });
const spansOf = async (id: string) =>
  (
    await api.ask(
      'GET',
      `/v1/resources/${id}/availability?from=2031-06-01T00:00:00Z&to=2031-06-08T00:00:00Z`,
    )
  ).body.spans.map((one: { startAt: string; endAt: string }) => [
    one.startAt.slice(8, 10),
    one.endAt.slice(8, 10),
  ]);

test('links are made, listed from both ends, refused where they make no sense, and removed', async () => {
  const made = await link('villa', 'room', 'part');
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    resourceId: 'villa',
    linkedId: 'room',
    kind: 'part',
    units: null,
  });
  expect((await link('villa', 'people', 'need', 1)).status).toBe(201);
  for (const id of ['villa', 'room']) {
    const { body } = await api.ask('GET', `/v1/resources/${id}/links`);
    expect(body.links).toContainEqual(made.body);
  }
  const refused = async (...asked: Parameters<typeof link>) => {
    const { status, body } = await link(...asked);
    return [status, body.type];
  };
  expect(await refused('villa', 'room', 'need', 1)).toEqual([409, '/problems/already-exists']);
  expect(await refused('room', 'villa', 'need', 1)).toEqual([400, '/problems/invalid-request']);
  expect(await refused('room', 'people', 'need', 3)).toEqual([400, '/problems/invalid-request']);
  expect(await refused('room', 'tours', 'need', 1)).toEqual([400, '/problems/invalid-request']);
  expect(await refused('room', 'people', 'part', 1)).toEqual([400, '/problems/invalid-request']);
  expect(await refused('room', 'nobody', 'part')).toEqual([422, '/problems/unknown-reference']);
  expect(await refused('nobody', 'room', 'part')).toEqual([404, '/problems/not-found']);
});

test('availability and bookings go by everything that is linked', async () => {
  expect((await book('room', 1)).status).toBe(201);
  await book('people', 3);
  expect(await spansOf('villa')).toEqual([['02', '08']]);
  await book('people', 3);
  expect(await spansOf('villa')).toEqual([
    ['02', '03'],
    ['04', '08'],
  ]);
  const refused = await book('villa', 3);
  expect(refused.body).toMatchObject({
    refusal: 'linked-taken',
    linkedId: 'people',
    type: '/problems/not-available',
  });
  expect(refused.body.nearest).not.toEqual([]);
  expect((await book('villa', 5)).status).toBe(201);
  expect(await spansOf('room')).toEqual([
    ['02', '05'],
    ['06', '08'],
  ]);
  await post('/resources/villa/blocks', {
    startAt: '2031-06-07T00:00:00Z',
    endAt: '2031-06-08T00:00:00Z',
  });
  expect(await spansOf('room')).toEqual([
    ['02', '05'],
    ['06', '07'],
  ]);
  expect((await api.ask('DELETE', '/v1/resources/villa/links/people')).status).toBe(204);
  expect((await api.ask('DELETE', '/v1/resources/villa/links/people')).status).toBe(404);
  expect((await book('villa', 3)).status).toBe(201);
});

test('what is linked is not sold as sessions', async () => {
  const { status, body } = await api.ask('PATCH', '/v1/resources/room', {
    body: { settings: { soldBy: 'session' } },
  });
  expect([status, body.type]).toEqual([409, '/problems/in-use']);
});

test('a booking is moved to no time at which what it needs is closed', async () => {
  const days = ['mon', 'tue', 'wed', 'thu', 'fri'];
  await makeResource(api, { id: 'massage' });
  await makeResource(api, {
    id: 'therapist',
    settings: { opening: [{ days, from: '09:00', to: '17:00' }] },
  });
  expect((await link('massage', 'therapist', 'need')).status).toBe(201);
  const at = (hours: string) => ({
    startAt: `2031-06-03T${hours}:00:00Z`,
    endAt: `2031-06-03T${hours}:30:00Z`,
  });
  const asked = { resourceId: 'massage', payment: { kind: 'none' } };
  expect((await post('/bookings', { ...asked, ...at('20') })).body.refusal).toBe('linked-taken');
  const byStaff = { ...asked, ...at('21'), override: ['opening'] };
  expect((await post('/bookings', byStaff)).status).toBe(201);
  const { body } = await post('/bookings', { ...asked, ...at('10') });
  await api.database.pool.query('SELECT commit_booking($1, $2, NULL)', ['a', body.id]);
  const quotes = `/bookings/${body.id}/reschedule-quotes`;
  expect((await post(quotes, at('20'))).body).toMatchObject({
    refusal: 'linked-taken',
    linkedId: 'therapist',
  });
  await post('/bookings', { resourceId: 'therapist', payment: { kind: 'none' }, ...at('12') });
  expect((await post(quotes, at('12'))).body.linkedId).toBe('therapist');
  // Its customer is told that it cannot be had, and nothing of how it is run.
  const { customerToken } = (await post(`/bookings/${body.id}/customer-token`, {})).body;
  for (const hours of ['20', '12']) {
    const own = await api.ask('POST', '/v1/customer/booking/reschedule-quotes', {
      key: customerToken,
      body: at(hours),
      headers: { 'idempotency-key': `customer-${hours}` },
    });
    expect(own.body).toMatchObject({ status: 409, refusal: 'linked-taken' });
    expect(JSON.stringify(own.body)).not.toMatch(/therapist|linkedId/);
  }
  expect((await post(quotes, at('11'))).status).toBe(201);
  expect((await post(quotes, { ...at('19'), override: ['opening'] })).status).toBe(201);
});

test('what the ledger finds in the way after the gate is named as well', async () => {
  await makeResource(api, { id: 'late' });
  const own = api.commands.startBooking;
  api.commands.startBooking = async () => ({
    kind: 'refused',
    refusal: 'linked-taken',
    linkedId: 'people',
  });
  const { status, body } = await book('late', 1);
  api.commands.startBooking = own;
  expect([status, body.refusal, body.linkedId]).toEqual([409, 'linked-taken', 'people']);
});
