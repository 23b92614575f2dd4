import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Credential } from '../../channels/channel-provider.ts';
import type { AccountView } from '../../store/accounts.ts';
import {
  accountOfSubject,
  createAccount,
  findAccount,
  listAccounts,
  reauthorizeAccount,
} from '../../store/accounts.ts';
import { loadCredential } from '../../store/credentials.ts';
import { change } from '../../store/transactions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { proveAccount } from '../prove-account.ts';
import { providerOf } from '../providers.ts';
import { wakeAccount } from '../wake-account.ts';
import { route } from '../route.ts';
import { Id, pageQuery } from '../schemas/common.ts';
import {
  Account,
  AccountPage,
  AccountPatch,
  ListedCalendars,
  NewAccount,
} from '../schemas/account.ts';

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
      'For channels with an address or password, which is tried once. Channels with a consent page begin at POST /v1/oauth/{channel}/authorize. The credential is sealed and never shown again.',
    scopes: ['connections:write'],
    idempotent: true,
    body: NewAccount,
    bodyExample: { channel: 'ical', url: 'https://calendars.example.com/villa.ics' },
    answer: { status: 201, about: 'Added.', schema: Account },
    problems: [
      'address-refused',
      'already-exists',
      'credential-refused',
      'channel-refused',
      'channel-unsuitable',
      'channel-limited',
      'unavailable',
    ],
    async handle(input, deps) {
      const { tenantId } = input.caller;
      const { channel } = input.body;
      return createOnce(input, deps, {
        prepare: () => proveAccount(deps, { tenantId, channel }, credentialOf(input.body)),
        create: async (tx, { credential, subject }) => {
          const known = subject && (await accountOfSubject(tx, { tenantId, channel, subject }));
          if (known) throw alreadyThere(known);
          const id = randomUUID();
          const account = { tenantId, id, channel, subject };
          const place = [tenantId, 'account', id] as const;
          const sealedOne = sealed(deps, place, credential);
          return {
            status: 201,
            body: show(await createAccount(tx, { ...account, credential: sealedOne })),
          };
        },
      });
    },
  }),
  route({
    method: 'patch',
    path: '/v1/accounts/{accountId}',
    id: 'changeAccount',
    tag,
    summary: 'Give an account a new password or address',
    about:
      'It is tried once before it replaces the old one. All connections of the account go on from where they stood. Accounts with a consent page are authorized again at POST /v1/oauth/{channel}/authorize.',
    scopes: ['connections:write'],
    params,
    body: AccountPatch,
    bodyExample: { password: 'abcd-efgh-ijkl-mnop' },
    answer: { status: 200, about: 'As it is now, without its credential.', schema: Account },
    problems: [
      'not-found',
      'address-refused',
      'credential-refused',
      'channel-refused',
      'channel-unsuitable',
      'channel-limited',
      'unavailable',
    ],
    async handle({ caller, params, body }, deps) {
      const ref = { tenantId: caller.tenantId, accountId: params.accountId };
      const account = await findAccount(deps.database, ref);
      const stored = await loadCredential(deps.database.pool, ref);
      if (!account || !stored) throw notFound('account');
      const place = [ref.tenantId, 'account', ref.accountId] as const;
      const now = JSON.parse(deps.vault.open(place, stored.sealed)) as Credential;
      const called = { ...ref, channel: account.channel };
      const proven = await proveAccount(deps, called, replaced(now, body));
      const credential = sealed(deps, place, proven.credential);
      const { id, channel, subject } = account;
      const given = { tenantId: ref.tenantId, id, channel, subject, credential };
      await change(deps.database, (tx) => reauthorizeAccount(tx, given));
      await wakeAccount(deps, ref);
      return { body: show((await findAccount(deps.database, ref)) ?? account) };
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
    problems: [
      'not-found',
      'account-unusable',
      'channel-refused',
      'channel-limited',
      'unavailable',
    ],
    async handle({ caller, params }, deps) {
      const ref = { tenantId: caller.tenantId, accountId: params.accountId };
      const account = await findAccount(deps.database, ref);
      if (!account) throw notFound('account');
      const provider = providerOf(deps, account.channel);
      const { channel } = account;
      const items = await deps.callChannel({ ...ref, channel }, (access) =>
        provider.listCalendars({ access }),
      );
      return { body: { items } };
    },
  }),
];

/** An account at iCloud has no address of its own to give: the channel knows it. */
function credentialOf(body: z.output<typeof NewAccount>): Credential {
  if (body.channel === 'ical') return { kind: 'url', url: body.url };
  const { serverUrl = '', username, password } = body;
  return { kind: 'basic', serverUrl, username, password };
}

/** The new password of the same user at the same place, or the new address of the same calendar. */
function replaced(now: Credential, patch: z.output<typeof AccountPatch>): Credential {
  if (now.kind === 'basic' && patch.password !== undefined)
    return { ...now, password: patch.password };
  if (now.kind === 'url' && patch.url !== undefined) return { kind: 'url', url: patch.url };
  throw new Problem('channel-unsuitable', {
    detail: {
      basic: 'This account is opened by a password: send `password`.',
      url: 'This account is opened by an address: send `url`.',
      oauth:
        'This account is opened by a consent: authorize it again at POST /v1/oauth/{channel}/authorize.',
    }[now.kind],
  });
}

const alreadyThere = (accountId: string): Problem =>
  new Problem('already-exists', {
    detail: 'This account is connected already. Change its password with PATCH /v1/accounts/{id}.',
    more: { accountId },
  });

/** A credential as its row keeps it. */
export const sealed = (
  { vault }: ApiDependencies,
  place: readonly [string, 'account', string],
  credential: Credential,
): Uint8Array<ArrayBuffer> => new Uint8Array(vault.seal(place, JSON.stringify(credential)));

const show = (account: AccountView) => ({
  ...account,
  createdAt: account.createdAt.toISOString(),
  calendarsCheckedAt: account.calendarsCheckedAt?.toISOString() ?? null,
});
