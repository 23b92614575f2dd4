import type { ChannelProvider, InboundRequest, Received, Watch } from '../channel-provider.ts';
import { Failure } from '../../domain/failure.ts';
import { asked, googleClient, nowOf } from './client.ts';
import type { GoogleSettings } from './client.ts';

/** Google's own default life of a channel, for an answer that does not tell. */
const DEFAULT_TTL_MS = 604_800_000;

/**
 * `events.watch` (Calendar API guide "Push notifications"). There is no renewal: a new channel is
 * made beside the old one. Throws `invalid` `pushNotSupportedForRequestedResource` for some
 * calendars, which are then polled.
 */
export async function watch(
  settings: GoogleSettings,
  input: Parameters<ChannelProvider['watch']>[0],
): Promise<Watch> {
  const data = await asked(
    settings,
    googleClient(settings, input.access).events.watch({
      calendarId: input.calendar.id,
      requestBody: {
        id: input.watchId,
        type: 'web_hook',
        address: input.address,
        token: input.secret,
        params: { ttl: String(Math.floor(input.ttlMs / 1000)) },
      },
    }),
  );
  if (!data.resourceId) throw new Failure({ kind: 'unavailable', code: 'unreadable-answer' });
  const toldAt = Number(data.expiration);
  const guessAt = nowOf(settings) + Math.min(input.ttlMs, DEFAULT_TTL_MS);
  return {
    watchId: input.watchId,
    nativeId: data.resourceId,
    expiresAt: new Date(toldAt > 0 ? toldAt : guessAt).toISOString(),
  };
}

/** Stopping what is already gone succeeds. */
export async function unwatch(
  settings: GoogleSettings,
  { access, watch: old }: Parameters<ChannelProvider['unwatch']>[0],
): Promise<void> {
  try {
    await asked(
      settings,
      googleClient(settings, access).channels.stop({
        requestBody: { id: old.watchId, resourceId: old.nativeId },
      }),
    );
  } catch (error) {
    if (!(error instanceof Failure && error.kind === 'not-found')) throw error;
  }
}

/**
 * A notification has an empty body: all is in the headers, which come with lower-case names. The
 * first one of a channel (`sync`) says only that the channel works.
 */
export function receive({ headers }: InboundRequest): Received {
  const watchId = headers['x-goog-channel-id'];
  const secret = headers['x-goog-channel-token'];
  const state = headers['x-goog-resource-state'];
  if (!watchId || !/^[\w+/=-]{1,64}$/.test(watchId) || !secret || secret.length > 256 || !state)
    return { reply: { status: 400 }, hints: [] };
  if (state === 'sync') return { reply: { status: 204 }, hints: [] };
  const nativeId = headers['x-goog-resource-id'];
  const isKnown = nativeId !== undefined && nativeId !== '' && nativeId.length <= 256;
  const hint = { watchId, secret, kind: 'changed', ...(isKnown && { nativeId }) } as const;
  return { reply: { status: 202 }, hints: [hint] };
}
