import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

/** Days on which clocks are put forward or back, by how much, and when it happens on the wall. */
const CHANGES = [
  {
    timeZone: 'Europe/Paris',
    day: '2031-03-30',
    offset: '+01:00',
    after: '+02:00',
    forwardMin: 60,
  },
  {
    timeZone: 'Europe/Paris',
    day: '2031-10-26',
    offset: '+02:00',
    after: '+01:00',
    forwardMin: -60,
  },
  {
    timeZone: 'America/New_York',
    day: '2031-03-09',
    offset: '-05:00',
    after: '-04:00',
    forwardMin: 60,
  },
  {
    timeZone: 'America/New_York',
    day: '2031-11-02',
    offset: '-04:00',
    after: '-05:00',
    forwardMin: -60,
  },
  {
    timeZone: 'Australia/Lord_Howe',
    day: '2031-10-05',
    offset: '+10:30',
    after: '+11:00',
    forwardMin: 30,
  },
  {
    timeZone: 'Australia/Lord_Howe',
    day: '2031-04-06',
    offset: '+11:00',
    after: '+10:30',
    forwardMin: -30,
  },
] as const;

const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

let keys = 0;
const book = (body: object) =>
  api.ask('POST', '/v1/bookings', {
    body: { payment: { kind: 'none' }, ...body },
    headers: { 'idempotency-key': `k-${(keys += 1)}` },
  });
const availability = async (id: string, query: string) =>
  (await api.ask('GET', `/v1/resources/${id}/availability?${query}`)).body;
const at = (instant: string): number => Date.parse(instant);
const text = (instant: number): string => new Date(instant).toISOString();
const dayBy = (day: string, days: number): string =>
  text(at(`${day}T00:00:00Z`) + days * DAY_MS).slice(0, 10);

describe.each(CHANGES)('on $day in $timeZone', ({ timeZone, day, offset, after, forwardMin }) => {
  const name = `${timeZone.replaceAll(/\W/g, '-')}-${day}`;
  const opensAt = at(`${day}T01:00:00${offset}`);
  const closesAt = at(`${day}T04:00:00${after}`);
  const openMin = 180 - forwardMin;
  const week = `from=${text(opensAt - 3 * DAY_MS)}&to=${text(opensAt + 4 * DAY_MS)}`;

  test('an opening of three hours on the wall lasts as long as it does, and is sold so', async () => {
    const id = `open-${name}`;
    const all = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
    const opening = [{ days: all, from: '01:00', to: '04:00' }];
    await makeResource(api, { id, timeZone, settings: { opening } });
    const span = { startAt: text(opensAt), endAt: text(closesAt) };
    const { spans } = await availability(id, week);
    expect(spans).toContainEqual(span);
    expect(closesAt - opensAt).toBe(openMin * MINUTE_MS);
    const { starts } = await availability(
      id,
      `from=${span.startAt}&to=${span.endAt}&as=starts&durationMinutes=30&stepMinutes=30`,
    );
    expect(starts).toEqual(
      Array.from({ length: openMin / 30 }, (_, n) => text(opensAt + n * 30 * MINUTE_MS)),
    );
    const over = { resourceId: id, ...span, endAt: text(closesAt + MINUTE_MS) };
    expect((await book(over)).body.refusal).toBe('closed');
    for (const start of starts as string[]) {
      const endAt = text(at(start) + 30 * MINUTE_MS);
      expect((await book({ resourceId: id, startAt: start, endAt })).status).toBe(201);
    }
    const left = await availability(id, `from=${span.startAt}&to=${span.endAt}`);
    expect(left.spans).toEqual([]);
  });

  test('a night is a night, however long it lasts, and costs as much', async () => {
    const id = `night-${name}`;
    const nights = { checkIn: '15:00', checkOut: '11:00', minNights: 1, maxNights: 9 };
    const price = { per: 'night', amountMinor: 100, currency: 'eur' };
    await makeResource(api, { id, timeZone, settings: { soldBy: 'night', nights, price } });
    const stay = (days: number) => ({
      resourceId: id,
      arrivalDay: dayBy(day, -1),
      departureDay: dayBy(day, days - 1),
      payment: { kind: 'external' },
    });
    const { body } = await book({
      ...stay(2),
      expectedAmount: { amountMinor: 200, currency: 'eur' },
    });
    expect(body).toMatchObject({
      startAt: text(at(`${dayBy(day, -1)}T15:00:00${offset}`)),
      endAt: text(at(`${dayBy(day, 1)}T11:00:00${after}`)),
      amountMinor: 200,
    });
    const list = (await availability(id, week)).nights as { day: string; free: boolean }[];
    const taken = list.filter(({ free }) => !free).map((one) => one.day);
    expect(taken).toEqual([dayBy(day, -1), day]);
    const next = { ...stay(3), arrivalDay: dayBy(day, 1) };
    expect((await book({ ...next, departureDay: dayBy(day, 2) })).status).toBe(201);
  });

  test('it is one day for what is allowed on a day, from midnight to midnight', async () => {
    const id = `day-${name}`;
    await makeResource(api, { id, timeZone, settings: { maxPerDay: 2 } });
    const from = at(`${day}T00:00:00${offset}`);
    const until = at(`${dayBy(day, 1)}T00:00:00${after}`);
    expect(until - from).toBe(DAY_MS - forwardMin * MINUTE_MS);
    const hourAt = (startAt: number) =>
      book({ resourceId: id, startAt: text(startAt), endAt: text(startAt + 30 * MINUTE_MS) });
    expect((await hourAt(from)).status).toBe(201);
    expect((await hourAt(until - 30 * MINUTE_MS)).status).toBe(201);
    expect((await hourAt(from + 10 * 60 * MINUTE_MS)).body.refusal).toBe('day-full');
    expect((await hourAt(until)).status).toBe(201);
    expect((await hourAt(from - 30 * MINUTE_MS)).status).toBe(201);
  });
});
