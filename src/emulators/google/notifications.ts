import type { Host } from '../host.ts';
import { createOutgoing } from '../outgoing.ts';
import type { CalendarStore } from './calendar-store.ts';
import type { Channel, Channels } from './channels.ts';
import type { GoogleSwitches } from './switches.ts';

export type ResourceState = 'sync' | 'exists' | 'not_exists';

export interface Notifications {
  /** Sends one notification; resolves after its last attempt. Never rejects. */
  send(channel: Channel, state: ResourceState): Promise<void>;
}

interface Sending {
  host: Host;
  channels: Channels;
  switches: GoogleSwitches;
}

/** Source: Calendar guide "Push notifications": these are tried again, with growing waits. */
const retried = [500, 502, 503, 504];

/** Tells the channels of a calendar of each of its changes, each channel by itself. */
export function createNotifications(sending: Sending, store: CalendarStore): Notifications {
  const { host, channels, switches } = sending;
  const { post, after } = createOutgoing(host);
  const numbers = new Map<string, number>();
  host.onReset(() => numbers.clear());

  async function attempt(channel: Channel, message: Message, number: number): Promise<void> {
    const { status } = await post({
      address: channel.address,
      headers: headersOf(channel, message),
      timeoutMs: switches.notificationTimeoutMs,
    });
    host.effect('google', 'notified', {
      channelId: channel.id,
      calendarId: channel.calendarId,
      resourceState: message.state,
      messageNumber: message.number,
      attempt: number,
      status,
    });
    if (!retried.includes(status) || number > switches.notificationRetries) return;
    const waitMs = switches.notificationRetryDelayMs * 2 ** (number - 1);
    await new Promise<void>((resolve) => after(waitMs, resolve));
    if (channels.stored.get(channel.id) === channel) await attempt(channel, message, number + 1);
  }
  const send: Notifications['send'] = async (channel, state) => {
    const number = nextNumber(numbers, channel, state);
    if (switches.deliverNotifications) await attempt(channel, { state, number }, 1);
  };
  store.onCommit((calendarId) => {
    for (const channel of channels.watching(calendarId)) {
      after(switches.notificationDelayMs, () => void send(channel, 'exists'));
    }
  });
  return { send };
}

type Message = { state: ResourceState; number: number };

/** `sync` is 1; later numbers rise with the channel's age, so they have gaps and outlive a restart. */
function nextNumber(numbers: Map<string, number>, channel: Channel, state: ResourceState): number {
  const aged = Math.floor((Date.now() - channel.createdAtMs) / 7) + 2;
  const next = state === 'sync' ? 1 : Math.max((numbers.get(channel.id) ?? 1) + 1, aged);
  numbers.set(channel.id, next);
  return next;
}

function headersOf(channel: Channel, { state, number }: Message): Record<string, string> {
  return {
    'Content-Type': 'application/json; utf-8',
    'Content-Length': '0',
    'User-Agent': 'APIs-Google; (+https://developers.google.com/webmasters/APIs-Google)',
    'X-Goog-Channel-ID': channel.id,
    'X-Goog-Channel-Expiration': new Date(channel.expiresAtMs).toUTCString(),
    'X-Goog-Resource-State': state,
    'X-Goog-Message-Number': String(number),
    'X-Goog-Resource-ID': channel.resourceId,
    'X-Goog-Resource-URI': channel.resourceUri,
    ...(channel.token === undefined ? {} : { 'X-Goog-Channel-Token': channel.token }),
  };
}
