import type { Access, Channel, ChannelProvider } from '../channels/channel-provider.ts';
import type { Commands } from '../commands.ts';
import type { Zones } from '../domain/availability.ts';
import type { PaymentProvider } from '../payments/payment-provider.ts';
import type { Database } from '../store/database.ts';
import type { Vault } from '../vault.ts';

/** All that the API is given; nothing in `src/api` finds anything by itself. */
export interface ApiDependencies {
  database: Database;
  commands: Commands;
  vault: Vault;
  providers: ReadonlyMap<Channel, ChannelProvider>;
  payments: PaymentProvider;
  /** What opens an account now, refreshed when needed. Throws `Failure`. */
  openAccess: (account: { tenantId: string; accountId: string }) => Promise<Access>;
  /** What is wrong with an address a person gave, or null. */
  checkAddress: (url: string) => Promise<{ code: string; reason: string } | null>;
  zones: Zones;
  config: ApiConfig;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
}

export interface ApiConfig {
  /** Where this API is reached from outside, without a slash at the end. */
  publicUrl: string;
}

export type LogFields = Record<string, string | number | boolean | null>;

/** Fields never hold tokens, guests or titles. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: LogFields) => void;
