import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ChannelProvider, Credential } from '../../src/channels/channel-provider.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { TestApi } from '../support/api.ts';
import { feedProvider, makeResource, startApi, vault } from '../support/api.ts';

const SECRETS = ['s3cret-password', 'n3w-password', 'hidden-address', 'other-password'];

/** What the next proof answers; a failure is thrown. */
let refusal: Failure | null;
const proven: Credential[] = [];

const davProvider: ChannelProvider = {
  ...feedProvider,
  channel: 'caldav',
  supports: { ...feedProvider.supports, write: true },
  async prove({ credential }) {
    proven.push(credential);
    if (refusal) throw refusal;
    if (credential.kind !== 'basic') throw new Failure({ kind: 'invalid', code: 'access-kind' });
    const subject = `https://dav.example.com/${credential.username}/`;
    return { credential: { ...credential, homeUrl: `${subject}calendars/` }, subject };
  },
};
const urlProvider: ChannelProvider = {
  ...feedProvider,
  async prove({ credential }) {
    proven.push(credential);
    if (refusal) throw refusal;
    return { credential, subject: null };
  },
};

let api: TestApi;
beforeAll(async () => {
  api = await startApi({
    providers: new Map([
      ['ical', urlProvider],
      ['caldav', davProvider],
    ]),
    checkAddress: async (url) =>
      url.includes('10.0.0.1')
        ? { code: 'outbound-private-address', reason: 'It is private.' }
        : null,
  });
  await makeResource(api, { id: 'one' });
});
afterAll(() => api.close());
beforeEach(() => {
  refusal = null;
  proven.length = 0;
});

let keys = 0;
const add = (body: object) =>
  api.ask('POST', '/v1/accounts', { body, headers: { 'idempotency-key': `a-${(keys += 1)}` } });
const anna = { channel: 'caldav', username: 'anna', password: 's3cret-password' };
const count = () => api.database.prisma.account.count();

const credentialOf = async (accountId: string): Promise<Credential> => {
  const row = await api.database.prisma.account.findFirstOrThrow({ where: { id: accountId } });
  return JSON.parse(vault.open(['a', 'account', accountId], row.credential)) as Credential;
};

test('a CalDAV account is proven, completed and sealed, and iCloud needs no address', async () => {
  const made = await add({ ...anna, serverUrl: 'dav.example.com' });
  expect(made.status).toBe(201);
  expect(made.body).toMatchObject({ channel: 'caldav', state: 'active' });
  expect(proven).toMatchObject([{ serverUrl: 'dav.example.com', username: 'anna' }]);
  expect(await credentialOf(made.body.id as string)).toMatchObject({
    homeUrl: 'https://dav.example.com/anna/calendars/',
  });
  const cloud = await add({ ...anna, username: 'a@icloud.com', preset: 'icloud' });
  expect(cloud.status).toBe(201);
  expect(proven.at(-1)).toMatchObject({ serverUrl: '' });
  const again = await add({ ...anna, serverUrl: 'dav.example.com' });
  expect(again.body).toMatchObject({ type: '/problems/already-exists', accountId: made.body.id });
  const both = await add({ ...anna, serverUrl: 'dav.example.com', preset: 'icloud' });
  expect(both.body.type).toBe('/problems/invalid-request');
  expect((await add(anna)).body.type).toBe('/problems/invalid-request');
});

