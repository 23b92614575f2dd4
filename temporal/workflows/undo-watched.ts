import {
  condition,
  proxyActivities,
  proxyLocalActivities,
  upsertSearchAttributes,
  type LocalActivityOptions,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { BookingRef } from '../../src/commands.ts';
import type { Undo } from '../../src/domain/saga.ts';
import type {
  BookingLedgerActivities,
  BookingPaymentActivities,
  PaymentRef,
} from '../contracts/booking.ts';
import { SEARCH_ATTRIBUTES } from '../contracts/names.ts';

/**
 Acts on the ledger are retried for ever. Waits above the threshold are timers: a worker that retries
 inside its task writes history every few seconds, and would fill it within a day.
*/
export const LEDGER_OPTIONS = {
  startToCloseTimeout: '4 seconds',
  localRetryThreshold: '5 seconds',
  retry: { initialInterval: '50 ms', backoffCoefficient: 2, maximumInterval: '1 minute' },
} satisfies LocalActivityOptions;

const { callPerson } = proxyLocalActivities<BookingLedgerActivities>(LEDGER_OPTIONS);
const { returnPayment } = proxyActivities<BookingPaymentActivities>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'return the payment',
});

const attention = defineSearchAttributeKey(SEARCH_ATTRIBUTES.attention, 'KEYWORD');
const CALL_AFTER = '1 minute';

/**
 * Runs an undo for as long as it takes. One that is stuck makes the booking `needs-attention`, so
 * that it is found by search and not only in a log; it goes on being tried, and clears the flag.
 */
export async function undoWatched(
  ref: BookingRef,
  undo: Undo,
): Promise<'undone' | 'already-final'> {
  let result: 'undone' | 'already-final' | null = null;
  const running = undo.run().then((answer) => (result = answer));
  const inTime = await Promise.race([
    running.then(() => true),
    condition(() => result !== null, CALL_AFTER),
  ]);
  if (inTime) return running;
  const { tenantId, bookingId } = ref;
  upsertSearchAttributes([{ key: attention, value: `stuck-${undo.name}` }]);
  await callPerson({ tenantId, bookingId, attention: `stuck-${undo.name}` });
  const answer = await running;
  upsertSearchAttributes([{ key: attention, value: null }]);
  await callPerson({ tenantId, bookingId, attention: null });
  return answer;
}

/** What a booking that was called off still owes: refunded, or let go. */
export async function returnWatched(ref: PaymentRef): Promise<void> {
  const run = async () => {
    await returnPayment(ref);
    return 'undone' as const;
  };
  await undoWatched(ref, { name: 'return-payment', run });
}
