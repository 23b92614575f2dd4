import { condition, proxyActivities, setHandler } from '@temporalio/workflow';
import type { ChangeRef } from '../../src/commands.ts';
import { paymentNewsSignal, type AuthorizeResult } from '../contracts/booking.ts';
import type { DifferenceActivities } from '../contracts/reschedule.ts';
import type { Telling } from './booking-change.ts';

/** Given up when the new time's hold ends. */
const payingWithin = (ms: number): DifferenceActivities =>
  proxyActivities<DifferenceActivities>({
    startToCloseTimeout: '30 seconds',
    heartbeatTimeout: '8 seconds',
    scheduleToCloseTimeout: Math.max(ms, 1_000),
    retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '10 seconds' },
    summary: 'authorize the difference',
  });

/** First look of our own, and how much longer each wait is than the one before. */
const FIRST_LOOK_MS = 20_000;
const LOOK_GROWTH = 2;
const LAST_LOOK_MS = 5_000;

/** A payer at a browser is waited for: the service's events wake us, and it is asked a few times too. */
export async function payDifference(
  change: ChangeRef,
  { untilAt, telling }: { untilAt: number; telling: Telling },
): Promise<AuthorizeResult> {
  let isNews = false;
  setHandler(paymentNewsSignal, () => void (isNews = true));
  const leftMs = () => untilAt - Date.now();
  let paid = await payingWithin(leftMs()).authorizeDifference(change);
  for (let look = 0; paid.kind === 'waiting' && leftMs() > 0; look += 1) {
    telling.answer({ kind: 'waiting', for: 'payment' });
    const waitMs = Math.min(
      FIRST_LOOK_MS * LOOK_GROWTH ** Math.min(look, 10),
      leftMs() - LAST_LOOK_MS,
    );
    await condition(() => isNews, Math.max(waitMs, 1_000));
    isNews = false;
    paid = await payingWithin(leftMs()).readDifference(change);
  }
  return paid;
}