test('each thing that can be wrong with what was given has an answer of its own, and stores nothing', async () => {
  const before = await count();
  const cases: [Failure | null, object, string, RegExp][] = [
    [
      new Failure({ kind: 'unauthorized', code: 'http-401' }),
      { ...anna, serverUrl: 'https://dav.example.com' },
      'credential-refused',
      /app-specific/,
    ],
    [
      new Failure({ kind: 'invalid', code: 'no-calendars-here' }),
      { ...anna, serverUrl: 'https://dav.example.com' },
      'channel-refused',
      /no CalDAV server/,
    ],
    [
      new Failure({ kind: 'invalid', code: 'https-needed' }),
      { ...anna, serverUrl: 'http://dav.example.com' },
      'address-refused',
      /https/,
    ],
    [
      new Failure({ kind: 'invalid', code: 'other-party' }),
      { ...anna, serverUrl: 'https://dav.example.com' },
      'address-refused',
      /another party/,
    ],
    [
      new Failure({ kind: 'unavailable', code: 'http-503' }),
      { ...anna, serverUrl: 'https://dav.example.com' },
      'unavailable',
      /later/,
    ],
    [null, { ...anna, serverUrl: '10.0.0.1' }, 'address-refused', /private/],
    [
      new Failure({ kind: 'not-found', code: 'http-404' }),
      { channel: 'ical', url: 'https://x.example.com/hidden-address.ics' },
      'channel-refused',
      /calendar file/,
    ],
    [
      new Failure({ kind: 'unauthorized', code: 'http-403' }),
      { channel: 'ical', url: 'https://x.example.com/hidden-address.ics' },
      'credential-refused',
      /secret address/,
    ],
  ];
  for (const [failure, body, problem, detail] of cases) {
    refusal = failure;
    const reply = await add(body);
    expect(reply.body).toMatchObject({ type: `/problems/${problem}` });
    expect(reply.body.detail).toMatch(detail);
    for (const secret of SECRETS) expect(reply.text).not.toContain(secret);
  }
  expect(await count()).toBe(before);
});

test('a new password brings every connection back to where it stood', async () => {
  const { id } = (await add({ ...anna, username: 'bob', serverUrl: 'https://dav.example.com' }))
    .body as { id: string };
  const made = await api.ask('POST', '/v1/connections', {
    body: { resourceId: 'one', accountId: id, calendarId: 'feed' },
    headers: { 'idempotency-key': 'connect' },
  });
  const connectionId = made.body.id as string;
  await api.database.pool.query(
    `UPDATE account SET state = 'needs-reauthorization' WHERE id = $1`,
    [id],
  );
  await api.database.pool.query(
    `UPDATE connection SET status = 'needs-reauthorization', cursor = '\\x01', cursor_version = 7
      WHERE id = $1`,
    [connectionId],
  );
  refusal = new Failure({ kind: 'unauthorized', code: 'http-401' });
  const patch = (body: object) => api.ask('PATCH', `/v1/accounts/${id}`, { body });
  expect((await patch({ password: 'other-password' })).body.type).toBe(
    '/problems/credential-refused',
  );
  expect(await credentialOf(id)).toMatchObject({ password: 's3cret-password' });
  refusal = null;
  expect((await patch({ url: 'https://x.example.com/a.ics' })).body.type).toBe(
    '/problems/channel-unsuitable',
  );
  const done = await patch({ password: 'n3w-password' });
  expect(done.body).toMatchObject({ id, state: 'active' });
  expect(await credentialOf(id)).toMatchObject({ username: 'bob', password: 'n3w-password' });
  expect(api.commands.asked).toContain(`reauthorized ${connectionId}`);
  const shown = await api.ask('GET', `/v1/connections/${connectionId}`);
  expect(shown.body).toMatchObject({
    status: 'lagging',
    reason: 'reauthorized',
    cursorVersion: 7,
    calendarName: 'Feed',
  });
  const foreign = await api.ask('PATCH', `/v1/accounts/${id}`, {
    key: api.keys.b,
    body: { password: 'n3w-password' },
  });
  expect(foreign.status).toBe(404);
});

test('no credential and no name stands in a row, an entry, an answer or the log', async () => {
  const { id } = (await add({ channel: 'ical', url: 'https://x.example.com/hidden-address.ics' }))
    .body as { id: string };
  await api.ask('PATCH', `/v1/accounts/${id}`, {
    body: { url: 'https://x.example.com/hidden-address-2.ics' },
  });
  const shown = await api.ask('GET', '/v1/accounts?limit=200');
  const { rows } = await api.database.pool.query<{ text: string }>(
    `SELECT (SELECT coalesce(string_agg(j::text, ' '), '') FROM journal j)
       || (SELECT coalesce(string_agg(a::text, ' '), '') FROM account a)
       || (SELECT coalesce(string_agg(c::text, ' '), '') FROM connection c)
       || (SELECT coalesce(string_agg(i::text, ' '), '') FROM idempotency i) AS text`,
  );
  for (const secret of SECRETS)
    for (const text of [shown.text, rows[0]!.text, api.log.join(' ')])
      expect(text).not.toContain(secret);
  const entries = await api.database.pool.query<{ text: string }>(
    `SELECT string_agg(data::text, ' ') AS text FROM journal`,
  );
  expect(entries.rows[0]!.text).not.toContain('Feed');
});
