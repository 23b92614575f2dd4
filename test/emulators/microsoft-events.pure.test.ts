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
  room,
  roomPath,
  timed,
} from './microsoft-world.ts';
import type { Json } from './microsoft-world.ts';

const events = `${roomPath}/events`;
const marker = 'String {66f5a359-4659-4830-9070-00047ec6ac6e} Name originKey';

test('calendars are listed by pages of ten with rights, and one is the default', async () => {
  const world = await microsoftWorld();
  for (let number = 0; number < 11; number += 1) {
    const body = { account: owner, name: `More ${number}` };
    await world.control(`/microsoft/calendars/more-${number}`, { method: 'PUT', body });
  }
  const first = (await world.api('/me/calendars')).body;
  expect(first['value']).toHaveLength(10);
  const second = (await world.api(first['@odata.nextLink'] as string)).body;
  expect(second['value']).toHaveLength(3);
  expect(second['@odata.nextLink']).toBeUndefined();
  expect(first['value'][0]).toMatchObject({
    id: world.calendarId,
    isDefaultCalendar: true,
    canEdit: true,
    owner: { address: owner },
  });
  expect((await world.api('/me/calendar')).body['id']).toBe(world.calendarId);
  expect((await world.api(`/users/${owner}/calendars/${room}`)).body['name']).toBe('Room 1');
  await world.control(controlRoom, { method: 'PUT', body: { name: 'Renamed' } });
  expect((await world.api(roomPath)).body['name']).toBe('Renamed');
  await world.control(controlRoom, { method: 'DELETE' });
  const gone = await world.api(roomPath);
  expect([gone.status, gone.body['error'].code]).toEqual([404, 'ErrorItemNotFound']);
});

test('an event is created, read in any zone by either name, changed and deleted', async () => {
  const world = await microsoftWorld();
  const created = await world.api(events, { body: timed('2026-12-01') });
  expect(created.status).toBe(201);
  const { id, changeKey } = created.body;
  expect(created.body).toMatchObject({
    type: 'singleInstance',
    showAs: 'busy',
    isAllDay: false,
    isCancelled: false,
    originalStartTimeZone: 'Romance Standard Time',
    start: { dateTime: '2026-12-01T09:00:00.0000000', timeZone: 'UTC' },
    responseStatus: { response: 'organizer' },
  });
  for (const zone of ['Romance Standard Time', 'Europe/Paris']) {
    const headers = { prefer: `outlook.timezone="${zone}"` };
    const { body } = await world.api(`/me/events/${id}`, { headers });
    expect(body['start']).toEqual({ dateTime: '2026-12-01T10:00:00.0000000', timeZone: zone });
  }
  const changed = await world.api(`${events}/${id}`, { method: 'PATCH', body: { showAs: 'oof' } });
  expect(changed.body).toMatchObject({ id, showAs: 'oof', subject: 'Meet' });
  expect(changed.body['changeKey']).not.toBe(changeKey);
  expect((await world.api(`/me/events/${id}`, { method: 'DELETE' })).status).toBe(204);
  const gone = await world.api(`/me/events/${id}`);
  expect([gone.status, gone.body['error'].code]).toEqual([404, 'ErrorItemNotFound']);
});

test('ids are of two kinds, by the Prefer header of each call', async () => {
  const world = await microsoftWorld();
  const plain = (await world.api(events, { body: timed('2026-12-01') })).body;
  const listed = (await world.api(events, { headers: immutable })).body['value'][0] as Json;
  expect(listed['id']).not.toBe(plain['id']);
  expect((await world.api(`/me/events/${listed['id']}`)).body['id']).toBe(plain['id']);
});

test('a stale If-Match is a 412 and changes nothing', async () => {
  const world = await microsoftWorld();
  const event = (await world.api(events, { body: timed('2026-12-01') })).body;
  const headers = { 'if-match': event['@odata.etag'] as string };
  const patch = { method: 'PATCH', body: { subject: 'Other' }, headers };
  expect((await world.api(`/me/events/${event['id']}`, patch)).status).toBe(200);
  const stale = await world.api(`/me/events/${event['id']}`, patch);
  expect([stale.status, stale.body['error'].code]).toEqual([412, 'ErrorIrresolvableConflict']);
  const remove = await world.api(`/me/events/${event['id']}`, { method: 'DELETE', headers });
  expect(remove.status).toBe(412);
});

