import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULT_RESOURCE_SETTINGS } from '../../src/domain/resource.ts';
import { createKey } from '../../src/store/keys.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const DAY_MS = 86_400_000;
const change = (id: string, body: object) => api.ask('PATCH', `/v1/resources/${id}`, { body });
const create = (settings: object) =>
  api.ask('POST', '/v1/resources', {
    headers: { 'idempotency-key': JSON.stringify(settings).slice(0, 190).replaceAll(' ', '') },
    body: { id: 'never', name: 'Never', timeZone: 'UTC', settings },
  });
const book = (key: string, body: object, headers = {}) =>
  api.ask('POST', '/v1/bookings', {
    headers: { 'idempotency-key': key, ...headers },
    body: {
      startAt: '2031-03-01T10:00:00Z',
      endAt: '2031-03-01T12:00:00Z',
      payment: { kind: 'none' },
      ...body,
    },
  });

test('a resource without settings has the defaults, and shows every setting', async () => {
  await makeResource(api, { id: 'plain' });
  expect((await api.ask('GET', '/v1/resources/plain')).body.settings).toEqual(
    DEFAULT_RESOURCE_SETTINGS,
  );
});

test('settings that contradict each other are refused, each where it stands', async () => {
  const nights = { checkIn: '15:00', checkOut: '11:00' };
  const daily = [{ days: ['mon'], from: '08:00', to: '09:00' }];
  const cases: [object, string][] = [
    [{ soldBy: 'night' }, '/settings/nights'],
    [{ nights }, '/settings/nights'],
    [{ soldBy: 'night', nights, opening: daily }, '/settings/opening'],
    [{ soldBy: 'night', nights: { ...nights, checkOut: '16:00' } }, '/settings/nights/checkOut'],
    [
      { soldBy: 'night', nights: { ...nights, minNights: 9, maxNights: 3 } },
      '/settings/nights/minNights',
    ],
    [{ soldBy: 'night', nights, minDurationMs: DAY_MS }, '/settings/minDurationMs'],
    [{ noticeMs: DAY_MS, windowMs: DAY_MS }, '/settings/windowMs'],
    [{ minDurationMs: DAY_MS, maxDurationMs: 60_000 }, '/settings/minDurationMs'],
    [
      { exceptions: [{ fromDay: '2031-02-30', toDay: '2031-03-01', open: [] }] },
      '/settings/exceptions/0/fromDay',
    ],
    [
      { exceptions: [{ fromDay: '2031-03-02', toDay: '2031-03-01', open: [] }] },
      '/settings/exceptions/0/toDay',
    ],
    [
      {
        cancellation: [
          { beforeMs: 0, feePercent: 50, feeMinor: 0 },
          { beforeMs: DAY_MS, feePercent: 0, feeMinor: 0 },
        ],
      },
      '/settings/cancellation/1/beforeMs',
    ],
  ];
  for (const [settings, pointer] of cases) {
    const { body } = await create(settings);
    expect(body.errors?.map((one: { pointer: string }) => one.pointer)).toContain(pointer);
  }
});

test('a change is merged by field and checked as a whole', async () => {
  await makeResource(api, { id: 'merged', settings: { noticeMs: DAY_MS, price: null } });
  const conflicts = { rule: 'keep-ours' };
  const { body } = await change('merged', { settings: { conflicts, windowMs: 9 * DAY_MS } });
  expect(body.settings).toEqual({
    ...DEFAULT_RESOURCE_SETTINGS,
    noticeMs: DAY_MS,
    windowMs: 9 * DAY_MS,
    conflicts: { ...DEFAULT_RESOURCE_SETTINGS.conflicts, ...conflicts },
  });
  const worse = await change('merged', { settings: { windowMs: DAY_MS / 2 } });
  expect(worse.body).toMatchObject({ status: 400, errors: [{ pointer: '/settings/windowMs' }] });
  expect((await api.ask('GET', '/v1/resources/merged')).body.settings.windowMs).toBe(9 * DAY_MS);
});

test('what bookings to come rest on cannot be taken away', async () => {
  await makeResource(api, { id: 'used', capacity: 3 });
  await book('used-1', { resourceId: 'used', party: 2 });
  expect((await change('used', { capacity: 1 })).body.type).toBe('/problems/in-use');
  expect((await change('used', { capacity: 2 })).status).toBe(200);
  const night = { soldBy: 'night', nights: { checkIn: '15:00', checkOut: '11:00' } };
  expect((await change('used', { settings: night })).body.type).toBe('/problems/in-use');
  await makeResource(api, { id: 'unused' });
  expect((await change('unused', { settings: night })).status).toBe(200);
});

