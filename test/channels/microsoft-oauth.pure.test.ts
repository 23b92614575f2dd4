import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createMicrosoftProvider } from '../../src/channels/microsoft/provider.ts';
import { openMicrosoftBench } from '../laws/microsoft-bench.ts';
import type { MicrosoftBench } from '../laws/microsoft-bench.ts';

const VERIFIER = 'v'.repeat(64);
const REDIRECT = 'https://holdfast.example.com/oauth';
const NOW = Date.parse('2026-11-21T12:00:00Z');

describe('consent at Microsoft', () => {
  let bench: MicrosoftBench;
  beforeAll(async () => {
    bench = await openMicrosoftBench();
  });
  afterAll(() => bench.close());
  beforeEach(() => bench.takePosition({ name: 'usual', switches: {} }));

  async function consent(hint = bench.email): Promise<URLSearchParams> {
    const codeChallenge = createHash('sha256').update(VERIFIER).digest('base64url');
    const input = { state: 'state-1', codeChallenge, redirectUri: REDIRECT };
    const page = `${bench.provider.authorizationUrl(input)}&login_hint=${hint}`;
    const { headers } = await fetch(page, { redirect: 'manual' });
    return new URL(headers.get('location')!).searchParams;
  }

  const exchange = (code: string, codeVerifier = VERIFIER) =>
    bench.provider.exchange({ code, codeVerifier, redirectUri: REDIRECT, nowAt: NOW });

  const granted = async () => exchange((await consent()).get('code')!);

  test('a code and its verifier become a lasting credential', async () => {
    const answer = await consent();
    expect(answer.get('state')).toBe('state-1');
    const { credential } = await exchange(answer.get('code')!);
    expect(credential.refreshToken).not.toBe('');
    expect(Date.parse(credential.expiresAt)).toBeGreaterThan(NOW);
    const access = { kind: 'bearer', accessToken: credential.accessToken } as const;
    const listed = await bench.provider.listCalendars({ access });
    expect(listed).toContainEqual(expect.objectContaining({ primary: true, write: true }));
  });

  test('nobody is asked for more than his own calendars and a token that lasts', () => {
    const input = { state: 's', codeChallenge: 'c', redirectUri: REDIRECT };
    const asked = new URL(bench.provider.authorizationUrl(input)).searchParams;
    const scopes = ['Calendars.ReadWrite', 'offline_access', 'openid'];
    expect(asked.get('scope')?.split(' ').toSorted()).toEqual(scopes);
    expect(asked.get('code_challenge_method')).toBe('S256');
    const wide = createMicrosoftProvider({ ...bench.settings, sharedCalendars: true });
    const more = new URL(wide.authorizationUrl(input)).searchParams.get('scope')?.split(' ');
    expect(more).toContain('Calendars.ReadWrite.Shared');
  });

  test('those scopes are enough for everything the port does', async () => {
    const { credential } = await granted();
    const at = await bench.newCalendar();
    const access = { kind: 'bearer', accessToken: credential.accessToken } as const;
    const narrow = { ...at, access };
    const times = { startAt: '2027-01-01T10:00:00Z', endAt: '2027-01-01T11:00:00Z' };
    const event = { ...times, status: 'confirmed' as const, summary: 'Booked', marker: 'm' };
    const input = { ...narrow, id: 'a', generation: 0, ifMatch: null, event };
    const { nativeId } = await bench.provider.write(input);
    expect(await bench.provider.read({ ...narrow, nativeId })).not.toBeNull();
    await bench.provider.remove({ ...input, nativeId });
    const main = { id: bench.mainCalendarId, timeZone: 'UTC' };
    const window = { startAt: NOW, endAt: NOW + 86_400_000 };
    expect(await bench.provider.freeBusy({ access, calendar: main, window })).toEqual([]);
  });

  test('a wrong verifier and a used code need a new consent', async () => {
    const code = (await consent()).get('code')!;
    const refused = { name: 'Failure', kind: 'unauthorized' };
    await expect(exchange(code, 'w'.repeat(64))).rejects.toMatchObject(refused);
    const good = (await consent()).get('code')!;
    await exchange(good);
    await expect(exchange(good)).rejects.toMatchObject(refused);
  });

  test('a smaller consent is refused, and a refused one brings no code', async () => {
    await bench.control('PUT', 'switches', { 'microsoft.consent': 'partial' });
    await expect(granted()).rejects.toMatchObject({
      kind: 'unauthorized',
      code: 'scopes-not-granted',
    });
    await bench.control('PUT', 'switches', { 'microsoft.consent': 'deny' });
    const answer = await consent();
    expect(answer.get('code')).toBeNull();
    expect(answer.get('error')).toBe('access_denied');
  });

  test.each(['lives', 'dies'])('refreshing keeps the new token; the old one %s', async (old) => {
    await bench.control('PUT', 'switches', { 'microsoft.oldRefreshToken': old });
    const { credential } = await granted();
    const { refreshToken } = credential;
    const renewed = await bench.provider.refresh({ refreshToken, nowAt: NOW });
    expect(renewed.refreshToken).not.toBe(refreshToken);
    const again = await bench.provider.refresh({ ...renewed, nowAt: NOW });
    expect(again.accessToken).not.toBe(renewed.accessToken);
  });

  test('a consent that is over is unauthorized', async () => {
    const { credential } = await granted();
    await bench.control('POST', `microsoft/accounts/${bench.email}/revoke`);
    const refreshed = bench.provider.refresh({ ...credential, nowAt: NOW });
    await expect(refreshed).rejects.toMatchObject({ kind: 'unauthorized', code: 'invalid_grant' });
  });

  test('another person consenting is another subject, the same one the same', async () => {
    await bench.control('PUT', 'microsoft/accounts/other@example.com', {});
    const subjectOf = async (email: string) =>
      (await exchange((await consent(email)).get('code')!)).subject;
    const [one, other, again] = [
      await subjectOf(bench.email),
      await subjectOf('other@example.com'),
      await subjectOf(bench.email),
    ];
    expect(one).not.toBeNull();
    expect(other).not.toBe(one);
    expect(again).toBe(one);
  });
});

