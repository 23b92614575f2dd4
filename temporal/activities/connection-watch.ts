import { randomBytes, randomUUID } from 'node:crypto';
import type { Channel, ChannelProvider, Watch } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import type { PushRefusal } from '../../src/domain/connection.ts';
import { Failure, isRetryable } from '../../src/domain/failure.ts';
import { connectionTarget, type ConnectionTarget } from '../../src/store/connection-target.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import {
  insertWatch,
  notWatched,
  openWatches,
  takeWatchWish,
  watchStopped,
  watchTaken,
} from '../../src/store/watches.ts';
import type { ConnectionActivities } from '../contracts/connection.ts';
import { callChannel, inTurn } from './call-channel.ts';
import type { ActivityDependencies } from './dependencies.ts';

const DAY_MS = 86_400_000;
const TTL_MS = 7 * DAY_MS;
/** Where a calendar cannot be watched, whether it still cannot is asked this often. */
const ASK_AGAIN_MS = DAY_MS;

type Kept = Awaited<ReturnType<ConnectionActivities['keepWatch']>>;

/**
 * Sees to it that the channel notifies us: extends the watch where the channel can, else makes one
 * beside the old and then stops the old. Either way there is no gap between them.
 */
export const keepWatch = (deps: ActivityDependencies, key: ConnectionKey): Promise<Kept> =>
  inTurn(() => keep(deps, key));

/** What keeping one connection's watch takes. */
interface Keeping {
  key: ConnectionKey;
  target: ConnectionTarget;
  provider: ChannelProvider;
}

async function keep(deps: ActivityDependencies, key: ConnectionKey): Promise<Kept> {
  const { pool } = deps.database;
  const target = await connectionTarget(pool, key);
  if (!target) return unwatched(deps);
  const provider = providerOf(deps.channels, target.channel as Channel);
  await takeWatchWish(pool, key);
  if (!provider.supports.push) return polled(deps, key, 'channel-cannot');
  if (deps.settings.publicUrl === null) return polled(deps, key, 'no-public-address');

  const keeping = { key, target, provider };
  const [last] = await openWatches(pool, key, null);
  const live = last && liveWatch(last, deps.now());
  if (live && provider.supports.renewal === 'extend') {
    const extended = await extend(deps, keeping, live);
    if (extended) return kept(deps, extended, { gap: false });
  }
  return make(deps, keeping, { gap: !live });
}

type Stored = Awaited<ReturnType<typeof openWatches>>[number];

function liveWatch({ watchId, nativeId, expiresAt }: Stored, nowAt: number): Watch | null {
  if (nativeId === null || expiresAt === null || expiresAt.getTime() <= nowAt) return null;
  return { watchId, nativeId, expiresAt: expiresAt.toISOString() };
}

/** Null when the channel no longer has the watch. */
async function extend(
  deps: ActivityDependencies,
  { key, target, provider }: Keeping,
  live: Watch,
): Promise<Watch | null> {
  const { pool } = deps.database;
  const { watchId } = live;
  try {
    const watch = await callChannel(deps, { ...key, ...target }, (access) =>
      provider.renew({ access, watch: live, ttlMs: TTL_MS }),
    );
    return (await watchTaken(pool, key, watch)) ? watch : null;
  } catch (error) {
    if (!(error instanceof Failure) || !LOST.includes(error.kind)) throw error;
    await watchStopped(pool, key, { watchId, gone: error.kind === 'not-found' });
    return null;
  }
}

/** What a channel answers about a watch that cannot be extended: another has to be made. */
const LOST = ['not-found', 'invalid', 'conflict'];

/**
 * Each attempt makes a watch of its own, with an id that was never used. The row exists before the
 * channel is asked, because its first notification may come before its answer; and what a watch
 * sends whose making failed still counts, until it is stopped as an orphan.
 */
async function make(
  deps: ActivityDependencies,
  { key, target, provider }: Keeping,
  { gap }: { gap: boolean },
): Promise<Kept> {
  const { pool } = deps.database;
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
        address: `${deps.settings.publicUrl}/v1/notifications/${target.channel}`,
        ttlMs: TTL_MS,
      }),
    );
    if (!(await watchTaken(pool, key, watch)))
      throw new Failure({ kind: 'unavailable', code: 'watch-lost' });
    await stopAll(deps, key, { keepId: watchId });
    return kept(deps, watch, { gap });
  } catch (error) {
    await watchStopped(pool, key, { watchId, gone: false });
    if (!(error instanceof Failure) || isRetryable(error.kind) || error.kind === 'unauthorized')
      throw error;
    return polled(deps, key, 'calendar-refused');
  }
}

/** Renewed well before the end, and spread, so that watches made together are not renewed together. */
function kept(deps: ActivityDependencies, watch: Watch, { gap }: { gap: boolean }): Kept {
  const lifeMs = Date.parse(watch.expiresAt) - deps.now();
  return { watched: true, gap, renewAt: deps.now() + lifeMs * (0.7 + Math.random() * 0.1) };
}

const unwatched = (deps: ActivityDependencies): Kept => ({
  watched: false,
  gap: false,
  renewAt: deps.now() + ASK_AGAIN_MS * (0.9 + Math.random() * 0.2),
});

async function polled(
  deps: ActivityDependencies,
  key: ConnectionKey,
  why: PushRefusal,
): Promise<Kept> {
  await notWatched(deps.database.pool, key, why);
  return unwatched(deps);
}

export const stopWatches = (deps: ActivityDependencies, key: ConnectionKey): Promise<void> =>
  inTurn(() => stopAll(deps, key, { keepId: null }));

/**
 * Old watches end by themselves; stopping them spares notifications nobody needs. Beside a new one
 * each is tried once, because no failure there is worth the new one; one that lives on is stopped
 * when it speaks.
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
    if (nativeId === null || expiresAt === null) {
      await watchStopped(pool, key, { watchId, gone: false });
      continue;
    }
    const watch = { watchId, nativeId, expiresAt: expiresAt.toISOString() };
    const gone = await callChannel(deps, { ...key, ...target }, (access) =>
      provider.unwatch({ access, watch }),
    ).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof Failure)) throw error;
        if (keepId === null && isRetryable(error.kind)) throw error;
        return false;
      },
    );
    await watchStopped(pool, key, { watchId, gone });
  }
}
