import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Credential } from '../../channels/channel-provider.ts';
import type { AccountView } from '../../store/accounts.ts';
import { createAccount, findAccount, listAccounts } from '../../store/accounts.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { providerOf } from '../providers.ts';
import { route } from '../route.ts';
import { Id, pageQuery } from '../schemas/common.ts';
import { Account, AccountPage, ListedCalendars, NewAccount } from '../schemas/connection.ts';

const tag = 'Accounts';
const params = z.strictObject({ accountId: Id });

export const accountRoutes = [
  route({
    method: 'post',
    path: '/v1/accounts',
    id: 'createAccount',
    tag,
    summary: 'Add an account at a channel',
    about:
      'For channels with an address or password. Channels with a consent page begin at POST /v1/oauth/{channel}/authorize. The credential is sealed and never shown again.',
    scopes: ['connections:write'],
    idempotent: true,
    body: NewAccount,
    bodyExample: { channel: 'ical', url: 'https://calendars.example.com/villa.ics' },
    answer: { status: 201, about: 'Added.', schema: Account },
    problems: ['address-refused', 'channel-unsuitable'],
    async handle(input, deps) {
      const { tenantId } = input.caller;
      const { channel, url } = input.body;
      return createOnce(input, deps, {
        prepare: async () => {
          providerOf(deps, channel);
          await requireAddress(url, deps);
          return randomUUID();
        },
        create: async (tx, id) => {
          const credential = sealed(deps, [tenantId, 'account', id], { kind: 'url', url });
          const account = { tenantId, id, channel, subject: null, credential };
          return { status: 201, body: show(await createAccount(tx, account)) };
        },
      });
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts',
    id: 'listAccounts',
    tag,
    summary: 'List accounts',
    scopes: ['connections:write'],
    query: z.strictObject(pageQuery),
    answer: { status: 200, about: 'By id, without credentials.', schema: AccountPage },
    problems: [],
    async handle({ caller, query }, { database }) {
      const { after, limit } = query;
      const rows = await listAccounts(database, { tenantId: caller.tenantId, after, limit });
      return { body: pageOf(rows, { limit, keyOf: (row) => row.id, show }) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/{accountId}',
    id: 'getAccount',
    tag,
    summary: 'Read an account',
    scopes: ['connections:write'],
    params,
    answer: { status: 200, about: 'Without its credential.', schema: Account },
    problems: ['not-found'],
    async handle({ caller, params }, { database }) {
      const account = await findAccount(database, { tenantId: caller.tenantId, ...params });
      if (!account) throw notFound('account');
      return { body: show(account) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/accounts/{accountId}/calendars',
    id: 'listCalendars',
    tag,
    summary: 'List the calendars of an account',
    about: 'Asks the channel. Each calendar says whether it pushes changes and can be written.',
    scopes: ['connections:write'],
    params,
    answer: { status: 200, about: 'All of them.', schema: ListedCalendars },
    problems: ['not-found', 'account-unusable', 'channel-refused', 'unavailable'],
    async handle({ caller, params }, deps) {
      const ref = { tenantId: caller.tenantId, accountId: params.accountId };
      const account = await findAccount(deps.database, ref);
      if (!account) throw notFound('account');
      const provider = providerOf(deps, account.channel);
      const items = await provider.listCalendars({ access: await deps.openAccess(ref) });
      return { body: { items } };
    },
  }),
];

async function requireAddress(url: string, { checkAddress }: ApiDependencies): Promise<void> {
  const problem = await checkAddress(url);
  if (!problem) return;
  throw new Problem('address-refused', { detail: problem.reason, more: { code: problem.code } });
}

/** A credential as its row keeps it. */
export const sealed = (
  { vault }: ApiDependencies,
  place: readonly [string, 'account', string],
  credential: Credential,
): Uint8Array<ArrayBuffer> => new Uint8Array(vault.seal(place, JSON.stringify(credential)));

const show = (account: AccountView) => ({
  ...account,
  createdAt: account.createdAt.toISOString(),
});
