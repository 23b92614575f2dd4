import type { BookingRef, ChangeRef } from '../../src/commands.ts';
import type { Unpaid, Collected } from '../../src/domain/collecting.ts';

export type ChargedDue =
  | { kind: 'authorized'; n: number }
  /** `code` is the decline's, or `under-way`. */
  | ({ kind: 'unpaid'; n: number; replaces: number | null; keepMinor: number } & Unpaid)
  | { kind: 'nothing-due' | 'called-off' | 'no-account' };

export type TakenDue =
  | { kind: 'captured' }
  /** The authorization is gone. */
  | { kind: 'lapsed' }
  /** Its money was taken otherwise, or is owed no more. */
  | { kind: 'not-needed' };

/** Acts that reach the payment service: regular activities, never local. */
export interface CollectingActivities {
  /** Opens the payment that a change collects by and charges it, or looks how its payer fares. */
  chargeDue(input: ChangeRef & { purpose: Collected }): Promise<ChargedDue>;
  takeDue(input: BookingRef & { n: number }): Promise<TakenDue>;
  /** Gives back, or lets go, what is not owed. */
  giveBack(input: BookingRef & { reason: string }): Promise<void>;
}

/** Store-only acts: they run as local activities. */
export interface CollectingLedgerActivities {
  owePayment(input: ChangeRef & { n: number }): Promise<boolean>;
  disownPayment(input: BookingRef & { n: number }): Promise<void>;
  postponeChange(
    input: ChangeRef & {
      inMs: number;
      progress: { phase?: Unpaid['phase']; attempt?: number; graceMs?: number };
    },
  ): Promise<void>;
  /** The payment that a renewal stands in for, and the resource's rule. */
  lapsing(input: ChangeRef): Promise<{ replaces: number | null; lapse: 'capture' | 'renew' }>;
  grantRefund(
    input: ChangeRef & { amountMinor: number; reason: string },
  ): Promise<{ kind: 'granted' | 'missing' } | { kind: 'too-much'; refundableMinor: number }>;
  /** Money of `external` payments that went back by the tenant's own means. */
  refundedByHand(input: BookingRef & { reference: string }): Promise<number>;
}
