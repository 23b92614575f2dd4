import { auth as google } from 'googleapis/build/src/apis/calendar/index.js';
import { calendar_v3 } from 'googleapis/build/src/apis/calendar/v3.js';
import { expect, test } from 'vitest';
import { googleWorld, owner, room, startReceiver, timed } from './google-world.ts';
import type { GoogleWorld } from './google-world.ts';

function clientOf(world: GoogleWorld): calendar_v3.Calendar {
  const auth = new google.OAuth2();
  auth.setCredentials({ access_token: world.accessToken, expiry_date: Date.now() + 3_000_000 });
  return new calendar_v3.Calendar({ auth, rootUrl: `${world.url}/`, retry: false });
}

type ClientError = {
  status: number;
  response: { data: { error: { errors: { reason: string }[] } }; headers: Headers };
};

async function refusal(call: Promise<unknown>): Promise<ClientError> {
  return call.then(
    () => Promise.reject(new Error('the call was not refused')),
    (error: unknown) => error as ClientError,
  );
}

test('the real client library reads and writes through its own methods', async () => {
  const client = clientOf(await googleWorld());
  const list = await client.calendarList.list();
  expect(list.data.items!.map(({ id, accessRole, primary }) => [id, accessRole, primary])).toEqual([
    [owner, 'owner', true],
    [room, 'owner', undefined],
  ]);
  expect((await client.calendars.get({ calendarId: room })).data.timeZone).toBe('Europe/Paris');
  const inserted = await client.events.insert({
    calendarId: room,
    sendUpdates: 'none',
    requestBody: timed('2026-12-01', { id: 'abc123' }),
  });
  const initial = await client.events.list({ calendarId: room, maxResults: 10 });
  expect(initial.data.items).toEqual([inserted.data]);
  await client.events.update(
    { calendarId: room, eventId: 'abc123', requestBody: timed('2026-12-02') },
    { headers: { 'If-Match': inserted.data.etag! } },
  );
  const syncToken = initial.data.nextSyncToken!;
  const delta = await client.events.list({ calendarId: room, maxResults: 10, syncToken });
  expect(delta.data.items![0]!.start!.dateTime).toBe('2026-12-02T10:00:00+01:00');
  await client.events.delete({ calendarId: room, eventId: 'abc123' });
  const got = await client.events.get({ calendarId: room, eventId: 'abc123' });
  expect(got.data.status).toBe('cancelled');
});

test('the real client library sees status and reason of refusals', async () => {
  const world = await googleWorld();
  const client = clientOf(world);
  const requestBody = timed('2026-12-01', { id: 'abc123' });
  await client.events.insert({ calendarId: room, requestBody });
  const twin = await refusal(client.events.insert({ calendarId: room, requestBody }));
  expect([twin.status, twin.response.data.error.errors[0]!.reason]).toEqual([409, 'duplicate']);
  const stale = await refusal(
    client.events.patch(
      { calendarId: room, eventId: 'abc123', requestBody: {} },
      { headers: { 'If-Match': '"1"' } },
    ),
  );
  expect(stale.status).toBe(412);
  const fault = { host: 'google', path: '/events$', status: 429, headers: { 'retry-after': '7' } };
  await world.control('/faults', { body: fault });
  const limited = await refusal(client.events.list({ calendarId: room }));
  expect([limited.status, limited.response.headers.get('retry-after')]).toEqual([429, '7']);
  expect(limited.response.data.error.errors[0]!.reason).toBe('rateLimitExceeded');
});

test('the real client library watches, stops, asks free/busy and lists instances', async () => {
  const world = await googleWorld();
  const client = clientOf(world);
  const receiver = await startReceiver();
  const channel = { id: 'ch', type: 'web_hook', address: receiver.address };
  const watch = await client.events.watch({ calendarId: room, requestBody: channel });
  await receiver.until(1);
  const { resourceId } = watch.data;
  const stopped = await client.channels.stop({
    requestBody: { id: 'ch', resourceId: resourceId! },
  });
  expect(stopped.status).toBe(204);
  const series = timed('2026-12-01', { id: 'abcde', recurrence: ['RRULE:FREQ=WEEKLY;COUNT=3'] });
  await client.events.insert({ calendarId: room, requestBody: series });
  const second = 'abcde_20261208T090000Z';
  await client.events.delete({ calendarId: room, eventId: second });
  const instances = await client.events.instances({ calendarId: room, eventId: 'abcde' });
  expect(instances.data.items!.map(({ id }) => id)).toEqual([
    'abcde_20261201T090000Z',
    'abcde_20261215T090000Z',
  ]);
  const busy = await client.freebusy.query({
    requestBody: {
      timeMin: '2026-12-01T00:00:00Z',
      timeMax: '2026-12-31T00:00:00Z',
      items: [{ id: room }, { id: 'nobody' }],
    },
  });
  expect(busy.data.calendars![room]!.busy).toEqual([
    { start: '2026-12-01T09:00:00Z', end: '2026-12-01T10:00:00Z' },
    { start: '2026-12-15T09:00:00Z', end: '2026-12-15T10:00:00Z' },
  ]);
  expect(busy.data.calendars!['nobody']!.errors![0]!.reason).toBe('notFound');
});
