import type { BookingState, PaymentKind, Refusal } from './domain/booking.ts';
import type { CancellationTier, DepositRule } from './domain/resource.ts';
import type { Override } from './domain/rules.ts';

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
  /** Gives a hold up; a confirmed booking is called off by a change. */
  giveUpBooking(input: BookingRef & { changeId: string; reason: string }): Promise<CancelAnswer>;
  /** Makes the hold longer, by its resource's rule. */
  extendHold(input: BookingRef & { extensionId: string }): Promise<ExtendAnswer>;
  /**
   * Tells the booking's workflow, or its open change, that the payment service has news; false when
   * there is neither.
   */
  paymentNews(booking: BookingRef): Promise<boolean>;
  /** What a person decided about a booking that needs attention. */
  resolveBooking(input: BookingRef & { resolution: Resolution }): Promise<ResolveAnswer>;

  /** Starts a change of a confirmed booking, or joins it, and answers what came of it. */
  changeBooking(input: StartChange): Promise<ChangeAnswer>;
  /** Goes on with a change that is due, or whose own workflow is gone. */
  resumeChange(input: StartChange): Promise<void>;
  /** What a person decided about a conflict; false when it was decided before. */
  decideConflict(input: DecideConflict): Promise<boolean>;
  /** Takes or gives back the money of a booking whose own workflow is gone. */
  settleBooking(booking: BookingRef): Promise<void>;

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

export interface ChangeRef extends BookingRef {
  changeId: string;
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
  /** Places of a fixed time in place of units; then the span is the session's. */
  sessionId: string | null;
  startAt: string;
  endAt: string;
  bufferBeforeMs: number;
  bufferAfterMs: number;
  party: number;
  amountMinor: number;
  currency: string | null;
  /** Charged now, the rest at `balanceDueAt`; null: everything now. */
  depositMinor: number | null;
  balanceDueAt: string | null;
  terms: BookingTerms;
  /** Rules that staff passed over; entered with the hold. */
  overrides?: Override[];
  /** Id of the API key that asked. */
  madeBy: string | null;
  paymentKind: PaymentKind;
  /** A payer is at a browser and can pass authentication there, although the method is given. */
  payerPresent?: boolean;
  /** The tenant's account at the payment service; null when nothing is charged by us. */
  paymentAccountId: string | null;
  holdTtlMs: number;
  /** RFC 3339; a hold that comes long after it is refused, since nobody waits for it. */
  askedAt?: string;
}

/** What is agreed when a booking is held, whatever its resource says later. */
export interface BookingTerms {
  cancellation: CancellationTier[];
  deposit: DepositRule | null;
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
  | ({ kind: 'refused'; refusedAt?: string } & Refused);

/** `linkedId`: with `linked-taken`, which of what is linked is in the way. */
export interface Refused {
  refusal: Refusal;
  linkedId?: string;
}

export type ConfirmAnswer =
  | { kind: 'confirmed' }
  | { kind: 'not-awaiting'; state: BookingState }
  | { kind: 'no-such-booking' };

export type CancelAnswer =
  | { kind: 'cancelled' }
  | { kind: 'not-cancellable'; state: BookingState }
  | { kind: 'no-such-booking' };

export type ExtendAnswer =
  | { kind: 'extended'; holdExpiresAt: string }
  /** The rule allows no more, or the hold is over. */
  | { kind: 'not-extendable'; reason: 'no-rule' | 'used-up' | 'over' };

/**
 * `by`: id of the API key, or a name that an operator gives in Temporal UI. `attention`: which call
 * is meant, where several stand; any when left out.
 */
export type Resolution = { by: string; attention?: string } & (
  { kind: 'retry' } | { kind: 'resolved-by-hand'; reason: string }
);
export type ResolveAnswer =
  | { kind: 'resolved' }
  | { kind: 'nothing-to-resolve' }
  /** A run is stuck at a step, but not at this one, or nobody can do it by hand. */
  | { kind: 'at-work' };

/** `by`: id of the API key. */
export interface DecideConflict {
  change: StartChange & { kind: 'conflict' };
  keep: 'ours' | 'theirs';
  by: string;
}

/** A change is resumed from its row: this is all of it. */
export type StartChange = BookingRef & { changeId: string; reason: string } & ChangeAsk;

/** Amounts in minor units; instants RFC 3339; reasons are machine reasons. */
export type ChangeAsk =
  /** `keepMinor`: of all that was paid, what is not given back. */
  | { kind: 'cancel'; ask: { quoteId: string | null; keepMinor: number } }
  | { kind: 'reschedule'; ask: RescheduleAsk }
  | { kind: 'balance'; ask: Record<string, never> }
  | { kind: 'reauthorize'; ask: Record<string, never> }
  | { kind: 'conflict'; ask: { connectionId: string; rootId: string } }
  /** `reference`: the tenant's own, where an `external` payment went back by other means. */
  | { kind: 'refund'; ask: { amountMinor: number; reference: string | null } };

export interface RescheduleAsk {
  quoteId: string | null;
  startAt: string;
  endAt: string;
  sessionId: string | null;
  party: number;
  bufferBeforeMs: number;
  bufferAfterMs: number;
  /** Rules that staff passed over. */
  overrides?: Override[];
  /** The whole price from then on; a quote says it, and the time, in their place. */
  amountMinor: number;
  /** Of a booking that cost nothing so far. */
  currency?: string | null;
  /** How a difference is paid; nothing is charged without. */
  payment?: DifferencePayment | null;
}

/**
 * `kept`: by the method kept of an earlier payment. `method`: by one that the route left, sealed, in
 * the change's draft. `reference`: the caller's own of an `external` payment.
 */
export type DifferencePayment =
  | { kind: 'kept' }
  | { kind: 'method' | 'browser'; accountId: string }
  | { kind: 'external'; reference: string };

export type ChangeAnswer =
  | { kind: 'done' }
  /** Another change of this booking is under way. */
  | { kind: 'busy'; changeId: string }
  | { kind: 'not-changeable'; state: BookingState }
  | ({ kind: 'refused' } & Refused)
  | { kind: 'declined'; code: string }
  /** The quote is over, used, or the booking changed since. */
  | { kind: 'quote-over' }
  /** More than what is kept and was not given back yet. */
  | { kind: 'too-much'; refundableMinor: number }
  /** It goes on and waits for somebody: a payer at a browser, or an operator. */
  | { kind: 'waiting'; for: 'payment' | 'decision' }
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
