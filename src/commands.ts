import type { Refusal } from './domain/booking.ts';
import type { BookingState, PaymentKind } from './domain/booking.ts';

/**
 * The port of all that HTTP may ask of workflows. `temporal/client.ts` implements it; API tests use
 * a fake of a few lines. Guest data, payment methods and tokens never pass through here: the route
 * leaves them, sealed, in the booking's draft row.
 */
export interface Commands {
  /** Starts the booking's workflow, or joins the one under way, and answers with the hold. */
  startBooking(input: StartBooking): Promise<HoldAnswer>;
  /** Resolves when the booking's workflow ended or the time is up; then the row tells. */
  awaitBooking(booking: BookingRef, timeoutMs: number): Promise<void>;
  /** Confirms an `external` payment. */
  confirmBooking(input: BookingRef & { reference: string }): Promise<ConfirmAnswer>;
  /** Gives a hold up, or calls a confirmed booking off (a `booking-change` of its own). */
  cancelBooking(input: BookingRef & { changeId: string; reason: string }): Promise<CancelAnswer>;

  /** Takes or gives back the money of a booking whose own workflow is gone. */
  settleBooking(booking: BookingRef): Promise<void>;
  /** Goes on with a change whose own workflow is gone. */
  resumeChange(input: BookingRef & { changeId: string; reason: string }): Promise<void>;

  startConnection(connection: ConnectionRef): Promise<void>;
  /** Tells the connection's workflow that something may have changed; starts it when it is gone. */
  requestSync(connection: ConnectionRef): Promise<void>;
  /** Tells it that bookings of ours wait to be written to its calendar. */
  requestMirror(connection: ConnectionRef): Promise<void>;
  /** Tells it that a person has authorized its account again. */
  reauthorized(connection: ConnectionRef): Promise<void>;
  steerConnection(input: ConnectionRef & { verb: ConnectionVerb }): Promise<void>;

  /** Throws when the workflow service does not answer within the time. */
  ping(timeoutMs: number): Promise<void>;
}

export interface BookingRef {
  tenantId: string;
  bookingId: string;
}

export interface ConnectionRef {
  tenantId: string;
  connectionId: string;
}

/** Times are RFC 3339 instants; the span is half-open. */
export interface StartBooking extends BookingRef {
  /** The caller's Idempotency-Key, and an HMAC (hex, by the tenant's key) of what was asked under it. */
  key: string;
  fingerprint: string;
  resourceId: string;
  startAt: string;
  endAt: string;
  bufferBeforeMs: number;
  bufferAfterMs: number;
  party: number;
  amountMinor: number;
  currency: string | null;
  paymentKind: PaymentKind;
  /** The tenant's account at the payment service; null when nothing is charged by us. */
  paymentAccountId: string | null;
  holdTtlMs: number;
  /** RFC 3339; a hold that comes long after it is refused, since nobody waits for it. */
  askedAt?: string;
}

export type HoldAnswer =
  /** `repeat`: this key was answered before, and this is how its booking stands now. */
  | {
      kind: 'held' | 'repeat';
      state: BookingState;
      reason: string | null;
      units: number[];
      holdExpiresAt: string;
    }
  /** The key was used for another payload. */
  | { kind: 'mismatch' }
  /** The booking was given up before its hold arrived. */
  | { kind: 'fenced' }
  /** `refusedAt` (RFC 3339) tells a fresh refusal from one that is only remembered. */
  | { kind: 'refused'; refusal: Refusal; refusedAt?: string };

export type ConfirmAnswer =
  | { kind: 'confirmed' }
  | { kind: 'not-awaiting'; state: BookingState }
  | { kind: 'no-such-booking' };

export type CancelAnswer =
  | { kind: 'cancelled' }
  /** Another change of this booking is under way. */
  | { kind: 'busy' }
  | { kind: 'not-cancellable'; state: BookingState }
  | { kind: 'no-such-booking' };

export type ConnectionVerb =
  | { kind: 'pause' | 'resume' | 'sync-now' }
  /** `removeMirrors` takes what we wrote out of the calendar first. */
  | { kind: 'disconnect'; removeMirrors: boolean }
  /** Believes or refuses what the deletion guard held back. */
  | { kind: 'accept-removals' | 'refuse-removals' }
  /** Sets the copy back to how it was at a moment (RFC 3339), and pauses. */
  | { kind: 'restore'; at: string }
  /** Reads everything anew; `acceptRemovals` believes what the deletion guard held back. */
  | { kind: 'resync'; acceptRemovals: boolean };
