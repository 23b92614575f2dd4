import type { ChangeAnswer } from '../../src/commands.ts';
import type { ChangeInput, ChangeOutcome } from '../contracts/booking-change.ts';
import type { BookingLedgerActivities, CalledOff } from '../contracts/booking.ts';
import type { Telling } from './booking-change.ts';
import { giveBack } from './collecting.ts';
import { watchedLedger } from './watched.ts';

/*
 | step        | act                                                      | undo |
 |-------------|----------------------------------------------------------|------|
 | 1 call off  | confirmed → cancelled, units free, mirrors to go: pivot  | none |
 | 2 give back | void or refund what is not kept, retried forward         |      |
*/

const ledger = watchedLedger<BookingLedgerActivities>();

export async function cancelStory(
  input: ChangeInput & { kind: 'cancel' },
  telling: Telling,
): Promise<ChangeOutcome> {
  const { tenantId, bookingId, changeId, reason, ask } = input;
  const calledOff = await ledger.callOff({ tenantId, bookingId, changeId, reason, ...ask });
  if (calledOff.kind !== 'cancelled') {
    telling.answer(whyNot(calledOff));
    return { result: calledOff.kind };
  }
  telling.answer({ kind: 'done' });
  telling.step('give-back');
  await giveBack({ tenantId, bookingId }, reason);
  return { result: 'cancelled' };
}

function whyNot(calledOff: Exclude<CalledOff, { kind: 'cancelled' }>): ChangeAnswer {
  if (calledOff.kind === 'quote-over') return calledOff;
  return calledOff.state
    ? { kind: 'not-changeable', state: calledOff.state }
    : { kind: 'no-such-booking' };
}
