import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import {
  controlRoom,
  daily,
  december,
  immutable,
  microsoftWorld,
  owner,
  readRound,
  roomPath,
  timed,
} from './microsoft-world.ts';
import type { Json, MicrosoftWorld } from './microsoft-world.ts';

const controlEvents = `${controlRoom}/events`;
const delta = `${roomPath}/calendarView/delta`;

async function add(world: MicrosoftWorld, body: Json): Promise<string> {
  return (await world.control(controlEvents, { body }))['id'] as string;
}

function edit(world: MicrosoftWorld, id: string, body?: Json): Promise<Json> {
  const event = `${controlEvents}/${encodeURIComponent(id)}`;
  return world.control(
    event,
    body === undefined ? { method: 'DELETE' } : { method: 'PATCH', body },
  );
}

const ids = (items: Json[]) => items.map(({ id }) => id as string);
const isRemoved = (item: Json | undefined) => item?.['@removed']?.reason === 'deleted';

test('a first round tells all in the window by pages, masters and skeletal occurrences included', async () => {
  const world = await microsoftWorld();
  const single = await add(world, timed('2026-12-05'));
  await add(world, timed('2027-02-05'));
  const recurrence = daily('2026-11-29', 6);
  const master = await add(world, timed('2026-11-29', { recurrence, showAs: 'oof' }));
  const { pages, items, deltaLink } = await readRound(world);
  expect(pages.map(({ length }) => length)).toEqual([3, 3]);
  expect(items.map(({ type }) => type as string)).toEqual([
    'singleInstance',
    'seriesMaster',
    ...Array.from({ length: 4 }, () => 'occurrence'),
  ]);
  expect(ids(items).slice(0, 2)).toEqual([single, master]);
  expect(items[1]).toMatchObject({ showAs: 'oof', recurrence: { range: { type: 'numbered' } } });
  expect(Object.keys(items[2]!).toSorted()).toEqual(
    ['@odata.etag', '@odata.type', 'end', 'id', 'seriesMasterId', 'start', 'type'].toSorted(),
  );
  expect(items[2]).toMatchObject({
    seriesMasterId: master,
    start: { dateTime: '2026-12-01T09:00:00.0000000', timeZone: 'UTC' },
  });
  expect(deltaLink).toContain('$deltatoken=');
  const { items: none, deltaLink: next } = await readRound(world, deltaLink);
  expect(none).toEqual([]);
  expect((await readRound(world, next)).items).toEqual([]);
});

test('a later round tells what was added, changed, deleted and moved out of the window', async () => {
  const world = await microsoftWorld();
  const [kept, changed, gone, moved] = await Promise.all(
    ['01', '02', '03', '04'].map((day) => add(world, timed(`2026-12-${day}`))),
  );
  const { deltaLink } = await readRound(world);
  await edit(world, changed!, { showAs: 'free' });
  await edit(world, gone!);
  await edit(world, moved!, timed('2027-06-01'));
  const fresh = await add(world, timed('2026-12-09'));
  const { items } = await readRound(world, deltaLink);
  expect(new Set(ids(items))).toEqual(new Set([changed, gone, moved, fresh]));
  expect(ids(items)).not.toContain(kept);
  const byId = new Map(items.map((item) => [item['id'] as string, item]));
  expect(byId.get(changed!)!['showAs']).toBe('free');
  expect(isRemoved(byId.get(gone!)) && isRemoved(byId.get(moved!))).toBe(true);
  expect((await world.api(`/me/events/${moved}`)).status).toBe(200);
});

test('a change outside the window is told as a removal, or not at all, by a switch', async () => {
  const world = await microsoftWorld();
  const { deltaLink } = await readRound(world);
  const far = await add(world, timed('2027-06-01'));
  const { items } = await readRound(world, deltaLink);
  expect([ids(items), isRemoved(items[0])]).toEqual([[far], true]);
  await world.switches({ outsideChanges: 'silent' });
  expect((await readRound(world, deltaLink)).items).toEqual([]);
});

