import { expect, test } from 'vitest';
import { events, googleWorld, timed } from './google-world.ts';
import type { GoogleWorld } from './google-world.ts';

const script = (world: GoogleWorld, fault: Record<string, unknown>) =>
  world.control('/faults', { body: { host: 'google', ...fault } });

test('a fault meets the calls it names, as often as it says, after the ones it lets pass', async () => {
  const world = await googleWorld();
  await script(world, { method: 'GET', path: '/events\\?q=1', status: 503, times: 2, skip: 1 });
  const statuses: number[] = [];
  for (const query of ['?q=1', '?q=1', '?q=2', '?q=1', '?q=1']) {
    statuses.push((await world.api(`${events}${query}`)).status);
  }
  expect(statuses).toEqual([200, 503, 200, 503, 200]);
  expect((await world.control('/faults'))['faults'][0]).toMatchObject({ timesLeft: 0, hits: 2 });
});

test('a scripted status without body speaks in the words of the host', async () => {
  const world = await googleWorld();
  await script(world, { status: 403, headers: { 'retry-after': '3' } });
  const refused = await world.api(events);
  expect(refused.body['error'].errors[0]).toMatchObject({
    domain: 'usageLimits',
    reason: 'rateLimitExceeded',
  });
  expect(refused.headers.get('retry-after')).toBe('3');
  await script(world, { status: 410, body: { error: { code: 410 } } });
  expect((await world.api(events)).body).toEqual({ error: { code: 410 } });
});

test('a call dropped before is not done, one dropped after is done and not answered', async () => {
  const world = await googleWorld();
  const insert = (id: string) => world.api(events, { body: timed('2026-12-01', { id }) });
  await script(world, { method: 'POST', drop: 'before' });
  await expect(insert('before')).rejects.toThrow(/fetch failed|terminated/);
  await script(world, { method: 'POST', drop: 'after' });
  await expect(insert('after')).rejects.toThrow(/fetch failed|terminated/);
  const { body } = await world.api(events);
  expect(body['items'].map(({ id }: { id: string }) => id)).toEqual(['after']);
  const { entries } = await world.control('/record');
  const posts = entries.filter(
    ({ path, method }: Record<string, string>) => method === 'POST' && path!.endsWith('/events'),
  );
  expect(posts.map(({ status }: { status: number }) => status)).toEqual([0, 0]);
});

test('a cut body announces its whole length and ends half way', async () => {
  const world = await googleWorld();
  await script(world, { cutBody: true });
  await expect(world.api(events)).rejects.toThrow(/fetch failed|terminated/);
  expect((await world.api(events)).status).toBe(200);
});

test('a held call waits for its release, before or after it is done', async () => {
  const world = await googleWorld();
  const waiting = async (name: string) => {
    while ((await world.control(`/holds/${name}`))['waiting'] === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  for (const [holdAt, seen] of [
    ['before', 0],
    ['after', 1],
  ] as const) {
    await script(world, { method: 'POST', hold: holdAt, holdAt });
    const insert = world.api(events, { body: timed('2026-12-01', { id: holdAt }) });
    await waiting(holdAt);
    const { body } = await world.api(events);
    const ids = body['items'].map(({ id }: { id: string }) => id) as string[];
    expect(ids.filter((id) => id === holdAt)).toHaveLength(seen);
    expect(await world.control(`/holds/${holdAt}/release`, { method: 'POST' })).toEqual({
      released: 1,
    });
    expect((await insert).status).toBe(200);
  }
});

test('a delayed call is done late', async () => {
  const world = await googleWorld();
  await script(world, { delayMs: 120 });
  const startedAt = Date.now();
  expect((await world.api(events)).status).toBe(200);
  expect(Date.now() - startedAt).toBeGreaterThanOrEqual(118);
});

test('faults are taken back one by one or all at once', async () => {
  const world = await googleWorld();
  const { id } = await script(world, { status: 500, times: 9 });
  await world.control(`/faults/${id}`, { method: 'DELETE' });
  await script(world, { status: 500, times: 9 });
  await world.control('/faults', { method: 'DELETE' });
  expect((await world.api(events)).status).toBe(200);
});
