import type { ChangeInput, ChangeOutcome } from '../contracts/booking-change.ts';
import type { Telling } from './booking-change.ts';
import { collectingLedger, giveBack } from './collecting.ts';

/*
 | step        | act                                                                     | undo |
 |-------------|-------------------------------------------------------------------------|------|
 | 1 grant     | of what is kept so much is owed no more, if it is there: the pivot      | none |
 | 2 give back | each share a row before its act, retried forward                        |      |
*/
export async function refundStory(
  input: ChangeInput & { kind: 'refund' },
  telling: Telling,
): Promise<ChangeOutcome> {
  const { tenantId, bookingId, changeId, reason, ask } = input;
  const ref = { tenantId, bookingId };
  const { amountMinor, reference } = ask;
  const granted = await collectingLedger.grantRefund({ ...ref, changeId, amountMinor, reason });
  if (granted.kind !== 'granted') {
    telling.answer(
      granted.kind === 'too-much'
        ? { kind: 'too-much', refundableMinor: granted.refundableMinor }
        : { kind: 'no-such-booking' },
    );
    return { result: granted.kind };
  }
  telling.answer({ kind: 'done' });
  telling.step('give-back');
  await giveBack(ref, reason);
  if (reference !== null) await collectingLedger.refundedByHand({ ...ref, reference });
  return { result: 'refunded', amountMinor };
}
