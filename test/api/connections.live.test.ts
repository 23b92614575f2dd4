import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ChannelProvider } from '../../src/channels/channel-provider.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { Reply, TestApi } from '../support/api.ts';
import { feedProvider, makeResource, startApi } from '../support/api.ts';

/** Who the consent page's code stands for, and what it was exchanged with. */
const exchanged: { code: string; codeVerifier: string; redirectUri: string }[] = [];

const REFUSED_CODES: Record<string, Failure> = {
  bad: new Failure({ kind: 'unauthorized', code: 'invalid_grant' }),
  withheld: new Failure({
    kind: 'unauthorized',
    code: 'scopes-not-granted',
    missing: ['to see the list of your calendars'],
  }),
  brief: new Failure({ kind: 'unauthorized', code: 'no-refresh-token' }),
  down: new Failure({ kind: 'unavailable', code: 'http-503' }),
};

const oauthProvider: ChannelProvider = {
  ...feedProvider,
  channel: 'google',
  supports: { ...feedProvider.supports, oauth: true, push: true, write: true },
  authorizationUrl: ({ state, codeChallenge, redirectUri }) =>
    `https://consent.example.com/?${new URLSearchParams({ state, codeChallenge, redirectUri }).toString()}`,
  async exchange({ code, codeVerifier, redirectUri }) {
    exchanged.push({ code, codeVerifier, redirectUri });
    const failure = REFUSED_CODES[code];
    if (failure) throw failure;
    return {
      subject: code,
      credential: {
        kind: 'oauth',
        refreshToken: 'refresh-hidden',
        accessToken: 'access-hidden',
        expiresAt: '2031-01-01T00:00:00Z',
        scopes: [],
      },
    };
  },
  listCalendars: async () => [
    { id: 'main@x', name: 'Main', timeZone: 'Europe/Rome', push: true, write: true, primary: true },
    { id: 'read@x', name: 'Read', timeZone: 'UTC', push: true, write: false, primary: false },
  ],
};

