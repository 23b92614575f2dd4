import {
  clearDisconnected,
  setConnectionStatus,
  startGeneration,
} from '../../src/store/connection-status.ts';
import { refuseRemovals } from '../../src/store/repairs.ts';
import type {
  BookingLedgerActivities,
  BookingPaymentActivities,
  RecheckActivities,
} from '../contracts/booking.ts';
import type { CollectingActivities, CollectingLedgerActivities } from '../contracts/collecting.ts';
import type { ConflictActivities } from '../contracts/conflict.ts';
import type { ConnectionActivities, ConnectionLedgerActivities } from '../contracts/connection.ts';
import type { DifferenceActivities, RescheduleLedgerActivities } from '../contracts/reschedule.ts';
import { collecting, collectingLedger } from './balance.ts';
import { bookingLedger } from './booking.ts';
import { differences, rescheduleLedger } from './change.ts';
import { conflicts, tellConflicts } from './conflict.ts';
import { carryOutMirrors, removeMirrors } from './connection-mirrors.ts';
import { restoreEvents } from './connection-restore.ts';
import { keepWatch, stopWatches } from './connection-watch.ts';
import { pullPage } from './connection.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { translated } from './failure.ts';
import { bookingPayments } from './payment.ts';
import { rechecks } from './recheck.ts';

/** What runs on the main queue: acts of the ledger, and payments. */
export function mainActivities(
  deps: ActivityDependencies,
): BookingLedgerActivities &
  BookingPaymentActivities &
  RecheckActivities &
  CollectingActivities &
  CollectingLedgerActivities &
  ConflictActivities &
  RescheduleLedgerActivities &
  DifferenceActivities &
  ConnectionLedgerActivities {
  const { pool } = deps.database;
  return translated(
    {
      ...bookingLedger(deps),
      ...bookingPayments(deps),
      ...collecting(deps),
      ...collectingLedger(deps),
      ...conflicts(deps),
      ...rescheduleLedger(deps),
      ...differences(deps),
      ...rechecks(deps),
      async recordStatus(input) {
        await setConnectionStatus(pool, input, input);
      },
      refuseRemovals: async (input) => ({ kept: await refuseRemovals(pool, input) }),
      async beginGeneration(input) {
        await startGeneration(pool, input);
      },
      async clearConnection(input) {
        await clearDisconnected(pool, input);
        // Not waited for: the rows are durable, and a sweeper tells what nobody was told.
        tellConflicts(deps, input).catch(() =>
          deps.log('warn', 'conflicts wait for the sweeper', { connectionId: input.connectionId }),
        );
      },
    } satisfies ReturnType<typeof mainActivities>,
    (error) => logBug(deps, error),
  );
}

/** What runs on each channel's own queue. */
export const channelActivities = (deps: ActivityDependencies): ConnectionActivities =>
  translated(
    {
      pullPage: (input) => pullPage(deps, input),
      carryOutMirrors: (input) => carryOutMirrors(deps, input),
      keepWatch: (input) => keepWatch(deps, input),
      removeMirrors: (input) => removeMirrors(deps, input),
      stopWatches: (input) => stopWatches(deps, input),
      restoreEvents: (input) => restoreEvents(deps, input),
    } satisfies ConnectionActivities,
    (error) => logBug(deps, error),
  );

function logBug(deps: ActivityDependencies, error: unknown): void {
  const { name, stack } = error instanceof Error ? error : { name: 'unknown', stack: undefined };
  // The stack without its first line: messages of libraries may quote what they were given.
  deps.log('error', 'activity failed', { name, at: stack?.split('\n').slice(1, 6).join(' | ') });
}
