import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { callJson, events, exchangeToken, googleWorld, owner } from './google-world.ts';
import type { GoogleWorld } from './google-world.ts';

const verifier = 'v'.repeat(64);
const redirectUri = 'http://127.0.0.1:9/back';

async function consent(world: GoogleWorld, more: Record<string, string> = {}): Promise<URL> {
  const query = new URLSearchParams({
    client_id: 'client',
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'https://www.googleapis.com/auth/calendar.events.readonly openid',
    state: 'st&te',
    access_type: 'offline',
    login_hint: owner,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  });
  const response = await fetch(`${world.url}/o/oauth2/v2/auth?${query.toString()}`, {
    redirect: 'manual',
  });
  expect(response.status).toBe(302);
  return new URL(response.headers.get('location')!);
}

const exchangeCode = (world: GoogleWorld, code: string, more: Record<string, string> = {}) =>
  exchangeToken(world.url, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    ...more,
  });

test('consent leads back with code and state; the code buys tokens once, for its verifier', async () => {
  const world = await googleWorld();
  const back = await consent(world);
  expect(back.searchParams.get('state')).toBe('st&te');
  const tokens = await exchangeCode(world, back.searchParams.get('code')!);
  expect(tokens.body).toMatchObject({ token_type: 'Bearer', expires_in: 3599 });
  expect(tokens.body['access_token']).toMatch(/^ya29\./);
  expect(tokens.body['refresh_token']).toMatch(/^1\/\//);
  const again = await exchangeCode(world, back.searchParams.get('code')!);
  expect([again.status, again.body['error']]).toEqual([400, 'invalid_grant']);
  const other = (await consent(world)).searchParams.get('code')!;
  const wrong = await exchangeCode(world, other, { code_verifier: 'w'.repeat(64) });
  expect([wrong.status, wrong.body['error']]).toEqual([400, 'invalid_grant']);
});

test('a later consent gives a refresh token only when prompted for', async () => {
  const world = await googleWorld();
  const refreshToken = async (more: Record<string, string>) => {
    const code = (await consent(world, more)).searchParams.get('code')!;
    return (await exchangeCode(world, code)).body['refresh_token'] as string | undefined;
  };
  expect(await refreshToken({})).toBeDefined();
  expect(await refreshToken({})).toBeUndefined();
  expect(await refreshToken({ prompt: 'consent' })).toBeDefined();
});

test('a refused consent leads back with an error, a partial one with fewer scopes', async () => {
  const world = await googleWorld();
  const set = (position: string) =>
    world.control('/switches', { method: 'PUT', body: { 'google.consent': position } });
  await set('deny');
  const refused = (await consent(world)).searchParams;
  expect([refused.get('error'), refused.get('code')]).toEqual(['access_denied', null]);
  await set('partial');
  const code = (await consent(world)).searchParams.get('code')!;
  const { body } = await exchangeCode(world, code);
  expect(body['scope']).toBe('https://www.googleapis.com/auth/calendar.events.readonly');
  const write = await callJson(`${world.url}/calendar/v3${events}`, {
    body: {},
    headers: { authorization: `Bearer ${body['access_token']}` },
  });
  expect(write.status).toBe(403);
});

test('without a known account a person chooses one on a page', async () => {
  const world = await googleWorld();
  const query = `client_id=c&redirect_uri=${redirectUri}&response_type=code&scope=openid`;
  const response = await fetch(`${world.url}/o/oauth2/v2/auth?${query}`);
  expect(await response.text()).toContain(`login_hint=${encodeURIComponent(owner)}`);
  expect((await fetch(`${world.url}/o/oauth2/v2/auth?client_id=c`)).status).toBe(400);
});

test('a refresh answer keeps the refresh token unless rotation is switched on', async () => {
  const world = await googleWorld();
  const refresh = (token: string) =>
    exchangeToken(world.url, { grant_type: 'refresh_token', refresh_token: token });
  expect((await refresh(world.refreshToken)).body).not.toHaveProperty('refresh_token');
  const switches = { 'google.rotateRefreshTokens': true };
  await world.control('/switches', { method: 'PUT', body: switches });
  const rotated = await refresh(world.refreshToken);
  expect(rotated.body['refresh_token']).toMatch(/^1\/\//);
  expect((await refresh(world.refreshToken)).status).toBe(400);
});

test('revoking ends refresh and access tokens, by either one and by the person', async () => {
  const world = await googleWorld();
  const revoked = await fetch(`${world.url}/revoke`, {
    method: 'POST',
    body: new URLSearchParams({ token: world.accessToken }),
  });
  expect(revoked.status).toBe(200);
  expect((await world.api(events)).status).toBe(401);
  const form = { grant_type: 'refresh_token', refresh_token: world.refreshToken };
  expect((await exchangeToken(world.url, form)).body).toEqual({
    error: 'invalid_grant',
    error_description: 'Token has been expired or revoked.',
  });
  const account = `/google/accounts/${owner}`;
  await world.control(account, { method: 'PUT', body: { refreshToken: 'fresh' } });
  expect(await world.control(`${account}/revoke`, { method: 'POST' })).toMatchObject({
    revoked: 1,
  });
  expect((await exchangeToken(world.url, { ...form, refresh_token: 'fresh' })).status).toBe(400);
});

test('an access token ends with its time to live', async () => {
  const world = await googleWorld();
  const body = { refreshToken: 'brief', accessTokenTtlSeconds: 0 };
  await world.control(`/google/accounts/${owner}`, { method: 'PUT', body });
  const form = { grant_type: 'refresh_token', refresh_token: 'brief' };
  const token = (await exchangeToken(world.url, form)).body['access_token'] as string;
  const headers = { authorization: `Bearer ${token}` };
  expect((await world.api(events, { headers })).status).toBe(401);
});
