import { condition, setHandler } from '@temporalio/workflow';
import type { ExtendAnswer, HoldAnswer } from '../../src/commands.ts';
import type { BookingState } from '../../src/domain/booking.ts';
import {
  bookUpdate,
  bookingStatusQuery,
  confirmUpdate,
  extendUpdate,
  giveUpUpdate,
  paymentNewsSignal,
  type BookingInput,
  type BookingOutcome,
} from '../contracts/booking.ts';

/** What a booking's workflow was told and has found out; its handlers wait for it to change. */
export interface Told {
  hold: HoldAnswer | null;
  /** The payment of a browser is still being opened: the caller is answered with its secret. */
  opening: boolean;
  /** Epoch milliseconds; moves when the hold is made longer. */
  holdEndsAt: number;
  /** The payment service has news that was not read yet. */
  news: boolean;
  /** The booking ended while money was on its way, which is to be sent back when it is there. */
  arriving: boolean;
  gaveUp: string | null;
  /** Set while it is being paid: giving up does not wait for that. */
  stopPaying: (() => void) | null;
  reference: string | null;
  ending: BookingOutcome | null;
  over: boolean;
}

/** Handlers may run before the first line of the story: state first, then they. */
export function listen(
  input: BookingInput,
  extend: (extensionId: string) => Promise<ExtendAnswer>,
): Told {
  const told: Told = {
    hold: null,
    opening: input.paymentKind === 'browser',
    holdEndsAt: 0,
    news: false,
    arriving: false,
    gaveUp: null,
    stopPaying: null,
    reference: null,
    ending: null,
    over: false,
  };
  setHandler(bookUpdate, async ({ fingerprint }) => {
    if (fingerprint !== input.fingerprint) return { kind: 'mismatch' };
    await condition(() => told.hold !== null && !told.opening);
    return told.hold!;
  });
  setHandler(confirmUpdate, async ({ reference }) => {
    if (input.paymentKind !== 'external' || told.gaveUp !== null || told.over)
      return { kind: 'not-awaiting', state: stateOf(told) };
    told.reference ??= reference;
    await condition(() => told.over);
    const state = stateOf(told);
    return state === 'confirmed' ? { kind: 'confirmed' } : { kind: 'not-awaiting', state };
  });
  setHandler(giveUpUpdate, async ({ reason }) => {
    told.gaveUp ??= reason;
    told.stopPaying?.();
    await condition(() => told.over);
    const state = stateOf(told);
    return state === 'confirmed' ? { kind: 'not-cancellable', state } : { kind: 'cancelled' };
  });
  setHandler(extendUpdate, async ({ extensionId }) => {
    await condition(() => told.holdEndsAt > 0 || told.over);
    if (told.over || told.ending !== null || told.gaveUp !== null) return OVER;
    const answer = await extend(extensionId);
    if (answer.kind === 'extended') told.holdEndsAt = Date.parse(answer.holdExpiresAt);
    return answer;
  });
  setHandler(paymentNewsSignal, () => void (told.news = true));
  setHandler(bookingStatusQuery, () => ({ state: stateOf(told), over: told.over }));
  return told;
}

const OVER = { kind: 'not-extendable', reason: 'over' } as const;

const stateOf = (told: Told): BookingState =>
  told.ending && told.ending.state !== 'refused' ? told.ending.state : 'held';