test('a series tells its exceptions whole, its deleted occurrences, and what a new pattern drops', async () => {
  const world = await microsoftWorld();
  const recurrence = daily('2026-12-01', 4);
  const master = await add(world, timed('2026-12-01', { recurrence }));
  const first = await readRound(world);
  const [one, two, three] = first.items.filter(({ type }) => type === 'occurrence');
  await edit(world, two!['id'] as string, { showAs: 'free', subject: 'Moved' });
  const second = await readRound(world, first.deltaLink);
  const exception = second.items.find(({ type }) => type === 'exception');
  expect(exception).toMatchObject({ id: two!['id'], subject: 'Moved', seriesMasterId: master });
  await edit(world, three!['id'] as string);
  const third = await readRound(world, second.deltaLink);
  expect(ids(third.items).toSorted()).toEqual([master, three!['id'] as string].toSorted());
  await edit(world, master, { recurrence: daily('2026-12-01', 1) });
  const fourth = await readRound(world, third.deltaLink);
  const removed = fourth.items.filter(isRemoved);
  expect(removed).toHaveLength(2);
  expect(ids(removed)).not.toContain(one!['id']);
  await edit(world, master);
  const fifth = await readRound(world, fourth.deltaLink);
  expect(ids(fifth.items.filter(isRemoved)).toSorted()).toEqual(
    [master, one!['id'] as string].toSorted(),
  );
});

test('a deleted occurrence can come as its master only, or not at all', async () => {
  const world = await microsoftWorld();
  const recurrence = daily('2026-12-01', 4);
  const master = await add(world, timed('2026-12-01', { recurrence }));
  const { items, deltaLink } = await readRound(world);
  await world.switches({ occurrenceDeletion: 'masterOnly' });
  await edit(world, items[1]!['id'] as string);
  const next = await readRound(world, deltaLink);
  expect(ids(next.items)).toEqual([master]);
  await world.switches({ occurrenceDeletion: 'unreported' });
  await edit(world, items[2]!['id'] as string);
  expect((await readRound(world, next.deltaLink)).items).toEqual([]);
  const view = await world.api(`${roomPath}/calendarView?${december}`);
  expect(view.body['value']).toHaveLength(2);
});

test('a change during a round is in the next one, and none is lost', async () => {
  const world = await microsoftWorld();
  const all = [];
  for (const day of ['01', '02', '03', '04', '05', '06']) {
    all.push(await add(world, timed(`2026-12-${day}`)));
  }
  const headers = { prefer: 'odata.maxpagesize=2, IdType="ImmutableId"' };
  const { body } = await world.api(`${delta}?${december}`, { headers });
  await edit(world, all[0]!, { showAs: 'free' });
  await edit(world, all[5]!);
  const rest = await readRound(world, body['@odata.nextLink'] as string);
  expect(ids([...(body['value'] as Json[]), ...rest.items])).toEqual(all);
  const { items } = await readRound(world, rest.deltaLink);
  expect(ids(items)).toEqual([all[0], all[5]]);
  expect(isRemoved(items[1])).toBe(true);
});

test('the kind of ids stays with the token', async () => {
  const world = await microsoftWorld();
  const id = await add(world, timed('2026-12-01'));
  const { deltaLink, items } = await readRound(world);
  expect(ids(items)).toEqual([id]);
  await edit(world, id, { showAs: 'free' });
  expect(ids((await readRound(world, deltaLink, 'odata.maxpagesize=5')).items)).toEqual([id]);
  const plain = await readRound(world, undefined, 'odata.maxpagesize=5');
  expect(ids(plain.items)).not.toEqual([id]);
});

test('change tracking refuses query options, a window that is missing or over five years', async () => {
  const world = await microsoftWorld();
  for (const query of ['$select=id', '$top=5', "$filter=iCalUId eq 'x'", '$expand=instances']) {
    expect((await world.api(`${delta}?${december}&${query}`)).status).toBe(400);
  }
  const code = async (query: string) =>
    (await world.api(`${delta}?${query}`)).body['error'].code as string;
  expect(await code('')).toBe('ErrorInvalidParameter');
  const long = 'startDateTime=2026-01-01T00:00:00Z&endDateTime=2031-02-01T00:00:00Z';
  expect(await code(long)).toBe('ErrorCalendarViewRangeTooBig');
});

test('an expired token is a 410 that leads to a new round of the same window', async () => {
  const world = await microsoftWorld();
  const id = await add(world, timed('2026-12-01'));
  const { deltaLink } = await readRound(world);
  await world.control(`${controlRoom}/expire-delta-tokens`, { method: 'POST' });
  const gone = await world.api(deltaLink);
  expect([gone.status, gone.body['error'].code]).toEqual([410, 'SyncStateNotFound']);
  const location = gone.headers.get('location')!;
  expect(location).toMatch(/\$deltatoken=$/);
  expect(ids((await readRound(world, location)).items)).toEqual([id]);
});

