import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Failure } from '../../src/domain/failure.ts';
import type { TestApi } from '../support/api.ts';
import { feedProvider, makeResource, startApi } from '../support/api.ts';
import { consentAt, consentProvider } from '../support/consent.ts';

let refused = false;
let api: TestApi;
beforeAll(async () => {
  api = await startApi({
    providers: new Map([
      ['ical', feedProvider],
      ['google', consentProvider],
    ]),
    checkAddress: async (url) =>
      url.includes('10.0.0.1')
        ? { code: 'outbound-private-address', reason: 'It is private.' }
        : null,
    openAccess: async () => {
      if (refused) throw new Failure({ kind: 'unauthorized', code: 'invalid_grant' });
      return { kind: 'bearer', accessToken: 't' };
    },
  });
  await makeResource(api, { id: 'one', capacity: 2 });
  const state = await consentAt(api);
  await api.ask('GET', `/v1/oauth/callback?state=${state}&code=owner-1`, { key: null });
  const [account] = await accounts();
  await post('/v1/connections', {
    resourceId: 'one',
    accountId: account!.id,
    calendarId: 'read@x',
  });
});
afterAll(() => api.close());

let keys = 0;
const post = (path: string, body: unknown, key = `c-${(keys += 1)}`) =>
  api.ask('POST', path, { body, headers: { 'idempotency-key': key } });

const accounts = async () => (await api.ask('GET', '/v1/accounts')).body.items as { id: string }[];

test('a connection takes its zone and rights from the channel, and starts once', async () => {
  const account = (await accounts())[0]!;
  const asked = { resourceId: 'one', unit: 2, accountId: account.id, calendarId: 'primary' };
  const made = await post('/v1/connections', asked, 'connect-1');
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({
    calendarId: 'main@x',
    timeZone: 'Europe/Rome',
    writable: true,
    status: 'connecting',
    freshness: { confirmedAt: null, boundMs: 2 * 60_000, holds: false },
    links: { workflowId: `connection/a/${made.body.id}` },
  });
  expect((await post('/v1/connections', asked, 'connect-1')).body).toEqual(made.body);
  const starts = api.commands.asked.filter((one) => one === `connect ${made.body.id}`);
  expect(starts).toHaveLength(1);
  const again = await post('/v1/connections', asked);
  expect(again.body).toMatchObject({
    type: '/problems/already-exists',
    connectionId: made.body.id,
  });
});

test('what a connection names must exist, and an unusable account is told as such', async () => {
  const accountId = (await accounts())[0]!.id;
  const good = { resourceId: 'one', accountId, calendarId: 'main@x' };
  const wrong = [
    { resourceId: 'none' },
    { accountId: 'none' },
    { calendarId: 'none' },
    { unit: 3 },
  ];
  for (const one of wrong)
    expect((await post('/v1/connections', { ...good, ...one })).body.type).toBe(
      '/problems/unknown-reference',
    );
  refused = true;
  const reply = await post('/v1/connections', good);
  refused = false;
  expect(reply.body).toMatchObject({ type: '/problems/account-unusable', code: 'invalid_grant' });
});

test('a start that fails leaves the connection for the sweeper', async () => {
  const account = await post('/v1/accounts', {
    channel: 'ical',
    url: 'https://x.example.com/a.ics',
  });
  const { startConnection } = api.commands;
  api.commands.startConnection = () => Promise.reject(new Error('away'));
  const body = { resourceId: 'one', accountId: account.body.id, calendarId: 'feed' };
  const made = await post('/v1/connections', body);
  api.commands.startConnection = startConnection;
  expect(made.status).toBe(201);
  const row = await api.database.prisma.connection.findFirstOrThrow({
    where: { id: made.body.id },
  });
  expect(row.dirty).toBe(true);
});

test('an address into a private network is refused with what to do', async () => {
  const reply = await post('/v1/accounts', { channel: 'ical', url: 'http://10.0.0.1/a.ics' });
  expect(reply.body).toMatchObject({
    type: '/problems/address-refused',
    code: 'outbound-private-address',
    detail: 'It is private.',
  });
  const oauth = await api.ask('POST', '/v1/oauth/ical/authorize', { body: {} });
  expect(oauth.body.type).toBe('/problems/channel-unsuitable');
});

