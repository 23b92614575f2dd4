import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createHost } from '../../src/emulators/host.ts';
import { startEmulators } from '../../src/emulators/server.ts';
import { callJson, controlEvents, events, googleWorld, listAll, timed } from './google-world.ts';

function newStateDir(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'emulators-'));
  onTestFinished(() => fs.rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test('a collection written by one process is read by the next, without closing, in order', () => {
  const stateDir = newStateDir();
  const before = createHost({ stateDir }).collection<{ n: number }>('things');
  before.set('b', { n: 1 });
  before.set('a', { n: 2 });
  before.set('b', { n: 3 });
  before.set('c', { n: 4 });
  before.delete('c');
  const after = createHost({ stateDir }).collection('things');
  expect([...after.entries()]).toEqual([
    ['b', { n: 3 }],
    ['a', { n: 2 }],
  ]);
});

test('a last line that was cut by a kill is dropped, and writing goes on behind it', () => {
  const stateDir = newStateDir();
  const file = path.join(stateDir, 'things.jsonl');
  createHost({ stateDir }).collection<number>('things').set('a', 1);
  fs.appendFileSync(file, '{"k":"b","v":');
  const next = createHost({ stateDir }).collection<number>('things');
  expect([...next.keys()]).toEqual(['a']);
  next.set('c', 3);
  const last = createHost({ stateDir }).collection<number>('things');
  expect([...last.entries()]).toEqual([
    ['a', 1],
    ['c', 3],
  ]);
});

test('the log of a collection is compacted at start', () => {
  const stateDir = newStateDir();
  const things = createHost({ stateDir }).collection<number>('things');
  for (let n = 0; n < 100; n += 1) things.set('a', n);
  createHost({ stateDir }).collection('things');
  const text = fs.readFileSync(path.join(stateDir, 'things.jsonl'), 'utf8');
  expect(text).toBe('{"k":"a","v":99}\n');
});

test('opaque ids never repeat, also after a restart', () => {
  const stateDir = newStateDir();
  const ids = [1, 2].flatMap(() => {
    const host = createHost({ stateDir });
    return [host.opaqueId('pi', 'abc', 30), host.opaqueId('pi', 'abc', 30)];
  });
  expect(new Set(ids).size).toBe(4);
  expect(ids[0]).toMatch(/^[abc]{30}$/);
});

test('events, sync tokens, grants, channels and the record outlive the process', async () => {
  const stateDir = newStateDir();
  const world = await googleWorld(stateDir);
  await world.api(events, { body: timed('2026-12-01', { id: 'abcde' }) });
  const { syncToken } = await listAll(world);
  await world.control(`${controlEvents}/abcde`, { method: 'DELETE' });
  const recorded = (await world.control('/record'))['last'] as number;
  await world.close();
  const again = await startEmulators({ stateDir });
  onTestFinished(() => again.close());
  const next = { ...world, url: again.url };
  const headers = { authorization: `Bearer ${world.accessToken}` };
  next.api = (path) => callJson(`${again.url}/calendar/v3${path}`, { headers });
  const delta = await listAll(next, { syncToken });
  expect(delta.items.map(({ id, status }) => [id, status])).toEqual([['abcde', 'cancelled']]);
  const { body } = await callJson(`${again.url}/control/record?since=${recorded - 1}`);
  expect(body['last']).toBeGreaterThan(recorded);
  expect(body['entries'][0].n).toBe(recorded);
});

test('what waited to become visible when the process ended is visible after it', async () => {
  const stateDir = newStateDir();
  const world = await googleWorld(stateDir);
  await world.control('/switches', { method: 'PUT', body: { 'google.visibilityDelayMs': 60_000 } });
  await world.control(controlEvents, { body: timed('2026-12-01') });
  expect((await listAll(world)).items).toHaveLength(0);
  await world.close();
  const again = await startEmulators({ stateDir });
  onTestFinished(() => again.close());
  const headers = { authorization: `Bearer ${world.accessToken}` };
  const list = await callJson(`${again.url}/calendar/v3${events}`, { headers });
  expect(list.body['items']).toHaveLength(1);
});

test('the record tells what was asked and done, in order, with credentials reduced', async () => {
  const world = await googleWorld();
  const inserted = await world.api(`${events}?sendUpdates=none`, { body: timed('2026-12-01') });
  const { entries, last } = await world.control('/record?host=google');
  expect(entries.map(({ n }: { n: number }) => n)).toEqual([1, 2, 3]);
  expect(last).toBe(3);
  expect(entries[1]).toMatchObject({ effect: 'event-changed', eventId: inserted.body['id'] });
  expect(entries[2]).toMatchObject({
    method: 'POST',
    path: `/calendar/v3${events}`,
    query: { sendUpdates: 'none' },
    requestBody: { summary: 'Meet' },
    status: 200,
    responseBody: { id: inserted.body['id'] },
  });
  expect(entries[2].requestHeaders.authorization).toBe(`Bearer …${world.accessToken.slice(-4)}`);
  const text = JSON.stringify(entries);
  expect(text).not.toContain(world.accessToken);
  expect(text).not.toContain(world.refreshToken);
  expect(await world.control('/record?since=1&limit=1')).toMatchObject({ entries: [{ n: 2 }] });
});

test('a large body is cut in the record, which says so', async () => {
  const world = await googleWorld();
  await world.api(events, { body: timed('2026-12-01', { description: 'x'.repeat(70_000) }) });
  const { entries } = await world.control('/record?since=2');
  expect(entries[0].requestBody).toMatchObject({ cut: true, totalBytes: expect.any(Number) });
  expect(entries[0].requestBody.text.length).toBeLessThan(70_000);
});

test('reset wipes state, record, faults and switches', async () => {
  const world = await googleWorld();
  await world.api(events, { body: timed('2026-12-01') });
  await world.control('/switches', { method: 'PUT', body: { 'google.pages': 'short' } });
  await world.control('/faults', { body: { host: 'google', status: 500 } });
  await world.control('/reset', { method: 'POST' });
  expect(await world.control('/faults')).toEqual({ faults: [] });
  expect(await world.control('/switches')).toMatchObject({ 'google.pages': 'full' });
  expect((await world.api(events)).status).toBe(401);
  expect((await world.control('/record'))['last']).toBe(1);
});

test('an unknown switch, position or fault member is refused in words', async () => {
  const world = await googleWorld();
  const refused = async (path: string, body: unknown) =>
    (await world.control(path, { method: path === '/faults' ? 'POST' : 'PUT', body }))['error'];
  expect(await refused('/switches', { 'google.page': 'short' })).toMatch(/No switch is called/);
  expect(await refused('/switches', { 'google.pages': 'odd' })).toMatch(/one of: full, short/);
  expect(await refused('/switches', { 'google.pages': 1 })).toMatch(/takes a string/);
  expect(await refused('/faults', { host: 'google', state: 500 })).toMatch(/has no "state"/);
  expect(await refused('/faults', { status: 500 })).toMatch(/needs "host"/);
  expect(await refused('/faults', { host: 'google', path: '(' })).toMatch(/does not parse/);
});
