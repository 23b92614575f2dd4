import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  allHandlersFinished,
  condition,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { HoldAnswer } from '../../src/commands.ts';
import type { BookingState } from '../../src/domain/booking.ts';
import { undoStack, type UndoStack } from '../../src/domain/saga.ts';
import type {
  AuthorizeResult,
  BookingInput,
  BookingLedgerActivities,
  BookingOutcome,
  BookingPaymentActivities,
  PaymentRef,
} from '../contracts/booking.ts';
import { listen, type Told } from './booking-messages.ts';
import { captureForward, LEDGER_OPTIONS, watched } from './watched.ts';

/*
 | step      | act                                               | undo                              |
 |-----------|---------------------------------------------------|-----------------------------------|
 | 1 hold    | take a unit, expiry in the row                    | release, and fence a late hold    |
 | 2 pay     | create the intent, store its id, then authorize   | fence, then cancel the intent     |
 | 3 commit  | held, in time, uncontested → confirmed: the pivot | none: from here a cancel undoes   |
 | 4 capture | retried forward; a refusal calls the booking off  | return what is authorized         |

 The row decides, never this memory: an undo may find the booking confirmed by an attempt whose
 answer was lost, and then the story goes on after the pivot.
*/

const ledger = proxyLocalActivities<BookingLedgerActivities>(LEDGER_OPTIONS);
/** Given up after some twenty seconds, by attempts: the SDK stops no local retries by time. */
const { holdSlot } = proxyLocalActivities<BookingLedgerActivities>({
  startToCloseTimeout: '4 seconds',
  retry: {
    initialInterval: '50 ms',
    backoffCoefficient: 2,
    maximumInterval: '2 seconds',
    maximumAttempts: 16,
  },
});
const { voidPayment } = proxyActivities<BookingPaymentActivities>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'undo: void the payment',
});
/** Authorizing is given up when the hold ends: money that arrives later is voided. */
const payingWithin = (ms: number): BookingPaymentActivities =>
  proxyActivities<BookingPaymentActivities>({
    startToCloseTimeout: '30 seconds',
    heartbeatTimeout: '8 seconds',
    scheduleToCloseTimeout: Math.max(ms, 1_000),
    cancellationType: 'TRY_CANCEL',
    retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '10 seconds' },
    summary: 'authorize',
  });

export async function booking(input: BookingInput): Promise<BookingOutcome> {
  const told = listen(input);
  const undos = undoStack();
  let confirmed = await untilCommitted(input, told, undos);
  if (!confirmed)
    confirmed = await CancellationScope.nonCancellable(
      async () =>
        (await undos.unwind((undo) => watched(input, undo.name, undo.run))) === 'already-final',
    );
  if (confirmed) told.ending = { state: 'confirmed', reason: null };
  if (confirmed && input.paymentKind === 'method')
    told.ending = await CancellationScope.nonCancellable(() => captureForward(paymentOf(input)));
  told.over = true;
  await condition(allHandlersFinished);
  return told.ending ?? { state: 'confirmed', reason: null };
}

/** Hold, pay, commit. False leaves in `told.ending` how it ended, and in `undos` what to undo. */
async function untilCommitted(input: BookingInput, told: Told, undos: UndoStack): Promise<boolean> {
  try {
    undos.add({ name: 'release-hold', run: () => release(input, told) });
    const hold = await holdSlot(input);
    told.hold = hold.kind === 'refused' ? { ...hold, refusedAt: new Date().toISOString() } : hold;
    if (hold.kind !== 'held' && hold.kind !== 'repeat') return nothingTaken(told, undos, hold);
    if (hold.state !== 'held' && hold.state !== 'paying') {
      undos.clear();
      return hold.state === 'confirmed' || ended(told, hold.state, hold.reason);
    }

    const leftMs = Date.parse(hold.holdExpiresAt) - Date.now();
    if (input.paymentKind === 'method') {
      undos.add({ name: 'void-payment', run: () => voidPayment(paymentOf(input)) });
      const paid = await authorize(input, told, leftMs);
      if (paid.kind === 'declined') return ended(told, 'declined', paid.code);
      if (told.gaveUp !== null) return ended(told, 'cancelled', told.gaveUp);
      if (paid.kind === 'ended') return ended(told, 'expired', 'hold-expired');
    }
    if (input.paymentKind === 'external') {
      await condition(() => told.reference !== null || told.gaveUp !== null, Math.max(leftMs, 1));
      if (told.reference === null && told.gaveUp === null)
        return ended(told, 'expired', 'payment-not-confirmed');
    }
    if (told.gaveUp !== null) return ended(told, 'cancelled', told.gaveUp);

    const { tenantId, bookingId } = input;
    const committed = await ledger.commitBooking({
      tenantId,
      bookingId,
      reference: told.reference,
    });
    if (committed.kind === 'confirmed') return true;
    if (committed.kind === 'expired') return ended(told, 'expired', 'hold-expired');
    return ended(told, 'cancelled', committed.kind);
  } catch (error) {
    return gaveWay(told, error);
  }
}

/** Giving up does not wait for the payment service: the undo refuses whatever it does late. */
async function authorize(
  input: BookingInput,
  told: Told,
  leftMs: number,
): Promise<AuthorizeResult> {
  if (told.gaveUp !== null) return { kind: 'ended' };
  const paying = new CancellationScope();
  told.stopPaying = () => paying.cancel();
  try {
    return await paying.run(() => payingWithin(leftMs).authorizePayment(paymentOf(input)));
  } catch (error) {
    if (told.gaveUp === null || !isCancellation(error)) throw error;
    return { kind: 'ended' };
  }
}

/** What enters history of a payment step: ids only. */
const paymentOf = ({ tenantId, bookingId, paymentAccountId }: BookingInput): PaymentRef => ({
  tenantId,
  bookingId,
  paymentAccountId,
});

async function release(input: BookingInput, told: Told): Promise<'undone' | 'already-final'> {
  const ending = told.ending ?? { state: 'cancelled', reason: 'failed' };
  const state =
    ending.state === 'expired' || ending.state === 'declined' ? ending.state : 'cancelled';
  const { kind } = await ledger.releaseSlot({ ...input, state, reason: ending.reason ?? 'failed' });
  return kind === 'released' ? 'undone' : 'already-final';
}

function ended(told: Told, state: BookingState, reason: string | null): false {
  told.ending = { state, reason };
  return false;
}

function nothingTaken(told: Told, undos: UndoStack, hold: HoldAnswer): false {
  undos.clear();
  told.ending = { state: 'refused', reason: hold.kind === 'refused' ? hold.refusal : hold.kind };
  return false;
}

/** An act that failed for good ends the booking; a bug of ours must not, so it goes on up. */
function gaveWay(told: Told, error: unknown): false {
  told.hold ??= { kind: 'fenced' };
  if (isCancellation(error)) return ended(told, 'cancelled', 'cancelled-by-operator');
  if (!(error instanceof ActivityFailure)) throw error;
  const kind = error.cause instanceof ApplicationFailure ? error.cause.type : 'timeout';
  // A payment service that was tried until the hold ended has declined nothing.
  return error.activityType === 'authorizePayment' && error.retryState === 'NON_RETRYABLE_FAILURE'
    ? ended(told, 'declined', `payment-${kind}`)
    : ended(told, 'expired', `${error.activityType}-${kind}`);
}
