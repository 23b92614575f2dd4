import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const nights = {
  checkIn: '15:00',
  checkOut: '11:00',
  minNights: 2,
  maxNights: 14,
  closedToDeparture: ['sun'],
  seasons: [{ fromDay: '2031-07-01', toDay: '2031-08-31', minNights: 7, closedToArrival: ['mon'] }],
};
const makeVilla = (id: string, settings: object = {}, more: object = {}) =>
  makeResource(api, {
    id,
    timeZone: 'Europe/Paris',
    settings: { soldBy: 'night', nights, ...settings },
    ...more,
  });
const book = (key: string, body: object) =>
  api.ask('POST', '/v1/bookings', {
    headers: { 'idempotency-key': key },
    body: { payment: { kind: 'none' }, ...body },
  });
const stay = (resourceId: string, arrivalDay: string, departureDay: string) => ({
  resourceId,
  arrivalDay,
  departureDay,
});
const look = async (id: string, query: string) => {
  const reply = await api.ask('GET', `/v1/resources/${id}/availability?${query}`);
  expect(reply.status).toBe(200);
  return reply.body;
};

test('a stay is from check-in to check-out on local days, over a clock change too', async () => {
  await makeVilla('clock');
  const { body } = await book('clock-1', stay('clock', '2031-03-28', '2031-03-31'));
  expect(body).toMatchObject({
    startAt: '2031-03-28T14:00:00.000Z',
    endAt: '2031-03-31T09:00:00.000Z',
  });
  const instants = { startAt: '2031-04-01T15:00:00+02:00', endAt: '2031-04-03T11:00:00+02:00' };
  expect((await book('clock-2', { resourceId: 'clock', ...instants })).status).toBe(201);
  const early = { ...instants, startAt: '2031-04-10T14:00:00Z', endAt: '2031-04-12T09:00:00Z' };
  expect((await book('clock-3', { resourceId: 'clock', ...early })).body).toMatchObject({
    type: '/problems/not-bookable',
    refusal: 'not-by-the-night',
    rule: { checkIn: '15:00', checkOut: '11:00', timeZone: 'Europe/Paris' },
  });
});

test('each rule of stays refuses by name, with what it allows and stays that can be had', async () => {
  await makeVilla('rules', {
    exceptions: [{ fromDay: '2031-05-10', toDay: '2031-05-10', open: [] }],
  });
  const refusal = async (arrival: string, departure: string) =>
    (await book(`rules-${arrival}-${departure}`, stay('rules', arrival, departure))).body;
  expect(await refusal('2031-05-01', '2031-05-02')).toMatchObject({
    refusal: 'too-short',
    rule: { minNights: 2, maxNights: 14 },
    nearest: [{ startAt: '2031-05-01T13:00:00.000Z', endAt: '2031-05-03T09:00:00.000Z' }, {}, {}],
  });
  expect(await refusal('2031-07-01', '2031-07-04')).toMatchObject({
    refusal: 'too-short',
    rule: { minNights: 7 },
  });
  expect(await refusal('2031-05-01', '2031-05-20')).toMatchObject({ refusal: 'too-long' });
  expect(await refusal('2031-07-07', '2031-07-14')).toMatchObject({
    refusal: 'closed-to-arrival',
    rule: { closedToArrival: ['mon'] },
  });
  expect(await refusal('2031-05-02', '2031-05-04')).toMatchObject({
    refusal: 'closed-to-departure',
    rule: { closedToDeparture: ['sun'] },
  });
  expect(await refusal('2031-05-09', '2031-05-12')).toMatchObject({ refusal: 'closed' });
});

test('availability lists each night and the stays of a length, with their price, as a hold takes them', async () => {
  const price = { per: 'night', amountMinor: 10_000, currency: 'eur' };
  const deposit = { percent: 30, balanceDueMs: 86_400_000, onUnpaid: 'cancel', graceMs: 0 };
  await makeVilla('listed', { price, deposit });
  const external = { payment: { kind: 'external' } };
  await book('listed-1', { ...stay('listed', '2031-05-05', '2031-05-07'), ...external });
  const range = 'from=2031-05-03T22:00:00Z&to=2031-05-08T22:00:00Z';
  const all = await look('listed', range);
  expect(all.spans).toBeUndefined();
  const shown = all.nights.map((one: Record<string, unknown>) => [
    one['day'],
    ...['free', 'arrival', 'departure'].map((name) => (one[name] ? name : '-')),
  ]);
  expect(shown).toEqual([
    ['2031-05-04', 'free', '-', '-'],
    ['2031-05-05', '-', '-', 'departure'],
    ['2031-05-06', '-', '-', '-'],
    ['2031-05-07', 'free', 'arrival', '-'],
    ['2031-05-08', 'free', 'arrival', 'departure'],
  ]);
  const of = await look('listed', `${range}&as=stays&nights=3`);
  expect(of.stays).toEqual([
    {
      arrivalDay: '2031-05-07',
      departureDay: '2031-05-10',
      startAt: '2031-05-07T13:00:00.000Z',
      endAt: '2031-05-10T09:00:00.000Z',
    },
  ]);
  expect(of.price).toEqual({
    per: 'night',
    eachMinor: 10_000,
    currency: 'eur',
    amountMinor: 30_000,
    depositMinor: 9_000,
  });
  const { amountMinor, currency } = of.price;
  const booked = await book('listed-2', {
    ...stay('listed', '2031-05-07', '2031-05-10'),
    ...external,
    expectedAmount: { amountMinor, currency },
  });
  expect(booked.body).toMatchObject({ amountMinor: 30_000, depositMinor: null });
});

test('what is sold one way is neither listed nor booked in the other', async () => {
  await makeVilla('villa');
  await makeResource(api, { id: 'chair' });
  const range = 'from=2031-05-01T00:00:00Z&to=2031-05-08T00:00:00Z';
  const spans = await api.ask('GET', `/v1/resources/villa/availability?${range}&as=spans`);
  expect(spans.body).toMatchObject({ status: 400, errors: [{ pointer: '/as' }] });
  const days = await book('chair-1', stay('chair', '2031-05-01', '2031-05-03'));
  expect(days.body).toMatchObject({ status: 400, errors: [{ pointer: '/arrivalDay' }] });
  const both = { ...stay('villa', '2031-05-01', '2031-05-03'), startAt: '2031-05-01T13:00:00Z' };
  expect((await book('villa-1', both)).status).toBe(400);
});

test('a day from which the shortest stay outlasts a season of no departures may be arrived on, however short the look', async () => {
  const everyDay = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
  const seasons = [
    { fromDay: '2031-12-20', toDay: '2032-01-06', closedToDeparture: everyDay },
    { fromDay: '2031-03-01', toDay: '2031-03-02' },
  ];
  await makeVilla('feast', { nights: { ...nights, maxNights: 30, seasons } });
  const arrivals = async (from: string, to: string) =>
    (await look('feast', `from=${from}T00:00:00Z&to=${to}T00:00:00Z`)).nights
      .filter((one: { arrival: boolean }) => one.arrival)
      .map((one: { day: string }) => one.day);
  const all = await arrivals('2031-12-18', '2032-02-10');
  expect(all).toContain('2031-12-20');
  expect(await arrivals('2031-12-18', '2031-12-21')).toEqual(
    all.filter((day: string) => day <= '2031-12-21'),
  );
  expect((await book('feast-1', stay('feast', '2031-12-20', '2032-01-07'))).status).toBe(201);
});