describe('what the token endpoint may say', () => {
  const provider = (status: number, body: unknown, headers: Record<string, string> = {}) =>
    createMicrosoftProvider({
      apiUrl: 'http://graph',
      authUrl: 'http://login/authorize',
      tokenUrl: 'http://login/token',
      clientId: 'client',
      clientSecret: 'secret',
      fetch: () => Promise.resolve(Response.json(body, { status, headers })),
      now: () => NOW,
    });
  const input = { refreshToken: 'r', nowAt: NOW };

  test.each([
    [400, { error: 'invalid_grant', error_codes: [700_082] }, 'unauthorized', 'invalid_grant'],
    [400, { error: 'interaction_required', suberror: 'x' }, 'unauthorized', 'interaction_required'],
    [400, { error: 'consent_required' }, 'unauthorized', 'consent_required'],
    [401, { error: 'invalid_client', error_codes: [7_000_222] }, 'invalid', 'invalid_client'],
    [400, { error: 'unauthorized_client' }, 'invalid', 'unauthorized_client'],
    [400, { error: 'temporarily_unavailable' }, 'unavailable', 'temporarily_unavailable'],
    [503, { error: 'server_error' }, 'unavailable', 'server_error'],
    [200, { access_token: 'a' }, 'unavailable', 'unreadable-answer'],
    [400, { error: 'AADSTS70008: somebody@example.com' }, 'invalid', 'http-400'],
  ])('%s %j is %s', async (status, body, kind, code) => {
    await expect(provider(status, body).refresh(input)).rejects.toMatchObject({ kind, code });
  });

  test('a throttled endpoint says how long to wait', async () => {
    const asked = provider(429, {}, { 'retry-after': '30' }).refresh(input);
    await expect(asked).rejects.toMatchObject({ kind: 'rate-limited', retryAfterMs: 30_000 });
  });

  test('where no new refresh token comes, the old one is kept', async () => {
    const answer = { access_token: 'a', expires_in: 3_599 };
    expect(await provider(200, answer).refresh(input)).toMatchObject({ refreshToken: 'r' });
  });
});
