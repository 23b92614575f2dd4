import {
  CancellationScope,
  condition,
  isCancellation,
  proxyActivities,
} from '@temporalio/workflow';
import type {
  AuthorizeResult,
  BookingInput,
  BookingLedgerActivities,
  BookingPaymentActivities,
  PaymentRef,
  VoidResult,
} from '../contracts/booking.ts';
import type { Told } from './booking-messages.ts';
import { isTimeUp, watched, watchedLedger } from './watched.ts';

/**
 * How a booking is paid while its hold lasts, and how its money is let go after that. A payer who
 * acts in a browser is waited for: the service's events wake us, and since they may never come it is
 * asked a few times too. Nothing an event says is believed; the service is read.
 */
type Paid = Exclude<AuthorizeResult, { kind: 'waiting' }>;

/** The first look of our own, and how much longer each wait is than the one before. */
const FIRST_LOOK_MS = 20_000;
const LOOK_GROWTH = 2;
/** From here to the hold's end looks come closer together; the last leaves time for the commit. */
const NEAR_END_MS = 15_000;
const LAST_LOOK_MS = 3_000;
/** Money under way when the hold ended: looked at so often, then less and less. */
const FIRST_ARRIVAL_MS = 30_000;
const LONGEST_MS = 3_600_000;

const ledger = watchedLedger<BookingLedgerActivities>();
const { voidPayment } = proxyActivities<BookingPaymentActivities>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'undo: void the payment',
});

/** Given up when the hold ends: money that arrives later is voided. */
const payingWithin = (ms: number, summary: string): BookingPaymentActivities =>
  proxyActivities<BookingPaymentActivities>({
    startToCloseTimeout: '30 seconds',
    heartbeatTimeout: '8 seconds',
    scheduleToCloseTimeout: Math.max(ms, 1_000),
    cancellationType: 'TRY_CANCEL',
    retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '10 seconds' },
    summary,
  });

/** A payment that a browser can confirm. False when the booking is over before it is there. */
export async function open(payment: PaymentRef, told: Told): Promise<boolean> {
  const opened = await whileHeld(told, (leftMs) =>
    payingWithin(leftMs, 'open the payment').openPayment(payment),
  );
  told.opening = false;
  return opened.kind === 'waiting' || opened.kind === 'authorized';
}

export async function pay(
  payment: PaymentRef,
  { input, told }: { input: BookingInput; told: Told },
): Promise<Paid> {
  const payerPresent = input.paymentKind === 'browser' || (input.payerPresent ?? false);
  const paying = { ...payment, payerPresent };
  if (input.paymentKind === 'browser') return untilPaid(paying, told);
  const first = await whileHeld(told, (leftMs) =>
    payingWithin(leftMs, 'authorize').authorizePayment(paying),
  );
  return first.kind === 'waiting' ? untilPaid(paying, told) : first;
}

async function untilPaid(
  paying: PaymentRef & { payerPresent: boolean },
  told: Told,
): Promise<Paid> {
  for (let look = 0; ; look += 1) {
    const endsAt = told.holdEndsAt;
    const leftMs = endsAt - Date.now();
    const isOver = () => told.gaveUp !== null || Date.now() >= told.holdEndsAt;
    if (isOver()) return { kind: 'ended' };
    await condition(
      () => told.news || told.gaveUp !== null || told.holdEndsAt !== endsAt,
      lookInMs(look, leftMs),
    );
    if (isOver()) return { kind: 'ended' };
    told.news = false;
    const found = await whileHeld(told, (ms) =>
      payingWithin(ms, 'ask for the payment').readPayment(paying),
    );
    if (found.kind !== 'waiting') return found;
  }
}

/** A dozen looks in a quarter of an hour, few of them in between: each is kept in history. */
function lookInMs(look: number, leftMs: number): number {
  if (leftMs > NEAR_END_MS + FIRST_LOOK_MS)
    return Math.min(FIRST_LOOK_MS * LOOK_GROWTH ** Math.min(look, 20), leftMs - NEAR_END_MS);
  return leftMs > LAST_LOOK_MS ? leftMs * 0.7 : leftMs;
}

/**
 * Until an answer, the end of the hold (which may be moved meanwhile) or the caller giving up, who
 * does not wait for the payment service: the undo refuses whatever it does late.
 */
async function whileHeld(
  told: Told,
  act: (leftMs: number) => Promise<AuthorizeResult>,
): Promise<AuthorizeResult> {
  for (;;) {
    if (told.gaveUp !== null) return { kind: 'ended' };
    const paying = new CancellationScope();
    told.stopPaying = () => paying.cancel();
    const endsAt = told.holdEndsAt;
    try {
      return await paying.run(() => act(endsAt - Date.now()));
    } catch (error) {
      if (told.gaveUp !== null && isCancellation(error)) return { kind: 'ended' };
      if (told.holdEndsAt === endsAt || !isTimeUp(error)) throw error;
    } finally {
      told.stopPaying = null;
    }
  }
}

/**
 * The undo of paying: no late act can authorize any more. Money that is on its way can be let go only
 * when it has arrived, and nobody's unit waits for that.
 */
export async function letGo(
  payment: PaymentRef,
  told: Pick<Told, 'arriving'>,
): Promise<'undone' | 'already-final'> {
  const undone = await watched<VoidResult>(payment, {
    name: 'void-payment',
    run: () => voidPayment(payment),
    byHand: 'undone',
  });
  told.arriving = undone === 'processing';
  return undone === 'processing' ? 'undone' : undone;
}

/**
 * Watches money that was on its way when its booking ended, until it is gone again; a person hears of
 * it when that takes hours.
 */
export async function sendBackArriving(
  payment: PaymentRef,
  told: Pick<Told, 'arriving' | 'news'>,
): Promise<void> {
  if (!told.arriving) return;
  const { tenantId, bookingId } = payment;
  const call = { tenantId, bookingId, attention: 'payment-processing' };
  for (let waitMs = FIRST_ARRIVAL_MS; told.arriving; waitMs = Math.min(waitMs * 2, LONGEST_MS)) {
    await condition(() => told.news, waitMs);
    told.news = false;
    await letGo(payment, told);
    if (told.arriving && waitMs === LONGEST_MS) await ledger.callPerson(call);
  }
  await ledger.settled(call);
}
