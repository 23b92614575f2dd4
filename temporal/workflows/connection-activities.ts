import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import type {
  ConnectionActivities,
  ConnectionInput,
  ConnectionLedgerActivities,
} from '../contracts/connection.ts';
import { channelQueue } from '../contracts/names.ts';

/** Store-only acts; they run beside the workflow. */
export const ledger = proxyLocalActivities<ConnectionLedgerActivities>({
  startToCloseTimeout: '5 seconds',
  retry: { initialInterval: '100 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
});

/**
 * Calls to the channel, on its own queue. A few tries bridge a hiccup; after them the workflow says
 * how the connection stands and comes back later, so nothing is retried for ever unseen.
 */
export function channelActivities({ taskQueue, channel }: ConnectionInput): ConnectionActivities {
  return proxyActivities<ConnectionActivities>({
    taskQueue: channelQueue(taskQueue, channel),
    startToCloseTimeout: '2 minutes',
    cancellationType: 'TRY_CANCEL',
    retry: {
      initialInterval: '500 ms',
      backoffCoefficient: 2,
      maximumInterval: '30 seconds',
      maximumAttempts: 5,
    },
  });
}
