import {
  CancellationScope,
  allHandlersFinished,
  condition,
  proxyLocalActivities,
  setHandler,
} from '@temporalio/workflow';
import type { CancelAnswer } from '../../src/commands.ts';
import {
  changeUpdate,
  type BookingChangeInput,
  type BookingLedgerActivities,
} from '../contracts/booking.ts';
import { LEDGER_OPTIONS, returnForward } from './watched.ts';

/*
 A cancel of a confirmed booking. One change of a booking is open at a time, by unique index.

 | step         | act                                                     | undo                     |
 |--------------|---------------------------------------------------------|--------------------------|
 | 1 open       | claim the booking's one open change                     | close it                 |
 | 2 call off   | confirmed → cancelled, units free, mirrors to go: pivot | none                     |
 | 3 give back  | void or refund, retried forward                         |                          |
*/

const ledger = proxyLocalActivities<BookingLedgerActivities>(LEDGER_OPTIONS);

export async function bookingChange(input: BookingChangeInput): Promise<CancelAnswer> {
  let answer: CancelAnswer | null = null;
  setHandler(changeUpdate, async () => {
    await condition(() => answer !== null);
    return answer!;
  });
  await CancellationScope.nonCancellable(async () => {
    if (!(await ledger.openChange(input))) {
      answer = { kind: 'busy' };
      return;
    }
    const calledOff = await ledger.callOff(input);
    answer =
      calledOff.kind === 'cancelled'
        ? { kind: 'cancelled' }
        : calledOff.state
          ? { kind: 'not-cancellable', state: calledOff.state }
          : { kind: 'no-such-booking' };
    if (answer.kind === 'cancelled')
      await returnForward({
        tenantId: input.tenantId,
        bookingId: input.bookingId,
        paymentAccountId: null,
      });
    await ledger.closeChange(input);
  });
  await condition(allHandlersFinished);
  return answer!;
}
