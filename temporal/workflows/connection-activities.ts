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
  const proxy = (summary: string) =>
    proxyActivities<ConnectionActivities>({
      taskQueue: channelQueue(taskQueue, channel),
      startToCloseTimeout: '2 minutes',
      heartbeatTimeout: '8 seconds',
      cancellationType: 'TRY_CANCEL',
      summary,
      retry: {
        initialInterval: '500 ms',
        backoffCoefficient: 2,
        maximumInterval: '30 seconds',
        maximumAttempts: 5,
      },
    });
  return {
    pullPage: proxy('read a page of changes').pullPage,
    carryOutMirrors: proxy('write our bookings').carryOutMirrors,
    keepWatch: proxy('make or renew the watch').keepWatch,
    stopWatches: proxy('stop watches').stopWatches,
  };
}
