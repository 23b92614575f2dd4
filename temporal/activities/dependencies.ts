import type { OpenAccess } from '../../src/access.ts';
import type { Channel } from '../../src/channels/channel-provider.ts';
import type { ChannelRegistry } from '../../src/channels/registry.ts';
import type { Commands } from '../../src/commands.ts';
import type { ChannelLimits } from '../../src/domain/limits.ts';
import type { PaymentProvider } from '../../src/payments/payment-provider.ts';
import type { Database } from '../../src/store/database.ts';
import type { Vault } from '../../src/vault.ts';

/** All that activities are given; they find nothing by themselves. */
export interface ActivityDependencies {
  database: Database;
  vault: Vault;
  channels: ChannelRegistry;
  openAccess: OpenAccess;
  limits: Readonly<Record<Channel, ChannelLimits>>;
  /** Counts the requests to channels that `run` makes. */
  tallied: <T>(tally: { made: number }, run: () => Promise<T>) => Promise<T>;
  payments: PaymentProvider;
  commands: Pick<
    Commands,
    'requestMirror' | 'requestSync' | 'giveUpBooking' | 'changeBooking' | 'resumeChange'
  >;
  settings: {
    horizonMs: number;
    publicUrl: string | null;
    /** Of one account, over all its calendars. */
    pollsPerHour: number;
    /** How our copy is compared with the channel; left out where it is not. */
    repair?: RepairSettings;
  };
  now: () => number;
  log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    fields?: Record<string, unknown>,
  ) => void;
}

export interface RepairSettings {
  /** A complete listing each night. */
  nightly: boolean;
  /** About so often the channel's own free/busy answer is asked for; null for never. */
  compareEveryMs: number | null;
  /** How far ahead. */
  compareAheadMs: number;
  /** Between the two looks that a difference must last. */
  secondLookMs: number;
}
