import { gunzipSync } from 'node:zlib';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
let n = 0;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'villa', timeZone: 'Europe/Rome', capacity: 2 });
});
afterAll(() => api.close());

const post = (path: string, body: object, key = `k-${(n += 1)}`) =>
  api.ask('POST', path, { body, headers: { 'idempotency-key': key } });

const publish = (body: object = {}, key?: string) =>
  post('/v1/resources/villa/feeds', { subscriber: 'Airbnb', platform: 'airbnb', ...body }, key);

/** The path of a feed's address: a subscriber comes without a key. */
const pathOf = (url: string): string => new URL(url).pathname;
const read = (url: string, headers: Record<string, string> = {}) =>
  api.ask('GET', pathOf(url), {
    key: null,
    headers: { 'accept-encoding': 'identity', ...headers },
  });

const block = (startAt: string, endAt: string, unit: number | null = null) =>
  post('/v1/resources/villa/blocks', { startAt, endAt, unit });

describe('an address', () => {
  test('is shown again to its owner, and kept nowhere in clear', async () => {
    const made = await publish({}, 'once');
    expect(made.status).toBe(201);
    expect(made.body.url).toMatch(/\/v1\/feeds\/[A-Za-z0-9_-]{43}\.ics$/);
    const again = await publish({}, 'once');
    expect(again.body).toEqual(made.body);
    const listed = await api.ask('GET', '/v1/resources/villa/feeds');
    expect(listed.body.items).toContainEqual(made.body);
    const token = /feeds\/(.*)\.ics/.exec(made.body.url)![1]!;
    const { rows } = await api.database.pool.query<{ text: string }>(
      `SELECT concat((SELECT string_agg(f::text, '') FROM feed f),
         (SELECT string_agg(i::text, '') FROM idempotency i),
         (SELECT string_agg(j::text, '') FROM journal j)) AS text`,
    );
    expect(rows[0]!.text).not.toContain(token);
  });

  test('serves whoever has it, and nobody who guesses', async () => {
    const { body } = await publish();
    expect((await read(body.url)).status).toBe(200);
    for (const wrong of ['x.ics', `${'A'.repeat(43)}.ics`, '..%2f.ics', `${'A'.repeat(43)}`])
      expect((await api.ask('GET', `/v1/feeds/${wrong}`, { key: null })).status).toBe(404);
  });

  test('ends when it is rotated, and for good when the feed is revoked', async () => {
    const { body } = await publish();
    const at = `/v1/resources/villa/feeds/${body.id}`;
    const rotated = await api.ask('POST', `${at}/rotate`, { body: {} });
    expect(rotated.status).toBe(200);
    expect((await read(body.url)).status).toBe(404);
    expect((await read(rotated.body.url)).status).toBe(200);
    expect((await api.ask('DELETE', at)).status).toBe(204);
    expect((await read(rotated.body.url)).status).toBe(404);
    expect((await api.ask('DELETE', at)).status).toBe(404);
  });

  test('a connection of another resource cannot be linked', async () => {
    const reply = await publish({ connectionIds: ['nope'] });
    expect({ status: reply.status, pointer: reply.body.errors[0].pointer }).toEqual({
      status: 400,
      pointer: '/connectionIds',
    });
  });
});

describe('contents', () => {
  test('a platform gets whole nights, and a calendar exact times, with nothing about anybody', async () => {
    await makeResource(api, { id: 'villa-2', timeZone: 'Europe/Rome' });
    await post('/v1/resources/villa-2/blocks', {
      startAt: '2027-03-01T15:00:00+01:00',
      endAt: '2027-03-04T10:00:00+01:00',
    });
    const make = async (platform: string) =>
      (await post('/v1/resources/villa-2/feeds', { subscriber: 'S', platform })).body.url;
    const nights = await read(await make('vrbo'));
    expect(nights.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    expect(nights.text).toContain('DTSTART;VALUE=DATE:20270301\r\nDTEND;VALUE=DATE:20270304\r\n');
    const times = await read(await make('other'));
    expect(times.text).toContain('DTSTART:20270301T140000Z\r\nDTEND:20270304T090000Z\r\n');
    expect(times.text).toMatch(
      /^BEGIN:VCALENDAR\r\n[\s\S]*SUMMARY:Not available[\s\S]*END:VCALENDAR\r\n$/,
    );
  });

  test('a feed of one unit says what takes that unit', async () => {
    await block('2027-05-01T00:00:00Z', '2027-05-02T00:00:00Z', 1);
    const of = async (unit: number | null) =>
      (await read((await publish({ unit, platform: 'other' })).body.url)).text;
    expect(await of(1)).toContain('DTSTART:20270501T000000Z');
    expect(await of(2)).not.toContain('20270501');
    expect(await of(null)).not.toContain('20270501');
  });

  test('a booking is named only in a feed that shows references', async () => {
    const booked = await post('/v1/bookings', {
      resourceId: 'villa-2',
      startAt: '2027-06-01T10:00:00Z',
      endAt: '2027-06-01T12:00:00Z',
      payment: { kind: 'none' },
      guest: { name: 'Ada' },
    });
    await api.database.pool.query(
      `UPDATE occupancy SET confirmed_at = now() WHERE booking_id = $1`,
      [booked.body.id],
    );
    const of = async (shows: string) => {
      const made = await post('/v1/resources/villa-2/feeds', { subscriber: 'S', shows });
      return (await read(made.body.url)).text.replaceAll('\r\n ', '');
    };
    expect(await of('busy')).not.toContain(booked.body.id);
    expect(await of('reference')).toContain(`SUMMARY:Booking ${booked.body.id}`);
    expect(await of('reference')).not.toContain('Ada');
  });
});

test('a fetch is cheap when nothing changed: the same bytes, the same ETag, 304, and gzip', async () => {
  const { body } = await publish();
  const first = await read(body.url);
  const etag = first.headers.get('etag')!;
  const same = await read(body.url, { 'if-none-match': etag });
  expect({ status: same.status, text: same.text }).toEqual({ status: 304, text: '' });
  const zipped = await new Promise<{ encoding: string | undefined; bytes: Buffer }>((resolve) => {
    const headers = { 'accept-encoding': 'gzip' };
    http.get(`${api.url}${pathOf(body.url)}`, { headers }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        resolve({ encoding: answer.headers['content-encoding'], bytes: Buffer.concat(parts) }),
      );
    });
  });
  expect(zipped.encoding).toBe('gzip');
  expect(gunzipSync(zipped.bytes).toString()).toBe(first.text);
  await block('2027-07-01T00:00:00Z', '2027-07-03T00:00:00Z');
  expect((await read(body.url, { 'if-none-match': etag })).status).toBe(200);
  const { rows } = await api.database.pool.query<{ count: number }>(
    `SELECT count(*)::integer AS count FROM feed_serving WHERE feed_id = $1`,
    [body.id],
  );
  expect(rows[0]!.count).toBe(2);
});
