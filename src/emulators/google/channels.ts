import type { Collection } from '../collection.ts';
import type { Host } from '../host.ts';
import { spellOpaque } from './opaque.ts';
import { badRequest, notFound } from './errors.ts';
import type { EventBody } from './event.ts';
import type { GoogleSwitches } from './switches.ts';

/** A push registration. Source: Calendar guide "Push notifications". */
export interface Channel {
  id: string;
  calendarId: string;
  email: string;
  address: string;
  token?: string;
  resourceId: string;
  resourceUri: string;
  createdAtMs: number;
  expiresAtMs: number;
}

export interface Channels {
  stored: Collection<Channel>;
  /** Channels of a calendar that have not expired. */
  watching(calendarId: string): Channel[];
  open(request: WatchRequest, body: EventBody): Channel;
  stop(body: EventBody, email: string): void;
  /** Ends channels before their time, without a word to their receivers. */
  expire(calendarId: string | undefined): number;
}

interface WatchRequest {
  calendarId: string;
  email: string;
  resourceUri: string;
}

export function createChannels(host: Host, switches: GoogleSwitches): Channels {
  const stored = host.collection<Channel>('google-channels');
  const byCalendar = new Map<string, Map<string, Channel>>();
  function index(channel: Channel): void {
    const known = byCalendar.get(channel.calendarId) ?? new Map<string, Channel>();
    byCalendar.set(channel.calendarId, known.set(channel.id, channel));
  }
  function drop(channel: Channel): void {
    stored.delete(channel.id);
    byCalendar.get(channel.calendarId)?.delete(channel.id);
  }
  for (const channel of stored.values()) index(channel);
  host.onReset(() => byCalendar.clear());

  return {
    stored,
    watching(calendarId) {
      const nowMs = Date.now();
      const all = [...(byCalendar.get(calendarId)?.values() ?? [])];
      for (const channel of all) if (channel.expiresAtMs <= nowMs) drop(channel);
      return all.filter(({ expiresAtMs }) => expiresAtMs > nowMs);
    },
    open(request, body) {
      const channel = understandChannel(request, body, switches);
      const present = stored.get(channel.id);
      if (present !== undefined && present.expiresAtMs > Date.now()) {
        throw badRequest('channelIdNotUnique', `Channel id ${channel.id} not unique`);
      }
      if (present !== undefined) drop(present);
      stored.set(channel.id, channel);
      index(channel);
      return channel;
    },
    stop({ id, resourceId }, email) {
      if (typeof id !== 'string') throw badRequest('required', 'Required', 'entity.id');
      if (typeof resourceId !== 'string') {
        throw badRequest('required', 'Required', 'entity.resourceId');
      }
      const channel = stored.get(id);
      const theirs = channel?.email === email && channel.resourceId === resourceId;
      if (channel === undefined || !theirs || channel.expiresAtMs <= Date.now()) {
        throw notFound(`Channel '${id}' not found for project`);
      }
      drop(channel);
    },
    expire(calendarId) {
      const those = [...stored.values()].filter(
        (channel) => calendarId === undefined || channel.calendarId === calendarId,
      );
      for (const channel of those) drop(channel);
      return those.length;
    },
  };
}

function understandChannel(
  { calendarId, email, resourceUri }: WatchRequest,
  body: EventBody,
  switches: GoogleSwitches,
): Channel {
  const { id, type, address, token } = body;
  if (typeof id !== 'string') throw badRequest('required', 'Required', 'entity.id');
  if (!/^[A-Za-z0-9\-_+/=]{1,64}$/.test(id)) {
    throw badRequest('channelIdInvalid', 'Channel id must match [A-Za-z0-9\\-_\\+/=]+');
  }
  if (type !== 'web_hook' && type !== 'webhook') {
    throw badRequest('channelUnknown', `Unknown channel type ${String(type)}`);
  }
  if (typeof token === 'string' && token.length > 256) {
    throw badRequest('channelTokenTooLong', 'Channel token must be at most 256 characters.');
  }
  const createdAtMs = Date.now();
  return {
    id,
    calendarId,
    email,
    address: understandAddress(address, switches),
    ...(typeof token === 'string' && token !== '' ? { token } : {}),
    resourceId: spellOpaque(`${email} ${resourceUri}`, 27),
    resourceUri,
    createdAtMs,
    expiresAtMs: expiryOf(body, createdAtMs, switches.channelMaxTtlSeconds),
  };
}

function understandAddress(address: unknown, switches: GoogleSwitches): string {
  if (typeof address !== 'string') throw badRequest('required', 'Required', 'entity.address');
  const protocol = URL.canParse(address) ? new URL(address).protocol : '';
  const httpTaken = switches.channelAddressHttps === 'optional' && protocol === 'http:';
  if (protocol !== 'https:' && !httpTaken) {
    throw badRequest('webhookUrlNotHttps', 'WebHook callback must be HTTPS');
  }
  return address;
}

/** The tightest of what was asked by `params.ttl`, by `expiration`, and the server's own limit. */
function expiryOf(body: EventBody, nowMs: number, maxTtlSeconds: number): number {
  const ttl = (body['params'] as Record<string, unknown> | null | undefined)?.['ttl'];
  const expiration = body['expiration'];
  const asked: number[] = [];
  if (ttl !== undefined) asked.push(nowMs + Number(ttl) * 1000);
  if (expiration !== undefined && expiration !== null) asked.push(Number(expiration));
  if (asked.some((expiresAtMs) => !(expiresAtMs > nowMs))) {
    throw badRequest('invalid', 'Invalid channel expiration.', 'expiration');
  }
  const wanted = asked.length === 0 ? nowMs + 604_800_000 : Math.min(...asked);
  const expiresAtMs = Math.min(wanted, nowMs + maxTtlSeconds * 1000);
  // Google's expirations are whole seconds; a channel shorter than one keeps its life.
  return expiresAtMs - nowMs < 1000 ? expiresAtMs : Math.floor(expiresAtMs / 1000) * 1000;
}
