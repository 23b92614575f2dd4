import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { OAuthGrant } from '../../channels/channel-provider.ts';
import { Failure } from '../../domain/failure.ts';
import { createAccount, findAccount, reauthorizeAccount } from '../../store/accounts.ts';
import { connectionsOfAccount } from '../../store/connections.ts';
import type { OauthState } from '../../store/oauth-states.ts';
import { keepOauthState, stateRowId, takeOauthState } from '../../store/oauth-states.ts';
import { change } from '../../store/transactions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { describeError } from '../failures.ts';
import { notFound, Problem } from '../problem.ts';
import { providerOf } from '../providers.ts';
import type { Answer } from '../route.ts';
import { route } from '../route.ts';
import { Channel } from '../schemas/common.ts';
import { Authorization, NewAuthorization } from '../schemas/connection.ts';
import { sealed } from './accounts.ts';

const STATE_TTL_MS = 10 * 60_000;
const tag = 'Accounts';
const callbackPath = '/v1/oauth/callback';

/** Authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636); the state serves once (RFC 9700). */
export const oauthRoutes = [
  route({
    method: 'post',
    path: '/v1/oauth/{channel}/authorize',
    id: 'authorizeAccount',
    tag,
    summary: 'Begin an authorization at a channel',
    about:
      'Send the owner of the calendars to `authorizationUrl` within ten minutes. The account exists when the browser comes back. With `accountId` an account is authorized again, by the same owner only.',
    scopes: ['connections:write'],
    params: z.strictObject({ channel: Channel }),
    body: NewAuthorization,
    bodyExample: {},
    answer: { status: 200, about: 'Where to send the owner.', schema: Authorization },
    problems: ['not-found', 'channel-unsuitable'],
    async handle({ caller, params, body }, deps) {
      const provider = providerOf(deps, params.channel);
      if (!provider.supports.oauth)
        throw new Problem('channel-unsuitable', {
          detail: 'This channel has no consent page: add the account with POST /v1/accounts.',
        });
      const { tenantId } = caller;
      const accountId = body.accountId ?? null;
      if (accountId !== null) {
        const account = await findAccount(deps.database, { tenantId, accountId });
        if (account?.channel !== params.channel) throw notFound('account of this channel');
      }
      const state = randomBytes(32).toString('base64url');
      const verifier = randomBytes(32).toString('base64url');
      const expiresAt = new Date(deps.now() + STATE_TTL_MS);
      const codeVerifier = new Uint8Array(
        deps.vault.seal([tenantId, 'oauth_state', stateRowId(state)], verifier),
      );
      const row = { tenantId, channel: params.channel, codeVerifier, accountId, expiresAt };
      await keepOauthState(deps.database, state, row);
      const codeChallenge = createHash('sha256').update(verifier).digest('base64url');
      const redirectUri = redirectUriOf(deps);
      const authorizationUrl = provider.authorizationUrl({ state, codeChallenge, redirectUri });
      return { body: { authorizationUrl, expiresAt: expiresAt.toISOString() } };
    },
  }),
  route({
    method: 'get',
    path: callbackPath,
    id: 'finishAuthorization',
    tag,
    summary: 'Where a consent page sends the browser back to',
    scopes: null,
    query: z.looseObject({
      state: z.string().max(512).optional(),
      code: z.string().max(4_096).optional(),
    }),
    answer: { status: 200, about: 'A page for the owner.', schema: null, type: 'text/html' },
    alsoAnswers: { 400: 'A page that says what went wrong and what to do.' },
    problems: [],
    async handle({ query }, deps) {
      if (query.state === undefined) return page('The address is not complete. Start again.');
      const state = await takeOauthState(deps.database, query.state);
      if (!state) return page('This authorization was used before or took too long. Start again.');
      if (query.code === undefined) return page('Access was not granted. Nothing was changed.');
      const rowId = stateRowId(query.state);
      const codeVerifier = deps.vault.open(
        [state.tenantId, 'oauth_state', rowId],
        state.codeVerifier,
      );
      const grant = await exchange(deps, state, { code: query.code, codeVerifier });
      if (!grant) return page('The channel did not confirm the authorization. Start again.');
      const kept = await keep(deps, state, grant);
      if (kept === 'other-subject')
        return page('That is another account than before. Choose the one you connected first.');
      if (kept === 'missing') return page('The account no longer exists. Start again.');
      await wakeConnections(deps, state);
      return page(null);
    },
  }),
];

const redirectUriOf = (deps: ApiDependencies): string => `${deps.config.publicUrl}${callbackPath}`;

async function exchange(
  deps: ApiDependencies,
  state: OauthState,
  proof: { code: string; codeVerifier: string },
): Promise<OAuthGrant | null> {
  const provider = providerOf(deps, state.channel);
  try {
    const redirectUri = redirectUriOf(deps);
    return await provider.exchange({ ...proof, redirectUri, nowAt: deps.now() });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { kind, code } = error;
    deps.log('warn', 'authorization was not confirmed', { channel: state.channel, kind, code });
    return null;
  }
}

async function keep(
  deps: ApiDependencies,
  state: OauthState,
  grant: OAuthGrant,
): Promise<'created' | 'reauthorized' | 'missing' | 'other-subject'> {
  const { tenantId, channel } = state;
  const id = state.accountId ?? randomUUID();
  const credential = sealed(deps, [tenantId, 'account', id], grant.credential);
  const account = { tenantId, id, channel, subject: grant.subject, credential };
  return change(deps.database, async (tx) => {
    if (state.accountId !== null) return (await reauthorizeAccount(tx, account)).kind;
    await createAccount(tx, account);
    return 'created';
  });
}

/** A connection that is not told now finds the new credential at its next poll. */
async function wakeConnections(deps: ApiDependencies, state: OauthState): Promise<void> {
  const { tenantId, accountId } = state;
  if (accountId === null) return;
  const ids = await connectionsOfAccount(deps.database, { tenantId, accountId });
  const told = ids.map((connectionId) => deps.commands.reauthorized({ tenantId, connectionId }));
  for (const outcome of await Promise.allSettled(told))
    if (outcome.status === 'rejected')
      deps.log('warn', 'a connection was not told', describeError(outcome.reason));
}

/** `problem` null is success. Holds no value from the request. */
function page(problem: string | null): Answer {
  const title = problem === null ? 'Connected' : 'Not connected';
  const text = problem ?? 'The calendar account is connected. You can close this page.';
  return {
    status: problem === null ? 200 : 400,
    headers: {
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'referrer-policy': 'no-referrer',
    },
    text: {
      type: 'text/html; charset=utf-8',
      content: `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>body{font:1.1rem/1.5 system-ui;margin:20vh auto;max-width:30rem;padding:0 1rem}</style>
<h1>${title}</h1><p>${text}</p></html>`,
    },
  };
}
