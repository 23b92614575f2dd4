import type {
  BookingRef,
  ChangeAnswer,
  ChangeRef,
  Refused,
  RescheduleAsk,
} from '../../src/commands.ts';
import type { BookingState } from '../../src/domain/booking.ts';
import type { AuthorizeResult } from './booking.ts';

/** What a reschedule asks of the ledger and of the payment service. Instants are RFC 3339. */

/** Amounts in minor units; negative where money goes back. */
export type TakenTime =
  /** `switched`: an earlier attempt got past the pivot. */
  | { kind: 'taken' | 'switched'; dueMinor: number; heldUntil: string }
  | ({ kind: 'refused' } & Refused)
  | { kind: 'not-confirmed'; state: BookingState | null }
  | { kind: 'quote-over' }
  /** Nothing to charge the difference by. */
  | { kind: 'unpayable' }
  /** Given up before; `answer` says why, where that was known. */
  | { kind: 'undone'; answer: ChangeAnswer | null };

export type Switched =
  /** `payment`: the number of the payment that is still to be captured. */
  | { kind: 'switched'; payment: number | null; isExcess: boolean }
  | { kind: 'not-confirmed'; state: BookingState }
  | { kind: 'expired' | 'contested' | 'unpaid' | 'day-full' | 'undone' };

/** Store-only acts: they run as local activities. */
export interface RescheduleLedgerActivities {
  /** Takes the new time beside the old one; repeating it answers how the change stands. */
  takeTime(input: ChangeRef & { ask: RescheduleAsk }): Promise<TakenTime>;
  switchTime(input: ChangeRef & { reason: string }): Promise<Switched>;
  letTimeGo(
    input: ChangeRef & { answer: ChangeAnswer | null },
  ): Promise<'undone' | 'already-final'>;
  /** The booking keeps its new time although its difference cannot be captured any more. */
  disownDifference(input: BookingRef & { n: number }): Promise<void>;
}

/** Acts that reach the payment service: regular activities, never local. */
export interface DifferenceActivities {
  /** Creates the payment, stores it and authorizes it by whatever it is to be paid with. */
  authorizeDifference(input: ChangeRef): Promise<AuthorizeResult>;
  /** Asks the service where it stands. */
  readDifference(input: ChangeRef): Promise<AuthorizeResult>;
  voidDifference(input: ChangeRef): Promise<'undone' | 'already-final'>;
}
