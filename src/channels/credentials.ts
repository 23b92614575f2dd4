import { Failure, isRetryable } from '../domain/failure.ts';
import type { Access, Channel, ChannelProvider, Credential } from './channel-provider.ts';

/**
 * Opens an account for one call. OAuth tokens are refreshed ahead of expiry, by one process at a
 * time: whoever comes second finds the new token instead of spending the refresh token again.
 */
export interface CredentialStore {
  /** `Failure` `not-found` when there is no such account. */
  load(): Promise<{
    channel: Channel;
    state: 'active' | 'needs-reauthorization';
    credential: Credential;
  }>;
  /** Runs alone among all processes; what it answers is stored before anybody else looks. */
  refreshAlone(refresh: (current: Credential) => Promise<Credential | null>): Promise<Credential>;
  markUnauthorized(): Promise<void>;
}

/** Renewed this long before it ends, so that no call starts with a token about to expire. */
const REFRESH_AHEAD_MS = 5 * 60_000;
/** With more than this left a token serves while it cannot be renewed. */
const STILL_GOOD_MS = 60_000;
/** The account is locked meanwhile. */
const CONFIRM_WITHIN_MS = 8_000;
/** A second question to the token endpoint must end while the account may be locked. */
const ANOTHER_WITHIN_MS = 3_000;

interface Opening {
  store: CredentialStore;
  provider: ChannelProvider;
  now: () => number;
  /** What the channel turned down although it had not expired: see `secretOf`. */
  refused?: string;
}

export async function openAccess(input: Opening): Promise<Access> {
  const { store, now, refused } = input;
  const { credential, state } = await store.load();
  if (state !== 'active')
    throw new Failure({ kind: 'unauthorized', code: 'needs-reauthorization' });
  if (livesFor(credential, REFRESH_AHEAD_MS, { nowAt: now(), refused }))
    return accessOf(credential);
  try {
    return accessOf(await store.refreshAlone((current) => renewed(input, current)));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.kind === 'unauthorized') await store.markUnauthorized();
    if (isRetryable(error.kind) && livesFor(credential, STILL_GOOD_MS, { nowAt: now(), refused }))
      return accessOf(credential);
    throw error;
  }
}

/** What replaces a credential; null leaves it as it is. */
async function renewed(
  { provider, now, refused }: Opening,
  current: Credential,
): Promise<Credential | null> {
  if (livesFor(current, REFRESH_AHEAD_MS, { nowAt: now(), refused })) return null;
  if (current.kind === 'oauth') return refreshed({ provider, now }, current);
  await confirm(provider, current);
  return null;
}

type OAuthCredential = Extract<Credential, { kind: 'oauth' }>;

/**
 * Channels that rotate refresh tokens may be answered by a process that dies before it has stored the
 * new one, or store one that never works. So the one before is kept until its successor has worked,
 * and is tried again when that is refused.
 */
async function refreshed(
  { provider, now }: Pick<Opening, 'provider' | 'now'>,
  { refreshToken, previousRefreshToken }: OAuthCredential,
): Promise<OAuthCredential> {
  const askedAt = now();
  const spend = async (token: string): Promise<OAuthCredential> => {
    const next = await provider.refresh({ refreshToken: token, nowAt: now() });
    return next.refreshToken === token ? next : { ...next, previousRefreshToken: token };
  };
  try {
    return await spend(refreshToken);
  } catch (error) {
    const isRefused = error instanceof Failure && error.kind === 'unauthorized';
    if (!isRefused || previousRefreshToken === undefined) throw error;
    if (now() - askedAt > ANOTHER_WITHIN_MS)
      throw new Failure({ kind: 'unavailable', code: 'token-endpoint-slow' });
    return spend(previousRefreshToken);
  }
}

/**
 * A password is taken for refused when it is refused twice, the second time where nothing
 * but itself is asked for: one calendar's refusal is no reason to leave all of them.
 */
async function confirm(provider: ChannelProvider, credential: Credential): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const failure = new Failure({ kind: 'unavailable', code: 'timeout' });
    timer = setTimeout(() => reject(failure), CONFIRM_WITHIN_MS);
  });
  try {
    await Promise.race([provider.prove({ credential }), late]);
  } finally {
    clearTimeout(timer);
  }
}

function livesFor(
  credential: Credential,
  forMs: number,
  { nowAt, refused }: { nowAt: number; refused: string | undefined },
): boolean {
  // A feed's host may refuse for a while, and one address opens one calendar: nothing is at stake.
  if (credential.kind === 'url') return true;
  if (secretOf(accessOf(credential)) === refused) return false;
  return credential.kind === 'basic' || Date.parse(credential.expiresAt) - nowAt > forMs;
}

const accessOf = (credential: Credential): Access =>
  credential.kind === 'oauth'
    ? { kind: 'bearer', accessToken: credential.accessToken }
    : credential;

/** What of an access a channel can turn down. */
export function secretOf(access: Access): string {
  if (access.kind === 'bearer') return access.accessToken;
  return access.kind === 'basic' ? access.password : access.url;
}
