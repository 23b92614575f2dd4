import { proxyActivities } from '@temporalio/workflow';
import type { BookingPaymentActivities, PaymentRef } from '../contracts/booking.ts';
import { captureForward, watched } from './watched.ts';

const { voidPayment } = proxyActivities<BookingPaymentActivities>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'let the money go',
});

/**
 * Puts the money of a booking right whose own run is gone, as after a restore of Temporal's data or
 * a terminated run: of a confirmed booking it is taken, of any other it goes back. The row decides.
 */
export async function bookingSettle(ref: PaymentRef): Promise<void> {
  const outcome = await captureForward(ref);
  if (outcome.state !== 'confirmed') await watched(ref, 'void-payment', () => voidPayment(ref));
}
