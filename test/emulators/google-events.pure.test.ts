import { expect, test } from 'vitest';
import {
  controlEvents,
  events,
  exchangeToken,
  googleWorld,
  listAll,
  timed,
} from './google-world.ts';

test('an inserted event comes back in the shape of the Events resource, in the calendar zone', async () => {
  const world = await googleWorld();
  const { status, body, headers } = await world.api(events, {
    body: {
      ...timed('2026-12-01'),
      start: { dateTime: '2026-12-01T09:00:00Z' },
      extendedProperties: { private: { origin: 'svc:1', ['k'.repeat(45)]: 'dropped' } },
    },
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    kind: 'calendar#event',
    status: 'confirmed',
    sequence: 0,
    eventType: 'default',
    start: { dateTime: '2026-12-01T10:00:00+01:00' },
    end: { dateTime: '2026-12-01T11:00:00+01:00', timeZone: 'Europe/Paris' },
    creator: { email: 'host@example.com' },
    extendedProperties: { private: { origin: 'svc:1' } },
  });
  expect(body['id']).toMatch(/^[a-v0-9]{26}$/);
  expect(body['iCalUID']).toBe(`${body['id']}@google.com`);
  expect(body['etag']).toMatch(/^"\d{16}"$/);
  expect(body['updated']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(Object.keys(body['extendedProperties']['private'])).toEqual(['origin']);
  expect(headers.get('etag')).toBe(body['etag']);
});

test('a client-chosen id is checked, and taken for ever once used', async () => {
  const world = await googleWorld();
  const insert = (id: string) => world.api(events, { body: timed('2026-12-01', { id }) });
  expect((await insert('WXYZ')).body['error'].errors[0].reason).toBe('invalid');
  expect((await insert('abcd1')).status).toBe(200);
  const twin = await insert('abcd1');
  expect([twin.status, twin.body['error'].errors[0].reason]).toEqual([409, 'duplicate']);
  expect((await world.api(`${events}/abcd1`, { method: 'DELETE' })).status).toBe(204);
  const gone = await world.api(`${events}/abcd1`, { method: 'DELETE' });
  expect([gone.status, gone.body['error'].errors[0].reason]).toEqual([410, 'deleted']);
  expect((await insert('abcd1')).status).toBe(409);
  await world.control('/switches', {
    method: 'PUT',
    body: { 'google.deletedIdStaysTaken': false },
  });
  expect((await insert('abcd1')).status).toBe(200);
});

test('a stale If-Match is a 412 and changes nothing; a matching If-None-Match is a 304', async () => {
  const world = await googleWorld();
  const { body: first } = await world.api(events, { body: timed('2026-12-01') });
  const path = `${events}/${first['id']}`;
  const patch = (etag: string, summary: string) =>
    world.api(path, { method: 'PATCH', body: { summary }, headers: { 'if-match': etag } });
  const second = await patch(first['etag'] as string, 'Moved');
  expect([second.status, second.body['summary']]).toEqual([200, 'Moved']);
  expect(second.body['etag']).not.toBe(first['etag']);
  const stale = await patch(first['etag'] as string, 'Lost');
  expect([stale.status, stale.body['error'].errors[0].reason]).toEqual([412, 'conditionNotMet']);
  const headers = { 'if-none-match': second.body['etag'] as string };
  expect((await world.api(path, { headers })).status).toBe(304);
  expect((await world.api(path)).body['summary']).toBe('Moved');
});

test('update replaces the whole event, patch merges and removes by null, times raise the sequence', async () => {
  const world = await googleWorld();
  const { body: first } = await world.api(events, {
    body: timed('2026-12-01', {
      location: 'Here',
      extendedProperties: { private: { a: '1', b: '2' } },
    }),
  });
  const path = `${events}/${first['id']}`;
  const patched = await world.api(path, {
    method: 'PATCH',
    body: { extendedProperties: { private: { a: null } }, transparency: 'transparent' },
  });
  expect(patched.body).toMatchObject({
    location: 'Here',
    transparency: 'transparent',
    sequence: 0,
  });
  expect(patched.body['extendedProperties']).toEqual({ private: { b: '2' } });
  const replaced = await world.api(path, { method: 'PUT', body: timed('2026-12-02') });
  expect(replaced.body).toMatchObject({ sequence: 1, summary: 'Meet' });
  expect(replaced.body).not.toHaveProperty('location');
  expect(replaced.body).not.toHaveProperty('transparency');
  expect(replaced.body['created']).toBe(first['created']);
});

test('impossible bodies and parameters get the 400 of the provider', async () => {
  const world = await googleWorld();
  const reason = async (body: unknown) => {
    const reply = await world.api(events, { body });
    return [reply.status, reply.body['error'].errors[0].reason];
  };
  const { start, end } = timed('2026-12-01') as Record<string, { dateTime: string }>;
  expect(await reason({ start: end, end: start })).toEqual([400, 'timeRangeEmpty']);
  expect(await reason({ start })).toEqual([400, 'required']);
  expect(await reason({ start, end: { date: '2026-12-02' } })).toEqual([400, 'invalid']);
  expect(await reason({ start: { date: '2026-02-30' }, end })).toEqual([400, 'invalid']);
  expect(await reason({ start: { dateTime: '2026-12-01T10:00:00' }, end })).toEqual([
    400,
    'invalid',
  ]);
  const rule = ['RRULE:FREQ=DAILY'];
  const bare = (time: { dateTime: string }) => ({ dateTime: time.dateTime });
  expect(await reason({ start: bare(start!), end: bare(end!), recurrence: rule })).toEqual([
    400,
    'required',
  ]);
  expect(await reason({ start, end, recurrence: ['DTSTART:20261201'] })).toEqual([400, 'invalid']);
  expect(await reason({ start, end, nonsense: 1 })).toEqual([400, 'badRequest']);
  const unknown = await world.api(`${events}?sinceToken=x`);
  expect([unknown.status, unknown.body['error'].errors[0].location]).toEqual([400, 'sinceToken']);
  expect((await world.api(`${events}?maxResults=0`)).status).toBe(400);
  expect((await world.api(`${events}?timeMin=2026-12-01T00:00:00`)).status).toBe(400);
  expect((await world.api(`${events}?singleEvents=true`)).status).toBe(400);
});

test('a token is needed, must live, must have the scope, and sees only its own calendars', async () => {
  const world = await googleWorld();
  const status = async (authorization: string) => {
    const { status, body } = await world.api(events, { headers: { authorization } });
    return [status, body['error'].errors[0].reason];
  };
  expect(await status('Bearer nonsense')).toEqual([401, 'authError']);
  expect((await fetch(`${world.url}/calendar/v3${events}`)).status).toBe(401);
  const missing = await world.api('/calendars/nobody%40example.com/events');
  expect([missing.status, missing.body['error'].errors[0].reason]).toEqual([404, 'notFound']);
  await world.control('/google/accounts/host@example.com', {
    method: 'PUT',
    body: { refreshToken: 'narrow', scopes: ['https://www.googleapis.com/auth/calendar.freebusy'] },
  });
  const form = { grant_type: 'refresh_token', refresh_token: 'narrow' };
  const narrow = await exchangeToken(world.url, form);
  expect(await status(`Bearer ${narrow.body['access_token']}`)).toEqual([
    403,
    'insufficientPermissions',
  ]);
});

test('pages carry all events once, and the sync token is on the last page only', async () => {
  const world = await googleWorld();
  const bulk = Array.from({ length: 25 }, (_, n) => timed('2026-12-01', { summary: `E${n}` }));
  await world.control(`${controlEvents.replace(/events$/, 'bulk')}`, { body: { events: bulk } });
  for (const pages of ['full', 'short', 'empty']) {
    await world.control('/switches', { method: 'PUT', body: { 'google.pages': pages } });
    const list = await listAll(world, { maxResults: '9' });
    expect(list.items.map(({ summary }) => summary)).toEqual(bulk.map(({ summary }) => summary));
    expect(list.pages.map(({ length }) => length)).toEqual(
      { full: [9, 9, 7], short: [3, 3, 3, 3, 3, 3, 3, 3, 1], empty: [0, 9, 0, 9, 0, 7] }[pages],
    );
    expect(list.syncToken).toMatch(/^C[A-Za-z0-9+/]+=*$/);
  }
});

test('an incremental list has what changed since, deletions as bare tombstones', async () => {
  const world = await googleWorld();
  const ids: string[] = [];
  for (const day of ['2026-12-01', '2026-12-02', '2026-12-03']) {
    const { event } = await world.control(controlEvents, { body: timed(day) });
    ids.push(event.id as string);
  }
  const { syncToken } = await listAll(world);
  expect((await listAll(world, { syncToken })).items).toEqual([]);
  await world.control(`${controlEvents}/${ids[0]}`, { method: 'PATCH', body: { summary: 'New' } });
  await world.control(`${controlEvents}/${ids[1]}`, { method: 'DELETE' });
  await world.control(`${controlEvents}/${ids[0]}`, {
    method: 'PATCH',
    body: { summary: 'Newer' },
  });
  const delta = await listAll(world, { syncToken });
  expect(delta.items.map(({ id, status }) => [id, status])).toEqual([
    [ids[1], 'cancelled'],
    [ids[0], 'confirmed'],
  ]);
  expect(Object.keys(delta.items[0]!).toSorted()).toEqual(['etag', 'id', 'kind', 'status']);
  expect((await listAll(world, { syncToken: delta.syncToken })).items).toEqual([]);
  expect((await listAll(world)).items).toHaveLength(2);
  expect((await listAll(world, { showDeleted: 'true' })).items).toHaveLength(3);
});

test('a change during a full pass is listed by it or by the next incremental one', async () => {
  const world = await googleWorld();
  const bulk = Array.from({ length: 4 }, () => timed('2026-12-01'));
  await world.control(`${controlEvents.replace(/events$/, 'bulk')}`, { body: { events: bulk } });
  const first = await world.api(`${events}?maxResults=2`);
  const early = first.body['items'][0].id as string;
  await world.control(`${controlEvents}/${early}`, { method: 'DELETE' });
  const created = await world.control(controlEvents, { body: timed('2026-12-05') });
  const pageToken = encodeURIComponent(first.body['nextPageToken'] as string);
  const rest = await world.api(`${events}?maxResults=200&pageToken=${pageToken}`);
  const delta = await listAll(world, { syncToken: rest.body['nextSyncToken'] as string });
  expect(delta.items.map(({ id }) => id)).toEqual([early, created['event'].id]);
});

test('a sync token is bound to its calendar and parameters, refuses restrictions, and expires', async () => {
  const world = await googleWorld();
  const { syncToken } = await listAll(world, { eventTypes: 'default' });
  const list = async (query: Record<string, string>, path = events) => {
    const reply = await world.api(`${path}?${new URLSearchParams(query).toString()}`);
    return [reply.status, reply.body['error']?.errors[0].reason];
  };
  const restricted = [400, 'syncTokenWithRequestRestrictions'];
  expect(await list({ syncToken, eventTypes: 'default' })).toEqual([200, undefined]);
  expect(await list({ syncToken })).toEqual(restricted);
  expect(await list({ syncToken, eventTypes: 'default', q: 'x' })).toEqual(restricted);
  expect(await list({ syncToken, eventTypes: 'default', showDeleted: 'false' })).toEqual(
    restricted,
  );
  const gone = [410, 'fullSyncRequired'];
  expect(await list({ syncToken: `1${syncToken}` })).toEqual(gone);
  const mine = '/calendars/primary/events';
  expect(await list({ syncToken, eventTypes: 'default' }, mine)).toEqual(gone);
  await world.control(`${controlEvents.replace(/events$/, 'expire-sync-tokens')}`, {
    method: 'POST',
  });
  expect(await list({ syncToken, eventTypes: 'default' })).toEqual(gone);
  const ordered = await world.api(`${events}?orderBy=updated`);
  expect(ordered.body).not.toHaveProperty('nextSyncToken');
});

test('time bounds select by end and start, fields select by name', async () => {
  const world = await googleWorld();
  for (const day of ['2026-12-01', '2026-12-02', '2026-12-03']) {
    await world.api(events, { body: timed(day, { summary: day }) });
  }
  const weekly = { recurrence: ['RRULE:FREQ=DAILY;COUNT=3'], summary: 'series' };
  await world.api(events, { body: timed('2026-12-01', weekly) });
  const summaries = async (query: Record<string, string>) =>
    (await listAll(world, query)).items.map(({ summary }) => summary);
  const timeMin = '2026-12-02T10:00:00Z';
  expect(await summaries({ timeMin })).toEqual(['2026-12-03', 'series']);
  expect(await summaries({ timeMin: '2026-12-03T10:00:00Z' })).toEqual([]);
  expect(await summaries({ timeMax: '2026-12-01T09:00:00Z' })).toEqual([]);
  expect(await summaries({ timeMax: '2026-12-01T09:00:01Z' })).toEqual(['2026-12-01', 'series']);
  const { body } = await world.api(
    `${events}?maxResults=1&fields=nextPageToken,items(id,start/date)`,
  );
  expect(Object.keys(body)).toEqual(['nextPageToken', 'items']);
  expect(Object.keys(body['items'][0])).toEqual(['id', 'start']);
});

test('a change can be notified of before lists show it', async () => {
  const world = await googleWorld();
  await world.control('/switches', { method: 'PUT', body: { 'google.visibilityDelayMs': 80 } });
  const { syncToken } = await listAll(world);
  const edit = await world.control(controlEvents, { body: timed('2026-12-01') });
  expect(Date.parse(edit['visibleAt'] as string) - Date.parse(edit['changedAt'] as string)).toBe(
    80,
  );
  expect((await listAll(world, { syncToken })).items).toEqual([]);
  expect((await world.api(`${events}/${edit['event'].id}`)).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect((await listAll(world, { syncToken })).items).toHaveLength(1);
});
