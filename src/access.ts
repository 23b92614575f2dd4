import { openAccess as open, type CredentialStore } from './channels/credentials.ts';
import type { Access, Channel, Credential } from './channels/channel-provider.ts';
import { providerOf, type ChannelRegistry } from './channels/registry.ts';
import { Failure } from './domain/failure.ts';
import {
  changeCredential,
  loadCredential,
  markUnauthorized,
  type AccountKey,
} from './store/credentials.ts';
import type { ConnectionKey } from './store/sync.ts';
import type { Database } from './store/database.ts';
import type { Vault } from './vault.ts';

export { secretOf } from './channels/credentials.ts';

/** What opens an account now, refreshed when needed; `refused` is the secret a channel turned down. */
export type OpenAccess = (account: AccountKey, refused?: string) => Promise<Access>;

/** Joins the stored, sealed credentials with the rules of `channels/credentials.ts`. */
export function accessOpener(deps: {
  database: Database;
  vault: Vault;
  channels: ChannelRegistry;
  now: () => number;
  /** Told once when a channel refuses an account for good, with the connections that it opened. */
  onRefused?: (connections: ConnectionKey[]) => void;
}): OpenAccess {
  const { vault, now } = deps;
  /** Refreshes under way in this process, by account: whoever comes second waits for the first. */
  const refreshing = new Map<string, Promise<Credential>>();
  const { pool } = deps.database;
  const missing = () => new Failure({ kind: 'not-found', code: 'no-such-account' });
  return async (account, refused) => {
    const place = [account.tenantId, 'account', account.accountId] as const;
    const opened = (sealed: Uint8Array): Credential =>
      JSON.parse(vault.open(place, sealed)) as Credential;
    const stored = await loadCredential(pool, account);
    if (!stored) throw missing();
    let { version } = stored;
    return open({
      provider: providerOf(deps.channels, stored.channel as Channel),
      now,
      ...(refused !== undefined && { refused }),
      store: {
        load: async () => ({
          channel: stored.channel as Channel,
          state: stored.state,
          credential: opened(stored.sealed),
        }),
        refreshAlone: joined(refreshing, { account, refused }, async (refresh) => {
          const changed = await changeCredential(pool, account, async (current) => {
            version = current.version;
            // Whoever waited here need not ask again what was just refused to somebody else.
            if (current.state !== 'active')
              throw new Failure({ kind: 'unauthorized', code: 'needs-reauthorization' });
            const renewed = await refresh(opened(current.sealed));
            return renewed && vault.seal(place, JSON.stringify(renewed));
          });
          if (!changed) throw missing();
          return opened(changed.sealed);
        }),
        async markUnauthorized() {
          const { tenantId } = account;
          const closed = await markUnauthorized(pool, account, version);
          if (closed.length > 0)
            deps.onRefused?.(closed.map((connectionId) => ({ tenantId, connectionId })));
        },
      },
    });
  };
}

type RefreshAlone = CredentialStore['refreshAlone'];

/** Joins a refresh under way, unless it brought the very token that the channel refused. */
function joined(
  refreshing: Map<string, Promise<Credential>>,
  asked: { account: AccountKey; refused: string | undefined },
  refreshAlone: RefreshAlone,
): RefreshAlone {
  const id = JSON.stringify([asked.account.tenantId, asked.account.accountId]);
  return async (refresh) => {
    for (let other = refreshing.get(id); other; other = refreshing.get(id)) {
      const credential = await other;
      if (credential.kind !== 'oauth' || credential.accessToken !== asked.refused)
        return credential;
    }
    const own = refreshAlone(refresh).finally(() => refreshing.delete(id));
    refreshing.set(id, own);
    return own;
  };
}