test('a transactionId creates one event; a second create names the first', async () => {
  const world = await microsoftWorld();
  const body = timed('2026-12-01', { transactionId: 'tx-1' });
  const first = (await world.api(events, { body })).body;
  const second = await world.api(events, { body });
  expect([second.status, second.body['error'].code]).toEqual([400, 'ErrorDuplicateTransactionId']);
  expect(second.body['error']['@event.existingEventId']).toBe(first['id']);
  await world.switches({ duplicateTransaction: '409', transactionReplay: 'first' });
  const replay = await world.api(events, { body });
  expect([replay.status, replay.body['id']]).toEqual([201, first['id']]);
  const other = timed('2026-12-02', { transactionId: 'tx-1' });
  expect((await world.api(events, { body: other })).status).toBe(409);
  await world.api(`/me/events/${first['id']}`, { method: 'DELETE' });
  expect((await world.api(events, { body: other })).status).toBe(201);
});

test('an extended property is kept, shown on expand only, and found by filter', async () => {
  const world = await microsoftWorld();
  const singleValueExtendedProperties = [{ id: marker, value: 'b-1' }];
  const body = timed('2026-12-01', { singleValueExtendedProperties });
  const event = (await world.api(events, { body })).body;
  await world.api(events, { body: timed('2026-12-02') });
  expect(event['singleValueExtendedProperties']).toBeUndefined();
  const expand = encodeURIComponent(`singleValueExtendedProperties($filter=id eq '${marker}')`);
  const read = await world.api(`/me/events/${event['id']}?$expand=${expand}&$select=subject`);
  expect(read.body['singleValueExtendedProperties']).toEqual([{ id: marker, value: 'b-1' }]);
  expect(read.body['showAs']).toBeUndefined();
  const any = `singleValueExtendedProperties/Any(ep: ep/id eq '${marker}' and ep/value eq 'b-1')`;
  const found = await world.api(`${events}?$filter=${encodeURIComponent(any)}`);
  expect((found.body['value'] as Json[]).map(({ id }) => id)).toEqual([event['id']]);
});

test('a wrong event is refused in words that say why', async () => {
  const world = await microsoftWorld();
  const code = async (body: Json) => (await world.api(events, { body })).body['error']?.code;
  const { start: _, ...endOnly } = timed('2026-12-01');
  expect(await code(endOnly)).toBe('ErrorPropertyValidationFailure');
  expect(await code({ ...timed('2026-12-01'), colour: 'red' })).toBe('RequestBodyRead');
  expect(await code({ ...timed('2026-12-01'), showAs: 'away' })).toBe('RequestBodyRead');
  expect(await code(timed('2026-12-01', { isAllDay: true }))).toBe(
    'ErrorPropertyValidationFailure',
  );
  const zone = { dateTime: '2026-12-01T10:00:00', timeZone: 'Middle-earth' };
  expect(await code({ ...timed('2026-12-01'), start: zone })).toBe('TimeZoneNotSupportedException');
});

test('an all-day event keeps its dates, or shifts with the zone asked for, by a switch', async () => {
  const world = await microsoftWorld();
  const at = (day: string) => ({ dateTime: `${day}T00:00:00`, timeZone: 'Europe/Paris' });
  const body = { isAllDay: true, start: at('2026-12-24'), end: at('2026-12-26') };
  const { id } = (await world.api(events, { body })).body;
  const start = async () => (await world.api(`/me/events/${id}`)).body['start'].dateTime as string;
  expect(await start()).toBe('2026-12-24T00:00:00.0000000');
  await world.switches({ allDayShown: 'converted' });
  expect(await start()).toBe('2026-12-23T23:00:00.0000000');
});

