import { secretOf, type OpenAccess } from './access.ts';
import type { Access, Channel, Credential } from './channels/channel-provider.ts';
import { providerOf, type ChannelRegistry } from './channels/registry.ts';
import { Failure } from './domain/failure.ts';
import { withPermit, type PermitDependencies } from './permit.ts';

/** An account at a channel. */
export interface CalledAccount {
  tenantId: string;
  accountId: string;
  channel: string;
}

export interface CallDependencies extends PermitDependencies {
  channels: ChannelRegistry;
  openAccess: OpenAccess;
}

/**
 * Calls a channel with an open account, within the channel's limits, whichever process asks. A token
 * refused before its time is refreshed once, since channels revoke tokens early, and a refused
 * password is tried once more; refused again, the account needs a person.
 */
export async function callWithin<T>(
  deps: CallDependencies,
  { waited, ...account }: CalledAccount & { waited: boolean },
  call: (access: Access) => Promise<T>,
): Promise<T> {
  const channel = account.channel as Channel;
  const { tenantId, accountId } = account;
  const { oauth } = providerOf(deps.channels, channel).supports;
  // A renewal asks the channel too, so where accounts are renewed the permit comes first.
  const opened = oauth ? null : await deps.openAccess(account);
  const party = opened ? `${channel}/${hostOf(opened)}` : channel;
  return withPermit(deps, { tenantId, accountId, channel, party, waited }, async ({ ask }) => {
    const access = opened ?? (await deps.openAccess(account));
    try {
      return await ask(() => call(access));
    } catch (error) {
      const refused = error instanceof Failure && error.kind === 'unauthorized';
      if (!refused || access.kind === 'url') throw error;
      const renewed = await deps.openAccess(account, secretOf(access));
      return ask(() => call(renewed));
    }
  });
}

/** What is asked for an account that no stored credential opens: a consent's, or one to be proven. */
export interface UnopenedAccount extends CalledAccount {
  /** What was given to open it; null where the channel has one host for all. */
  credential: Credential | null;
}

export interface ChannelCalls {
  callChannel: <T>(account: CalledAccount, call: (access: Access) => Promise<T>) => Promise<T>;
  callUnopened: <T>(account: UnopenedAccount, call: () => Promise<T>) => Promise<T>;
}

/** Calls that a person waits for: each is a first try, and what cannot be had now is refused. */
export const channelCalls = (deps: CallDependencies): ChannelCalls => ({
  callChannel: (account, call) => callWithin(deps, { ...account, waited: false }, call),
  callUnopened({ tenantId, accountId, credential, ...one }, call) {
    const channel = one.channel as Channel;
    const isOne = credential === null || credential.kind === 'oauth';
    const party = isOne ? channel : `${channel}/${hostOf(credential)}`;
    const asking = { tenantId, accountId, channel, party, waited: false };
    return withPermit(deps, asking, ({ ask }) => ask(call));
  },
});

/** Where the account's calendars live, without anything secret. */
function hostOf(access: Access): string {
  if (access.kind === 'bearer') return 'default';
  const address = access.kind === 'url' ? access.url : (access.homeUrl ?? access.serverUrl);
  return URL.canParse(address) ? new URL(address).host : 'unreadable';
}
