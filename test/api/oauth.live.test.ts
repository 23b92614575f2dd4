import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Reply, TestApi } from '../support/api.ts';
import { makeResource, startApi } from '../support/api.ts';
import { consentAt, consentProvider, exchanged } from '../support/consent.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startApi({ providers: new Map([['google', consentProvider]]) });
  await makeResource(api, { id: 'one' });
});
afterAll(() => api.close());

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
  const back = async (code: string) => pageOf(comeBack(await consentAt(api), code));
  expect(await pageOf(comeBack('forged', 'owner-1'))).toContain('not begun here');
  const path = `/v1/oauth/callback?state=${await consentAt(api)}&error=access_denied`;
  expect(await pageOf(api.ask('GET', path, { key: null }))).toContain('not granted');
  expect(await pageOf(api.ask('GET', path, { key: null }))).toContain('serves once');
  expect(await back('bad')).toContain('did not confirm');
  expect(await back('withheld')).toMatch(
    /not allowed:.*list of your calendars.*Nothing was stored/s,
  );
  expect(await back('brief')).toContain('no lasting access');
  expect(await back('down')).toContain('does not answer');
  const late = await consentAt(api);
  await api.database.pool.query(
    `UPDATE oauth_state SET expires_at = now() - interval '1 s' WHERE used_at IS NULL`,
  );
  expect(await pageOf(comeBack(late, 'owner-1'))).toContain('ten minutes');
  expect(await accounts()).toEqual(before);
});

test('of a state that comes back twice at once one serves', async () => {
  const state = await consentAt(api);
  const replies = await Promise.all([1, 2, 3, 4].map(() => comeBack(state, 'owner-2')));
  expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200, 400, 400, 400,
  ]);
});

test('an owner who consents anew gives the known account a new grant', async () => {
  const before = await accounts();
  expect((await comeBack(await consentAt(api), 'owner-2')).status).toBe(200);
  const both = await Promise.all([consentAt(api), consentAt(api)]);
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
  const made = await api.ask('POST', '/v1/connections', {
    body: { resourceId: 'one', accountId: account.id, calendarId: 'read@x' },
    headers: { 'idempotency-key': 'connect' },
  });
  const state = () => consentAt(api, { accountId: account.id });
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
