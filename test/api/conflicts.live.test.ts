import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decideConflict } from '../../src/store/conflicts.ts';
import type { TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi();
  await makeResource(api, { id: 'room', capacity: 50 });
  await api.database.pool.query(
    `WITH account AS (
       INSERT INTO account (tenant_id, id, channel, credential) VALUES ('a', 'c', 'google', '\\x00'))
     INSERT INTO connection (tenant_id, id, resource_id, account_id, channel, calendar_id, time_zone, settings, writable, expanded_until)
     VALUES ('a', 'c', 'room', 'c', 'google', 'primary', 'UTC', '{}', false, '2032-01-01')`,
  );
});
afterAll(() => api.close());

/** Open conflicts of as many bookings. */
async function conflicts(count: number): Promise<string[]> {
  const made = Array.from({ length: count }, async () => {
    const { body } = await api.ask('POST', '/v1/bookings', {
      headers: { 'idempotency-key': randomUUID() },
      body: {
        resourceId: 'room',
        startAt: '2031-03-01T10:00:00Z',
        endAt: '2031-03-01T12:00:00Z',
        payment: { kind: 'none' },
      },
    });
    const { rows } = await api.database.pool.query<{ id: string }>(
      `INSERT INTO conflict (tenant_id, booking_id, connection_id, root_id) VALUES ('a', $1, 'c', 'x')
       RETURNING id`,
      [body.id],
    );
    return rows[0]!.id;
  });
  return Promise.all(made);
}

const decideAll = (ids: readonly string[], keep: string, key = api.keys.a) =>
  api.ask('POST', '/v1/conflicts/decide', { body: { ids, keep }, key });
const decideOne = (id: string, keep: string) =>
  api.ask('POST', `/v1/conflicts/${id}/decide`, { body: { keep } });
interface Item {
  id: string;
  problem: string | null;
  conflict: { decision: string; decidedByKey: string } | null;
}

test('many are decided alike at once, each answered for itself and in order', async () => {
  const ids = await conflicts(20);
  const [first, second] = ids;
  expect((await decideOne(first!, 'theirs')).status).toBe(200);
  expect((await decideOne(second!, 'ours')).status).toBe(200);
  const { status, body } = await decideAll([...ids, 'nobody'], 'ours');
  expect(status).toBe(200);
  const items = body.items as Item[];
  expect(items.map((one) => one.id)).toEqual([...ids, 'nobody']);
  expect(items[0]).toMatchObject({
    problem: '/problems/conflict-decided',
    conflict: { decision: 'theirs' },
  });
  expect(items.at(-1)).toEqual({ id: 'nobody', problem: '/problems/not-found', conflict: null });
  for (const one of items.slice(1, -1))
    expect(one).toMatchObject({ problem: null, conflict: { decision: 'ours' } });
  const again = await decideAll(ids.slice(1), 'ours');
  expect(again.body.items).toEqual(items.slice(1, -1));
  const asked = api.commands.asked.filter((one) => one.startsWith('keep '));
  expect(new Set(asked).size).toBe(ids.length);
  expect(asked).toHaveLength(ids.length);
});

test('what cannot be asked now is said of each, and what was decided before it stands', async () => {
  const ids = await conflicts(12);
  const own = api.commands.decideConflict;
  let left = 1;
  let asked = 0;
  api.commands.decideConflict = async (input) => {
    asked += 1;
    if ((left -= 1) < 0) throw new Error('away');
    return decideConflict(api.database.pool, { ...input.change, keep: input.keep, by: input.by });
  };
  const items = (await decideAll(ids, 'theirs')).body.items as Item[];
  expect(items.filter((one) => one.problem === null)).toHaveLength(1);
  expect(items.filter((one) => one.problem === '/problems/unavailable')).toHaveLength(11);
  expect(asked).toBeLessThan(ids.length);
  const undecided = items.find((one) => one.problem !== null)!;
  expect((await decideOne(undecided.id, 'theirs')).status).toBe(503);
  api.commands.decideConflict = own;
  const later = (await decideAll(ids, 'theirs')).body.items as Item[];
  expect(later.every((one) => one.problem === null)).toBe(true);
});

test('a request that names none, one twice or too many is refused, and so is a key that may not', async () => {
  const ids = Array.from({ length: 101 }, (_, n) => `c-${n}`);
  for (const asked of [[], ['c-1', 'c-1'], ids])
    expect((await decideAll(asked, 'ours')).body.type).toBe('/problems/invalid-request');
  expect((await decideAll(ids.slice(1), 'ours')).status).toBe(200);
  const [id] = await conflicts(1);
  const { body } = await decideAll([id!], 'ours', api.keys.b);
  expect(body.items).toEqual([{ id, problem: '/problems/not-found', conflict: null }]);
});