test('a series has occurrences, exceptions and cancelled occurrences', async () => {
  const world = await microsoftWorld();
  const body = timed('2026-12-01', { recurrence: daily('2026-12-01', 4) });
  const master = (await world.api(events, { body })).body;
  expect(master).toMatchObject({ type: 'seriesMaster', seriesMasterId: null });
  const instances = async () => {
    const { body: page } = await world.api(`/me/events/${master['id']}/instances?${december}`);
    return page['value'] as Json[];
  };
  const [first, second, third] = await instances();
  expect(new Set((await instances()).map(({ iCalUId }) => iCalUId as string)).size).toBe(4);
  const moved = timed('2026-12-20');
  const patched = await world.api(`/me/events/${second!['id']}`, { method: 'PATCH', body: moved });
  expect(patched.body).toMatchObject({
    type: 'exception',
    seriesMasterId: master['id'],
    originalStart: '2026-12-02T09:00:00Z',
  });
  await world.api(`/me/events/${third!['id']}`, { method: 'DELETE' });
  expect((await instances()).map(({ type }) => type)).toEqual([
    'occurrence',
    'exception',
    'occurrence',
  ]);
  const select = `/me/events/${master['id']}?$select=cancelledOccurrences`;
  const { body: shown } = await world.api(select);
  expect(shown['cancelledOccurrences']).toEqual([`OID.${master['id']}.2026-12-03`]);
  expect((await world.api(`/me/events/${third!['id']}`)).status).toBe(404);
  expect((await world.api(`/me/events/${first!['id']}`)).body['subject']).toBe('Meet');
  const view = (await world.api(`${roomPath}/calendarView?${december}&$top=2`)).body;
  expect(view['value']).toHaveLength(2);
  expect((await world.api(view['@odata.nextLink'] as string)).body['value']).toHaveLength(1);
});

test('a write needs the scope and the right to edit', async () => {
  const world = await microsoftWorld();
  await world.control(controlRoom, { method: 'PUT', body: { canEdit: false } });
  const refused = await world.api(events, { body: timed('2026-12-01') });
  expect([refused.status, refused.body['error'].code]).toEqual([403, 'ErrorAccessDenied']);
  expect(
    (await world.control(`${controlRoom}/events`, { body: timed('2026-12-01') }))['id'],
  ).toBeDefined();
});

test('what was written survives the process, ids and delta links included', async () => {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'holdfast-microsoft-'));
  onTestFinished(() => rmSync(stateDir, { recursive: true }));
  const before = await microsoftWorld(stateDir);
  const { id } = (await before.api(events, { body: timed('2026-12-01') })).body;
  await before.close();
  const after = await microsoftWorld(stateDir);
  expect((await after.api(`/me/events/${id}`)).body['id']).toBe(id);
});

test('free and busy come from the default calendar, a digit a step', async () => {
  const world = await microsoftWorld();
  const add = (hour: string, showAs: string) =>
    world.api('/me/events', {
      body: {
        start: { dateTime: `2026-12-01T${hour}:00`, timeZone: 'UTC' },
        end: { dateTime: `2026-12-01T${hour}:30`, timeZone: 'UTC' },
        showAs,
      },
    });
  for (const [at, showAs] of Object.entries({
    '08': 'tentative',
    '09': 'busy',
    '10': 'oof',
    '11': 'workingElsewhere',
    '12': 'free',
  })) {
    await add(at, showAs);
  }
  await world.api(events, { body: timed('2026-12-01') });
  const ask = async () => {
    const { body } = await world.api('/me/calendar/getSchedule', {
      body: {
        schedules: [owner, 'nobody@contoso.example'],
        startTime: { dateTime: '2026-12-01T08:00:00', timeZone: 'UTC' },
        endTime: { dateTime: '2026-12-01T13:00:00', timeZone: 'UTC' },
        availabilityViewInterval: 60,
      },
    });
    return body['value'] as Json[];
  };
  const [mine, nobody] = await ask();
  expect(mine!['availabilityView']).toBe('12300');
  expect(mine!['scheduleItems']).toHaveLength(5);
  expect(nobody!['error'].responseCode).toBe('ErrorMailRecipientNotFound');
  await world.switches({ elsewhereDigit: '4' });
  expect((await ask())[0]!['availabilityView']).toBe('12340');
});