test('the reset can be any of the codes, at any status, nested or not', async () => {
  const world = await microsoftWorld();
  const { deltaLink } = await readRound(world);
  const wrong = `${deltaLink}x`;
  for (const code of [
    'syncStateNotFound',
    'SyncStateNotFound',
    'resyncRequired',
    'syncStateInvalid',
  ]) {
    await world.switches({ resetAnswer: code, resetStatus: 404, resetNested: false });
    const plain = await world.api(wrong);
    expect([plain.status, plain.body['error'].code]).toEqual([404, code]);
    await world.switches({ resetNested: true });
    expect((await world.api(wrong)).body['error'].innerError.code).toBe(code);
  }
});

test('pages can be short, empty between, repeat an entity, or never end', async () => {
  const world = await microsoftWorld();
  for (const day of ['01', '02', '03', '04', '05']) await add(world, timed(`2026-12-${day}`));
  await world.switches({ pages: 'short' });
  expect((await readRound(world)).pages).toHaveLength(5);
  await world.switches({ pages: 'empty' });
  const { pages } = await readRound(world);
  expect(pages.map(({ length }) => length)).toEqual([3, 0, 2]);
  await world.switches({ pages: 'full', replays: 'entities' });
  const { items } = await readRound(world);
  expect(items.length).toBeGreaterThan(5);
  expect(new Set(ids(items)).size).toBe(5);
  await world.switches({ replays: 'none', stuckPages: true });
  const links = new Set<string>();
  const told = new Set<string>();
  let link = `${delta}?${december}`;
  for (let page = 0; page < 4; page += 1) {
    const { body } = await world.api(link, { headers: immutable });
    told.add(ids(body['value'] as Json[]).join());
    link = body['@odata.nextLink'] as string;
    links.add(link);
  }
  expect([links.size, told.size]).toEqual([4, 1]);
});

test('a round can tell the one before again', async () => {
  const world = await microsoftWorld();
  const id = await add(world, timed('2026-12-01'));
  const first = await readRound(world);
  await edit(world, id, { showAs: 'free' });
  const second = await readRound(world, first.deltaLink);
  await world.switches({ replays: 'rounds' });
  expect(ids((await readRound(world, second.deltaLink)).items)).toEqual([id]);
});

test('a change can be visible to the delta only later', async () => {
  const world = await microsoftWorld();
  const { deltaLink } = await readRound(world);
  await world.switches({ visibilityDelayMs: 150 });
  await add(world, timed('2026-12-01'));
  const early = await readRound(world, deltaLink);
  expect(early.items).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 170));
  expect((await readRound(world, early.deltaLink)).items).toHaveLength(1);
});

test('a shared calendar refuses change tracking and can be read', async () => {
  const world = await microsoftWorld();
  await add(world, timed('2026-12-01'));
  const body = { sharedBy: 'colleague@contoso.example' };
  await world.control(controlRoom, { method: 'PUT', body });
  expect((await world.api(`${delta}?${december}`)).status).toBe(403);
  await world.switches({ sharedRefusal: 'ErrorItemNotFound' });
  expect((await world.api(`${delta}?${december}`)).status).toBe(404);
  expect((await world.api(`${roomPath}/calendarView?${december}`)).body['value']).toHaveLength(1);
  expect((await world.api(roomPath)).body['owner'].address).toBe(body.sharedBy);
});

test('a delta link outlives the process', async () => {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'holdfast-microsoft-'));
  onTestFinished(() => rmSync(stateDir, { recursive: true }));
  const before = await microsoftWorld(stateDir);
  await add(before, timed('2026-12-01'));
  const { deltaLink } = await readRound(before);
  await before.close();
  const after = await microsoftWorld(stateDir);
  const id = await add(after, timed('2026-12-02'));
  const link = deltaLink.replace(before.url, after.url);
  expect(ids((await readRound(after, link)).items)).toEqual([id]);
});

test('the default calendar has its delta without a calendar id', async () => {
  const world = await microsoftWorld();
  await add(world, timed('2026-12-01'));
  const { id } = (await world.api('/me/events', { body: timed('2026-12-02') })).body;
  const { items } = await readRound(world, `/users/${owner}/calendarView/delta?${december}`, '');
  expect(ids(items)).toEqual([id]);
});

test('the control API tells what lies in a window, to compare a copy with', async () => {
  const world = await microsoftWorld();
  await add(
    world,
    timed('2026-12-01', { recurrence: daily('2026-12-01', 2), showAs: 'tentative' }),
  );
  const { occurrences } = await world.control(`${controlRoom}/occurrences?${december}`);
  expect(occurrences).toMatchObject([
    { startAt: '2026-12-01T09:00:00.000Z', endAt: '2026-12-01T10:00:00.000Z', showAs: 'tentative' },
    { startAt: '2026-12-02T09:00:00.000Z', isAllDay: false, isCancelled: false },
  ]);
});
