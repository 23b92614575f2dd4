import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type {
  BookingRef,
  CancelAnswer,
  ConfirmAnswer,
  ExtendAnswer,
  HoldAnswer,
  Resolution,
  ResolveAnswer,
  StartBooking,
} from '../../src/commands.ts';
import type { BookingState } from '../../src/domain/booking.ts';
import type { Recheck, StaleCopy } from '../../src/domain/connection.ts';

/** What the booking workflow is asked and answers. */
export type BookingInput = StartBooking;

export interface BookingOutcome {
  state: BookingState | 'refused';
  reason: string | null;
}

/** Answers with the hold; carries the fingerprint so that another payload is told apart. */
export const bookUpdate = defineUpdate<HoldAnswer, [{ fingerprint: string }]>('book');
/** Confirms an `external` payment. */
export const confirmUpdate = defineUpdate<ConfirmAnswer, [{ reference: string }]>('confirm');
/** Gives the booking up before it is committed; answers once the row has decided. */
export const giveUpUpdate = defineUpdate<CancelAnswer, [{ reason: string }]>('give-up');
export const bookingStatusQuery = defineQuery<{ state: BookingState; over: boolean }>('status');

/** Makes the hold longer; the id makes a repeated call the same one. */
export const extendUpdate = defineUpdate<ExtendAnswer, [{ extensionId: string }]>('extend');
/** The payment service has news of this booking's payment: it is read, never believed. */
export const paymentNewsSignal = defineSignal('payment-news');
/** What a person decided about a step that is stuck: try it at once, or leave it, it was done by hand. */
export const resolveUpdate = defineUpdate<ResolveAnswer, [Resolution]>('resolve');

export type AuthorizeResult =
  | { kind: 'authorized' }
  /** The payer has to act, or the money is on its way: the service is to be asked again. */
  | { kind: 'waiting' }
  | { kind: 'declined'; code: string }
  | { kind: 'ended' };
export type VoidResult =
  | 'undone'
  /** The booking is confirmed: the payment is owed. */
  | 'already-final'
  /** Fenced, and on its way at the service: it can be let go only once it has arrived or failed. */
  | 'processing';
export type CaptureResult =
  | { kind: 'captured' }
  /** The booking was called off first; nothing is owed. */
  | { kind: 'called-off' }
  | { kind: 'refused'; code: string };

export interface PaymentRef extends BookingRef {
  paymentAccountId: string | null;
}

/** `keepMinor`: of what was paid, what is not given back; a quote says it in its place. */
export interface CallOff extends BookingRef {
  changeId: string;
  reason: string;
  keepMinor: number;
  quoteId: string | null;
}
export type CalledOff =
  | { kind: 'cancelled' }
  | { kind: 'quote-over' }
  | { kind: 'not-confirmed'; state: BookingState | null };

/** Store-only acts: they run as local activities. */
export interface BookingLedgerActivities {
  holdSlot(input: BookingInput): Promise<HoldAnswer>;
  releaseSlot(
    input: BookingRef & { state: 'expired' | 'declined' | 'cancelled'; reason: string },
  ): Promise<{ kind: 'released' | 'already-confirmed' }>;
  /** `onlyFresh`: copies that are too old to commit by are named, and nothing is done. */
  commitBooking(
    input: BookingRef & { reference: string | null; onlyFresh: boolean },
  ): Promise<
    | { kind: 'confirmed' | 'contested' | 'expired' | 'missing' | 'ended' }
    | { kind: 'stale'; copies: StaleCopy[] }
  >;
  extendSlot(input: BookingRef & { extensionId: string }): Promise<ExtendAnswer>;
  callOff(input: CallOff): Promise<CalledOff>;
  /** `callId`: refused when it arrives late, after this call was taken back. */
  callPerson(input: BookingRef & { attention: string; callId?: string }): Promise<void>;
  /** What a person was called for has settled by itself. */
  settled(input: BookingRef & { attention: string }): Promise<void>;
  /** A person says that it was done by hand. */
  doneByHand(input: BookingRef & { attention: string; by: string; reason: string }): Promise<void>;
}

/** Looks again at outside calendars before a commit: a regular activity, since it waits for others. */
export interface RecheckActivities {
  /** Bounded by the resource's rule, which then decides; on the booking and in its journal. */
  recheckCopies(input: BookingRef & { copies: StaleCopy[] }): Promise<Recheck>;
}

/** Acts that reach the payment service: regular activities, never local. */
export interface BookingPaymentActivities {
  /** Creates the payment, and nothing moves; a payer's browser can confirm it from then on. */
  openPayment(input: PaymentRef): Promise<AuthorizeResult>;
  /** `payerPresent`: a payer is there to pass authentication in a browser. */
  authorizePayment(input: PaymentRef & { payerPresent: boolean }): Promise<AuthorizeResult>;
  /** Asks the service where the payment stands. */
  readPayment(input: PaymentRef & { payerPresent: boolean }): Promise<AuthorizeResult>;
  voidPayment(input: PaymentRef): Promise<VoidResult>;
  capturePayment(input: PaymentRef): Promise<CaptureResult>;
  /** Returns whatever was taken, or voids what was not yet. */
  returnPayment(input: PaymentRef): Promise<void>;
}
