import type { ChannelProvider, Watch } from '../channel-provider.ts';
import { Failure } from '../../domain/failure.ts';
import { addressOf, asked, bodyOf, calendarPath, isFine, nowOf, send } from './client.ts';
import type { MicrosoftSettings } from './client.ts';
import { failureFrom, readError } from './failures.ts';
import { clientStateOf } from './notifications.ts';
import { found } from './series.ts';

type Input<K extends 'watch' | 'renew' | 'unwatch'> = Parameters<ChannelProvider[K]>[0];

/** 4,200 minutes: allowed by every limit that Microsoft's documents name. */
const DEFAULT_MAX_MS = 4_200 * 60_000;

/**
 * `POST /subscriptions` (Graph "subscription resource type"). Both addresses are validated before
 * this answers. Throws `invalid` for calendars that cannot be watched, which are then polled, and
 * `conflict` while another subscription to the same calendar lives.
 */
export async function watch(settings: MicrosoftSettings, input: Input<'watch'>): Promise<Watch> {
  const answer = await send(settings, input.access, {
    method: 'POST',
    url: addressOf(settings, '/subscriptions'),
    body: {
      changeType: 'created,updated,deleted',
      notificationUrl: input.address,
      // It cannot be added later.
      lifecycleNotificationUrl: input.address,
      resource: `${calendarPath(input.calendar.id)}/events`,
      expirationDateTime: expiryAfter(settings, input.ttlMs),
      clientState: clientStateOf(input),
      latestSupportedTlsVersion: 'v1_2',
    },
  });
  if (isFine(answer)) return watchFrom(bodyOf(answer), input.watchId);
  const failure = failureFrom(readError(answer), nowOf(settings));
  // Forbidden to watch is not forbidden to read: the person's consent is as good as before.
  throw answer.status === 403 || answer.status === 404
    ? new Failure({ kind: 'invalid', code: failure.code })
    : failure;
}

/** Extends the same subscription, which also reauthorizes it. Throws `not-found` when it is lost. */
export async function renew(settings: MicrosoftSettings, input: Input<'renew'>): Promise<Watch> {
  const body = await asked(settings, input.access, {
    method: 'PATCH',
    url: addressOf(settings, subscriptionPath(input.watch)),
    body: { expirationDateTime: expiryAfter(settings, input.ttlMs) },
  });
  return watchFrom({ id: input.watch.nativeId, ...body }, input.watch.watchId);
}

/** Stopping what is already gone succeeds. */
export async function unwatch(
  settings: MicrosoftSettings,
  { access, watch: old }: Input<'unwatch'>,
): Promise<void> {
  await found(
    asked(settings, access, { method: 'DELETE', url: addressOf(settings, subscriptionPath(old)) }),
  );
}

const subscriptionPath = ({ nativeId }: Watch): string =>
  `/subscriptions/${encodeURIComponent(nativeId)}`;

function expiryAfter(settings: MicrosoftSettings, ttlMs: number): string {
  const lifeMs = Math.min(ttlMs, settings.maxSubscriptionMs ?? DEFAULT_MAX_MS);
  return new Date(nowOf(settings) + lifeMs).toISOString();
}

function watchFrom(body: Record<string, unknown>, watchId: string): Watch {
  const { id, expirationDateTime } = body;
  const expiresAt = typeof expirationDateTime === 'string' ? Date.parse(expirationDateTime) : NaN;
  if (typeof id !== 'string' || !Number.isFinite(expiresAt))
    throw new Failure({ kind: 'unavailable', code: 'unreadable-answer' });
  return { watchId, nativeId: id, expiresAt: new Date(expiresAt).toISOString() };
}
