import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createGoogleProvider } from '../../src/channels/google/provider.ts';
import { openGoogleBench } from '../laws/google-bench.ts';
import type { GoogleBench } from '../laws/google-bench.ts';

const EMAIL = 'owner@example.com';
const VERIFIER = 'v'.repeat(64);
const REDIRECT = 'https://holdfast.example.com/oauth';
const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('consent at Google', () => {
  let bench: GoogleBench;
  beforeAll(async () => {
    bench = await openGoogleBench();
  });
  afterAll(() => bench.close());
  beforeEach(async () => {
    const switches = { 'google.rotateRefreshTokens': false, 'google.consent': 'allow' };
    await bench.takePosition({ name: 'usual', switches });
  });

  async function consent(): Promise<URLSearchParams> {
    const codeChallenge = createHash('sha256').update(VERIFIER).digest('base64url');
    const input = { state: 'state-1', codeChallenge, redirectUri: REDIRECT };
    const page = `${bench.provider.authorizationUrl(input)}&login_hint=${EMAIL}`;
    const { headers } = await fetch(page, { redirect: 'manual' });
    return new URL(headers.get('location')!).searchParams;
  }

  const exchange = (code: string, codeVerifier = VERIFIER) =>
    bench.provider.exchange({ code, codeVerifier, redirectUri: REDIRECT, nowAt: NOW });

  test('a code and its verifier become a lasting credential', async () => {
    const answer = await consent();
    expect(answer.get('state')).toBe('state-1');
    const { credential } = await exchange(answer.get('code')!);
    expect(credential.refreshToken).not.toBe('');
    expect(Date.parse(credential.expiresAt)).toBeGreaterThan(NOW);
    expect(Date.parse(credential.expiresAt)).toBeLessThanOrEqual(NOW + 3_600_000);
    const access = { kind: 'bearer', accessToken: credential.accessToken } as const;
    const listed = await bench.provider.listCalendars({ access });
    expect(listed).toContainEqual(
      expect.objectContaining({ id: EMAIL, primary: true, write: true }),
    );
  });

  test('nobody is asked for more than events and the list of calendars', () => {
    const input = { state: 's', codeChallenge: 'c', redirectUri: REDIRECT };
    const asked = new URL(bench.provider.authorizationUrl(input)).searchParams;
    expect(asked.get('scope')?.split(' ').toSorted()).toEqual([
      'https://www.googleapis.com/auth/calendar.calendarlist.readonly',
      'https://www.googleapis.com/auth/calendar.events',
      'openid',
    ]);
    expect(asked.get('code_challenge_method')).toBe('S256');
  });

  test('those scopes are enough for everything the port does', async () => {
    const { credential } = await exchange((await consent()).get('code')!);
    const at = await bench.newCalendar();
    const narrow = {
      ...at,
      access: { kind: 'bearer', accessToken: credential.accessToken } as const,
    };
    const times = { startAt: '2027-01-01T10:00:00Z', endAt: '2027-01-01T11:00:00Z' };
    const event = { ...times, status: 'confirmed' as const, summary: 'Booked', marker: 'm' };
    const input = { ...narrow, id: 'a', generation: 0, ifMatch: null, event };
    const { nativeId } = await bench.provider.write(input);
    expect(await bench.provider.read({ ...narrow, nativeId })).not.toBeNull();
    const address = 'http://127.0.0.1:9/in';
    const wanted = { ...narrow, watchId: 'w1', secret: 's', address, ttlMs: 60_000 };
    const watch = await bench.provider.watch(wanted);
    await bench.provider.unwatch({ ...narrow, watch });
    await bench.provider.remove({ ...input, nativeId });
  });

  test('a wrong verifier, a used code and a smaller consent need a new consent', async () => {
    const code = (await consent()).get('code')!;
    const refused = { name: 'Failure', kind: 'unauthorized' };
    await expect(exchange(code, 'w'.repeat(64))).rejects.toMatchObject(refused);
    await expect(exchange(code)).rejects.toMatchObject({ ...refused, code: 'invalid_grant' });
    await bench.control('PUT', 'switches', { 'google.consent': 'partial' });
    const partial = exchange((await consent()).get('code')!);
    await expect(partial).rejects.toMatchObject({ ...refused, code: 'scopes-not-granted' });
  });

  test('a refresh keeps the refresh token, or takes the new one where one is given', async () => {
    const { credential } = await exchange((await consent()).get('code')!);
    const { refreshToken } = credential;
    const kept = await bench.provider.refresh({ refreshToken, nowAt: NOW });
    expect(kept.refreshToken).toBe(refreshToken);
    expect(kept.accessToken).not.toBe(credential.accessToken);
    await bench.control('PUT', 'switches', { 'google.rotateRefreshTokens': true });
    const rotated = await bench.provider.refresh({ refreshToken, nowAt: NOW });
    expect(rotated.refreshToken).not.toBe(refreshToken);
    const again = await bench.provider.refresh({ refreshToken: rotated.refreshToken, nowAt: NOW });
    expect(again.scopes).toEqual(credential.scopes);
  });

  test('a consent that was taken back is unauthorized, and says so by code', async () => {
    const { credential } = await exchange((await consent()).get('code')!);
    await bench.control('POST', `google/accounts/${EMAIL}/revoke`);
    const refreshed = bench.provider.refresh({ ...credential, nowAt: NOW });
    await expect(refreshed).rejects.toMatchObject({ kind: 'unauthorized', code: 'invalid_grant' });
  });

  test.each([
    [{ status: 503 }, { kind: 'unavailable' }],
    [
      { status: 429, headers: { 'Retry-After': '9' } },
      { kind: 'rate-limited', retryAfterMs: 9_000 },
    ],
    [
      { status: 401, body: { error: 'invalid_client' } },
      { kind: 'invalid', code: 'invalid_client' },
    ],
    [
      { status: 200, body: '<html>' },
      { kind: 'unavailable', code: 'unreadable-answer' },
    ],
    [{ drop: 'after' }, { kind: 'unavailable', code: 'network' }],
    [{ delayMs: 1_500 }, { kind: 'unavailable', code: 'timeout' }],
  ])('a token endpoint that answers %o fails as %o, asked once', async (fault, expected) => {
    await bench.control('POST', 'faults', { host: 'google', path: '^/token', times: 9, ...fault });
    const refreshed = bench.provider.refresh({ refreshToken: 'secret-token', nowAt: NOW });
    const error = await refreshed.catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ name: 'Failure', ...expected });
    expect(JSON.stringify(error)).not.toContain('secret-token');
    const { faults } = (await bench.control('GET', 'faults')) as { faults: { hits: number }[] };
    expect(faults.map(({ hits }) => hits)).toEqual([1]);
  });

  test('the account is known by its id, where the answer has one', async () => {
    const claims = Buffer.from(JSON.stringify({ sub: '1122', email: EMAIL })).toString('base64url');
    const answer = {
      access_token: 'a',
      refresh_token: 'r',
      expires_in: 3599,
      id_token: `e30.${claims}.x`,
    };
    const provider = createGoogleProvider({
      ...bench.settings,
      fetch: () => Promise.resolve(Response.json(answer)),
    });
    const input = { code: 'c', codeVerifier: VERIFIER, redirectUri: REDIRECT, nowAt: NOW };
    expect((await provider.exchange(input)).subject).toBe('1122');
    const again = async () => (await exchange((await consent()).get('code')!)).subject;
    expect(await again()).toMatch(/^1\d{20}$/);
    expect(await again()).toBe(await again());
  });
});
