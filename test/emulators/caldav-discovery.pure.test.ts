import { expect, test } from 'vitest';
import { authorization, caldavWorld, davBody, propfind, user } from './caldav-world.ts';

const depth = (value: string) => ({ depth: value });

test('discovery leads from the well-known address to the calendars', async () => {
  const world = await caldavWorld();
  const { headers, status } = await world.dav('PROPFIND', '/.well-known/caldav');
  expect([status, headers.get('location')]).toEqual([301, `${world.url}/dav/`]);
  const root = await world.dav('PROPFIND', '/dav/', {
    body: propfind('d:current-user-principal'),
    headers: depth('0'),
  });
  const principal = root.members.get('/dav/')!.properties['current-user-principal']!.children[0]!;
  expect(principal.text).toBe(world.principal);
  const found = await world.dav('PROPFIND', principal.text, {
    body: propfind('c:calendar-home-set', 'd:displayname'),
    headers: depth('0'),
  });
  const { properties } = found.members.get(world.principal)!;
  expect(properties['calendar-home-set']!.children[0]!.text).toBe(world.home);
  const home = await world.dav('PROPFIND', world.home, {
    headers: depth('1'),
    body: propfind('d:resourcetype', 'd:displayname', 'cs:getctag', 'd:sync-token', 'd:nonsense'),
  });
  const room = home.members.get(world.room)!;
  expect(room.properties['displayname']!.text).toBe('Room & co');
  expect(room.properties['resourcetype']!.children.map(({ name }) => name)).toEqual([
    '{DAV:}collection',
    '{urn:ietf:params:xml:ns:caldav}calendar',
  ]);
  expect(room.missing).toEqual(['nonsense']);
  expect([...home.members.keys()].map((href) => href.split('/').at(-2))).toEqual([
    'calendars',
    'room',
    'inbox',
    'outbox',
    'notification',
  ]);
});

test('a calendar tells its rights, components, reports and zone', async () => {
  const world = await caldavWorld();
  const asked = propfind(
    'c:supported-calendar-component-set',
    'd:current-user-privilege-set',
    'c:calendar-timezone',
    'd:supported-report-set',
  );
  const read = async () =>
    (await world.dav('PROPFIND', world.room, { body: asked, headers: depth('0') })).members.get(
      world.room,
    )!.properties;
  const before = await read();
  expect(before['supported-calendar-component-set']!.children[0]!.attributes).toEqual({
    name: 'VEVENT',
  });
  const privileges = (of: typeof before) =>
    of['current-user-privilege-set']!.children.map(({ children }) => children[0]!.name);
  expect(privileges(before)).toContain('{DAV:}write-content');
  expect(before['calendar-timezone']!.text).toContain('RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n');
  expect(before['calendar-timezone']!.text).toContain('TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n');
  const readOnly = { method: 'PUT', body: { readOnly: true } };
  await world.control('/caldav/calendars/room', readOnly);
  await world.switches({ 'caldav.syncCollection': 'forbidden' });
  const after = await read();
  expect(privileges(after)).not.toContain('{DAV:}write-content');
  const reports = (of: typeof before) =>
    of['supported-report-set']!.children.map(({ children }) => children[0]!.children[0]!.name);
  expect(reports(before)).toContain('{DAV:}sync-collection');
  expect(reports(after)).not.toContain('{DAV:}sync-collection');
});

test('only a valid app password is let in, and a revoked one no longer', async () => {
  const world = await caldavWorld();
  const status = async (password: string, name = user) => {
    const headers = { authorization: authorization(name, password), depth: '0' };
    return world.dav('PROPFIND', '/dav/', { headers });
  };
  expect((await status(world.password)).status).toBe(207);
  const wrong = await status('wrong');
  expect([wrong.status, wrong.headers.get('www-authenticate')]).toEqual([
    401,
    'Basic realm="CalDAV", charset="UTF-8"',
  ]);
  expect((await status(world.password, 'nobody@example.com')).status).toBe(401);
  await world.control(`/caldav/accounts/${user}/revoke`, { method: 'POST' });
  expect((await status(world.password)).status).toBe(401);
  const renewed = await world.control(`/caldav/accounts/${user}`, { method: 'PUT', body: {} });
  expect((await status(renewed['password'] as string)).status).toBe(207);
});

test('nobody reaches the calendars of another account', async () => {
  const world = await caldavWorld();
  const body = { password: 'other' };
  await world.control('/caldav/accounts/guest@example.com', { method: 'PUT', body });
  const headers = { authorization: authorization('guest@example.com', 'other'), depth: '0' };
  expect((await world.dav('PROPFIND', world.room, { headers })).status).toBe(403);
});

