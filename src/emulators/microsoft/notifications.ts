import { randomUUID } from 'node:crypto';
import type { Host } from '../host.ts';
import type { Outgoing } from '../outgoing.ts';
import { tenantId, userIdOf } from './accounts.ts';
import { currentEntries } from './calendar-store.ts';
import type { CalendarStore, Committed } from './calendar-store.ts';
import { eventIdOf } from './event-ids.ts';
import { etagOf } from './event.ts';
import type { Entry } from './event.ts';
import type { Subscription, Subscriptions } from './subscriptions.ts';
import type { MicrosoftSwitches } from './switches.ts';

export const lifecycleEvents = [
  'reauthorizationRequired',
  'subscriptionRemoved',
  'missed',
] as const;
export type LifecycleEvent = (typeof lifecycleEvents)[number];

export interface Notifications {
  /** Tells one subscription of a change at once; resolves after the last attempt. Never rejects. */
  send(subscription: Subscription, committed: Committed): Promise<void>;
  lifecycle(subscription: Subscription, event: LifecycleEvent): Promise<void>;
}

interface Sending {
  host: Host;
  subscriptions: Subscriptions;
  switches: MicrosoftSwitches;
  outgoing: Outgoing;
}

interface Message {
  subscription: Subscription;
  notification: Record<string, unknown>;
}

/** Most notifications in one POST. */
const batchLimit = 100;

/** Tells subscriptions of each change, several in one POST. Source: Graph "Change notifications through webhooks". */
export function createNotifications(sending: Sending, store: CalendarStore): Notifications {
  const { subscriptions, switches, outgoing } = sending;
  const waiting = new Map<string, Message[]>();
  sending.host.onReset(() => waiting.clear());

  function flush(url: string): void {
    const messages = waiting.get(url) ?? [];
    waiting.delete(url);
    const size = switches.batchNotifications ? batchLimit : 1;
    for (let from = 0; from < messages.length; from += size) {
      void deliver(sending, url, { messages: messages.slice(from, from + size), attempt: 1 });
    }
  }
  function enqueue(subscription: Subscription, committed: Committed): void {
    const url = subscription.notificationUrl;
    const messages = waiting.get(url);
    const message = { subscription, notification: changeOf(subscription, committed) };
    if (messages === undefined) {
      waiting.set(url, [message]);
      outgoing.after(switches.notificationDelayMs, () => flush(url));
    } else messages.push(message);
  }
  store.onCommit((committed) => {
    if (!switches.deliverNotifications) return;
    const calendar = store.calendars.get(committed.entry.calendarId);
    if (calendar === undefined) return;
    for (const subscription of subscriptions.watching(calendar.account, calendar.id)) {
      const types = subscription.changeType.split(',');
      if (types.includes(committed.changeType)) enqueue(subscription, committed);
    }
  });
  return {
    async send(subscription, committed) {
      const notification = changeOf(subscription, committed);
      const messages = [{ subscription, notification }];
      await deliver(sending, subscription.notificationUrl, { messages, attempt: 1 });
    },
    async lifecycle(subscription, lifecycleEvent) {
      const url = subscription.lifecycleNotificationUrl;
      if (url === undefined) return;
      const notification = { ...common(subscription), lifecycleEvent };
      await deliver(sending, url, { messages: [{ subscription, notification }], attempt: 1 });
    },
  };
}

function common({ id, expiresAtMs, clientState }: Subscription) {
  return {
    subscriptionId: id,
    subscriptionExpirationDateTime: new Date(expiresAtMs).toISOString(),
    tenantId,
    clientState: clientState ?? null,
  };
}

function changeOf(subscription: Subscription, { changeType, entry, wallMs }: Committed) {
  const eventId = eventIdOf(entry, wallMs, subscription.immutableIds);
  const path = `Users/${userIdOf(subscription.account)}/Events/${eventId}`;
  return {
    id: randomUUID(),
    ...common(subscription),
    changeType,
    resource: path,
    resourceData: {
      '@odata.type': '#Microsoft.Graph.Event',
      '@odata.id': path,
      '@odata.etag': etagOf(entry.event),
      id: eventId,
    },
  };
}

interface Delivery {
  messages: Message[];
  attempt: number;
}

/** No answer, 429 and 5xx are tried again with growing waits; any other answer ends it. */
async function deliver(sending: Sending, url: string, delivery: Delivery): Promise<void> {
  const { host, outgoing, subscriptions, switches } = sending;
  const { messages, attempt } = delivery;
  const body = JSON.stringify({ value: messages.map(({ notification }) => notification) });
  const { status } = await outgoing.post({
    address: url,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
    },
    body,
    timeoutMs: switches.notificationTimeoutMs,
  });
  const told = messages.map(({ subscription }) => subscription.id);
  host.effect('microsoft', 'notified', { subscriptionIds: told, attempt, status });
  const again = status === 0 || status === 429 || status >= 500;
  if (!again || attempt > switches.notificationRetries) return;
  const waitMs = switches.notificationRetryDelayMs * 2 ** (attempt - 1);
  await new Promise<void>((resolve) => outgoing.after(waitMs, resolve));
  // A word that the subscription itself is gone must arrive all the same.
  const left = messages.filter(
    ({ subscription, notification }) =>
      notification['lifecycleEvent'] !== undefined || subscriptions.get(subscription.id),
  );
  if (left.length > 0) await deliver(sending, url, { messages: left, attempt: attempt + 1 });
}

/** Some event that a subscription watches, for notifications that are about none in particular. */
export function someEntry(store: CalendarStore, subscription: Subscription): Entry | undefined {
  const { account, calendarId } = subscription;
  const watched = [...store.calendars.values()].filter(
    (calendar) => calendar.account === account && (calendarId ?? calendar.id) === calendar.id,
  );
  return watched.flatMap(({ id }) => currentEntries(store.view(id)).slice(0, 1))[0];
}
