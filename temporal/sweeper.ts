import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Commands } from '../src/commands.ts';
import type { Log } from '../src/log.ts';
import { releaseBooking } from '../src/store/bookings.ts';
import { leftDirty } from '../src/store/gate.ts';
import { holdsLeftOpen } from '../src/store/holds.ts';
import { mirrorsLeft } from '../src/store/mirrors.ts';
import { dropOldRows } from '../src/store/old-rows.ts';

/**
 * Finds what a crash left between two steps and tells whoever should have been told. Every worker
 * runs one; rows are skipped while another has them, and every act may be repeated.
 */
const AT_ONCE = 200;
/** A live workflow ends its own hold; this long after, it has none. */
const HOLD_GRACE_MS = 60_000;

export function startSweeper(options: {
  pool: pg.Pool;
  commands: Pick<Commands, 'requestSync' | 'requestMirror'>;
  intervalMs: number;
  log: Log;
}): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await sweep(options).catch((error: unknown) =>
        options.log('warn', 'a sweep failed and is tried again', {
          reason: error instanceof Error ? error.name : 'unknown',
        }),
      );
      await sleep(options.intervalMs, undefined, { signal: stopping.signal }).catch(
        () => undefined,
      );
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function sweep(options: Parameters<typeof startSweeper>[0]): Promise<void> {
  const { pool, commands, intervalMs } = options;
  const left = { olderThanMs: intervalMs, limit: AT_ONCE };
  for (const connection of await leftDirty(pool, left)) await commands.requestSync(connection);
  for (const connection of await mirrorsLeft(pool, left)) await commands.requestMirror(connection);
  const holds = await holdsLeftOpen(pool, { olderThanMs: HOLD_GRACE_MS, limit: AT_ONCE });
  for (const hold of holds)
    await releaseBooking(pool, { ...hold, state: 'expired', reason: 'hold-expired' });
  await dropOldRows(pool);
}
