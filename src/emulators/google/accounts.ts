import { createHash } from 'node:crypto';
import type { Collection } from '../collection.ts';
import { alphanumeric } from '../host.ts';
import type { Host } from '../host.ts';

export const calendarScope = 'https://www.googleapis.com/auth/calendar';

/** A person with a Google account. */
export interface Account {
  email: string;
  /** What a refresh token made by the control API is good for. */
  scopes: string[];
  accessTokenTtlSeconds: number;
}

/** What a refresh token stands for. `clientId` is absent where the control API made the token. */
export interface Grant {
  email: string;
  scopes: string[];
  clientId?: string;
}

export interface AccessToken {
  email: string;
  scopes: string[];
  expiresAtMs: number;
  refreshToken?: string;
}

interface Code extends Grant {
  redirectUri: string;
  expiresAtMs: number;
  offline: boolean;
  challenge?: string;
  challengeMethod?: string;
}

export interface Accounts {
  people: Collection<Account>;
  grants: Collection<Grant>;
  accessTokens: Collection<AccessToken>;
  codes: Collection<Code>;
  newRefreshToken(grant: Grant): string;
  newAccessToken(grant: Grant, refreshToken?: string): { token: string; ttlSeconds: number };
  newCode(code: Omit<Code, 'expiresAtMs'>): string;
  /** Ends one refresh token and the access tokens made from it. */
  endGrant(refreshToken: string): void;
  /** Ends everything that was granted for an account; answers how many refresh tokens there were. */
  endAll(email: string): number;
}

const letters = `${alphanumeric}-_`;
const codeTtlMs = 10 * 60_000;

export function createAccounts(host: Host): Accounts {
  const people = host.collection<Account>('google-accounts');
  const grants = host.collection<Grant>('google-grants');
  const accessTokens = host.collection<AccessToken>('google-access-tokens');
  const codes = host.collection<Code>('google-codes');

  function endGrant(refreshToken: string): void {
    grants.delete(refreshToken);
    for (const [token, access] of accessTokens.entries()) {
      if (access.refreshToken === refreshToken) accessTokens.delete(token);
    }
  }
  function forgetExpired(): void {
    if (accessTokens.size < 1000) return;
    const nowMs = Date.now();
    for (const [token, { expiresAtMs }] of accessTokens.entries()) {
      if (expiresAtMs <= nowMs) accessTokens.delete(token);
    }
  }
  return {
    people,
    grants,
    accessTokens,
    codes,
    newRefreshToken(grant) {
      const token = `1//0${host.opaqueId('google-refresh-token', letters, 99)}`;
      grants.set(token, grant);
      return token;
    },
    newAccessToken({ email, scopes }, refreshToken) {
      forgetExpired();
      const token = `ya29.a0${host.opaqueId('google-access-token', letters, 160)}`;
      const ttlSeconds = people.get(email)?.accessTokenTtlSeconds ?? 3599;
      const expiresAtMs = Date.now() + ttlSeconds * 1000;
      const source = refreshToken === undefined ? {} : { refreshToken };
      accessTokens.set(token, { email, scopes, expiresAtMs, ...source });
      return { token, ttlSeconds };
    },
    newCode(code) {
      const text = `4/0A${host.opaqueId('google-code', letters, 69)}`;
      codes.set(text, { ...code, expiresAtMs: Date.now() + codeTtlMs });
      return text;
    },
    endGrant,
    endAll(email) {
      const theirs = [...grants.entries()].filter(([, grant]) => grant.email === email);
      for (const [refreshToken] of theirs) endGrant(refreshToken);
      for (const [token, access] of accessTokens.entries()) {
        if (access.email === email) accessTokens.delete(token);
      }
      return theirs.length;
    },
  };
}

/** Source: RFC 7636 §4.6. */
export function verifierMatches(code: Code, verifier: string | undefined): boolean {
  if (code.challenge === undefined) return true;
  if (verifier === undefined) return false;
  const hashed = createHash('sha256').update(verifier).digest('base64url');
  return code.challenge === (code.challengeMethod === 'S256' ? hashed : verifier);
}
