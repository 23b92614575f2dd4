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
/** What a person decided about a step that is stuck. */
export const resolveUpdate = defineUpdate<ResolveAnswer, [Resolution]>('resolve');

export type AuthorizeResult =
  { kind: 'authorized' } | { kind: 'declined'; code: string } | { kind: 'ended' };
export type CaptureResult =
  | { kind: 'captured' }
  /** The booking was called off first; nothing is owed. */
  | { kind: 'called-off' }
  | { kind: 'refused'; code: string };

export interface PaymentRef extends BookingRef {
  paymentAccountId: string | null;
}

/** Store-only acts: they run as local activities. */
export interface BookingLedgerActivities {
  holdSlot(input: BookingInput): Promise<HoldAnswer>;
  releaseSlot(
    input: BookingRef & { state: 'expired' | 'declined' | 'cancelled'; reason: string },
  ): Promise<{ kind: 'released' | 'already-confirmed' }>;
  commitBooking(
    input: BookingRef & { reference: string | null },
  ): Promise<{ kind: 'confirmed' | 'contested' | 'expired' | 'missing' | 'ended' }>;
  /** `keepMinor`: of what was paid, what is not given back. */
  callOff(
    input: BookingRef & { reason: string; keepMinor: number },
  ): Promise<{ kind: 'cancelled' | 'not-confirmed'; state: BookingState | null }>;
  callPerson(input: BookingRef & { attention: string }): Promise<void>;
  /** What a person was called for has settled by itself. */
  settled(input: BookingRef & { attention: string }): Promise<void>;
}

/** Acts that reach the payment service: regular activities, never local. */
export interface BookingPaymentActivities {
  authorizePayment(input: PaymentRef): Promise<AuthorizeResult>;
  /** Does nothing when the booking is confirmed: then the payment is owed. */
  voidPayment(input: PaymentRef): Promise<'undone' | 'already-final'>;
  capturePayment(input: PaymentRef): Promise<CaptureResult>;
  /** Returns whatever was taken, or voids what was not yet. */
  returnPayment(input: PaymentRef): Promise<void>;
}
