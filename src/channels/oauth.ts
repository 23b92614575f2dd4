import { boundedFetch } from '../outbound/bounded-fetch.ts';
import { Failure, retryAfterMs } from '../domain/failure.ts';
import type { FailureKind } from '../domain/failure.ts';
import type { ChannelProvider, OAuthGrant } from './channel-provider.ts';

/** Where an authorization server is, and who we are to it. */
export interface OAuthSettings {
  /** The consent page. */
  authUrl: string;
  tokenUrl: string;
  clientId: string;
  /** Left out of requests when empty: a public client has PKCE alone. */
  clientSecret: string;
  /** Limit of one request; 20 s when absent. One for a token takes 10 s at most. */
  timeoutMs?: number;
  fetch?: typeof fetch;
  now?: () => number;
}

/** What one provider's OAuth 2 asks for beyond the standard. */
export interface OAuthService {
  settings: OAuthSettings;
  scopes: readonly string[];
  /** What each scope lets us do, for a person who withheld it; one that is not named may be withheld. */
  needed: Readonly<Record<string, string>>;
  /** Further parameters of the consent page. */
  consent: Readonly<Record<string, string>>;
  /** Further fields of every token request. */
  tokenForm: Readonly<Record<string, string>>;
  /** Errors that only the person can put right, by consenting or signing in again. */
  needsPerson: readonly string[];
  /** Scopes come back under other spellings; what is equal by this is one scope. */
  nameOfScope: (scope: string) => string;
}

type Input<K extends 'authorizationUrl' | 'exchange' | 'refresh'> = Parameters<
  ChannelProvider[K]
>[0];

/** The authorization code grant (RFC 6749 §4.1) with PKCE (RFC 7636), as a channel provider has it. */
export const oauthOf = (
  service: OAuthService,
): Pick<ChannelProvider, 'authorizationUrl' | 'exchange' | 'refresh'> => ({
  authorizationUrl: (input) => authorizationUrl(service, input),
  exchange: (input) => exchange(service, input),
  refresh: (input) => refresh(service, input),
});

function authorizationUrl(service: OAuthService, input: Input<'authorizationUrl'>): string {
  const url = new URL(service.settings.authUrl);
  const parameters = {
    client_id: service.settings.clientId,
    redirect_uri: input.redirectUri,
    response_type: 'code',
    scope: service.scopes.join(' '),
    state: input.state,
    code_challenge: input.codeChallenge,
    code_challenge_method: 'S256',
    ...service.consent,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Throws `unauthorized` also when the person granted less than is needed, or no lasting access. */
async function exchange(service: OAuthService, input: Input<'exchange'>): Promise<OAuthGrant> {
  const answer = await askToken(service, {
    grant_type: 'authorization_code',
    code: input.code,
    code_verifier: input.codeVerifier,
    redirect_uri: input.redirectUri,
  });
  const credential = credentialFrom(service, answer, { kept: null, nowAt: input.nowAt });
  const granted = new Set(credential.scopes.map(service.nameOfScope));
  const missing = Object.entries(service.needed)
    .filter(([scope]) => !granted.has(service.nameOfScope(scope)))
    .map(([, use]) => use);
  if (missing.length > 0)
    throw new Failure({ kind: 'unauthorized', code: 'scopes-not-granted', missing });
  return { credential, subject: subjectOf(answer['id_token']) };
}

/**
 * RFC 6749 §6. A refresh token that the answer brings takes the place of the one that was sent.
 * Throws `unauthorized` when the consent is over or the person must sign in again.
 */
async function refresh(
  service: OAuthService,
  input: Input<'refresh'>,
): Promise<OAuthGrant['credential']> {
  const answer = await askToken(service, {
    grant_type: 'refresh_token',
    refresh_token: input.refreshToken,
  });
  return credentialFrom(service, answer, { kept: input.refreshToken, nowAt: input.nowAt });
}

function credentialFrom(
  service: OAuthService,
  answer: Record<string, unknown>,
  { kept, nowAt }: { kept: string | null; nowAt: number },
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
    scopes: typeof scope === 'string' ? scope.split(' ') : [...service.scopes],
  };
}

async function askToken(
  service: OAuthService,
  form: Record<string, string>,
): Promise<Record<string, unknown>> {
  const { clientId, clientSecret, now = Date.now } = service.settings;
  const { status, headers, answer } = await post(
    service.settings,
    new URLSearchParams({
      ...form,
      ...service.tokenForm,
      client_id: clientId,
      ...(clientSecret === '' ? {} : { client_secret: clientSecret }),
    }),
  );
  if (status === 200 && answer !== null) return answer;
  const waitMs = retryAfterMs(headers.get('retry-after'), now(), Date.parse);
  const code = errorCode(answer?.['error']);
  throw new Failure({
    kind: kindOf(service, status, code),
    code: code ?? (status === 200 ? 'unreadable-answer' : `http-${status}`),
    ...(waitMs === undefined ? {} : { retryAfterMs: waitMs }),
  });
}

/** RFC 6749 §5.2. A refused client is our own settings' fault; the person's consent is untouched. */
function kindOf(service: OAuthService, status: number, code: string | null): FailureKind {
  if (status === 429) return 'rate-limited';
  if (status === 200 || status === 408 || status >= 500) return 'unavailable';
  if (code === 'temporarily_unavailable') return 'unavailable';
  return code !== null && service.needsPerson.includes(code) ? 'unauthorized' : 'invalid';
}

/** Only what looks like a code: whatever else stands there could be text about a person. */
const errorCode = (value: unknown): string | null =>
  typeof value === 'string' && /^[A-Za-z][\w.-]{0,63}$/.test(value) ? value : null;

/** The account is locked while its token is asked for. */
const MAX_TOKEN_MS = 10_000;
const MOST_TOKEN_BYTES = 256 * 1_024;

async function post(
  settings: OAuthSettings,
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
