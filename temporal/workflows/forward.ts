import { proxyActivities, type ActivityOptions } from '@temporalio/workflow';
import type { BookingRef } from '../../src/commands.ts';
import type {
  BookingLedgerActivities,
  BookingOutcome,
  BookingPaymentActivities,
  PaymentRef,
} from '../contracts/booking.ts';
import { CALL_AFTER, calledFor, isTimeUp, watchedLedger } from './watched.ts';

/** Money past the pivot: taken, or returned, for as long as it takes. */
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
const { callOff } = watchedLedger<BookingLedgerActivities>();

/** Past the pivot only forward: the money is taken, or the booking is called off and says so. */
export async function captureForward(ref: PaymentRef): Promise<BookingOutcome> {
  const captured = await watchedPayment(ref, {
    name: 'capture-payment',
    pay: (payments) => payments.capturePayment(ref),
    byHand: { kind: 'captured' },
  });
  if (captured.kind === 'captured') return { state: 'confirmed', reason: null };
  if (captured.kind === 'called-off') return { state: 'cancelled', reason: 'called-off' };
  const { tenantId, bookingId } = ref;
  await callOff({
    tenantId,
    bookingId,
    changeId: 'capture',
    reason: captured.code,
    keepMinor: 0,
    quoteId: null,
  });
  await returnForward(ref);
  return { state: 'cancelled', reason: captured.code };
}

/** What a booking that was called off still owes: refunded, or let go. */
export const returnForward = (ref: PaymentRef): Promise<void> =>
  watchedPayment(ref, {
    name: 'return-payment',
    pay: (payments) => payments.returnPayment(ref),
    byHand: undefined,
  });

/**
 * A watched payment, without a timer in every booking's history: the activity itself tells that its
 * time is up. An attempt still under way may then meet its successor, which has the same key.
 */
async function watchedPayment<T>(
  ref: BookingRef,
  {
    name,
    pay,
    byHand,
  }: {
    name: string;
    byHand: T;
    pay: (payments: BookingPaymentActivities) => Promise<T>;
  },
): Promise<T> {
  try {
    return await pay(atFirst);
  } catch (error) {
    if (!isTimeUp(error)) throw error;
    return calledFor(ref, { name, run: () => pay(forEver), byHand });
  }
}
