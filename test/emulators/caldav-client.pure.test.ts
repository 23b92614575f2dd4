import { createDAVClient } from 'tsdav';
import { expect, test } from 'vitest';
import { caldavWorld, ics, user } from './caldav-world.ts';

test('a client that was not written for it discovers, reads, writes and syncs', async () => {
  const world = await caldavWorld();
  await world.switches({ 'caldav.xmlStyle': 'inline' });
  await world.put('a.ics', ics('a'));
  const client = await createDAVClient({
    serverUrl: world.url,
    credentials: { username: user, password: world.password },
    authMethod: 'Basic',
    defaultAccountType: 'caldav',
  });
  const [calendar, ...others] = await client.fetchCalendars();
  expect(others).toEqual([]);
  expect(calendar).toMatchObject({
    url: `${world.url}${world.room}`,
    displayName: 'Room & co',
    components: ['VEVENT'],
    reports: ['calendarQuery', 'calendarMultiget', 'syncCollection', 'freeBusyQuery'],
  });
  const objects = await client.fetchCalendarObjects({ calendar: calendar! });
  expect(objects.map(({ url, data }) => [url, data])).toEqual([
    [`${world.url}${world.room}a.ics`, ics('a').trim()],
  ]);
  const first = await client.syncCollection({
    url: calendar!.url,
    props: { 'd:getetag': {} },
    syncLevel: 1,
    syncToken: '',
  });
  const token = String(first[0]!.raw.multistatus.syncToken);
  const created = await client.createCalendarObject({
    calendar: calendar!,
    iCalString: ics('b'),
    filename: 'b.ics',
  });
  expect(created.status).toBe(201);
  const update = {
    url: objects[0]!.url,
    etag: objects[0]!.etag!,
    data: ics('a', '20261205T100000Z'),
  };
  expect((await client.updateCalendarObject({ calendarObject: update })).status).toBe(204);
  expect((await client.deleteCalendarObject({ calendarObject: update })).status).toBe(412);
  const delta = await client.syncCollection({
    url: calendar!.url,
    props: { 'd:getetag': {} },
    syncLevel: 1,
    syncToken: token,
  });
  expect(delta.map(({ href }) => href)).toEqual([`${world.room}b.ics`, `${world.room}a.ics`]);
  const inDecember = await client.fetchCalendarObjects({
    calendar: calendar!,
    timeRange: { start: '2026-12-05T00:00:00Z', end: '2026-12-06T00:00:00Z' },
  });
  expect(inDecember.map(({ url }) => url)).toEqual([`${world.url}${world.room}a.ics`]);
});

test('a client finds the calendars of a partition host', async () => {
  const world = await caldavWorld();
  await world.switches({ 'caldav.partition': 'other' });
  const client = await createDAVClient({
    serverUrl: world.url,
    credentials: { username: user, password: world.password },
    authMethod: 'Basic',
    defaultAccountType: 'caldav',
  });
  const account = await client.createAccount({
    account: { serverUrl: world.url, accountType: 'caldav' },
  });
  expect(account.homeUrl).toBe(`${world.partitionUrl}${world.home}`);
});
