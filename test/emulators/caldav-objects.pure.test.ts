import { expect, test } from 'vitest';
import { caldavWorld, davBody, ics, query } from './caldav-world.ts';
import type { CaldavWorld } from './caldav-world.ts';

test('creation, change and removal keep to their conditions', async () => {
  const world = await caldavWorld();
  const onlyNew = { 'if-none-match': '*' };
  const created = await world.put('a.ics', ics('a'), onlyNew);
  const etag = created.headers.get('etag')!;
  expect(created.status).toBe(201);
  expect((await world.put('a.ics', ics('a'), onlyNew)).status).toBe(412);
  const changed = await world.put('a.ics', ics('a', '20261202T100000Z'), { 'if-match': etag });
  expect(changed.status).toBe(204);
  expect((await world.put('a.ics', ics('a'), { 'if-match': etag })).status).toBe(412);
  expect((await world.put('b.ics', ics('b'), { 'if-match': etag })).status).toBe(412);
  const remove = (value: string) =>
    world.dav('DELETE', `${world.room}a.ics`, { headers: { 'if-match': value } });
  expect((await remove(etag)).status).toBe(412);
  expect((await remove(changed.headers.get('etag')!)).status).toBe(204);
  expect((await remove('*')).status).toBe(412);
  expect((await world.dav('DELETE', `${world.room}a.ics`)).status).toBe(404);
});

test('reading an object gives its text and ETag, or 304', async () => {
  const world = await caldavWorld();
  await world.put('a.ics', ics('a'));
  const read = await world.dav('GET', `${world.room}a.ics`);
  expect(read.text).toBe(ics('a'));
  expect(read.headers.get('content-type')).toContain('text/calendar');
  const headers = { 'if-none-match': read.headers.get('etag')! };
  expect((await world.dav('GET', `${world.room}a.ics`, { headers })).status).toBe(304);
  expect((await world.dav('GET', `${world.room}none.ics`)).status).toBe(404);
  expect((await world.dav('GET', world.room)).status).toBe(405);
  const nowhere = `${world.home}nowhere/a.ics`;
  expect((await world.dav('GET', nowhere)).status).toBe(404);
  expect((await world.dav('PUT', nowhere, { body: ics('a') })).status).toBe(409);
});

test('what may not be stored is refused by the name of the rule', async () => {
  const world = await caldavWorld();
  const refusal = async (body: string, name = 'x.ics') => {
    const { status, text } = await world.put(name, body);
    return [status, /<(?:C|D):([\w-]+)(?:\/>|><D:href)/.exec(text)?.[1]];
  };
  expect(await refusal('hello')).toEqual([403, 'valid-calendar-data']);
  expect(await refusal(ics('x').replace('DTSTART', 'X-START'))).toEqual([
    403,
    'valid-calendar-data',
  ]);
  expect(await refusal(ics('x').replace('UID:x\r\n', ''))).toEqual([
    403,
    'valid-calendar-object-resource',
  ]);
  expect(await refusal(ics('x').replaceAll('VEVENT', 'VTODO'))).toEqual([
    403,
    'supported-calendar-component',
  ]);
  await world.put('x.ics', ics('x'));
  expect(await refusal(ics('x'), 'y.ics')).toEqual([403, 'no-uid-conflict']);
  expect(await refusal(ics('other'))).toEqual([403, 'no-uid-conflict']);
  await world.switches({ 'caldav.uidConflictStatus': '409', 'caldav.maxResourceBytes': 300 });
  expect(await refusal(ics('x'), 'y.ics')).toEqual([409, 'no-uid-conflict']);
  expect(await refusal(ics('z', '20261201T100000Z', [`X-A:${'a'.repeat(300)}`]))).toEqual([
    403,
    'max-resource-size',
  ]);
});

test('a read-only calendar takes no writes', async () => {
  const world = await caldavWorld();
  await world.put('a.ics', ics('a'));
  const readOnly = { method: 'PUT', body: { readOnly: true } };
  await world.control('/caldav/calendars/room', readOnly);
  const refused = await world.put('a.ics', ics('a', '20261202T100000Z'));
  expect([refused.status, refused.text.includes('need-privileges')]).toEqual([403, true]);
  expect((await world.dav('DELETE', `${world.room}a.ics`)).status).toBe(403);
});

test('a server that rewrites gives no ETag, and what it stored differs', async () => {
  const world = await caldavWorld();
  await world.switches({ 'caldav.rewritesBodies': true });
  const put = await world.put('a.ics', ics('a'));
  expect([put.status, put.headers.has('etag')]).toEqual([201, false]);
  const read = await world.dav('GET', `${world.room}a.ics`);
  expect(read.text.match(/^DTSTAMP/gm)).toHaveLength(2);
  await world.switches({ 'caldav.rewritesBodies': false, 'caldav.putEtag': 'stale' });
  const stale = (await world.put('a.ics', ics('a'))).headers.get('etag')!;
  const again = await world.put('a.ics', ics('a'), { 'if-match': stale });
  expect(again.status).toBe(412);
});

