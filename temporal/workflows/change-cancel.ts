import { proxyLocalActivities } from '@temporalio/workflow';
import type { ChangeInput, ChangeOutcome } from '../contracts/booking-change.ts';
import type { BookingLedgerActivities } from '../contracts/booking.ts';
import type { Telling } from './booking-change.ts';
import { LEDGER_OPTIONS, returnForward } from './watched.ts';

/*
 | step        | act                                                      | undo |
 |-------------|----------------------------------------------------------|------|
 | 1 call off  | confirmed → cancelled, units free, mirrors to go: pivot  | none |
 | 2 give back | void or refund what is not kept, retried forward         |      |
*/

const ledger = proxyLocalActivities<BookingLedgerActivities>(LEDGER_OPTIONS);

export async function cancelStory(
  input: ChangeInput & { kind: 'cancel' },
  telling: Telling,
): Promise<ChangeOutcome> {
  const { tenantId, bookingId, reason, ask } = input;
  const calledOff = await ledger.callOff({ tenantId, bookingId, reason, keepMinor: ask.keepMinor });
  if (calledOff.kind !== 'cancelled') {
    telling.answer(
      calledOff.state
        ? { kind: 'not-changeable', state: calledOff.state }
        : { kind: 'no-such-booking' },
    );
    return { result: 'not-confirmed' };
  }
  telling.answer({ kind: 'done' });
  telling.step('give-back');
  await returnForward({ tenantId, bookingId, paymentAccountId: null });
  return { result: 'cancelled' };
}
