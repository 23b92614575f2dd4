import { proxyActivities } from '@temporalio/workflow';
import type { ChangeRef } from '../../src/commands.ts';
import { nextStep, type Collected } from '../../src/domain/collecting.ts';
import type { ChangeOutcome } from '../contracts/booking-change.ts';
import type { BookingLedgerActivities } from '../contracts/booking.ts';
import type {
  ChargedDue,
  CollectingActivities,
  CollectingLedgerActivities,
  TakenDue,
} from '../contracts/collecting.ts';
import type { Telling } from './booking-change.ts';
import { watched, watchedLedger } from './watched.ts';

/*
 | step      | act                                                  | undo                              |
 |-----------|------------------------------------------------------|-----------------------------------|
 | 1 charge  | open the payment, store its intent, then authorize   | fence, then cancel the intent     |
 | 2 owe     | the booking still stands: the pivot                  | none: from here only forward      |
 | 3 let go  | what it stands in for, retried forward               |                                   |
 | 4 capture | retried forward; an authorization that is gone is disowned, and 1 begins anew            |

 Declined, it waits for its next try or for its payer as a row that falls due, not as a run.
*/

export const collectingLedger = watchedLedger<
  CollectingLedgerActivities & BookingLedgerActivities
>();
const outside = proxyActivities<CollectingActivities>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'collect money',
});

export interface CollectingInput {
  change: ChangeRef;
  purpose: Collected;
  /** Shown while the rule keeps a booking that was not paid. */
  attention: string;
}

export async function collect(input: CollectingInput, telling: Telling): Promise<ChangeOutcome> {
  const { change, purpose, attention } = input;
  const ref = { tenantId: change.tenantId, bookingId: change.bookingId };
  telling.step('charge');
  const charged = await watched<ChargedDue>(ref, {
    name: 'charge-payment',
    run: () => outside.chargeDue({ ...change, purpose }),
    byHand: { kind: 'nothing-due' },
  });
  if (charged.kind === 'unpaid') return unpaid(input, charged, telling);
  telling.answer({ kind: 'done' });
  if (charged.kind !== 'authorized') {
    await giveBack(ref, charged.kind);
    return { result: charged.kind };
  }
  const { n } = charged;
  const isOwed = await collectingLedger.owePayment({ ...change, n });
  telling.step('let-go');
  if (!isOwed || purpose === 'renewal') await giveBack(ref, 'not-owed');
  if (!isOwed) return { result: 'called-off' };
  const taken = await take(ref, n, telling);
  if (taken.kind === 'captured') {
    await collectingLedger.settled({ ...ref, attention });
    return { result: 'paid', payment: n };
  }
  await collectingLedger.disownPayment({ ...ref, n });
  await giveBack(ref, 'not-owed');
  if (taken.kind === 'not-needed') return { result: 'nothing-due' };
  await collectingLedger.postponeChange({
    ...change,
    inMs: 0,
    progress: { phase: 'charge', attempt: 0 },
  });
  return { result: 'lapsed' };
}

export function take(
  ref: { tenantId: string; bookingId: string },
  n: number,
  telling: Telling,
): Promise<TakenDue> {
  telling.step('capture');
  return watched<TakenDue>(ref, {
    name: 'capture-payment',
    run: () => outside.takeDue({ ...ref, n }),
    byHand: { kind: 'captured' },
  });
}

export const giveBack = (
  ref: { tenantId: string; bookingId: string },
  reason: string,
): Promise<void> =>
  watched<void>(ref, {
    name: 'return-payment',
    run: () => outside.giveBack({ ...ref, reason }),
    byHand: undefined,
  });

type UnpaidDue = Extract<ChargedDue, { kind: 'unpaid' }>;

async function unpaid(
  { change, attention }: CollectingInput,
  due: UnpaidDue,
  telling: Telling,
): Promise<ChangeOutcome> {
  const ref = { tenantId: change.tenantId, bookingId: change.bookingId };
  if (due.replaces !== null && due.phase === 'charge' && due.code !== 'under-way') {
    // What was to be renewed may still be there: better taken now than lost.
    const taken = await take(ref, due.replaces, telling);
    if (taken.kind === 'captured') {
      telling.answer({ kind: 'done' });
      return { result: 'captured', payment: due.replaces };
    }
  }
  const next = nextStep(due);
  telling.answer(next.kind === 'wait' ? { kind: 'waiting', for: 'payment' } : { kind: 'done' });
  if (next.kind === 'end') return { result: 'unpaid' };
  if (next.kind === 'cancel') {
    const { changeId } = change;
    const keep = { keepMinor: due.keepMinor, quoteId: null };
    await collectingLedger.callOff({ ...ref, changeId, reason: 'balance-unpaid', ...keep });
    telling.step('give-back');
    await giveBack(ref, 'balance-unpaid');
    return { result: 'cancelled' };
  }
  if (next.kind === 'keep') await collectingLedger.callPerson({ ...ref, attention });
  const { inMs, progress } = next;
  await collectingLedger.postponeChange({ ...change, inMs, progress });
  return { result: 'waiting' };
}
