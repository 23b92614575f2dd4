import {
  ActivityFailure,
  ApplicationFailure,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { ChangeAnswer, ChangeRef } from '../../src/commands.ts';
import { undoStack, type UndoStack } from '../../src/domain/saga.ts';
import type { ChangeInput, ChangeOutcome } from '../contracts/booking-change.ts';
import type {
  DifferenceActivities,
  RescheduleLedgerActivities,
  Switched,
} from '../contracts/reschedule.ts';
import type { Telling } from './booking-change.ts';
import { giveBack, take } from './collecting.ts';
import { payDifference } from './pay-difference.ts';
import { isTimeUp, LEDGER_OPTIONS, watched, watchedLedger } from './watched.ts';

/*
 | step        | act                                                          | undo                      |
 |-------------|--------------------------------------------------------------|---------------------------|
 | 1 new time  | take what the new time adds to the old, expiry in the row    | release, and fence a late |
 | 2 pay       | where it costs more: create, store, then authorize           | fence, then cancel        |
 | 3 switch    | old time released, new one in force, price, mirrors: pivot   | none: from here forward   |
 | 4 capture   | retried forward; an authorization that is gone calls a person|                           |
 | 5 give back | where it costs less, retried forward                         |                           |

 The row decides, never this memory: an undo may find the change switched by an attempt whose answer
 was lost, and then the story goes on after the pivot.
*/

const ledger = watchedLedger<RescheduleLedgerActivities>();
/** An undo, watched as such. */
const { letTimeGo } = proxyLocalActivities<RescheduleLedgerActivities>(LEDGER_OPTIONS);
const { voidDifference } = proxyActivities<DifferenceActivities>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '8 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
  summary: 'undo: void the difference',
});
type Rescheduling = ChangeInput & { kind: 'reschedule' };
type Switch = Extract<Switched, { kind: 'switched' }>;

export async function rescheduleStory(
  input: Rescheduling,
  telling: Telling,
): Promise<ChangeOutcome> {
  const { tenantId, bookingId } = input;
  const undos = undoStack();
  const going: Going = { telling, undos, why: null };
  const ended = await untilSwitched(input, going);
  let switched = ended.kind === 'switched' ? ended : null;
  if (ended.kind !== 'switched') {
    going.why = ended;
    telling.step('undo');
    const undone = await undos.unwind((undo) =>
      watched(
        { tenantId, bookingId },
        { name: undo.name, run: undo.run, byHand: 'undone' as const },
      ),
    );
    if (undone === 'already-final') switched = await switchOver(input);
  }
  if (!switched) {
    telling.answer(going.why!);
    return { result: going.why!.kind };
  }
  telling.answer({ kind: 'done' });
  await settle(input, { switched, telling });
  return { result: 'rescheduled' };
}

interface Going {
  telling: Telling;
  undos: UndoStack;
  why: ChangeAnswer | null;
}

/** How it ended, with what is to undo in `undos`; or that it is past the pivot. */
async function untilSwitched(input: Rescheduling, going: Going): Promise<Switch | ChangeAnswer> {
  const { telling, undos } = going;
  const change = changeOf(input);
  try {
    telling.step('new-time');
    undos.add({
      name: 'release-new-time',
      run: () => letTimeGo({ ...change, answer: going.why }),
    });
    const taken = await ledger.takeTime({ ...change, ask: input.ask });
    switch (taken.kind) {
      case 'refused':
      case 'quote-over':
        return taken;
      case 'unpayable':
        return { kind: 'declined', code: 'no-payment-method' };
      case 'undone':
        return taken.answer ?? { kind: 'declined', code: 'given-up' };
      case 'not-confirmed':
        return taken.state === null
          ? { kind: 'no-such-booking' }
          : { kind: 'not-changeable', state: taken.state };
      case 'taken':
      case 'switched':
    }
    const byCard = input.ask.payment && input.ask.payment.kind !== 'external';
    if (taken.kind === 'taken' && taken.dueMinor > 0 && byCard) {
      telling.step('pay');
      undos.add({ name: 'void-payment', run: () => voidDifference(change) });
      const paid = await payDifference(change, { untilAt: Date.parse(taken.heldUntil), telling });
      if (paid.kind === 'declined') return paid;
      if (paid.kind !== 'authorized') return { kind: 'declined', code: 'hold-expired' };
    }
    telling.step('switch');
    const switched = await ledger.switchTime({ ...change, reason: input.reason });
    return switched.kind === 'switched' ? switched : whyNot(switched);
  } catch (error) {
    if (!(error instanceof ActivityFailure)) throw error;
    if (isTimeUp(error)) return { kind: 'declined', code: 'hold-expired' };
    const kind = error.cause instanceof ApplicationFailure ? error.cause.type : 'failed';
    return { kind: 'declined', code: `payment-${kind}` };
  }
}

const changeOf = ({ tenantId, bookingId, changeId }: Rescheduling): ChangeRef => ({
  tenantId,
  bookingId,
  changeId,
});

function whyNot(switched: Exclude<Switched, { kind: 'switched' }>): ChangeAnswer {
  switch (switched.kind) {
    case 'not-confirmed':
      return { kind: 'not-changeable', state: switched.state };
    case 'contested':
      return { kind: 'refused', refusal: 'busy' };
    case 'day-full':
      return { kind: 'refused', refusal: 'day-full' };
    case 'unpaid':
      return { kind: 'quote-over' };
    case 'expired':
    case 'undone':
      return { kind: 'declined', code: 'hold-expired' };
  }
}

/** Past the pivot it is only asked again what came of it. */
async function switchOver(input: Rescheduling): Promise<Switch> {
  const switched = await ledger.switchTime({ ...changeOf(input), reason: input.reason });
  if (switched.kind !== 'switched')
    throw ApplicationFailure.nonRetryable(`a switched change answered ${switched.kind}`);
  return switched;
}

async function settle(
  { tenantId, bookingId, reason }: Rescheduling,
  { switched, telling }: { switched: Switch; telling: Telling },
): Promise<void> {
  const ref = { tenantId, bookingId };
  const n = switched.payment;
  const taken = n === null ? null : await take(ref, n, telling);
  if (n !== null && taken?.kind === 'lapsed') await ledger.disownDifference({ ...ref, n });
  if (switched.isExcess || (taken && taken.kind !== 'captured')) {
    telling.step('give-back');
    await giveBack(ref, reason);
  }
}
