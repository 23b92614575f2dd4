import type { Channel } from '../channels/channel-provider.ts';
import { takeOrphan, watchStopped } from '../store/watches.ts';
import type { ApiContext } from './route.ts';
import { describeError } from './failures.ts';

/**
 * Stops a watch that we are done with and that still notifies: its making was never answered, or
 * stopping it failed. All that is needed is what its notification said, whose secret was verified.
 * What fails is tried again when it next speaks.
 */
export async function stopOrphan(
  deps: ApiContext,
  { watchId, nativeId }: { watchId: string; nativeId: string },
): Promise<void> {
  const orphan = await takeOrphan(deps.database.pool, watchId);
  const provider = orphan && deps.providers.get(orphan.channel as Channel);
  if (!provider) return;
  try {
    // Stopping asks for no expiry; the port's form has one.
    const expiresAt = new Date(deps.now()).toISOString();
    const watch = { watchId, nativeId, expiresAt };
    await deps.callChannel(orphan, (access) => provider.unwatch({ access, watch }));
    await watchStopped(deps.database.pool, orphan, { watchId, gone: true });
  } catch (error) {
    const { connectionId } = orphan;
    deps.log('warn', 'an old watch is not stopped yet', { connectionId, ...describeError(error) });
  }
}
