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
import { callChannel, inTurn } from './call-channel.ts';
import type { ActivityDependencies } from './dependencies.ts';

const DAY_MS = 86_400_000;
const TTL_MS = 7 * DAY_MS;
/** Where a calendar cannot be watched, whether it still cannot is asked this often. */
const ASK_AGAIN_MS = DAY_MS;

/**
 * Makes a watch beside the old one, then stops the old: there is no gap between them. The row exists
 * before the channel is asked, because its first notification may come before its answer.
 */
export const keepWatch = (deps: ActivityDependencies, key: ConnectionKey): Promise<Kept> =>
  inTurn(() => makeWatch(deps, key));

interface Kept {
  watched: boolean;
  /** Epoch milliseconds. */
  renewAt: number;
}

async function makeWatch(deps: ActivityDependencies, key: ConnectionKey): Promise<Kept> {
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
    await stopAll(deps, key, { keepId: watchId });
    const lifeMs = Date.parse(watch.expiresAt) - deps.now();
    // Well before the end, and spread, so that watches made together are not renewed together.
    return { watched: true, renewAt: deps.now() + lifeMs * (0.7 + Math.random() * 0.1) };
  } catch (error) {
    // Each attempt makes a watch of its own, and what a stopped one sends still counts.
    await watchStopped(pool, key, watchId);
    if (!(error instanceof Failure) || isRetryable(error.kind) || error.kind === 'unauthorized')
      throw error;
    await notWatched(pool, key);
    return unwatched;
  }
}

export const stopWatches = (deps: ActivityDependencies, key: ConnectionKey): Promise<void> =>
  inTurn(() => stopAll(deps, key, { keepId: null }));

/**
 * Old watches end by themselves; stopping them spares notifications nobody needs. Beside a new one
 * each is tried once, because no failure there is worth the new one.
 */
async function stopAll(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { keepId }: { keepId: string | null },
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
        if (!(error instanceof Failure)) throw error;
        if (keepId === null && isRetryable(error.kind)) throw error;
      });
    await watchStopped(pool, key, watchId);
  }
}
