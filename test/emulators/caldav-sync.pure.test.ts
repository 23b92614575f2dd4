import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { caldavWorld, ics, multiget, propfind } from './caldav-world.ts';
import type { CaldavWorld, DavReply } from './caldav-world.ts';

const objects = '/caldav/calendars/room/objects';

async function fill(world: CaldavWorld, count: number): Promise<void> {
  const named = Array.from({ length: count }, (_, n) => ({ name: `e${n}.ics`, ics: ics(`e${n}`) }));
  await world.control('/caldav/calendars/room/bulk', { body: { objects: named } });
}

function names(reply: DavReply): string[] {
  return [...reply.members.keys()].map((href) => href.split('/').at(-1)!);
}

test('a token gives exactly what changed since, removals as 404', async () => {
  const world = await caldavWorld();
  await fill(world, 3);
  const first = await world.sync();
  expect(names(first)).toEqual(['e0.ics', 'e1.ics', 'e2.ics']);
  expect(names(await world.sync(first.token))).toEqual([]);
  const text = { headers: { 'content-type': 'text/calendar' }, method: 'PUT' };
  const body = ics('e1', '20261202T100000Z');
  await fetch(`${world.url}/control${objects}/e1.ics`, { ...text, body });
  await world.control(`${objects}/${encodeURIComponent(`${world.room}e0.ics`)}`, {
    method: 'DELETE',
  });
  const delta = await world.sync(first.token);
  expect([...delta.members.values()].map(({ href, status }) => [href, status])).toEqual([
    [`${world.room}e1.ics`, 0],
    [`${world.room}e0.ics`, 404],
  ]);
  expect(names(await world.sync(delta.token))).toEqual([]);
  expect(names(await world.sync())).toEqual(['e2.ics', 'e1.ics']);
});

test('an object that comes and goes between two tokens is a removal at most', async () => {
  const world = await caldavWorld();
  const { token } = await world.sync();
  await world.put('x.ics', ics('x'));
  await world.dav('DELETE', `${world.room}x.ics`);
  const delta = await world.sync(token);
  expect([...delta.members.values()].map(({ status }) => status)).toEqual([404]);
  await world.put('x.ics', ics('x'));
  expect([...(await world.sync(token)).members.values()].map(({ status }) => status)).toEqual([0]);
});

test('a page that is cut says 507 for the collection and goes on from its token', async () => {
  const world = await caldavWorld();
  await fill(world, 7);
  await world.switches({ 'caldav.syncPageSize': 3 });
  const seen: string[] = [];
  let token = '';
  const cuts: boolean[] = [];
  for (let page = 0; page < 3; page += 1) {
    const reply = await world.sync(token);
    const collection = reply.members.get(world.room);
    const named = reply.text.includes('number-of-matches-within-limits');
    cuts.push(collection?.status === 507 && named);
    seen.push(...names(reply).filter((name) => name !== ''));
    token = reply.token!;
  }
  expect(cuts).toEqual([true, true, false]);
  expect(seen).toEqual(Array.from({ length: 7 }, (_, n) => `e${n}.ics`));
});

test('nresults is honoured, ignored, refused, or cuts without a word', async () => {
  const world = await caldavWorld();
  await fill(world, 5);
  const limited = () => world.sync('', '<d:limit><d:nresults>2</d:nresults></d:limit>');
  expect(names(await limited())).toEqual(['e0.ics', 'e1.ics', '']);
  await world.switches({ 'caldav.nresults': 'ignore' });
  expect(names(await limited())).toHaveLength(5);
  await world.switches({ 'caldav.nresults': 'refuse' });
  expect((await limited()).status).toBe(507);
  await world.switches({ 'caldav.nresults': 'truncate' });
  const cut = await limited();
  expect(names(cut)).toEqual(['e0.ics', 'e1.ics']);
  expect(names(await world.sync(cut.token))).toEqual([]);
});

