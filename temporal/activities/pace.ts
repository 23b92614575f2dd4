import { EARLIEST_LOOK, intervalInForceMs, nextPollMs } from '../../src/domain/connection.ts';
import { countPoll } from '../../src/store/polling.ts';
import type { ConnectionKey, OpenPass } from '../../src/store/sync.ts';
import type { ActivityDependencies } from './dependencies.ts';

const HOUR_MS = 3_600_000;

export const isWatched = (deps: ActivityDependencies, { watchedUntilAt }: OpenPass): boolean =>
  watchedUntilAt !== null && watchedUntilAt > deps.now();

/** The least time between two looks of the connection, for what must last from one to the next. */
export const onePollMs = (deps: ActivityDependencies, pass: OpenPass): number =>
  EARLIEST_LOOK *
  intervalInForceMs(pass.settings, { watched: isWatched(deps, pass), pollMs: pass.pollInForceMs });

/** Until the next poll, as things stand after a pass; a connection that is notified keeps its pace. */
export async function settlePoll(
  deps: ActivityDependencies,
  key: ConnectionKey,
  pass: OpenPass,
): Promise<number> {
  const { settings, accountId, cursorVersion, pollIntervalMs: beforeMs } = pass;
  const standing = pass.pollInForceMs ?? settings.pollMinMs;
  if (pass.lastPage?.more || isWatched(deps, pass)) return standing;
  const changed = (pass.lastPage?.passChanges ?? 0) > 0;
  return countPoll(deps.database.pool, key, {
    accountId,
    cursorVersion,
    intervalMs: nextPollMs(settings, { beforeMs, changed }),
    periodMs: HOUR_MS / deps.settings.pollsPerHour,
  });
}
