import type { Collection } from '../collection.ts';
import type { Host } from '../host.ts';

/** A push registration. Source: Graph reference, subscription resource. */
export interface Subscription {
  id: string;
  account: string;
  resource: string;
  /** Absent when it watches all calendars of the mailbox. */
  calendarId?: string;
  changeType: string;
  notificationUrl: string;
  lifecycleNotificationUrl?: string;
  clientState?: string;
  latestSupportedTlsVersion: string;
  /** Whether it was made with `Prefer: IdType="ImmutableId"`. */
  immutableIds: boolean;
  expiresAtMs: number;
}

export interface Subscriptions {
  /** Subscriptions of an account that have not expired. */
  of(account: string): Subscription[];
  get(id: string): Subscription | undefined;
  all(): Subscription[];
  save(subscription: Subscription): void;
  remove(subscription: Subscription): void;
  /** Those that hear of a calendar's events. */
  watching(account: string, calendarId: string): Subscription[];
  newId(): string;
}

export function createSubscriptions(host: Host): Subscriptions {
  const stored: Collection<Subscription> = host.collection('microsoft-subscriptions');
  const index = new Map<string, Map<string, Subscription>>();
  const watched = ({ calendarId, account }: Subscription) => watchKey(account, calendarId);

  function place(subscription: Subscription): void {
    const known = index.get(watched(subscription)) ?? new Map<string, Subscription>();
    index.set(watched(subscription), known.set(subscription.id, subscription));
  }
  function remove(subscription: Subscription): void {
    stored.delete(subscription.id);
    index.get(watched(subscription))?.delete(subscription.id);
  }
  function living(those: Iterable<Subscription>): Subscription[] {
    const all = [...those];
    const nowMs = Date.now();
    for (const each of all) if (each.expiresAtMs <= nowMs) remove(each);
    return all.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
  }
  for (const subscription of stored.values()) place(subscription);
  host.onReset(() => index.clear());

  return {
    of: (account) => living(stored.values()).filter((each) => each.account === account),
    get(id) {
      const known = stored.get(id);
      return known === undefined ? undefined : living([known])[0];
    },
    all: () => living(stored.values()),
    save(subscription) {
      stored.set(subscription.id, subscription);
      place(subscription);
    },
    remove,
    watching: (account, calendarId) => [
      ...living(index.get(watchKey(account, calendarId))?.values() ?? []),
      ...living(index.get(watchKey(account, undefined))?.values() ?? []),
    ],
    newId() {
      const hex = host.opaqueId('microsoft-subscription', '0123456789abcdef', 32);
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    },
  };
}

function watchKey(account: string, calendarId: string | undefined): string {
  return calendarId === undefined ? `mailbox ${account}` : `calendar ${calendarId}`;
}
