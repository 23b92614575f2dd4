import type { Access, Channel, ChannelProvider, Credential } from '../channels/channel-provider.ts';
import type { Commands } from '../commands.ts';
import type { Zones } from '../domain/availability.ts';
import type { NeutralEvent } from '../domain/event.ts';
import type { LoadBounds } from '../domain/load.ts';
import type { RequestFigures } from '../domain/request-limits.ts';
import type { Reading } from '../domain/sync-plan.ts';
import type { Interval } from '../domain/interval.ts';
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
  /**
   * Calls a channel with what opens an account now, refreshed when needed, and within the limits
   * that all processes share. Throws `Failure`.
   */
  callChannel: <T>(account: CalledAccount, call: (access: Access) => Promise<T>) => Promise<T>;
  /** The same for an account that nothing stored opens; `credential` is what was given for it. */
  callUnopened: <T>(
    account: CalledAccount & { credential: Credential | null },
    call: () => Promise<T>,
  ) => Promise<T>;
  /** What is wrong with an address a person gave, or null. */
  checkAddress: (url: string) => Promise<{ code: string; reason: string } | null>;
  zones: Zones;
  /** All time that one series takes within a window; see `src/calendar/busy.ts`. */
  busySpans: ExpandSeries;
  /** A feed's text; see `src/calendar/publish.ts`. */
  composeFeed: (feed: { events: readonly PublishedEvent[]; stampedAt: number }) => string;
  config: ApiConfig;
  /** Epoch milliseconds. */
  now: () => number;
  log: Log;
}

/** An account at a channel; one that is not stored yet has a name that it is always given. */
export interface CalledAccount {
  tenantId: string;
  accountId: string;
  channel: string;
}

export type ExpandSeries = (
  members: readonly NeutralEvent[],
  options: Reading & {
    /** Epoch milliseconds, half-open. */
    window: { fromAt: number; untilAt: number };
    calendarZone: string;
    /** Where whole days are. */
    dayZone: string;
    /** Seconds of the local day; null where whole days are not nights. */
    nights: { arrivalSeconds: number; departureSeconds: number } | null;
  },
) => { spans: Interval[] };

export interface PublishedEvent {
  uid: string;
  /** Days, or instants in epoch milliseconds; half-open. */
  span: { from: string; until: string } | Interval;
  summary: string;
}

export interface ApiConfig {
  /** Where this API is reached from outside, without a slash at the end. */
  publicUrl: string;
  /** The payment service's script for browsers. */
  stripeJsUrl: string;
  requestFigures: RequestFigures;
  loadBounds: LoadBounds;
  /** Proxies in front of this API that name the caller's address; 0 where callers reach it directly. */
  proxies: number;
}

export type LogFields = Record<string, string | number | boolean | null>;

/** Fields never hold tokens, guests or titles. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields?: LogFields) => void;
