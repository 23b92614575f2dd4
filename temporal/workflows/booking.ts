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
  BookingInput,
  BookingLedgerActivities,
  BookingOutcome,
  PaymentRef,
  RecheckActivities,
} from '../contracts/booking.ts';
import { listen, type Told } from './booking-messages.ts';
import { letGo, open, pay, sendBackArriving } from './booking-pay.ts';
import { captureForward } from './forward.ts';
import { LEDGER_OPTIONS, watched, watchedLedger } from './watched.ts';

/*
 | step      | act                                               | undo                              |
 |-----------|---------------------------------------------------|-----------------------------------|
 | 1 hold    | take a unit, expiry in the row                    | release, and fence a late hold    |
 | 2 pay     | create the intent, store its id; then authorize,  | fence, then cancel the intent;    |
 |           | or wait until the payer did so in a browser       | what arrives later goes back      |
 | 3 commit  | copies too old are read again first; then held,   | none: from here a cancel undoes   |
 |           | in time, uncontested → confirmed: the pivot       |                                   |
 | 4 capture | retried forward; a refusal calls the booking off  | return what is authorized         |

 The row decides, never this memory: an undo may find the booking confirmed by an attempt whose
 answer was lost, and then the story goes on after the pivot.
*/

const ledger = watchedLedger<BookingLedgerActivities>();
/** Its undo is watched as such. */
const { releaseSlot } = proxyLocalActivities<BookingLedgerActivities>(LEDGER_OPTIONS);
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

export async function booking(input: BookingInput): Promise<BookingOutcome> {
  const { tenantId, bookingId } = input;
  const told = listen(input, (extensionId) =>
    ledger.extendSlot({ tenantId, bookingId, extensionId }),
  );
  const undos = undoStack();
  let confirmed = await untilCommitted(input, told, undos);
  if (!confirmed)
    confirmed = await CancellationScope.nonCancellable(
      async () => (await undos.unwind((undo) => undo.run())) === 'already-final',
    );
  told.opening = false;
  if (confirmed) told.ending = { state: 'confirmed', reason: null };
  if (confirmed && isPaid(input))
    told.ending = await CancellationScope.nonCancellable(() => captureForward(paymentOf(input)));
  told.over = true;
  if (told.arriving)
    await CancellationScope.nonCancellable(() => sendBackArriving(paymentOf(input), told));
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
    told.holdEndsAt = Date.parse(hold.holdExpiresAt);

    if (isPaid(input)) {
      const payment = paymentOf(input);
      undos.add({ name: 'void-payment', run: () => letGo(payment, told) });
      const isOpen = input.paymentKind !== 'browser' || (await open(payment, told));
      const paid = isOpen ? await pay(payment, { input, told }) : ({ kind: 'ended' } as const);
      if (paid.kind === 'declined') return ended(told, 'declined', paid.code);
      if (told.gaveUp !== null) return ended(told, 'cancelled', told.gaveUp);
      if (paid.kind === 'ended') return ended(told, 'expired', 'hold-expired');
    }
    if (input.paymentKind === 'external' && !(await untilReferred(told)))
      return ended(told, 'expired', 'payment-not-confirmed');
    if (told.gaveUp !== null) return ended(told, 'cancelled', told.gaveUp);
    return await commit(input, told);
  } catch (error) {
    return gaveWay(told, error);
  }
}

/** The pivot. Where a copy of a calendar is too old it is read again first, or the rule decides. */
async function commit(input: BookingInput, told: Told): Promise<boolean> {
  const { tenantId, bookingId } = input;
  const asked = { tenantId, bookingId, reference: told.reference };
  let committed = await ledger.commitBooking({ ...asked, onlyFresh: true });
  if (committed.kind === 'stale') {
    const { recheckCopies } = proxyActivities<RecheckActivities>({
      startToCloseTimeout: '2 minutes',
      heartbeatTimeout: '8 seconds',
      scheduleToCloseTimeout: msLeft(told),
      retry: { initialInterval: '500 ms', maximumInterval: '10 seconds' },
      summary: 'read calendars again',
    });
    const { copies } = committed;
    if ((await recheckCopies({ tenantId, bookingId, copies })) === 'refused')
      return ended(told, 'cancelled', 'copy-too-old');
    if (told.gaveUp !== null) return ended(told, 'cancelled', told.gaveUp);
    committed = await ledger.commitBooking({ ...asked, onlyFresh: false });
  }
  if (committed.kind === 'confirmed') return true;
  if (committed.kind === 'expired') return ended(told, 'expired', 'hold-expired');
  return ended(told, 'cancelled', committed.kind);
}

/** Until the caller says that it has the money; false when the hold ends before. */
async function untilReferred(told: Told): Promise<boolean> {
  const isTold = () => told.reference !== null || told.gaveUp !== null;
  // The hold may be made longer while we wait for its end.
  while (!isTold()) {
    const endsAt = told.holdEndsAt;
    await condition(() => isTold() || told.holdEndsAt !== endsAt, msLeft(told));
    if (!isTold() && told.holdEndsAt === endsAt) return false;
  }
  return true;
}

const msLeft = (told: Told): number => Math.max(told.holdEndsAt - Date.now(), 1);

const isPaid = ({ paymentKind }: BookingInput): boolean =>
  paymentKind === 'method' || paymentKind === 'browser';

/** What enters history of a payment step: ids only. */
const paymentOf = ({ tenantId, bookingId, paymentAccountId }: BookingInput): PaymentRef => ({
  tenantId,
  bookingId,
  paymentAccountId,
});

function release(input: BookingInput, told: Told): Promise<'undone' | 'already-final'> {
  const { tenantId, bookingId } = input;
  const ending = told.ending ?? { state: 'cancelled', reason: 'failed' };
  const state =
    ending.state === 'expired' || ending.state === 'declined' ? ending.state : 'cancelled';
  const reason = ending.reason ?? 'failed';
  return watched(input, {
    name: 'release-hold',
    async run() {
      const { kind } = await releaseSlot({ tenantId, bookingId, state, reason });
      return kind === 'released' ? 'undone' : 'already-final';
    },
    byHand: 'undone',
  });
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
  // What a local activity throws comes as it is, and only the hold's is ever given up.
  if (error instanceof ApplicationFailure) return ended(told, 'expired', `holdSlot-${error.type}`);
  if (!(error instanceof ActivityFailure)) throw error;
  const kind = error.cause instanceof ApplicationFailure ? error.cause.type : 'timeout';
  // A payment service that was tried until the hold ended has declined nothing.
  return isPayment(error) && error.retryState === 'NON_RETRYABLE_FAILURE'
    ? ended(told, 'declined', `payment-${kind}`)
    : ended(told, 'expired', `${error.activityType}-${kind}`);
}

const isPayment = ({ activityType }: ActivityFailure): boolean =>
  ['openPayment', 'authorizePayment', 'readPayment'].includes(activityType);
