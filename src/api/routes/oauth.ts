import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { OAuthGrant } from '../../channels/channel-provider.ts';
import { Failure, isRetryable } from '../../domain/failure.ts';
import {
  accountOfSubject,
  createAccount,
  findAccount,
  reauthorizeAccount,
} from '../../store/accounts.ts';
import type { OauthState } from '../../store/oauth-states.ts';
import { keepOauthState, stateRowId, takeOauthState } from '../../store/oauth-states.ts';
import { change } from '../../store/transactions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import type { OwnerPage } from '../owner-page.ts';
import { ownerPage } from '../owner-page.ts';
import { notFound, Problem } from '../problem.ts';
import { providerOf } from '../providers.ts';
import { route } from '../route.ts';
import { Channel } from '../schemas/common.ts';
import { Authorization, NewAuthorization } from '../schemas/account.ts';
import { wakeAccount } from '../wake-account.ts';
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
      if (query.state === undefined) return ownerPage('incomplete');
      const taken = await takeOauthState(deps.database, query.state);
      if (taken.kind !== 'taken') return ownerPage(taken.kind);
      const { state } = taken;
      if (query.code === undefined) return ownerPage('refused');
      const rowId = stateRowId(query.state);
      const codeVerifier = deps.vault.open(
        [state.tenantId, 'oauth_state', rowId],
        state.codeVerifier,
      );
      try {
        const grant = await exchange(deps, state, { code: query.code, codeVerifier });
        return ownerPage(await keep(deps, state, grant));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        const { kind, code } = error;
        deps.log('warn', 'authorization was not confirmed', { channel: state.channel, kind, code });
        return ownerPage(pageOf(error), error.missing);
      }
    },
  }),
];

const redirectUriOf = (deps: ApiDependencies): string => `${deps.config.publicUrl}${callbackPath}`;

function exchange(
  deps: ApiDependencies,
  state: OauthState,
  proof: { code: string; codeVerifier: string },
): Promise<OAuthGrant> {
  const { tenantId, channel } = state;
  const redirectUri = redirectUriOf(deps);
  const account = { tenantId, accountId: state.accountId ?? 'consent', channel, credential: null };
  return deps.callUnopened(account, () =>
    providerOf(deps, channel).exchange({ ...proof, redirectUri, nowAt: deps.now() }),
  );
}

function pageOf({ kind, code }: Failure): OwnerPage {
  if (isRetryable(kind)) return 'unavailable';
  return code === 'no-refresh-token' ? 'not-lasting' : 'unconfirmed';
}

/**
 * An owner who consents anew without being asked to gives a known account a new grant: two accounts
 * of one owner would spend each other's limits.
 */
async function keep(
  deps: ApiDependencies,
  state: OauthState,
  { credential, subject }: OAuthGrant,
): Promise<OwnerPage> {
  const { tenantId, channel } = state;
  const done = await change(deps.database, async (tx) => {
    const known =
      state.accountId ?? (subject && (await accountOfSubject(tx, { tenantId, channel, subject })));
    const id = known ?? randomUUID();
    const place = [tenantId, 'account', id] as const;
    const account = { tenantId, id, channel, subject, credential: sealed(deps, place, credential) };
    if (known) return { ...(await reauthorizeAccount(tx, account)), accountId: known };
    await createAccount(tx, account);
    return { kind: 'created' as const, accountId: id };
  });
  if (done.kind === 'missing') return 'missing';
  if (done.kind === 'other-subject') return 'other-account';
  if (done.kind === 'reauthorized')
    await wakeAccount(deps, { tenantId, accountId: done.accountId });
  return 'connected';
}
