import { Failure } from '../domain/failure.ts';
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

export async function openAccess(input: {
  store: CredentialStore;
  provider: ChannelProvider;
  now: () => number;
  /** Set after the channel refused a token that had not expired. */
  refused?: string;
}): Promise<Access> {
  const { store, provider, now, refused } = input;
  const { credential, state } = await store.load();
  if (state !== 'active')
    throw new Failure({ kind: 'unauthorized', code: 'needs-reauthorization' });
  if (isFresh(credential, now(), refused)) return accessOf(credential);
  try {
    const renewed = await store.refreshAlone(async (current) => {
      if (isFresh(current, now(), refused) || current.kind !== 'oauth') return null;
      return provider.refresh({ refreshToken: current.refreshToken, nowAt: now() });
    });
    return accessOf(renewed);
  } catch (error) {
    if (error instanceof Failure && error.kind === 'unauthorized') await store.markUnauthorized();
    throw error;
  }
}

function isFresh(credential: Credential, nowAt: number, refused: string | undefined): boolean {
  if (credential.kind !== 'oauth') return true;
  if (credential.accessToken === refused) return false;
  return Date.parse(credential.expiresAt) - nowAt > REFRESH_AHEAD_MS;
}

const accessOf = (credential: Credential): Access =>
  credential.kind === 'oauth'
    ? { kind: 'bearer', accessToken: credential.accessToken }
    : credential;
