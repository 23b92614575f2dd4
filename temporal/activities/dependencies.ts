import { openAccess as open } from '../../src/channels/credentials.ts';
import type { Access, Channel, Credential } from '../../src/channels/channel-provider.ts';
import { providerOf, type ChannelRegistry } from '../../src/channels/registry.ts';
import type { Commands } from '../../src/commands.ts';
import { Failure } from '../../src/domain/failure.ts';
import type { PaymentProvider } from '../../src/payments/payment-provider.ts';
import {
  changeCredential,
  loadCredential,
  markUnauthorized,
  type AccountKey,
} from '../../src/store/credentials.ts';
import type { Database } from '../../src/store/database.ts';
import type { Vault } from '../../src/vault.ts';

/** All that activities are given; they find nothing by themselves. */
export interface ActivityDependencies {
  database: Database;
  vault: Vault;
  channels: ChannelRegistry;
  payments: PaymentProvider;
  commands: Pick<Commands, 'requestMirror'>;
  settings: { horizonMs: number; publicUrl: string | null };
  now: () => number;
  log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    fields?: Record<string, unknown>,
  ) => void;
}

/** Opens an account for a call; also what the API uses to list calendars. */
export function accessOpener(deps: {
  database: Database;
  vault: Vault;
  channels: ChannelRegistry;
  now: () => number;
}): (account: AccountKey, refused?: string) => Promise<Access> {
  const { vault, now } = deps;
  const { pool } = deps.database;
  const missing = () => new Failure({ kind: 'not-found', code: 'no-such-account' });
  return async (account, refused) => {
    const place = [account.tenantId, 'account', account.accountId] as const;
    const opened = (sealed: Uint8Array): Credential =>
      JSON.parse(vault.open(place, sealed)) as Credential;
    const stored = await loadCredential(pool, account);
    if (!stored) throw missing();
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
        async refreshAlone(refresh) {
          const changed = await changeCredential(pool, account, async (current) => {
            const renewed = await refresh(opened(current.sealed));
            return renewed && vault.seal(place, JSON.stringify(renewed));
          });
          if (!changed) throw missing();
          return opened(changed.sealed);
        },
        markUnauthorized: () => markUnauthorized(pool, account),
      },
    });
  };
}
