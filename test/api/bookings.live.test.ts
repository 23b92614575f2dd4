import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api.close());

const span = (day: number) => ({
  startAt: `2031-03-${String(day).padStart(2, '0')}T10:00:00Z`,
  endAt: `2031-03-${String(day).padStart(2, '0')}T12:00:00Z`,
});

const book = (key: string, body: object, more: Record<string, string> = {}) =>
  api.ask('POST', '/v1/bookings', {
    headers: { 'idempotency-key': key, ...more },
    body: { payment: { kind: 'none' }, ...body },
  });

test('a booking answers with its hold, and the gate says no with the nearest spans', async () => {
  await makeResource(api, { id: 'one' });
  const first = await book('k1', { resourceId: 'one', ...span(1) });
  expect(first.status).toBe(201);
  expect(first.body).toMatchObject({ state: 'held', units: [1], payment: { kind: 'none' } });
  expect(first.headers.get('location')).toBe(`/v1/bookings/${first.body.id}`);
  const before = api.commands.started.length;
  const second = await book('k2', { resourceId: 'one', ...span(1) });
  expect(second.status).toBe(409);
  expect(second.body).toMatchObject({
    type: '/problems/not-available',
    refusal: 'taken',
    nearest: [
      { startAt: '2031-03-01T08:00:00.000Z', endAt: '2031-03-01T10:00:00.000Z' },
      { startAt: '2031-03-01T12:00:00.000Z', endAt: '2031-03-01T14:00:00.000Z' },
    ],
  });
  expect(api.commands.started).toHaveLength(before);
});
