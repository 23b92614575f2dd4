import express from 'express';
import type { RequestHandler, Response, Router } from 'express';
import { verifierMatches } from '../accounts.ts';
import type { Accounts, Grant } from '../accounts.ts';
import { rawBody } from '../exchange.ts';
import { tenantId, userIdOf } from './accounts.ts';
import type { MicrosoftSwitches } from './switches.ts';

interface Endpoint {
  accounts: Accounts;
  switches: MicrosoftSwitches;
  exchange: RequestHandler[];
}

/**
 * `/{tenant}/oauth2/v2.0/token` of login.microsoftonline.com. Any client id is taken, with or without
 * a secret, but a grant belongs to the client it was made for.
 * Source: "Microsoft identity platform and OAuth 2.0 authorization code flow".
 */
export function createTokenEndpoint({ accounts, switches, exchange }: Endpoint): Router {
  const router = express.Router();
  router.post('/microsoft/:tenant/oauth2/v2.0/token', ...exchange, (req, res) => {
    const form = Object.fromEntries(new URLSearchParams(rawBody(req).toString('utf8'))) as Form;
    res.set('Cache-Control', 'no-store, no-cache').set('Pragma', 'no-cache');
    if (!form['client_id']) {
      return refuse(res, 900144, "The request body must contain the parameter 'client_id'.");
    }
    switch (form['grant_type']) {
      case 'authorization_code':
        return exchangeCode(res, accounts, form);
      case 'refresh_token':
        return refresh(res, { accounts, switches }, form);
      default:
        return refuse(res, 70003, 'The app requested an unsupported grant type.');
    }
  });
  return router;
}

type Form = Record<string, string | undefined>;

/** AADSTS numbers and the `error` that each goes with. Source: "Microsoft Entra authentication error codes". */
const errors: Record<number, string> = {
  900144: 'invalid_request',
  70003: 'unsupported_grant_type',
};

function refuse(res: Response, number: number, text: string): void {
  res.status(400).json(tokenError(errors[number] ?? 'invalid_grant', number, text));
}

export function tokenError(error: string, number: number, text: string): Record<string, unknown> {
  return {
    error,
    error_description: `AADSTS${number}: ${text}`,
    error_codes: [number],
    timestamp: new Date().toISOString().replace('T', ' ').replace(/\.\d+/, ''),
  };
}

function exchangeCode(res: Response, accounts: Accounts, form: Form): void {
  const { code: text = '', client_id: clientId, redirect_uri: redirectUri } = form;
  const code = accounts.codes.get(text);
  accounts.codes.delete(text);
  if (code === undefined) return refuse(res, 9002313, 'Invalid request. The code is malformed.');
  if (code.expiresAtMs <= Date.now()) {
    return refuse(res, 70008, 'The provided authorization code has expired.');
  }
  if (code.redirectUri !== redirectUri) {
    return refuse(res, 50011, 'The reply address does not match the one of the request.');
  }
  if (code.clientId !== clientId) {
    return refuse(res, 700005, 'The code was issued to another application.');
  }
  if (!verifierMatches(code, form['code_verifier'])) {
    return refuse(res, 501481, 'The Code_Verifier does not match the code_challenge.');
  }
  const { email, scopes } = code;
  const grant: Grant = { email, scopes, clientId: code.clientId! };
  answerToken(res, accounts, { grant, offline: code.offline });
}

type Refreshing = { accounts: Accounts; switches: MicrosoftSwitches };

/** Refresh tokens rotate: each answer has a new one. */
function refresh(res: Response, { accounts, switches }: Refreshing, form: Form): void {
  const { refresh_token: presented = '', client_id: clientId } = form;
  const grant = accounts.grants.get(presented);
  if (grant === undefined) {
    return refuse(res, 70008, 'The refresh token has expired or was revoked.');
  }
  if (grant.clientId !== undefined && grant.clientId !== clientId) {
    return refuse(res, 700005, 'The refresh token was issued to another application.');
  }
  const asked = form['scope']?.split(' ').filter(Boolean).map(shortScope);
  const beyond = asked?.find((scope) => !isStandard(scope) && !grant.scopes.includes(scope));
  if (beyond !== undefined) {
    return refuse(res, 65001, `The user has not consented to use the application: ${beyond}.`);
  }
  answerToken(res, accounts, { grant, offline: true });
  if (switches.oldRefreshToken === 'dies') accounts.grants.delete(presented);
}

const standard = ['openid', 'profile', 'email', 'offline_access'];
const isStandard = (scope: string) => standard.includes(scope);

/** `https://graph.microsoft.com/Calendars.Read` and `Calendars.Read` are the same scope. */
export function shortScope(scope: string): string {
  return scope.replace(/^https?:\/\/[^/]+\/+/, '');
}

interface TokenAnswer {
  grant: Grant;
  offline: boolean;
}

function answerToken(res: Response, accounts: Accounts, { grant, offline }: TokenAnswer): void {
  const refreshToken = offline ? accounts.newRefreshToken(grant) : undefined;
  const { token, ttlSeconds } = accounts.newAccessToken(grant, refreshToken);
  const shown = grant.scopes.filter((scope) => !isStandard(scope));
  res.json({
    token_type: 'Bearer',
    scope: shown.join(' '),
    expires_in: ttlSeconds,
    ext_expires_in: ttlSeconds,
    access_token: token,
    ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
    ...(grant.scopes.includes('openid') ? { id_token: idToken(grant) } : {}),
  });
}

/** An unsigned token: what it claims can be read, and nothing here would check a signature. */
function idToken({ email, clientId }: Grant): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = {
    ver: '2.0',
    aud: clientId,
    sub: userIdOf(`${email} ${clientId ?? ''}`),
    oid: userIdOf(email),
    tid: tenantId,
    preferred_username: email,
    email,
    iat: nowSeconds,
    exp: nowSeconds + 3600,
  };
  return `${part({ typ: 'JWT', alg: 'none' })}.${part(claims)}.`;
}