let refused = false;
let api: TestApi;
beforeAll(async () => {
  api = await startApi({
    providers: new Map([
      ['ical', feedProvider],
      ['google', oauthProvider],
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
});
afterAll(() => api.close());

let keys = 0;
const post = (path: string, body: unknown, key = `c-${(keys += 1)}`) =>
  api.ask('POST', path, { body, headers: { 'idempotency-key': key } });

async function authorize(body: object = {}): Promise<string> {
  const reply = await api.ask('POST', '/v1/oauth/google/authorize', { body });
  expect(reply.status).toBe(200);
  return new URL(reply.body.authorizationUrl as string).searchParams.get('state')!;
}
const comeBack = (state: string, code: string) =>
  api.ask('GET', `/v1/oauth/callback?state=${state}&code=${code}&scope=ignored`, { key: null });
const accounts = async () =>
  ((await api.ask('GET', '/v1/accounts')).body.items as { id: string; subject: string }[]).toSorted(
    (a, b) => a.subject.localeCompare(b.subject),
  );

test('a consent makes one account, its state serves once, and the verifier fits the challenge', async () => {
  const reply = await api.ask('POST', '/v1/oauth/google/authorize', { body: {} });
  const sent = new URL(reply.body.authorizationUrl as string).searchParams;
  expect(sent.get('redirectUri')).toBe('https://holdfast.example.com/v1/oauth/callback');
  const done = await comeBack(sent.get('state')!, 'owner-1');
  expect(done.status).toBe(200);
  expect(done.headers.get('content-type')).toContain('text/html');
  const { codeVerifier } = exchanged.at(-1)!;
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(codeVerifier));
  expect(Buffer.from(digest).toString('base64url')).toBe(sent.get('codeChallenge'));
  expect((await comeBack(sent.get('state')!, 'owner-1')).status).toBe(400);
  expect(await accounts()).toHaveLength(1);
  expect((await api.ask('GET', '/v1/accounts')).text).not.toMatch(/hidden|credential/);
});

test('each way in which a consent fails has a page of its own, and changes nothing', async () => {
  const before = await accounts();
  const pageOf = async (reply: Promise<Reply>) => {
    const { status, text, headers } = await reply;
    expect([status, headers.get('cache-control')]).toEqual([400, 'no-store']);
    return text;
  };
  const back = async (code: string) => pageOf(comeBack(await authorize(), code));
  expect(await pageOf(comeBack('forged', 'owner-1'))).toContain('not begun here');
  const path = `/v1/oauth/callback?state=${await authorize()}&error=access_denied`;
  expect(await pageOf(api.ask('GET', path, { key: null }))).toContain('not granted');
  expect(await pageOf(api.ask('GET', path, { key: null }))).toContain('serves once');
  expect(await back('bad')).toContain('did not confirm');
  expect(await back('withheld')).toMatch(
    /not allowed:.*list of your calendars.*Nothing was stored/s,
  );
  expect(await back('brief')).toContain('no lasting access');
  expect(await back('down')).toContain('does not answer');
  const late = await authorize();
  await api.database.pool.query(
    `UPDATE oauth_state SET expires_at = now() - interval '1 s' WHERE used_at IS NULL`,
  );
  expect(await pageOf(comeBack(late, 'owner-1'))).toContain('ten minutes');
  expect(await accounts()).toEqual(before);
});

test('of a state that comes back twice at once one serves', async () => {
  const state = await authorize();
  const replies = await Promise.all([1, 2, 3, 4].map(() => comeBack(state, 'owner-2')));
  expect(replies.map(({ status }) => status).toSorted()).toEqual([200, 400, 400, 400]);
});

test('an owner who consents anew gives the known account a new grant', async () => {
  const before = await accounts();
  expect((await comeBack(await authorize(), 'owner-2')).status).toBe(200);
  const both = await Promise.all([authorize(), authorize()]);
  const replies = await Promise.all(both.map((state) => comeBack(state, 'owner-3')));
  expect(replies.map(({ status }) => status)).toEqual([200, 200]);
  expect(await accounts()).toHaveLength(before.length + 1);
  const { rows } = await api.database.pool.query(
    `SELECT credential_version AS version FROM account WHERE subject LIKE 'owner-_' ORDER BY subject`,
  );
  expect(rows.map(({ version }) => version)).toEqual([1, 2, 2]);
});

test('an account is authorized again by its own owner only, and its connections hear of it', async () => {
  const account = (await accounts())[0]!;
  const made = await post('/v1/connections', {
    resourceId: 'one',
    accountId: account.id,
    calendarId: 'read@x',
  });
  const state = () => authorize({ accountId: account.id });
  expect((await comeBack(await state(), 'somebody-else')).text).toContain('another account');
  await api.database.pool.query(`UPDATE account SET state = 'needs-reauthorization'`);
  expect((await comeBack(await state(), 'owner-1')).status).toBe(200);
  const { body } = await api.ask('GET', `/v1/accounts/${account.id}`);
  expect(body.state).toBe('active');
  expect(api.commands.asked).toContain(`reauthorized ${made.body.id}`);
  const other = await api.ask('POST', '/v1/oauth/google/authorize', {
    key: api.keys.b,
    body: { accountId: account.id },
  });
  expect(other.status).toBe(404);
});

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
  await api.database.pool.query('UPDATE connection SET disconnected_at = now() WHERE id = $1', [
    id,
  ]);
  const over = await api.ask('POST', `${path}/resume`, { body: {} });
  expect(over.body.type).toBe('/problems/connection-over');
  expect((await api.ask('POST', `${path}/disconnect`, { body: {} })).status).toBe(200);
  expect((await api.ask('GET', path)).body.counts).toEqual({
    events: 0,
    withheld: 0,
    busySpans: 0,
    mirrorsBehind: 0,
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
