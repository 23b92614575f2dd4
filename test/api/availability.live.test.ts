import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'one', timeZone: 'Europe/Rome' });
});
afterAll(() => api.close());

const range = 'from=2031-01-01T00:00:00Z&to=2031-01-03T00:00:00Z';
const look = (id: string, query = range, headers: Record<string, string> = {}) =>
  api.ask('GET', `/v1/resources/${id}/availability?${query}`, { headers });
const block = (id: string, startAt: string, endAt: string) =>
  api.ask('POST', `/v1/resources/${id}/blocks`, {
    headers: { 'idempotency-key': `block-${id}-${startAt}` },
    body: { startAt, endAt },
  });

test('an ETag stays until something but the instant of computation changes', async () => {
  const first = await look('one');
  const etag = first.headers.get('etag')!;
  expect(first.body.spans).toEqual([
    { startAt: '2031-01-01T00:00:00.000Z', endAt: '2031-01-03T00:00:00.000Z' },
  ]);
  const same = await look('one', range, { 'if-none-match': `"other", W/${etag}` });
  expect({ status: same.status, text: same.text }).toEqual({ status: 304, text: '' });
  expect(same.headers.get('etag')).toBe(etag);
  await block('one', '2031-01-01T12:00:00Z', '2031-01-02T12:00:00Z');
  const changed = await look('one', range, { 'if-none-match': etag });
  expect(changed.status).toBe(200);
  expect(changed.headers.get('etag')).not.toBe(etag);
  expect(changed.body.spans).toHaveLength(2);
});

test('starts are for a duration, by the clocks of the resource, and spans leave out shorter ones', async () => {
  const opening = [{ days: ['wed', 'thu'], from: '09:00', to: '11:00' }];
  await makeResource(api, { id: 'hours', timeZone: 'Europe/Rome', settings: { opening } });
  const starts = await look('hours', `${range}&as=starts&durationMinutes=60&stepMinutes=30`);
  expect(starts.body.starts).toEqual([
    '2031-01-01T08:00:00.000Z',
    '2031-01-01T08:30:00.000Z',
    '2031-01-01T09:00:00.000Z',
    '2031-01-02T08:00:00.000Z',
    '2031-01-02T08:30:00.000Z',
    '2031-01-02T09:00:00.000Z',
  ]);
  expect((await look('hours', `${range}&durationMinutes=180`)).body.spans).toEqual([]);
});

test('every connection says how fresh it is; the oldest speaks for all, and a bound can be broken', async () => {
  await makeResource(api, { id: 'fresh' });
  const { pool } = api.database;
  await pool.query(
    `INSERT INTO account (tenant_id, id, channel, credential) VALUES ('a', 'acc', 'ical', '')`,
  );
  const connect = (id: string, confirmed: string, watched: string | null) =>
    pool.query(
      `INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone, settings,
         writable, status, confirmed_at, watched_until, expanded_until)
       VALUES ('a', $1, 'fresh', 'acc', 'google', $1, 'UTC', '{}', true, 'live', $2, $3, '2032-01-01')`,
      [id, confirmed, watched],
    );
  const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
  await connect('c1', ago(20), '2040-01-01');
  await connect('c2', ago(10), null);
  await pool.query(
    `INSERT INTO channel_event (tenant_id, connection_id, native_id, root_id, event, hash, withheld_reason, recorded,
       feed_position, notified_at)
     SELECT 'a', 'c1', 'e1', 'e1', jsonb_build_object('updatedAt', '2026-11-21T10:00:00Z'), '', 'bad-rule',
       tstzrange('2026-11-21T10:00:00.250Z', NULL), 4, '2026-11-21T10:00:00.100Z'`,
  );
  const { body } = await look('fresh');
  expect(body).toMatchObject({
    validUntil: '2032-01-01T00:00:00.000Z',
    withheld: 1,
    freshness: {
      holds: false,
      connections: [
        {
          connectionId: 'c1',
          boundMs: 31 * 60_000,
          holds: true,
          newest: { fromChangeMs: 250, fromNotificationMs: 150 },
        },
        { connectionId: 'c2', boundMs: 2 * 60_000, holds: false, newest: null },
      ],
    },
  });
  expect(Date.parse(body.freshness.confirmedAt)).toBe(
    Date.parse(body.freshness.connections[0].confirmedAt),
  );
});

test('a resource whose calendar was never read shows nothing as free, and refuses to be booked', async () => {
  await makeResource(api, { id: 'unread' });
  await api.database.pool.query(
    `INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone, settings, writable)
     VALUES ('a', 'c3', 'unread', 'acc', 'ical', 'c', 'UTC', '{}', false)`,
  );
  const { body } = await look('unread');
  expect(body.spans).toEqual([]);
  expect(body.freshness).toMatchObject({ confirmedAt: null, holds: false });
  const booking = await api.ask('POST', '/v1/bookings', {
    headers: { 'idempotency-key': 'unread' },
    body: {
      resourceId: 'unread',
      startAt: '2031-01-01T00:00:00Z',
      endAt: '2031-01-02T00:00:00Z',
      payment: { kind: 'none' },
    },
  });
  expect(booking.body).toMatchObject({
    type: '/problems/not-available',
    refusal: 'beyond-horizon',
  });
  expect(booking.body.detail).toContain('was not read yet');
});
