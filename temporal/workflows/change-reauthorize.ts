import type { ChangeInput, ChangeOutcome } from '../contracts/booking-change.ts';
import type { Telling } from './booking-change.ts';
import { collect, collectingLedger, take } from './collecting.ts';

/*
 | step      | act                                                       | undo                         |
 |-----------|-----------------------------------------------------------|------------------------------|
 | 1 capture | where the rule says so, and while it can be captured      | none                         |
 | 2 renew   | collect it anew without the payer, as `collecting` tells; the old one is fenced in the
 |           | same move that makes the new one owed, and let go before the new one is taken            |
*/
export async function reauthorizeStory(
  { tenantId, bookingId, changeId }: ChangeInput & { kind: 'reauthorize' },
  telling: Telling,
): Promise<ChangeOutcome> {
  const change = { tenantId, bookingId, changeId };
  const { replaces, lapse } = await collectingLedger.lapsing(change);
  if (replaces !== null && lapse === 'capture') {
    const taken = await take({ tenantId, bookingId }, replaces, telling);
    if (taken.kind !== 'lapsed') {
      telling.answer({ kind: 'done' });
      return { result: taken.kind, payment: replaces };
    }
  }
  return collect({ change, purpose: 'renewal', attention: 'payment-lapsed' }, telling);
}
