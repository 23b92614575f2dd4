import {
  commitBooking,
  cancelBooking,
  clearAttention,
  flagAttention,
  releaseBooking,
  resolveByHand,
} from '../../src/store/bookings.ts';
import { closeChange, openChange } from '../../src/store/changes.ts';
import { extendHold, holdUnits } from '../../src/store/holds.ts';
import type { ChangeRowActivities } from '../contracts/booking-change.ts';
import type { BookingLedgerActivities } from '../contracts/booking.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** The ledger's side of a booking: one database transaction each, run as local activities. */
export function bookingLedger(
  deps: ActivityDependencies,
): BookingLedgerActivities & ChangeRowActivities {
  const { pool } = deps.database;

  /** Not waited for: the mirror rows are durable, and a sweeper tells what nobody was told. */
  const wake = (tenantId: string, connections: readonly string[]): void => {
    for (const connectionId of connections)
      deps.commands.requestMirror({ tenantId, connectionId }).catch((error: unknown) => {
        deps.log('warn', 'a mirror waits for the sweeper', { connectionId, error: nameOf(error) });
      });
  };

  return {
    async holdSlot(input) {
      const { connections = [], ...held } = await holdUnits(pool, input);
      wake(input.tenantId, connections);
      return held;
    },
    async releaseSlot(input) {
      const released = await releaseBooking(pool, input);
      if (released.kind === 'released') wake(input.tenantId, released.connections ?? []);
      return { kind: released.kind };
    },
    async commitBooking(input) {
      const committed = await commitBooking(pool, input);
      if (committed.kind === 'stale') return committed;
      if (committed.kind === 'confirmed') wake(input.tenantId, committed.connections);
      return { kind: committed.kind };
    },
    extendSlot: (input) => extendHold(pool, input),
    async callOff(input) {
      const cancelled = await cancelBooking(pool, input);
      if (cancelled.kind !== 'cancelled') return cancelled;
      wake(input.tenantId, cancelled.connections ?? []);
      return { kind: 'cancelled' };
    },
    openChange: (input) => openChange(pool, input),
    closeChange: (input) => closeChange(pool, input),
    callPerson: (input) => flagAttention(pool, input),
    settled: (input) => clearAttention(pool, input),
    async doneByHand(input) {
      await resolveByHand(pool, input);
    },
  };
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'unknown');
