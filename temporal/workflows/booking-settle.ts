import { setHandler } from '@temporalio/workflow';
import { paymentNewsSignal, type PaymentRef } from '../contracts/booking.ts';
import { letGo, sendBackArriving } from './booking-pay.ts';
import { captureForward, returnForward } from './forward.ts';

/**
 * Puts the money of a booking right whose own run is gone, as after a restore of Temporal's data or
 * a terminated run: of a confirmed booking it is taken, of any other it goes back. The row decides.
 */
export async function bookingSettle(ref: PaymentRef): Promise<void> {
  const told = { news: false, arriving: false };
  setHandler(paymentNewsSignal, () => void (told.news = true));
  const outcome = await captureForward(ref);
  // Its refunds, some of which may be on their way, are looked after all the same.
  if (outcome.state === 'confirmed') return returnForward(ref);
  await letGo(ref, told);
  await sendBackArriving(ref, told);
}
