import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { callJson } from './google-world.ts';
import { microsoftWorld, owner, tokenCall } from './microsoft-world.ts';
import type { MicrosoftWorld } from './microsoft-world.ts';

const verifier = 'v'.repeat(50);
const redirect = 'http://127.0.0.1:1/callback?x=1';
const wanted = 'openid offline_access User.Read https://graph.microsoft.com/Calendars.ReadWrite';

async function authorize(world: MicrosoftWorld, more: Record<string, string> = {}) {
  const query = new URLSearchParams({
    client_id: 'client',
    response_type: 'code',
    redirect_uri: redirect,
    scope: wanted,
    state: 's1',
    login_hint: owner,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  });
  const page = `${world.url}/microsoft/common/oauth2/v2.0/authorize?${query.toString()}`;
  const response = await fetch(page, { redirect: 'manual' });
  const location = response.headers.get('location');
  const answer = location === null ? new URLSearchParams() : new URL(location).searchParams;
  return { status: response.status, answer, html: await response.text() };
}

function exchange(world: MicrosoftWorld, code: string, more: Record<string, string> = {}) {
  return tokenCall(world.url, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirect,
    code_verifier: verifier,
    ...more,
  });
}

test('consent gives a code that is good once, for its client, its redirect and its verifier', async () => {
  const world = await microsoftWorld();
  const { status, answer } = await authorize(world);
  expect(status).toBe(302);
  expect(answer.get('state')).toBe('s1');
  expect(answer.get('x')).toBe('1');
  const code = answer.get('code')!;
  const { body } = await exchange(world, code);
  expect(body).toMatchObject({ token_type: 'Bearer', scope: 'User.Read Calendars.ReadWrite' });
  const claims = JSON.parse(Buffer.from(body['id_token'].split('.')[1], 'base64url').toString());
  expect(claims).toMatchObject({ preferred_username: owner, aud: 'client' });
  const me = await callJson(`${world.url}/v1.0/me`, {
    headers: { authorization: `Bearer ${body['access_token']}` },
  });
  expect(me.body).toMatchObject({ mail: owner, userPrincipalName: owner, id: claims.oid });
  expect((await exchange(world, code)).body['error']).toBe('invalid_grant');
  for (const wrong of [{ code_verifier: 'x' }, { redirect_uri: 'http://o' }, { client_id: 'o' }]) {
    const next = (await authorize(world)).answer.get('code')!;
    const refused = await exchange(world, next, wrong);
    expect(refused.status).toBe(400);
    expect(refused.body['error']).toBe('invalid_grant');
  }
});

test('a person can refuse, and can withhold a scope', async () => {
  const world = await microsoftWorld();
  await world.switches({ consent: 'deny' });
  expect((await authorize(world)).answer.get('error')).toBe('access_denied');
  await world.switches({ consent: 'partial' });
  const { answer } = await authorize(world);
  const { body } = await exchange(world, answer.get('code')!);
  expect(body['scope']).toBe('User.Read');
  const authorization = `Bearer ${body['access_token']}`;
  const { status, body: refusal } = await callJson(`${world.url}/v1.0/me/calendars`, {
    headers: { authorization },
  });
  expect([status, refusal['error'].code]).toEqual([403, 'ErrorAccessDenied']);
});

test('without a known account the page lets a person choose one', async () => {
  const world = await microsoftWorld();
  const { status, html } = await authorize(world, { login_hint: 'nobody@x.example' });
  expect(status).toBe(200);
  expect(html).toContain(`login_hint=${encodeURIComponent(owner)}`);
  expect((await authorize(world, { scope: '' })).status).toBe(400);
});

test('each refresh gives a new refresh token, and the old one lives or dies by a switch', async () => {
  const world = await microsoftWorld();
  const refresh = (token: string) =>
    tokenCall(world.url, { grant_type: 'refresh_token', refresh_token: token });
  const first = (await refresh(world.refreshToken)).body['refresh_token'] as string;
  expect(first).not.toBe(world.refreshToken);
  expect((await refresh(world.refreshToken)).status).toBe(200);
  await world.switches({ oldRefreshToken: 'dies' });
  const second = (await refresh(first)).body['refresh_token'] as string;
  const { status, body } = await refresh(first);
  expect(status).toBe(400);
  expect(body).toMatchObject({ error: 'invalid_grant', error_codes: [70008] });
  await world.control(`/microsoft/accounts/${owner}/revoke`, { method: 'POST' });
  expect((await refresh(second)).body['error']).toBe('invalid_grant');
});

test('an expired, a revoked and a missing access token are a 401', async () => {
  const world = await microsoftWorld();
  expect((await world.api('/me/calendars')).status).toBe(200);
  await world.control(`/microsoft/accounts/${owner}/expire-access-tokens`, { method: 'POST' });
  const { status, body, headers } = await world.api('/me/calendars');
  expect([status, body['error'].code]).toEqual([401, 'InvalidAuthenticationToken']);
  expect(headers.get('www-authenticate')).toContain('Bearer');
  expect((await callJson(`${world.url}/v1.0/me/calendars`)).status).toBe(401);
});

test('a scripted status of the token endpoint reads as the identity platform writes it', async () => {
  const world = await microsoftWorld();
  const fault = { host: 'microsoft', path: 'oauth2/v2.0/token', status: 503 };
  await world.control('/faults', { body: fault });
  const refresh = { grant_type: 'refresh_token', refresh_token: world.refreshToken };
  expect((await tokenCall(world.url, refresh)).body['error']).toBe('server_error');
  expect((await tokenCall(world.url, refresh)).status).toBe(200);
  const record = JSON.stringify(await world.control('/record'));
  expect(record).not.toContain(world.refreshToken);
});
