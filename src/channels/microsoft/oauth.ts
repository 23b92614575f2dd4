import type { ChannelProvider, OAuthGrant } from '../channel-provider.ts';
import { boundedFetch } from '../../outbound/bounded-fetch.ts';
import { Failure, retryAfterMs } from '../../domain/failure.ts';
import type { FailureKind } from '../../domain/failure.ts';
import { nowOf, objectFrom } from './client.ts';
import type { MicrosoftSettings } from './client.ts';
import { machineCode } from './failures.ts';

/**
 * The least that does the work: the person's own calendars, read, written and watched, and a token
 * that lasts. `openid` tells accounts apart without asking for a name or an address.
 */
const BASE_SCOPES = ['openid', 'offline_access', 'Calendars.ReadWrite'] as const;
const SHARED_SCOPE = 'Calendars.ReadWrite.Shared';
/** What each lets us do, for a person who withheld it. */
const NEEDED: Readonly<Record<string, string>> = {
  'Calendars.ReadWrite': 'to see and change events of your calendars',
  [SHARED_SCOPE]: 'to see and change calendars that others share with you',
};

export const scopesOf = ({ sharedCalendars }: MicrosoftSettings): string[] => [
  ...BASE_SCOPES,
  ...(sharedCalendars ? [SHARED_SCOPE] : []),
];

/** The account is locked while its token is asked for. */
const MAX_TOKEN_MS = 10_000;

type Input<K extends 'authorizationUrl' | 'exchange' | 'refresh'> = Parameters<
  ChannelProvider[K]
>[0];

/**
 * Microsoft identity platform "authorization code flow" with PKCE (RFC 7636). The account is chosen
 * anew each time, or a browser that is signed in answers with whoever was there last.
 */
export function authorizationUrl(
  settings: MicrosoftSettings,
  input: Input<'authorizationUrl'>,
): string {
  const url = new URL(settings.authUrl);
  const parameters = {
    client_id: settings.clientId,
    redirect_uri: input.redirectUri,
    response_type: 'code',
    response_mode: 'query',
    scope: scopesOf(settings).join(' '),
    state: input.state,
    code_challenge: input.codeChallenge,
    code_challenge_method: 'S256',
    prompt: 'select_account',
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Throws `unauthorized` also when the person granted less than is needed, or no lasting access. */
export async function exchange(
  settings: MicrosoftSettings,
  input: Input<'exchange'>,
): Promise<OAuthGrant> {
  const answer = await askToken(settings, {
    grant_type: 'authorization_code',
    code: input.code,
    code_verifier: input.codeVerifier,
    redirect_uri: input.redirectUri,
  });
  const credential = credentialFrom(answer, { kept: null, nowAt: input.nowAt, settings });
  const granted = credential.scopes.map(nameOfScope);
  const missing = scopesOf(settings)
    .filter((scope) => !granted.includes(nameOfScope(scope)))
    .flatMap((scope) => NEEDED[scope] ?? []);
  if (missing.length > 0)
    throw new Failure({ kind: 'unauthorized', code: 'scopes-not-granted', missing });
  return { credential, subject: subjectOf(answer['id_token']) };
}

/** Scopes come back bare or under the resource's address, and in any case. */
const nameOfScope = (scope: string): string => scope.split('/').at(-1)!.toLowerCase();

/**
 * The refresh token rotates: the answer's own is the one to keep (identity platform "refresh
 * tokens"). Throws `unauthorized` when the consent is over or the person must sign in again.
 */
export async function refresh(
  settings: MicrosoftSettings,
  input: Input<'refresh'>,
): Promise<OAuthGrant['credential']> {
  const answer = await askToken(settings, {
    grant_type: 'refresh_token',
    refresh_token: input.refreshToken,
  });
  return credentialFrom(answer, { kept: input.refreshToken, nowAt: input.nowAt, settings });
}

function credentialFrom(
  answer: Record<string, unknown>,
  { kept, nowAt, settings }: { kept: string | null; nowAt: number; settings: MicrosoftSettings },
): OAuthGrant['credential'] {
  const { access_token: accessToken, refresh_token: given, expires_in: life, scope } = answer;
  const seconds = Number(life);
  if (typeof accessToken !== 'string' || !(seconds > 0))
    throw new Failure({ kind: 'unavailable', code: 'unreadable-answer' });
  const refreshToken = typeof given === 'string' ? given : kept;
  if (refreshToken === null) throw new Failure({ kind: 'unauthorized', code: 'no-refresh-token' });
  return {
    kind: 'oauth',
    refreshToken,
    accessToken,
    expiresAt: new Date(nowAt + seconds * 1000).toISOString(),
    scopes: typeof scope === 'string' ? scope.split(' ') : scopesOf(settings),
  };
}

async function askToken(
  settings: MicrosoftSettings,
  form: Record<string, string>,
): Promise<Record<string, unknown>> {
  const { status, headers, answer } = await post(
    settings,
    new URLSearchParams({
      ...form,
      scope: scopesOf(settings).join(' '),
      client_id: settings.clientId,
      ...(settings.clientSecret === '' ? {} : { client_secret: settings.clientSecret }),
    }),
  );
  if (status === 200 && answer !== null) return answer;
  const waitMs = retryAfterMs(headers.get('retry-after'), nowOf(settings), Date.parse);
  const code = machineCode(answer?.['error']);
  throw new Failure({
    kind: kindOf(status, code),
    code: code ?? (status === 200 ? 'unreadable-answer' : `http-${status}`),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

/** Answers that only the person can put right, by consenting or signing in again. */
const NEEDS_PERSON = [
  'invalid_grant',
  'interaction_required',
  'consent_required',
  'login_required',
];

/** RFC 6749 §5.2. A refused client is our own settings' fault; the person's consent is untouched. */
function kindOf(status: number, code: string | null): FailureKind {
  if (status === 429) return 'rate-limited';
  if (status === 200 || status === 408 || status >= 500) return 'unavailable';
  if (code === 'temporarily_unavailable') return 'unavailable';
  return code !== null && NEEDS_PERSON.includes(code) ? 'unauthorized' : 'invalid';
}

const MOST_TOKEN_BYTES = 256 * 1_024;

async function post(
  settings: MicrosoftSettings,
  body: URLSearchParams,
): Promise<{ status: number; headers: Headers; answer: Record<string, unknown> | null }> {
  const limit = AbortSignal.timeout(Math.min(settings.timeoutMs ?? MAX_TOKEN_MS, MAX_TOKEN_MS));
  try {
    const response = await boundedFetch(settings.fetch, MOST_TOKEN_BYTES)(settings.tokenUrl, {
      method: 'POST',
      body,
      redirect: 'error',
      signal: limit,
    });
    const answer = objectFrom(await response.text());
    return { status: response.status, headers: response.headers, answer };
  } catch {
    throw new Failure({ kind: 'unavailable', code: limit.aborted ? 'timeout' : 'network' });
  }
}

/**
 * The account's id from the ID token (OpenID Connect Core §3.1.3.7: the signature need not be
 * checked on a token that came straight from the token endpoint). `sub` is stable per application.
 */
function subjectOf(idToken: unknown): string | null {
  if (typeof idToken !== 'string') return null;
  const payload = Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString('utf8');
  const subject = objectFrom(payload)?.['sub'];
  return typeof subject === 'string' ? subject : null;
}
