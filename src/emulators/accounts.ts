import { createHash } from 'node:crypto';
import type { Collection } from './collection.ts';
import { alphanumeric } from './host.ts';
import type { Host } from './host.ts';

/** A person with an account at an emulated host. */
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

/** How a host's tokens look: a prefix, then so many letters. */
interface TokenLooks {
  prefix: string;
  length: number;
}

interface AccountsOptions {
  /** The host's name: its collections and series begin with it. */
  name: string;
  refreshToken: TokenLooks;
  accessToken: TokenLooks;
  code: TokenLooks;
}

const letters = `${alphanumeric}-_`;
const codeTtlMs = 10 * 60_000;

/** The people of a host and what they granted, as OAuth 2.0 has it (RFC 6749). */
export function createAccounts(host: Host, options: AccountsOptions): Accounts {
  const { name } = options;
  const people = host.collection<Account>(`${name}-accounts`);
  const grants = host.collection<Grant>(`${name}-grants`);
  const accessTokens = host.collection<AccessToken>(`${name}-access-tokens`);
  const codes = host.collection<Code>(`${name}-codes`);
  const spell = (series: string, { prefix, length }: TokenLooks) =>
    `${prefix}${host.opaqueId(`${name}-${series}`, letters, length)}`;

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
      const token = spell('refresh-token', options.refreshToken);
      grants.set(token, grant);
      return token;
    },
    newAccessToken({ email, scopes }, refreshToken) {
      forgetExpired();
      const token = spell('access-token', options.accessToken);
      const ttlSeconds = people.get(email)?.accessTokenTtlSeconds ?? 3599;
      const expiresAtMs = Date.now() + ttlSeconds * 1000;
      const source = refreshToken === undefined ? {} : { refreshToken };
      accessTokens.set(token, { email, scopes, expiresAtMs, ...source });
      return { token, ttlSeconds };
    },
    newCode(code) {
      const text = spell('code', options.code);
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
