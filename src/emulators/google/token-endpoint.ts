import { createHash } from 'node:crypto';
import express from 'express';
import type { Request, RequestHandler, Response, Router } from 'express';
import { rawBody } from '../exchange.ts';
import { verifierMatches } from '../accounts.ts';
import type { Accounts, Grant } from '../accounts.ts';
import type { GoogleSwitches } from './switches.ts';

/**
 * `/token` and `/revoke` of oauth2.googleapis.com. Any client id with any secret is taken, but a grant
 * belongs to the client it was made for. Source: "Using OAuth 2.0 for Web Server Applications".
 */
export function createTokenEndpoint(
  accounts: Accounts,
  switches: GoogleSwitches,
  exchange: RequestHandler[],
): Router {
  const router = express.Router();
  router.post('/token', ...exchange, (req, res) => {
    const form = readForm(req);
    res.set('Cache-Control', 'no-cache, no-store, max-age=0, must-revalidate');
    const grantType = form['grant_type'];
    if (!form['client_id'])
      return refuse(res, 'invalid_request', 'Could not determine client ID from request.');
    if (!form['client_secret']) return refuse(res, 'invalid_request', 'client_secret is missing.');
    if (grantType === 'authorization_code') return exchangeCode(res, accounts, form);
    if (grantType === 'refresh_token') return refresh({ res, accounts, switches }, form);
    const description = `Invalid grant_type: ${grantType ?? ''}`;
    return refuse(res, 'unsupported_grant_type', description);
  });
  router.post('/revoke', ...exchange, (req, res) => {
    const { token = '' } = { ...readForm(req), ...(req.query as Record<string, string>) };
    const access = accounts.accessTokens.get(token);
    const refreshToken = access === undefined ? token : access.refreshToken;
    if (access === undefined && !accounts.grants.has(token)) {
      return refuse(res, 'invalid_token', 'Token expired or revoked');
    }
    if (refreshToken !== undefined) accounts.endGrant(refreshToken);
    accounts.accessTokens.delete(token);
    return void res.json({});
  });
  return router;
}

type Form = Record<string, string | undefined>;

function readForm(req: Request): Form {
  const text = rawBody(req).toString('utf8');
  if (req.is('json') === false) return Object.fromEntries(new URLSearchParams(text));
  try {
    return JSON.parse(text) as Form;
  } catch {
    return {};
  }
}

function refuse(res: Response, error: string, description: string): void {
  res.status(400).json({ error, error_description: description });
}

function exchangeCode(res: Response, accounts: Accounts, form: Form): void {
  const { code: text = '', client_id: clientId, redirect_uri: redirectUri } = form;
  const code = accounts.codes.get(text);
  accounts.codes.delete(text);
  if (code === undefined || code.expiresAtMs <= Date.now()) {
    return refuse(res, 'invalid_grant', 'Malformed auth code.');
  }
  if (code.redirectUri !== redirectUri) return refuse(res, 'redirect_uri_mismatch', 'Bad Request');
  if (code.clientId !== clientId) return refuse(res, 'invalid_grant', 'Bad Request');
  if (!verifierMatches(code, form['code_verifier'])) {
    return refuse(res, 'invalid_grant', 'Invalid code verifier.');
  }
  const grant: Grant = { email: code.email, scopes: code.scopes, clientId: code.clientId! };
  const refreshToken = code.offline ? accounts.newRefreshToken(grant) : undefined;
  answerToken(res, accounts, { grant, source: refreshToken, shown: refreshToken });
}

interface Refreshing {
  res: Response;
  accounts: Accounts;
  switches: GoogleSwitches;
}

function refresh({ res, accounts, switches }: Refreshing, form: Form): void {
  const { refresh_token: presented = '', client_id: clientId } = form;
  const grant = accounts.grants.get(presented);
  if (grant === undefined) {
    return refuse(res, 'invalid_grant', 'Token has been expired or revoked.');
  }
  if (grant.clientId !== undefined && grant.clientId !== clientId) {
    return void res
      .status(401)
      .json({ error: 'unauthorized_client', error_description: 'Unauthorized' });
  }
  if (!switches.rotateRefreshTokens) {
    return answerToken(res, accounts, { grant, source: presented, shown: undefined });
  }
  const replacement = accounts.newRefreshToken(grant);
  accounts.grants.delete(presented);
  answerToken(res, accounts, { grant, source: replacement, shown: replacement });
}

interface TokenAnswer {
  grant: Grant;
  /** The refresh token that the access token lives and dies with. */
  source: string | undefined;
  /** The refresh token in the answer, where there is one. */
  shown: string | undefined;
}

function answerToken(
  res: Response,
  accounts: Accounts,
  { grant, source, shown }: TokenAnswer,
): void {
  const { token, ttlSeconds } = accounts.newAccessToken(grant, source);
  res.json({
    access_token: token,
    expires_in: ttlSeconds,
    ...(shown === undefined ? {} : { refresh_token: shown }),
    scope: grant.scopes.join(' '),
    token_type: 'Bearer',
    ...(grant.scopes.includes('openid') ? { id_token: idToken(grant) } : {}),
  });
}

/**
 * An unsigned ID token: what it claims can be read, and nothing here would check a signature. `sub` is
 * a number that stays the account's. Source: "OpenID Connect", "An ID token's payload".
 */
function idToken({ email, clientId }: Grant): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const digest = createHash('sha256').update(`google-sub:${email}`).digest();
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = {
    iss: 'https://accounts.google.com',
    aud: clientId,
    azp: clientId,
    sub: `1${(digest.readBigUInt64BE(0) % 10n ** 20n).toString().padStart(20, '0')}`,
    iat: nowSeconds,
    exp: nowSeconds + 3600,
  };
  return `${part({ typ: 'JWT', alg: 'none' })}.${part(claims)}.`;
}