test('a partition has the calendars alone, and the record tells where credentials went', async () => {
  const world = await caldavWorld();
  await world.switches({ 'caldav.partition': 'other' });
  const found = await world.dav('PROPFIND', world.principal, {
    body: propfind('c:calendar-home-set'),
    headers: depth('0'),
  });
  const home = found.members.get(world.principal)!.properties['calendar-home-set']!;
  expect(home.children[0]!.text).toBe(`${world.partitionUrl}${world.home}`);
  const listed = await world.dav('PROPFIND', `${world.partitionUrl}${world.home}`, {
    headers: depth('1'),
  });
  expect(listed.members.has(world.room)).toBe(true);
  expect((await world.dav('PROPFIND', world.home, { headers: depth('0') })).status).toBe(404);
  const { entries } = await world.control('/record?host=caldav');
  const origins = (entries as { requestHeaders: Record<string, string> }[]).map(
    ({ requestHeaders }) => [`http://${requestHeaders['host']}`, 'authorization' in requestHeaders],
  );
  expect(origins).toEqual([
    [world.url, true],
    [world.partitionUrl, true],
    [world.url, true],
  ]);
});

test('hostile answers lead where the switch says', async () => {
  const world = await caldavWorld();
  const away = { 'caldav.hostileAddress': 'http://192.168.0.1/x/' };
  await world.switches({ ...away, 'caldav.hostile': 'homeSet' });
  const asked = { body: propfind('c:calendar-home-set'), headers: depth('0') };
  expect((await world.dav('PROPFIND', world.principal, asked)).text).toContain(
    'http://192.168.0.1/x/',
  );
  await world.switches({ 'caldav.hostile': 'redirect' });
  const { headers } = await world.dav('PROPFIND', '/.well-known/caldav');
  expect(headers.get('location')).toBe('http://192.168.0.1/x/');
  await world.switches({ 'caldav.hostile': 'calendar' });
  const home = await world.dav('PROPFIND', world.home, { headers: depth('1') });
  expect(home.members.has(`http://192.168.0.1${world.room}`)).toBe(true);
  await world.switches({ 'caldav.hostile': 'none', 'caldav.xmlExtra': 'entityBomb' });
  const bomb = await world.dav('PROPFIND', world.room, { headers: depth('0') });
  expect(bomb.text).toContain('<!ENTITY e9 "&e8;&e8;');
  expect(bomb.text.length).toBeLessThan(3000);
});

test('requests with a document type, open ends or infinite depth are refused', async () => {
  const world = await caldavWorld();
  const send = async (body: string, value = '0') =>
    (await world.dav('PROPFIND', world.room, { body, headers: depth(value) })).status;
  const good = propfind('d:displayname');
  expect(await send(good)).toBe(207);
  expect(await send(`<!DOCTYPE x [<!ENTITY a "b">]>${good}`)).toBe(400);
  expect(await send(good.replace('</d:propfind>', ''))).toBe(400);
  expect(await send(good.replace('<d:displayname/>', '<z:displayname/>'))).toBe(400);
  expect(await send(good, 'infinity')).toBe(403);
});

test('a name can be changed by PROPPATCH, and nothing else with it if one part is protected', async () => {
  const world = await caldavWorld();
  const change = (inside: string) =>
    world.dav('PROPPATCH', world.room, {
      body: davBody('d:propertyupdate', `<d:set><d:prop>${inside}</d:prop></d:set>`),
    });
  const name = '<d:displayname>Suite &lt;2&gt;</d:displayname>';
  const refused = await change(`${name}<d:getetag>1</d:getetag>`);
  expect(refused.text).toMatch(/403 Forbidden.*424 Failed Dependency/s);
  const shown = async () => {
    const { calendars } = await world.control('/caldav/calendars');
    return (calendars as { displayName: string }[])[0]!.displayName;
  };
  expect(await shown()).toBe('Room & co');
  await change(name);
  expect(await shown()).toBe('Suite <2>');
});

test('a calendar can be made and removed', async () => {
  const world = await caldavWorld();
  const made = `${world.home}made/`;
  const name = '<d:set><d:prop><d:displayname>New</d:displayname></d:prop></d:set>';
  const body = davBody('c:mkcalendar', name);
  expect((await world.dav('MKCALENDAR', made, { body })).status).toBe(201);
  expect((await world.dav('MKCALENDAR', made, { body })).status).toBe(403);
  expect((await world.dav('PROPFIND', made, { headers: depth('0') })).text).toContain('New');
  expect((await world.dav('DELETE', made)).status).toBe(204);
  expect((await world.dav('PROPFIND', made, { headers: depth('0') })).status).toBe(404);
  const { headers } = await world.dav('OPTIONS', world.room);
  expect(headers.get('dav')).toContain('calendar-access');
});
