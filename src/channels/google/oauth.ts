import type { ChannelProvider, OAuthGrant } from '../channel-provider.ts';
import { boundedFetch } from '../../outbound/bounded-fetch.ts';
import { Failure, retryAfterMs } from '../../domain/failure.ts';
import type { FailureKind } from '../../domain/failure.ts';
import { nowOf } from './client.ts';
import type { GoogleSettings } from './client.ts';
import { machineCode } from './failures.ts';

/**
 * The least that does the work (Calendar API guide "Choose scopes"): events of any calendar the
 * person may open, read, written and watched, and the list to choose one from. `calendar.readonly`
 * cannot write; `calendar` could also share and delete whole calendars. `openid` tells accounts
 * apart without asking for a name or an address.
 */
export const SCOPES = [
  'openid',
  'https://www.googleapis.com/auth/calendar.events',
  'https://www.googleapis.com/auth/calendar.calendarlist.readonly',
] as const;

/** What each lets us do, for a person who withheld it. */
const NEEDED: Readonly<Record<string, string>> = {
  'https://www.googleapis.com/auth/calendar.events': 'to see and change events of your calendars',
  'https://www.googleapis.com/auth/calendar.calendarlist.readonly':
    'to see the list of your calendars',
};

/** The account is locked while its token is asked for. */
const MAX_TOKEN_MS = 10_000;

type Input<K extends 'authorizationUrl' | 'exchange' | 'refresh'> = Parameters<
  ChannelProvider[K]
>[0];

/** RFC 6749 §4.1.1 with PKCE (RFC 7636); `prompt=consent` or Google gives no refresh token again. */
export function authorizationUrl(
  settings: GoogleSettings,
  input: Input<'authorizationUrl'>,
): string {
  const url = new URL(settings.authUrl);
  const parameters = {
    client_id: settings.clientId,
    redirect_uri: input.redirectUri,
    response_type: 'code',
    scope: SCOPES.join(' '),
    state: input.state,
    code_challenge: input.codeChallenge,
    code_challenge_method: 'S256',
    access_type: 'offline',
    prompt: 'consent',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Throws `unauthorized` also when the person granted less than is needed, or no lasting access. */
export async function exchange(
  settings: GoogleSettings,
  input: Input<'exchange'>,
): Promise<OAuthGrant> {
  const answer = await askToken(settings, {
    grant_type: 'authorization_code',
    code: input.code,
    code_verifier: input.codeVerifier,
    redirect_uri: input.redirectUri,
  });
  const credential = credentialFrom(answer, { kept: null, nowAt: input.nowAt });
  const missing = Object.keys(NEEDED)
    .filter((scope) => !credential.scopes.includes(scope))
    .map((scope) => NEEDED[scope]!);
  if (missing.length > 0)
    throw new Failure({ kind: 'unauthorized', code: 'scopes-not-granted', missing });
  return { credential, subject: subjectOf(answer['id_token']) };
}

/** RFC 6749 §6. Throws `unauthorized` `invalid_grant` when the consent is over. */
export async function refresh(
  settings: GoogleSettings,
  input: Input<'refresh'>,
): Promise<OAuthGrant['credential']> {
  const answer = await askToken(settings, {
    grant_type: 'refresh_token',
    refresh_token: input.refreshToken,
  });
  return credentialFrom(answer, { kept: input.refreshToken, nowAt: input.nowAt });
}

function credentialFrom(
  answer: Record<string, unknown>,
  { kept, nowAt }: { kept: string | null; nowAt: number },
): OAuthGrant['credential'] {
  const { access_token: accessToken, refresh_token: given, expires_in: seconds, scope } = answer;
  if (typeof accessToken !== 'string' || typeof seconds !== 'number')
    throw new Failure({ kind: 'unavailable', code: 'unreadable-answer' });
  const refreshToken = typeof given === 'string' ? given : kept;
  if (refreshToken === null) throw new Failure({ kind: 'unauthorized', code: 'no-refresh-token' });
  return {
    kind: 'oauth',
    refreshToken,
    accessToken,
    expiresAt: new Date(nowAt + seconds * 1000).toISOString(),
    scopes: typeof scope === 'string' ? scope.split(' ') : [...SCOPES],
  };
}

async function askToken(
  settings: GoogleSettings,
  form: Record<string, string>,
): Promise<Record<string, unknown>> {
  const { clientId, clientSecret } = settings;
  const body = new URLSearchParams({ ...form, client_id: clientId, client_secret: clientSecret });
  const { status, headers, answer } = await post(settings, body);
  if (status === 200 && answer !== null) return answer;
  const waitMs = retryAfterMs(headers.get('retry-after'), nowOf(settings), Date.parse);
  const code = machineCode(answer?.['error']);
  throw new Failure({
    kind: kindOf(status, code),
    code: code ?? (status === 200 ? 'unreadable-answer' : `http-${status}`),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

/** RFC 6749 §5.2. A refused client is our own settings' fault; the person's consent is untouched. */
function kindOf(status: number, code: string | null): FailureKind {
  if (status === 429) return 'rate-limited';
  if (status === 200 || status === 408 || status >= 500) return 'unavailable';
  return code === 'invalid_grant' ? 'unauthorized' : 'invalid';
}

const MOST_TOKEN_BYTES = 256 * 1_024;

async function post(
  settings: GoogleSettings,
  body: URLSearchParams,
): Promise<{ status: number; headers: Headers; answer: Record<string, unknown> | null }> {
  try {
    const response = await boundedFetch(settings.fetch, MOST_TOKEN_BYTES)(settings.tokenUrl, {
      method: 'POST',
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(Math.min(settings.timeoutMs ?? MAX_TOKEN_MS, MAX_TOKEN_MS)),
    });
    const answer = objectFrom(await response.text());
    return { status: response.status, headers: response.headers, answer };
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    throw new Failure({ kind: 'unavailable', code: late ? 'timeout' : 'network' });
  }
}

function objectFrom(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/**
 * The account's id from the ID token (OpenID Connect Core §3.1.3.7: the signature need not be
 * checked on a token that came straight from the token endpoint).
 */
function subjectOf(idToken: unknown): string | null {
  if (typeof idToken !== 'string') return null;
  const payload = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString('utf8');
  const subject = objectFrom(payload)?.['sub'];
  return typeof subject === 'string' ? subject : null;
}
