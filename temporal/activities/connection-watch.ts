import { randomBytes, randomUUID } from 'node:crypto';
import type { Channel } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { Failure, isRetryable } from '../../src/domain/failure.ts';
import { connectionTarget } from '../../src/store/connection-target.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import {
  insertWatch,
  notWatched,
  openWatches,
  watchStopped,
  watchTaken,
} from '../../src/store/watches.ts';
import { callChannel } from './call-channel.ts';
import type { ActivityDependencies } from './dependencies.ts';

const DAY_MS = 86_400_000;
const TTL_MS = 7 * DAY_MS;
/** Where a calendar cannot be watched, whether it still cannot is asked this often. */
const ASK_AGAIN_MS = DAY_MS;

/**
 * Makes a watch beside the old one, then stops the old: there is no gap between them. The row exists
 * before the channel is asked, because its first notification may come before its answer.
 */
export async function keepWatch(
  deps: ActivityDependencies,
  key: ConnectionKey,
): Promise<{ watched: boolean; renewAt: number }> {
  const { pool } = deps.database;
  const { publicUrl } = deps.settings;
  const target = await connectionTarget(pool, key);
  const unwatched = { watched: false, renewAt: deps.now() + ASK_AGAIN_MS };
  if (!target || publicUrl === null) return unwatched;
  const provider = providerOf(deps.channels, target.channel as Channel);
  if (!provider.supports.push) return unwatched;

  const watchId = randomUUID();
  const secret = randomBytes(32).toString('base64url');
  await insertWatch(pool, key, { watchId, secret });
  try {
    const watch = await callChannel(deps, { ...key, ...target }, (access) =>
      provider.watch({
        access,
        calendar: { id: target.calendarId, timeZone: target.timeZone },
        watchId,
        secret,
        address: `${publicUrl}/v1/notifications/${target.channel}`,
        ttlMs: TTL_MS,
      }),
    );
    await watchTaken(pool, key, watch);
    await stopAll(deps, key, watchId);
    const lifeMs = Date.parse(watch.expiresAt) - deps.now();
    // Well before the end, and spread, so that watches made together are not renewed together.
    return { watched: true, renewAt: deps.now() + lifeMs * (0.7 + Math.random() * 0.1) };
  } catch (error) {
    if (!(error instanceof Failure) || isRetryable(error.kind) || error.kind === 'unauthorized')
      throw error;
    await watchStopped(pool, key, watchId);
    await notWatched(pool, key);
    return unwatched;
  }
}

export const stopWatches = (deps: ActivityDependencies, key: ConnectionKey): Promise<void> =>
  stopAll(deps, key, null);

/** Old watches end by themselves; stopping them spares notifications nobody needs. */
async function stopAll(
  deps: ActivityDependencies,
  key: ConnectionKey,
  keepId: string | null,
): Promise<void> {
  const { pool } = deps.database;
  const target = await connectionTarget(pool, key);
  if (!target) return;
  const provider = providerOf(deps.channels, target.channel as Channel);
  for (const { watchId, nativeId, expiresAt } of await openWatches(pool, key, keepId)) {
    if (nativeId !== null && expiresAt !== null)
      await callChannel(deps, { ...key, ...target }, (access) =>
        provider.unwatch({
          access,
          watch: { watchId, nativeId, expiresAt: expiresAt.toISOString() },
        }),
      ).catch((error: unknown) => {
        if (!(error instanceof Failure) || isRetryable(error.kind)) throw error;
      });
    await watchStopped(pool, key, watchId);
  }
}