async function found(world: CaldavWorld, filter: string): Promise<string[]> {
  const body = query(filter);
  const { members } = await world.dav('REPORT', world.room, { body, headers: { depth: '1' } });
  return [...members.keys()].map((href) => href.split('/').at(-1)!);
}

const range = (start: string, end: string) => `<c:time-range start="${start}" end="${end}"/>`;

async function seriesWorld(): Promise<CaldavWorld> {
  const world = await caldavWorld();
  const paris = (day: string) => `;TZID=Europe/Paris:${day}`;
  const weekly = ics('weekly')
    .replace(':20261201T100000Z', paris('20260907T180000'))
    .replace(':20261201T110000Z', paris('20260907T190000'))
    .replace(
      'END:VEVENT',
      'RRULE:FREQ=WEEKLY\r\nEXDATE;TZID=Europe/Paris:20261207T180000\r\nEND:VEVENT',
    );
  const allDay = ics('day')
    .replace('DTSTART:20261201T100000Z', 'DTSTART;VALUE=DATE:20261203')
    .replace('DTEND:20261201T110000Z\r\n', '');
  await world.put('single.ics', ics('single'));
  await world.put('weekly.ics', weekly);
  await world.put('day.ics', allDay);
  return world;
}

test('a time range finds events, whole days and instances of series', async () => {
  const world = await seriesWorld();
  expect(await found(world, range('20261201T103000Z', '20261201T104000Z'))).toEqual(['single.ics']);
  expect(await found(world, range('20261201T110000Z', '20261201T120000Z'))).toEqual([]);
  // Summer time has ended: 18:00 in Paris is 17:00 UTC from 25 October on.
  expect(await found(world, range('20261109T170000Z', '20261109T173000Z'))).toEqual(['weekly.ics']);
  expect(await found(world, range('20261109T160000Z', '20261109T170000Z'))).toEqual([]);
  expect(await found(world, range('20261207T000000Z', '20261208T000000Z'))).toEqual([]);
  expect(await found(world, range('20261202T223000Z', '20261202T233000Z'))).toEqual(['day.ics']);
  expect(await found(world, '<c:time-range start="20300101T000000Z"/>')).toEqual(['weekly.ics']);
  const byUid = '<c:prop-filter name="UID"><c:text-match>SING</c:text-match></c:prop-filter>';
  expect(await found(world, byUid)).toEqual(['single.ics']);
});

test('a moved instance is found where it is, not where it was', async () => {
  const world = await caldavWorld();
  const rule = ['RRULE:FREQ=DAILY;COUNT=3'];
  const master = ics('s', '20261201T100000Z', rule);
  const moved = ics('s', '20261210T100000Z', ['RECURRENCE-ID:20261202T100000Z']);
  const exception = /BEGIN:VEVENT.*END:VEVENT\r\n/s.exec(moved)![0];
  await world.put('s.ics', master.replace('END:VCALENDAR', `${exception}END:VCALENDAR`));
  expect(await found(world, range('20261202T000000Z', '20261203T000000Z'))).toEqual([]);
  expect(await found(world, range('20261210T000000Z', '20261211T000000Z'))).toEqual(['s.ics']);
});

test('free/busy joins what is taken, or the report is unsupported', async () => {
  const world = await seriesWorld();
  await world.put('next.ics', ics('next', '20261201T110000Z'));
  const status = ['STATUS:TENTATIVE'];
  await world.put('maybe.ics', ics('maybe', '20261201T150000Z', status));
  await world.put('free.ics', ics('free', '20261201T180000Z', ['TRANSP:TRANSPARENT']));
  const body = davBody('c:free-busy-query', range('20261201T000000Z', '20261202T000000Z'));
  const answer = await world.dav('REPORT', world.room, { body });
  expect(answer.text.match(/^FREEBUSY.*$/gm)?.map((line) => line.trim())).toEqual([
    'FREEBUSY;FBTYPE=BUSY:20261201T100000Z/20261201T120000Z',
    'FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261201T150000Z/20261201T160000Z',
  ]);
  await world.switches({ 'caldav.freeBusyQuery': 'unsupported' });
  const refused = await world.dav('REPORT', world.room, { body });
  expect([refused.status, refused.text.includes('supported-report')]).toEqual([403, true]);
});

test('a filter or an expansion that is not known here is refused, not passed over', async () => {
  const world = await caldavWorld();
  const send = async (body: string) =>
    (await world.dav('REPORT', world.room, { body, headers: { depth: '1' } })).status;
  expect(await send(query('<c:param-filter name="X"/>'))).toBe(403);
  expect(await send(query('<c:time-range start="2026-12-01"/>'))).toBe(403);
  const expand = '<c:calendar-data><c:expand/></c:calendar-data>';
  expect(await send(query('').replace('<d:getetag/>', expand))).toBe(501);
});
