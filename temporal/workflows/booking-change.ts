import {
  CancellationScope,
  allHandlersFinished,
  condition,
  setHandler,
} from '@temporalio/workflow';
import type { ChangeAnswer } from '../../src/commands.ts';
import {
  changeStatusQuery,
  changeUpdate,
  type ChangeInput,
  type ChangeOutcome,
  type ChangeRowActivities,
} from '../contracts/booking-change.ts';
import { balanceStory } from './change-balance.ts';
import { cancelStory } from './change-cancel.ts';
import { conflictStory } from './change-conflict.ts';
import { reauthorizeStory } from './change-reauthorize.ts';
import { refundStory } from './change-refund.ts';
import { rescheduleStory } from './change-reschedule.ts';
import { oneOfFew, watchedLedger } from './watched.ts';

/*
 A change of a confirmed booking: opened as the booking's only one, told by its story, closed. Each
 story has its undo table at its head; a change whose run is gone is resumed from its row.
*/

const { openChange, closeChange } = watchedLedger<ChangeRowActivities>();

/** What a story tells while it goes on. */
export interface Telling {
  /** The first answer is given to whoever asked; what comes after a wait, to whoever asks again. */
  answer(answer: ChangeAnswer): void;
  /** Shown in Temporal UI. */
  step(name: string): void;
}

export async function bookingChange(input: ChangeInput): Promise<ChangeAnswer> {
  let answer: ChangeAnswer | null = null;
  let step = 'open';
  const waitFor = oneOfFew();
  const underWay: ChangeAnswer = { kind: 'busy', changeId: input.changeId };
  setHandler(changeUpdate, async () => {
    await waitFor(() => answer !== null);
    return answer ?? underWay;
  });
  setHandler(changeStatusQuery, () => ({ kind: input.kind, step }));
  const telling: Telling = {
    answer(given) {
      if (answer === null || answer.kind === 'waiting') answer = given;
    },
    step: (name) => void (step = name),
  };
  await CancellationScope.nonCancellable(async () => {
    if (input.kind === 'conflict') return conflictStory(input, telling);
    const opened = await openChange(input);
    if (opened.kind === 'busy') return telling.answer(opened);
    if (opened.kind === 'over') return telling.answer(opened.answer);
    const outcome = await tell(input, telling);
    const { tenantId, bookingId, changeId } = input;
    await closeChange({ tenantId, bookingId, changeId, answer: answer!, outcome });
  });
  await condition(allHandlersFinished);
  return answer!;
}

async function tell(input: ChangeInput, telling: Telling): Promise<ChangeOutcome> {
  switch (input.kind) {
    case 'cancel':
      return cancelStory(input, telling);
    case 'reschedule':
      return rescheduleStory(input, telling);
    case 'balance':
      return balanceStory(input, telling);
    case 'reauthorize':
      return reauthorizeStory(input, telling);
    case 'refund':
      return refundStory(input, telling);
    default:
      throw new Error(`no story for a ${input.kind}`);
  }
}
