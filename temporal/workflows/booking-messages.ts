import { condition, setHandler } from '@temporalio/workflow';
import type { HoldAnswer } from '../../src/commands.ts';
import type { BookingState } from '../../src/domain/booking.ts';
import {
  bookUpdate,
  bookingStatusQuery,
  confirmUpdate,
  giveUpUpdate,
  type BookingInput,
  type BookingOutcome,
} from '../contracts/booking.ts';

/** What a booking's workflow was told and has found out; its handlers wait for it to change. */
export interface Told {
  hold: HoldAnswer | null;
  gaveUp: string | null;
  /** Set while it is being paid: giving up does not wait for that. */
  stopPaying: (() => void) | null;
  reference: string | null;
  ending: BookingOutcome | null;
  over: boolean;
}

/** Handlers may run before the first line of the story: state first, then they. */
export function listen(input: BookingInput): Told {
  const told: Told = {
    hold: null,
    gaveUp: null,
    stopPaying: null,
    reference: null,
    ending: null,
    over: false,
  };
  setHandler(bookUpdate, async ({ fingerprint }) => {
    if (fingerprint !== input.fingerprint) return { kind: 'mismatch' };
    await condition(() => told.hold !== null);
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
  setHandler(bookingStatusQuery, () => ({ state: stateOf(told), over: told.over }));
  return told;
}

const stateOf = (told: Told): BookingState =>
  told.ending && told.ending.state !== 'refused' ? told.ending.state : 'held';
