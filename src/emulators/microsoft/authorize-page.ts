import express from 'express';
import type { RequestHandler, Router } from 'express';
import type { Accounts } from '../accounts.ts';
import { accountChooser, loginPage } from '../consent.ts';
import { shortScope } from './token-endpoint.ts';
import type { MicrosoftSwitches } from './switches.ts';

type Query = Record<string, string | undefined>;

interface Page {
  accounts: Accounts;
  switches: MicrosoftSwitches;
  exchange: RequestHandler[];
}

/**
 * `/{tenant}/oauth2/v2.0/authorize` of login.microsoftonline.com. With `login_hint` of a known account
 * consent is given at once; otherwise a page lets a person choose the account.
 * Source: "Microsoft identity platform and OAuth 2.0 authorization code flow".
 */
export function createAuthorizePage({ accounts, switches, exchange }: Page): Router {
  const router = express.Router();
  router.get('/microsoft/:tenant/oauth2/v2.0/authorize', ...exchange, (req, res) => {
    const query = req.query as Query;
    const wrong = complaint(query);
    if (wrong !== undefined) {
      return void res
        .status(400)
        .type('html')
        .send(loginPage('Sorry, but we are having trouble', wrong));
    }
    const email = query['login_hint'];
    if (email === undefined || !accounts.people.has(email)) {
      return void res.type('html').send(
        accountChooser({
          title: 'Pick an account',
          emails: accounts.people.keys(),
          query,
          none: 'No account exists yet: PUT /control/microsoft/accounts/{email} makes one.',
        }),
      );
    }
    return res.redirect(302, answerTo(query, email, { accounts, switches }));
  });
  return router;
}

function complaint(query: Query): string | undefined {
  for (const name of ['client_id', 'redirect_uri', 'response_type', 'scope']) {
    if (!query[name]) return `AADSTS900144: The request must contain the parameter '${name}'.`;
  }
  if (!URL.canParse(query['redirect_uri']!)) return 'AADSTS50011: The reply address is not valid.';
  if (query['response_type'] !== 'code') return 'AADSTS700054: response_type is not enabled.';
  const method = query['code_challenge_method'] ?? 'plain';
  if (!['S256', 'plain'].includes(method)) return 'AADSTS501491: Invalid code_challenge_method.';
  return undefined;
}

type Granting = { accounts: Accounts; switches: MicrosoftSwitches };

function answerTo(query: Query, email: string, { accounts, switches }: Granting): string {
  const target = new URL(query['redirect_uri']!);
  const answer = target.searchParams;
  if (query['state'] !== undefined) answer.set('state', query['state']);
  if (switches.consent === 'deny') {
    answer.set('error', 'access_denied');
    answer.set('error_description', 'AADSTS65004: User declined to consent to access the app.');
    return target.href;
  }
  const asked = query['scope']!.split(' ').filter(Boolean).map(shortScope);
  const scopes = switches.consent === 'partial' ? asked.slice(0, -1) : asked;
  const challenge = query['code_challenge'];
  const code = accounts.newCode({
    email,
    scopes,
    clientId: query['client_id']!,
    redirectUri: query['redirect_uri']!,
    offline: scopes.includes('offline_access'),
    ...(challenge === undefined
      ? {}
      : { challenge, challengeMethod: query['code_challenge_method'] ?? 'plain' }),
  });
  answer.set('code', code);
  return target.href;
}