test('expired, foreign and invented tokens are refused as the switch says', async () => {
  const world = await caldavWorld();
  await fill(world, 1);
  const { token } = await world.sync();
  await world.control('/caldav/calendars/room/expire-sync-tokens', { method: 'POST' });
  for (const status of [403, 409, 412, 400]) {
    await world.switches({ 'caldav.invalidToken': String(status) });
    const refused = await world.sync(token);
    expect([refused.status, refused.text.includes('valid-sync-token')]).toEqual([status, true]);
  }
  expect((await world.sync('data:,made-up')).status).toBe(400);
  await world.switches({ 'caldav.invalidTokenElement': false });
  expect((await world.sync(token)).text).not.toContain('valid-sync-token');
  const again = await world.sync();
  expect((await world.sync(again.token)).status).toBe(207);
  await world.control('/caldav/calendars/room', { method: 'DELETE' });
  await world.control('/caldav/calendars/room', {
    method: 'PUT',
    body: { owner: 'host@example.com' },
  });
  expect((await world.sync(again.token)).status).toBe(400);
});

test('an aged token is answered with everything, without removals', async () => {
  const world = await caldavWorld();
  await fill(world, 3);
  const { token } = await world.sync();
  await world.control(`${objects}/e0.ics`, { method: 'DELETE' });
  await world.control('/caldav/calendars/room/age-sync-tokens', { method: 'POST' });
  const whole = await world.sync(token);
  expect(names(whole)).toEqual(['e1.ics', 'e2.ics']);
  expect(names(await world.sync(whole.token))).toEqual([]);
});

test('without sync-collection, ctag and etags show what changed', async () => {
  const world = await caldavWorld();
  await fill(world, 2);
  for (const [position, status] of [
    ['forbidden', 403],
    ['notImplemented', 501],
  ] as const) {
    await world.switches({ 'caldav.syncCollection': position });
    expect((await world.sync()).status).toBe(status);
  }
  const look = async (depth: string, ...properties: string[]) => {
    const body = propfind(...properties);
    return (await world.dav('PROPFIND', world.room, { body, headers: { depth } })).members;
  };
  const ctag = async () => (await look('0', 'cs:getctag')).get(world.room)!.properties['getctag']!;
  const etags = async () =>
    [...(await look('1', 'd:getetag')).values()].map((one) => one.properties['getetag']?.text);
  const before = { ctag: (await ctag()).text, etags: await etags() };
  expect((await ctag()).text).toBe(before.ctag);
  await world.put('e1.ics', ics('e1', '20261203T100000Z'));
  expect((await ctag()).text).not.toBe(before.ctag);
  const after = await etags();
  expect(after.map((etag, at) => etag === before.etags[at])).toEqual([true, true, false]);
  await world.switches({ 'caldav.ctagDelayMs': 3_600_000 });
  const stale = (await ctag()).text;
  await world.put('e1.ics', ics('e1', '20261204T100000Z'));
  expect((await ctag()).text).toBe(stale);
  expect((await look('0', 'd:sync-token')).get(world.room)!.missing).toEqual(['sync-token']);
});

test('a multiget answers each href it was asked for, however it is spelled', async () => {
  const world = await caldavWorld();
  await world.control(`${objects}/${encodeURIComponent('a b@c.ics')}`, {
    method: 'PUT',
    body: { ics: ics('a') },
  });
  const spelled = [`${world.room}a%20b@c.ics`, `${world.url}${world.room}a%20b%40c%2eics`];
  const body = multiget([...spelled, `${world.room}gone.ics`]);
  const reply = await world.dav('REPORT', world.room, { body });
  const found = reply.members.get(`${world.room}a b@c.ics`)!;
  expect(found.properties['calendar-data']!.text).toBe(ics('a'));
  expect(reply.members.get(`${world.room}gone.ics`)!.status).toBe(404);
  await world.switches({ 'caldav.multigetDropsEvery': 2, 'caldav.calendarData': 'cdata' });
  const dropped = await world.dav('REPORT', world.room, { body });
  expect(dropped.members.size).toBe(2);
  expect(dropped.text).toContain('<![CDATA[BEGIN:VCALENDAR');
});