test('a day takes as many bookings as it may, and says so before and at the hold', async () => {
  await makeResource(api, { id: 'day', capacity: 9, settings: { maxPerDay: 2 } });
  const asked = { resourceId: 'day' };
  const replies = await Promise.all([1, 2, 3, 4, 5].map((n) => book(`day-${n}`, asked)));
  expect(replies.filter((one) => one.status === 201)).toHaveLength(2);
  expect(replies.filter((one) => one.body.refusal === 'day-full')).toHaveLength(3);
  const again = await book('day-9', asked);
  expect(again.body).toMatchObject({ refusal: 'day-full', rule: { maxPerDay: 2 } });
  expect(again.body.nearest[0].startAt).toBe('2031-02-28T23:59:00.000Z');
  const range = 'from=2031-03-01T00:00:00Z&to=2031-03-03T00:00:00Z';
  const { body } = await api.ask('GET', `/v1/resources/day/availability?${range}`);
  expect(body.spans).toEqual([
    { startAt: '2031-03-02T00:00:00.000Z', endAt: '2031-03-03T00:00:00.000Z' },
  ]);
});

test('staff with the scope admin pass over rules they name, which the journal tells', async () => {
  await makeResource(api, {
    id: 'staff',
    settings: { opening: [{ days: ['mon'], from: '08:00', to: '09:00' }], maxPerDay: 1 },
  });
  const asked = { resourceId: 'staff', override: ['opening'] };
  expect((await book('staff-1', { resourceId: 'staff' })).body.refusal).toBe('closed');
  const key = await createKey(api.database, {
    tenantId: 'a',
    label: 't',
    scopes: ['bookings:write'],
  });
  const headers = { 'idempotency-key': 'staff-2' };
  const body = {
    ...asked,
    startAt: '2031-03-01T10:00:00Z',
    endAt: '2031-03-01T11:00:00Z',
    payment: { kind: 'none' },
  };
  expect((await api.ask('POST', '/v1/bookings', { key, headers, body })).status).toBe(403);
  const made = await book('staff-3', asked);
  expect(made.status).toBe(201);
  expect((await book('staff-4', asked)).body.refusal).toBe('day-full');
  const both = { ...asked, override: ['opening', 'day-limit'] };
  expect((await book('staff-5', both)).body.refusal).toBe('taken');
  const { rows } = await api.database.pool.query<{ data: object }>(
    `SELECT data FROM journal WHERE subject = $1 AND type = 'booking.held'`,
    [`booking/${made.body.id}`],
  );
  expect(rows[0]!.data).toMatchObject({ overrides: ['opening'] });
});

test('a deposit and its balance are fixed with the hold; when it is late, all is charged now', async () => {
  const price = { per: 'unit', amountMinor: 3_335, currency: 'eur' };
  const deposit = { percent: 30, balanceDueMs: 10 * DAY_MS, onUnpaid: 'keep', graceMs: 0 };
  const cancellation = [{ beforeMs: DAY_MS, feePercent: 10, feeMinor: 0 }];
  await makeResource(api, { id: 'terms', capacity: 9, settings: { price, deposit, cancellation } });
  await api.ask('POST', '/v1/payment-accounts', {
    headers: { 'idempotency-key': 'account' },
    body: { id: 'main', service: 'stripe', secretKey: 'sk_test_1' },
  });
  const payment = { kind: 'method', paymentMethod: 'pm_1' };
  const far = await book('terms-1', { resourceId: 'terms', party: 2, payment });
  expect(far.body).toMatchObject({
    amountMinor: 6_670,
    depositMinor: 2_001,
    balanceDueAt: '2031-02-19T10:00:00.000Z',
    cancellation,
  });
  const startAt = new Date(Date.now() + DAY_MS).toISOString();
  const endAt = new Date(Date.now() + 2 * DAY_MS).toISOString();
  const soon = await book('terms-2', { resourceId: 'terms', payment, startAt, endAt });
  expect(soon.body).toMatchObject({ amountMinor: 3_335, depositMinor: null, balanceDueAt: null });
  await change('terms', { settings: { cancellation: [], deposit: null } });
  const after = await api.ask('GET', `/v1/bookings/${far.body.id}`);
  expect(after.body).toMatchObject({ depositMinor: 2_001, cancellation });
});
