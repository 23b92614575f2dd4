import type { OpenAccess } from '../../src/access.ts';
import type { ChannelRegistry } from '../../src/channels/registry.ts';
import type { Commands } from '../../src/commands.ts';
import type { PaymentProvider } from '../../src/payments/payment-provider.ts';
import type { Database } from '../../src/store/database.ts';
import type { Vault } from '../../src/vault.ts';

/** All that activities are given; they find nothing by themselves. */
export interface ActivityDependencies {
  database: Database;
  vault: Vault;
  channels: ChannelRegistry;
  openAccess: OpenAccess;
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