test('addresses, etags and extra responses come in every known spelling', async () => {
  const world = await caldavWorld();
  await world.put('a@b.ics', ics('a'));
  const only = async (wanted: Record<string, unknown>) => {
    await world.switches(wanted);
    const reply = await world.sync();
    return [...reply.members.values()].find(({ href }) => /a(@|%40)b/.test(href))!;
  };
  expect((await only({})).href).toBe(`${world.room}a%40b.ics`);
  expect((await only({ 'caldav.hrefEncoding': 'minimal' })).href).toBe(`${world.room}a@b.ics`);
  expect((await only({ 'caldav.hrefEncoding': 'zealous' })).href).toContain('a%40b%2eics');
  const absolute = { 'caldav.hrefEncoding': 'usual', 'caldav.absoluteHrefs': true };
  expect((await only(absolute)).href).toBe(`${world.url}${world.room}a%40b.ics`);
  const bare = await only({ 'caldav.absoluteHrefs': false, 'caldav.bareMembers': true });
  expect(bare.href).toBe(`${world.room}a%40b`);
  expect((await world.dav('GET', bare.href)).text).toBe(ics('a'));
  const weak = await only({ 'caldav.etags': 'weak' });
  expect(weak.properties['getetag']!.text).toMatch(/^W\/"/);
  const unquoted = await only({ 'caldav.etags': 'unquoted', 'caldav.xmlStyle': 'inline' });
  expect(unquoted.properties['getetag']!.text).toMatch(/^C=/);
  await world.switches({ 'caldav.listsCollection': true, 'caldav.emptyPropstats': true });
  const reply = await world.sync();
  expect(reply.members.has(world.room)).toBe(true);
  expect(reply.text).toMatch(/<prop\/><status>HTTP\/1.1 404 Not Found/);
});

test('scripted answers come in the middle of a listing, with what belongs to them', async () => {
  const world = await caldavWorld();
  const fault = (script: Record<string, unknown>) =>
    world.control('/faults', { body: { host: 'caldav', ...script } });
  await fault({ method: 'REPORT', status: 401, skip: 1 });
  await fault({ method: 'PUT', status: 423 });
  await fault({ method: 'PUT', status: 507 });
  await fault({ method: 'PROPFIND', status: 503, headers: { 'retry-after': '7' } });
  expect((await world.sync()).status).toBe(207);
  const refused = await world.sync();
  expect([refused.status, refused.headers.has('www-authenticate')]).toEqual([401, true]);
  expect((await world.put('a.ics', ics('a'))).text).toContain('lock-token-submitted');
  expect((await world.put('a.ics', ics('a'))).text).toContain('quota-not-exceeded');
  const busy = await world.dav('PROPFIND', world.room);
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '7']);
});

test('objects, tokens and passwords outlive the process', async () => {
  const stateDir = fs.mkdtempSync(path.join(os.tmpdir(), 'caldav-'));
  onTestFinished(() => fs.rmSync(stateDir, { recursive: true }));
  const before = await caldavWorld(stateDir);
  await fill(before, 3);
  const { token } = await before.sync();
  await before.control(`${objects}/e2.ics`, { method: 'DELETE' });
  await before.close();
  const after = await caldavWorld(stateDir);
  const delta = await after.sync(token);
  expect([...delta.members.values()].map(({ href, status }) => [href, status])).toEqual([
    [`${after.room}e2.ics`, 404],
  ]);
});

test('ten thousand events are written, listed and read within seconds', async () => {
  const world = await caldavWorld();
  const startedAt = Date.now();
  await fill(world, 10_000);
  const all = await world.sync();
  expect(all.members.size).toBe(10_000);
  const hrefs = [...all.members.values()].map(({ href }) => href);
  const read = await world.dav('REPORT', world.room, { body: multiget(hrefs) });
  expect(read.members.size).toBe(10_000);
  const { objects: kept } = await world.control(objects);
  expect(kept).toHaveLength(10_000);
  expect(Date.now() - startedAt).toBeLessThan(15_000);
});