test('verbs reach the workflow, settings merge, and a disconnected connection refuses all but reading', async () => {
  const { id } = (await api.ask('GET', '/v1/connections')).body.items[0] as { id: string };
  for (const verb of ['pause', 'resume', 'sync-now', 'resync', 'disconnect']) {
    expect((await api.ask('POST', `/v1/connections/${id}/${verb}`, { body: {} })).status).toBe(200);
    expect(api.commands.asked.at(-1)).toBe(`${verb} ${id}`);
  }
  const path = `/v1/connections/${id}`;
  const patched = await api.ask('PATCH', path, { body: { settings: { tentative: 'free' } } });
  expect(patched.body.settings).toMatchObject({ tentative: 'free', mirror: 'busy' });
  const moved = await api.ask('PATCH', path, { body: { unit: 2 } });
  expect(moved.body).toMatchObject({ unit: 2, settings: { tentative: 'free' } });
  const nowhere = await api.ask('PATCH', path, { body: { unit: 3 } });
  expect(nowhere.body.type).toBe('/problems/unknown-reference');
  await api.database.pool.query('UPDATE connection SET disconnected_at = now() WHERE id = $1', [
    id,
  ]);
  const over = await api.ask('POST', `${path}/resume`, { body: {} });
  expect(over.body.type).toBe('/problems/connection-over');
  expect((await api.ask('POST', `${path}/disconnect`, { body: {} })).status).toBe(200);
  expect((await api.ask('GET', path)).body.counts).toEqual({
    events: 0,
    conflicts: 0,
    conflictsInMass: 0,
    withheld: 0,
    busySpans: 0,
    mirrorsBehind: 0,
    mirrorsInQuestion: 0,
  });
});

test('new settings wait for a page of the connection, so that its entries keep their order', async () => {
  const { id } = (await api.ask('GET', '/v1/connections')).body.items[1] as { id: string };
  const page = await api.database.pool.connect();
  await page.query('BEGIN');
  await page.query('SELECT lock_connection($1, $2)', ['a', id]);
  // From here on the page's entries have their place.
  await page.query('SELECT pg_current_xact_id()');
  let answered = false;
  const body = { settings: { mirror: 'none' } };
  const patched = api.ask('PATCH', `/v1/connections/${id}`, { body }).then((reply) => {
    answered = true;
    return reply;
  });
  await vi.waitFor(async () => {
    const { rows } = await api.database.pool.query(
      `SELECT FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database
        WHERE datname = current_database())`,
    );
    expect(rows.length > 0 || answered).toBe(true);
  });
  await page.query(
    `WITH c AS (UPDATE connection SET seq = seq + 1 WHERE id = $1 RETURNING seq)
     SELECT append_entry('a', 'connection/' || $1, seq, 'page.applied', '{}') FROM c`,
    [id],
  );
  await page.query('COMMIT');
  page.release();
  expect((await patched).body.settings.mirror).toBe('none');
  // Shown once no older transaction is open anywhere on the server.
  await vi.waitFor(async () => {
    const { body: journal } = await api.ask('GET', '/v1/journal?limit=200');
    const entries = (journal.items as { subject: string; seq: number }[]).filter(
      (one) => one.subject === `connection/${id}`,
    );
    expect(entries.map((one) => one.seq)).toEqual([1, 2, 3]);
  }, 20_000);
});

test('channel events are shown in UTC with what they do, page by page, without titles', async () => {
  const { id } = (await api.ask('GET', '/v1/connections')).body.items[1] as { id: string };
  const event = (start: object, end: object, more: object = {}) => ({
    status: 'confirmed',
    transparency: 'opaque',
    start,
    end,
    recurrence: [],
    marker: null,
    updatedAt: null,
    ...more,
  });
  const day = (date: string) => ({ kind: 'date', date });
  const given = {
    'a busy': event(
      { kind: 'utc', at: '2031-01-01T10:00:00Z' },
      { kind: 'utc', at: '2031-01-01T11:00:00Z' },
    ),
    'b day': event(day('2031-07-01'), day('2031-07-02')),
    'c ours': event(day('2031-07-01'), day('2031-07-02'), { marker: 'm' }),
    'd bad': event(
      { kind: 'zoned', local: '2031-01-01T10:00:00', zone: 'No/Where' },
      day('2031-07-02'),
    ),
  };
  for (const [nativeId, one] of Object.entries(given))
    await api.database.pool.query(
      `INSERT INTO channel_event (tenant_id, connection_id, native_id, root_id, event, hash, withheld_reason, recorded,
         feed_position) VALUES ('a', $1, $2, $2, $3, '', $4, tstzrange(now(), NULL), 1)`,
      [id, nativeId, one, nativeId === 'd bad' ? 'unknown-zone' : null],
    );
  await api.database.pool.query(
    `INSERT INTO busy (tenant_id, connection_id, root_id, start_at, end_at, resource_id)
     VALUES ('a', $1, 'a busy', '2031-01-01T10:00Z', '2031-01-01T11:00Z', 'one')`,
    [id],
  );
  const first = await api.ask('GET', `/v1/connections/${id}/events?limit=3`);
  const second = await api.ask('GET', `/v1/connections/${id}/events?after=${first.body.next}`);
  const items = [...first.body.items, ...second.body.items] as {
    effect: string;
    startAt: string;
  }[];
  expect(items.map((one) => one.effect)).toEqual(['busy', 'none', 'mirror', 'withheld']);
  expect(items[0]).toMatchObject({ startAt: '2031-01-01T10:00:00.000Z', allDay: false });
  expect(items[3]).toMatchObject({ startAt: null, withheldReason: 'unknown-zone' });
  expect(second.body.next).toBeNull();
});
