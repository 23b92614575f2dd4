import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Commands } from '../src/commands.ts';
import type { Log } from '../src/log.ts';
import { renewLapsing } from '../src/store/balances.ts';
import { releaseBooking } from '../src/store/bookings.ts';
import { changesToResume } from '../src/store/changes.ts';
import { conflictsToTell, conflictTold } from '../src/store/conflict-reads.ts';
import { echoesOver, endEchoes } from '../src/store/echoes.ts';
import { leftAlone, leftDirty, leftReopened } from '../src/store/gate.ts';
import { edgesBehind } from '../src/store/horizon.ts';
import { holdsLeftOpen } from '../src/store/holds.ts';
import { mirrorsLeft } from '../src/store/mirrors.ts';
import { dropOldRows } from '../src/store/old-rows.ts';
import { newsLeft } from '../src/store/payment-news.ts';
import { moneyLeftOpen } from '../src/store/payments.ts';
import { refundsToFollow } from '../src/store/refunds.ts';
import type { ConnectionKey } from '../src/store/sync.ts';

/**
 * Finds what a crash left between two steps and tells whoever should have been told. Every worker
 * runs one; rows are skipped while another has them, and every act may be repeated.
 */
const AT_ONCE = 200;
/**
 * More than a few marks left behind are a storm, in which the API holds signals back: then one not
 * much older than a sweep may still get its own.
 */
const A_FEW = 10;
const INTERVALS_OF_PATIENCE = 6;
/** A live workflow ends its own hold; this long after, it has none. */
const HOLD_GRACE_MS = 60_000;

/** Longer than any step of a booking takes while its workflow is there. */
const GRACE_MS = 5 * 60_000;

/** A conflict that waits is looked at again, in case its run is gone. */
const CONFLICT_AGAIN_MS = 60 * 60_000;

interface Sweeping {
  pool: pg.Pool;
  commands: Pick<
    Commands,
    | 'requestSync'
    | 'requestMirror'
    | 'reauthorized'
    | 'paymentNews'
    | 'settleBooking'
    | 'resumeChange'
  >;
  intervalMs: number;
  horizonMs: number;
  /** Expands a connection's calendar up to the horizon, which moves on with the days. */
  rollEdge: (behind: ConnectionKey) => Promise<void>;
  log: Log;
}

/** Expanding takes a while, and nothing waits for it. */
const EDGES_AT_ONCE = 5;

export function startSweeper(options: Sweeping): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await sweep(options);
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

async function sweep(options: Sweeping): Promise<void> {
  const { pool, commands, intervalMs } = options;
  const left = { olderThanMs: intervalMs, limit: AT_ONCE };
  const late = { olderThanMs: GRACE_MS, limit: AT_ONCE };
  // Before the marks left behind, of which these are some: a mere mark ends no rest.
  await each(options, () => leftReopened(pool, left), commands.reauthorized);
  await each(options, () => leftUnsignalled(pool, intervalMs), commands.requestSync);
  await each(options, () => leftAlone(pool, { limit: AT_ONCE }), commands.requestSync);
  await each(options, () => mirrorsLeft(pool, left), commands.requestMirror);
  await each(
    options,
    () => holdsLeftOpen(pool, { ...late, olderThanMs: HOLD_GRACE_MS }),
    (hold) => releaseBooking(pool, { ...hold, state: 'expired', reason: 'hold-expired' }),
  );
  await each(options, () => newsLeft(pool, left), commands.paymentNews);
  await each(options, () => moneyLeftOpen(pool, late), commands.settleBooking);
  await each(options, () => refundsToFollow(pool, late), commands.settleBooking);
  await each(
    options,
    async () => [null],
    () => renewLapsing(pool, AT_ONCE),
  );
  await each(options, () => changesToResume(pool, late), commands.resumeChange);
  await each(
    options,
    () => conflictsToTell(pool, { againAfterMs: CONFLICT_AGAIN_MS, limit: AT_ONCE }),
    async (conflict) => {
      await commands.resumeChange(conflict.change);
      await conflictTold(pool, conflict);
    },
  );
  await each(
    options,
    () => echoesOver(pool, AT_ONCE),
    (connection) => endEchoes(pool, connection),
  );
  await each(
    options,
    () => edgesBehind(pool, { horizonMs: options.horizonMs, limit: EDGES_AT_ONCE }),
    options.rollEdge,
  );
  await each(
    options,
    async () => [null],
    () => dropOldRows(pool),
  );
}

async function leftUnsignalled(pool: pg.Pool, intervalMs: number): Promise<ConnectionKey[]> {
  const few = await leftDirty(pool, { olderThanMs: intervalMs, limit: A_FEW });
  if (few.length < A_FEW) return few;
  const olderThanMs = intervalMs * INTERVALS_OF_PATIENCE;
  return [...few, ...(await leftDirty(pool, { olderThanMs, limit: AT_ONCE }))];
}

/** One row that cannot be dealt with now keeps no other waiting. */
async function each<T>(
  { log }: Sweeping,
  find: () => Promise<T[]>,
  act: (row: T) => Promise<unknown>,
): Promise<void> {
  const failed = (error: unknown) =>
    log('warn', 'a sweep failed and is tried again', {
      reason: error instanceof Error ? error.name : 'unknown',
    });
  for (const row of await find().catch((error: unknown) => (failed(error), [])))
    await act(row).catch(failed);
}
