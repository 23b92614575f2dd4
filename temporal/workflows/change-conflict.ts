import {
  ApplicationFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  decideUpdate,
  type ChangeInput,
  type ChangeOutcome,
  type ChangeRowActivities,
} from '../contracts/booking-change.ts';
import type { BookingLedgerActivities } from '../contracts/booking.ts';
import { conflictNewsSignal, type ConflictActivities } from '../contracts/conflict.ts';
import type { Telling } from './booking-change.ts';
import { giveBack } from './collecting.ts';
import { oneOfFew, showAttention, watchedLedger } from './watched.ts';

/*
 | step        | act                                                                        | undo |
 |-------------|----------------------------------------------------------------------------|------|
 | 1 weigh     | the row is decided by its rule, a person or its deadline                   | none |
 | 2 open      | only to give way: the booking's one open change, after any other           | none |
 | 3 move      | the same time on another unit, by one switch: the pivot                    | let the new time go |
 | 4 call off  | where there is none: cancelled, units free, mirrors to go: the pivot       | none |
 | 5 give back | all that was paid, retried forward                                         |      |

 While it waits it is no open change, so that whoever wants to cancel or move the booking can. A run
 waits for a week at most and goes on as a new one, with the code of then: until the deadline, or for
 as long as a person takes.
*/

type Ledger = ConflictActivities & ChangeRowActivities & BookingLedgerActivities;
const ledger = watchedLedger<Ledger>();

type ConflictInput = ChangeInput & { kind: 'conflict' };

const RUN_MS = 7 * 86_400_000;
/** Another change under way is waited for a little, then longer and longer. */
const BUSY_MS = { first: 2_000, most: 10 * 60_000 };

export async function conflictStory(input: ConflictInput, telling: Telling): Promise<void> {
  const { tenantId, bookingId, changeId } = input;
  const ref = { tenantId, bookingId, changeId };
  let hasNews = false;
  let busyMs = BUSY_MS.first;
  setHandler(conflictNewsSignal, () => void (hasNews = true));
  const waitFor = oneOfFew();
  setHandler(decideUpdate, async ({ keep, by = 'temporal-ui' }) => {
    const decided: boolean[] = [];
    const deciding = ledger.decideConflict({ ...ref, keep, by }).then((isDecided) => {
      hasNews = true;
      decided.push(isDecided);
    });
    await Promise.race([deciding, waitFor(() => decided.length > 0)]);
    if (decided.length > 0) return decided[0]!;
    throw ApplicationFailure.nonRetryable('It was asked again since.', 'asked-again');
  });
  for (;;) {
    hasNews = false;
    telling.step('weigh');
    const weighed = await ledger.weighConflict(ref);
    if (weighed.kind === 'settled') break;
    showAttention(weighed.kind === 'wait' && weighed.for === 'person' ? 'conflict' : null);
    let waitMs: number | null = busyMs;
    if (weighed.kind === 'theirs') {
      if (await giveWay(input, telling)) continue;
      busyMs = Math.min(2 * busyMs, BUSY_MS.most);
    } else {
      telling.step(`wait-for-${weighed.for}`);
      telling.answer({ kind: 'waiting', for: 'decision' });
      waitMs = weighed.forMs;
    }
    const leftMs = workflowInfo().runStartTime.getTime() + RUN_MS - Date.now();
    if (leftMs <= 0) {
      await condition(allHandlersFinished);
      await continueAsNew<(input: ConflictInput) => Promise<unknown>>(input);
    }
    await condition(() => hasNews, Math.min(waitMs ?? leftMs, leftMs));
  }
  showAttention(null);
  telling.answer({ kind: 'done' });
}

/** False while another change of the booking is under way; else the row knows how it ended. */
async function giveWay(input: ConflictInput, telling: Telling): Promise<boolean> {
  const { tenantId, bookingId, changeId } = input;
  const ref = { tenantId, bookingId, changeId };
  const opened = await ledger.openChange(input);
  if (opened.kind !== 'opened') {
    telling.step('wait-for-change');
    return false;
  }
  const outcome = await moveOrCallOff(ref, telling);
  await ledger.closeChange({ ...ref, answer: { kind: 'done' }, outcome });
  return true;
}

async function moveOrCallOff(
  ref: { tenantId: string; bookingId: string; changeId: string },
  telling: Telling,
): Promise<ChangeOutcome> {
  telling.step('move');
  if ((await ledger.moveAside(ref)) === 'moved') return { result: 'moved' };
  telling.step('call-off');
  const calledOff = await ledger.callOff({
    ...ref,
    reason: 'conflict',
    keepMinor: 0,
    quoteId: null,
  });
  if (calledOff.kind !== 'cancelled') return { result: calledOff.kind };
  telling.step('give-back');
  const { tenantId, bookingId } = ref;
  await giveBack({ tenantId, bookingId }, 'conflict');
  return { result: 'cancelled' };
}
