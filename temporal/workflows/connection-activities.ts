import { proxyActivities, proxyLocalActivities, type ActivityOptions } from '@temporalio/workflow';
import type {
  ConnectionActivities,
  ConnectionInput,
  ConnectionLedgerActivities,
} from '../contracts/connection.ts';
import { channelQueue, fairnessKey } from '../contracts/names.ts';
import { LEDGER_OPTIONS } from './watched.ts';

/** Store-only acts; they run beside the workflow. */
export const ledger = proxyLocalActivities<ConnectionLedgerActivities>(LEDGER_OPTIONS);

/**
 * Calls to the channel, on its own queue. A few tries bridge a hiccup; after them the workflow says
 * how the connection stands and comes back later, so nothing is retried for ever unseen, and nothing
 * waits for a queue that nobody serves. Writing and watching must not keep reading waiting for long.
 */
export function channelActivities(input: ConnectionInput): ConnectionActivities {
  const { taskQueue, channel, tenantId } = input;
  const proxy = (options: ActivityOptions & { maximumAttempts: number }) => {
    const { maximumAttempts, ...rest } = options;
    return proxyActivities<ConnectionActivities>({
      taskQueue: channelQueue(taskQueue, channel),
      startToCloseTimeout: '2 minutes',
      heartbeatTimeout: '8 seconds',
      cancellationType: 'TRY_CANCEL',
      // One tenant's thousands wait behind each other, not before another's few.
      priority: { fairnessKey: fairnessKey(tenantId) },
      retry: {
        initialInterval: '500 ms',
        backoffCoefficient: 2,
        maximumInterval: '30 seconds',
        maximumAttempts,
      },
      ...rest,
    });
  };
  const { pullPage } = proxy({
    summary: 'read a page of changes',
    scheduleToCloseTimeout: '3 minutes',
    maximumAttempts: 5,
  });
  const { carryOutMirrors } = proxy({
    summary: 'write our bookings',
    scheduleToCloseTimeout: '1 minute',
    maximumAttempts: 3,
  });
  const { keepWatch } = proxy({
    summary: 'make or renew the watch',
    scheduleToCloseTimeout: '1 minute',
    maximumAttempts: 3,
  });
  const { removeMirrors } = proxy({
    summary: 'take our bookings away',
    scheduleToCloseTimeout: '1 minute',
    maximumAttempts: 3,
  });
  const { stopWatches } = proxy({
    summary: 'stop watches',
    scheduleToCloseTimeout: '15 seconds',
    maximumAttempts: 3,
  });
  const { restoreEvents } = proxy({
    summary: 'set the copy back to a past moment',
    scheduleToCloseTimeout: '3 minutes',
    maximumAttempts: 5,
  });
  return { pullPage, carryOutMirrors, keepWatch, removeMirrors, stopWatches, restoreEvents };
}
