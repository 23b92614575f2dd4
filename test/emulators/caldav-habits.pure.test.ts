import { expect, test } from 'vitest';
import { startEmulators } from '../../src/emulators/server.ts';
import { caldavWorld, ics, multiget, propfind } from './caldav-world.ts';

test('an initial sync can list what is gone, and still the rest once', async () => {
  const world = await caldavWorld();
  await world.put('a.ics', ics('a'));
  await world.put('b.ics', ics('b'));
  await world.dav('DELETE', `${world.room}a.ics`);
  const statuses = async () => [...(await world.sync()).members.values()].map((one) => one.status);
  expect(await statuses()).toEqual([0]);
  await world.switches({ 'caldav.initialTombstones': true });
  expect(await statuses()).toEqual([0, 404]);
});

test('names other than the UID can be refused', async () => {
  const world = await caldavWorld();
  await world.switches({ 'caldav.namesMustMatchUid': true });
  expect((await world.put('other.ics', ics('a'))).status).toBe(403);
  expect((await world.put('a.ics', ics('a'))).status).toBe(201);
});

test('members can lead to another origin while the rest stays', async () => {
  const world = await caldavWorld();
  await world.put('a.ics', ics('a'));
  await world.switches({ 'caldav.hostile': 'member', 'caldav.hostileAddress': 'http://[::1]/' });
  const hrefs = [...(await world.sync()).members.keys()];
  expect(hrefs).toEqual([`http://[::1]${world.room}a.ics`]);
});

test('a person may put what the protocol refuses, and it is served as it is', async () => {
  const world = await caldavWorld();
  const ends = 'BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTAMP:1\r\nDTSTAMP:2\r\n';
  const put = { method: 'PUT', body: { ics: ends } };
  await world.control('/caldav/calendars/room/objects/odd.ics', put);
  const body = multiget([`${world.room}odd.ics`]);
  const reply = await world.dav('REPORT', world.room, { body });
  const data = reply.members.get(`${world.room}odd.ics`)!.properties['calendar-data']!;
  expect(data.text).toBe(ends);
});

test('a home set can name an origin that only a name service leads to', async () => {
  const world = await caldavWorld();
  const partitionOrigin = 'https://p42-caldav.icloud.com:443';
  await world.switches({
    'caldav.partition': 'either',
    'caldav.partitionOrigin': partitionOrigin,
  });
  const body = propfind('c:calendar-home-set');
  const { text } = await world.dav('PROPFIND', world.principal, { body, headers: { depth: '0' } });
  expect(text).toContain(`${partitionOrigin}${world.home}`);
});

test('only one of many writers of one version wins', async () => {
  const world = await caldavWorld();
  const etag = (await world.put('a.ics', ics('a'))).headers.get('etag')!;
  const writes = Array.from({ length: 20 }, (_, n) =>
    world.put('a.ics', ics('a', `202612${10 + n}T100000Z`), { 'if-match': etag }),
  );
  const statuses = (await Promise.all(writes)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 204)).toHaveLength(1);
  expect(statuses.filter((status) => status === 412)).toHaveLength(19);
});

test('the second port can be chosen, and both are free after closing', async () => {
  const first = await startEmulators();
  await first.close();
  const port = Number(new URL(first.url).port);
  const partitionPort = Number(new URL(first.partitionUrl).port);
  const second = await startEmulators({ port, partitionPort });
  expect([second.url, second.partitionUrl]).toEqual([first.url, first.partitionUrl]);
  await second.close();
});
