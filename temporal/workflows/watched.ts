import {
  ActivityFailure,
  TimeoutFailure,
  condition,
  proxyActivities,
  proxyLocalActivities,
  upsertSearchAttributes,
  type ActivityOptions,
  type LocalActivityOptions,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { BookingRef } from '../../src/commands.ts';
import type {
  BookingLedgerActivities,
  BookingOutcome,
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

const ledger = proxyLocalActivities<BookingLedgerActivities>(LEDGER_OPTIONS);
const { callPerson, settled } = ledger;

const CALL_AFTER = '1 minute';
const FORWARD = {
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'take or return the money',
} satisfies ActivityOptions;
const atFirst = proxyActivities<BookingPaymentActivities>({
  ...FORWARD,
  scheduleToCloseTimeout: CALL_AFTER,
});
const forEver = proxyActivities<BookingPaymentActivities>(FORWARD);

const attentionKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.attention, 'KEYWORD');

/**
 * Runs what has no other way than through, for as long as it takes. When it is stuck the booking
 * `needs-attention`, so that it is found by search and not only in a log; it goes on being tried,
 * and takes the call back.
 */
export async function watched<T>(ref: BookingRef, name: string, run: () => Promise<T>): Promise<T> {
  let isDone = false;
  const running = run().finally(() => (isDone = true));
  const inTime = await Promise.race([
    running.then(() => true),
    condition(() => isDone, CALL_AFTER),
  ]);
  return inTime ? running : calledFor(ref, name, () => running);
}

/**
 * The same for a payment, without a timer in every booking's history: the activity itself tells that
 * its time is up. An attempt still under way may then meet its successor, which has the same key.
 */
async function watchedPayment<T>(
  ref: PaymentRef,
  name: string,
  pay: (payments: BookingPaymentActivities) => Promise<T>,
): Promise<T> {
  try {
    return await pay(atFirst);
  } catch (error) {
    if (!isTimeUp(error)) throw error;
    return calledFor(ref, name, () => pay(forEver));
  }
}

/** The last attempt failed too near the end for another one, or was still under way. */
const isTimeUp = (error: unknown): boolean =>
  error instanceof ActivityFailure &&
  (error.retryState === 'TIMEOUT' || error.cause instanceof TimeoutFailure);

async function calledFor<T>(ref: BookingRef, name: string, run: () => Promise<T>): Promise<T> {
  const call = { tenantId: ref.tenantId, bookingId: ref.bookingId, attention: `stuck-${name}` };
  upsertSearchAttributes([{ key: attentionKey, value: call.attention }]);
  await callPerson(call);
  const answer = await run();
  upsertSearchAttributes([{ key: attentionKey, value: null }]);
  await settled(call);
  return answer;
}

/** Past the pivot only forward: the money is taken, or the booking is called off and says so. */
export async function captureForward(ref: PaymentRef): Promise<BookingOutcome> {
  const captured = await watchedPayment(ref, 'capture-payment', (payments) =>
    payments.capturePayment(ref),
  );
  if (captured.kind === 'captured') return { state: 'confirmed', reason: null };
  if (captured.kind === 'called-off') return { state: 'cancelled', reason: 'called-off' };
  await ledger.callOff({ ...ref, reason: captured.code });
  await returnForward(ref);
  return { state: 'cancelled', reason: captured.code };
}

/** What a booking that was called off still owes: refunded, or let go. */
export const returnForward = (ref: PaymentRef): Promise<void> =>
  watchedPayment(ref, 'return-payment', (payments) => payments.returnPayment(ref));
