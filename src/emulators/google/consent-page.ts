import express from 'express';
import type { RequestHandler, Router } from 'express';
import type { Accounts } from '../accounts.ts';
import { accountChooser, loginPage } from '../consent.ts';
import type { GoogleSwitches } from './switches.ts';

type Query = Record<string, string | undefined>;

/**
 * `/o/oauth2/v2/auth` of accounts.google.com. With `login_hint` of a known account consent is given at
 * once; otherwise a page lets a person choose the account.
 * Source: "Using OAuth 2.0 for Web Server Applications", step 2.
 */
export function createConsentPage(
  accounts: Accounts,
  switches: GoogleSwitches,
  exchange: RequestHandler[],
): Router {
  const router = express.Router();
  router.get('/o/oauth2/v2/auth', ...exchange, (req, res) => {
    const query = req.query as Query;
    const wrong = complaint(query);
    if (wrong !== undefined)
      return void res.status(400).type('html').send(loginPage('Error 400', wrong));
    const email = query['login_hint'];
    if (email === undefined || !accounts.people.has(email)) {
      return void res.type('html').send(
        accountChooser({
          title: 'Choose an account',
          emails: accounts.people.keys(),
          query,
          none: 'No account exists yet: PUT /control/google/accounts/{email} makes one.',
        }),
      );
    }
    return res.redirect(302, answerTo(query, email, { accounts, switches }));
  });
  return router;
}

function complaint(query: Query): string | undefined {
  for (const name of ['client_id', 'redirect_uri', 'response_type', 'scope']) {
    if (!query[name])
      return `Access blocked: authorization error. Missing required parameter: ${name}`;
  }
  if (query['response_type'] !== 'code') return 'Access blocked: unsupported response_type.';
  if (!URL.canParse(query['redirect_uri']!)) return 'Access blocked: redirect_uri_mismatch.';
  const method = query['code_challenge_method'] ?? 'plain';
  if (!['S256', 'plain'].includes(method)) return 'Access blocked: invalid code_challenge_method.';
  return undefined;
}

function answerTo(
  query: Query,
  email: string,
  { accounts, switches }: { accounts: Accounts; switches: GoogleSwitches },
): string {
  const target = new URL(query['redirect_uri']!);
  const answer = target.searchParams;
  if (query['state'] !== undefined) answer.set('state', query['state']);
  if (switches.consent === 'deny') {
    answer.set('error', 'access_denied');
    return target.href;
  }
  const asked = query['scope']!.split(' ').filter(Boolean);
  const scopes = switches.consent === 'partial' ? asked.slice(0, -1) : asked;
  const clientId = query['client_id']!;
  const first = ![...accounts.grants.values()].some(
    (grant) => grant.email === email && grant.clientId === clientId,
  );
  const challenge = query['code_challenge'];
  const code = accounts.newCode({
    email,
    scopes,
    clientId,
    redirectUri: query['redirect_uri']!,
    // Later consents give no refresh token again unless the client prompts for it.
    offline: query['access_type'] === 'offline' && (first || query['prompt'] === 'consent'),
    ...(challenge === undefined
      ? {}
      : { challenge, challengeMethod: query['code_challenge_method'] ?? 'plain' }),
  });
  answer.set('code', code);
  answer.set('scope', scopes.join(' '));
  return target.href;
}
