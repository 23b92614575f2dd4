import type { ActivityDependencies } from '../../temporal/activities/dependencies.ts';
import { mainActivities } from '../../temporal/activities/index.ts';
import type { ChangeRowActivities } from '../../temporal/contracts/booking-change.ts';
import type { ConnectionLedgerActivities } from '../../temporal/contracts/connection.ts';

/** The activities of bookings and their changes, as the worker has them: all but a connection's own. */
export type BookingActivity =
  | Exclude<keyof ReturnType<typeof mainActivities>, keyof ConnectionLedgerActivities>
  | keyof ChangeRowActivities;

const OF_CONNECTIONS = {
  recordStatus: true,
  refuseRemovals: true,
  beginGeneration: true,
  clearConnection: true,
} satisfies Record<keyof ConnectionLedgerActivities, true>;

export function bookingActivities(): BookingActivity[] {
  // They are only named here, and none of them is run.
  const all = mainActivities({ database: {} } as ActivityDependencies);
  return Object.keys(all)
    .filter((name): name is BookingActivity => !Object.hasOwn(OF_CONNECTIONS, name))
    .toSorted();
}
