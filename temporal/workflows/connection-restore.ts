import { ApplicationFailure, CancellationScope, condition, setHandler } from '@temporalio/workflow';
import {
  acceptRemovalsUpdate,
  refuseRemovalsUpdate,
  restoreUpdate,
  type ConnectionInput,
} from '../contracts/connection.ts';
import { channelActivities, ledger } from './connection-activities.ts';
import { kindOf, unlessBug } from './connection-failure.ts';
import { onePass, view, type Told } from './connection-messages.ts';
import { enter } from './connection-status.ts';

/** What an operator decides about a copy that looks wrong; also sent from Temporal UI. */
export function listenToOperators(input: ConnectionInput, told: Told): void {
  const { now } = told;
  const { tenantId, connectionId } = input;
  setHandler(acceptRemovalsUpdate, async () => {
    now.resync = { acceptRemovals: true };
    if (!now.paused) await onePass(told);
    return view(now);
  });
  setHandler(refuseRemovalsUpdate, async () => {
    const { kept } = await ledger.refuseRemovals({ tenantId, connectionId });
    return { ...view(now), kept };
  });
  setHandler(restoreUpdate, async (wanted) => {
    await condition(() => !now.restore || told.closed);
    now.paused = true;
    now.restore = wanted;
    told.interrupt();
    await condition(() => now.restore !== wanted || told.closed);
    if (told.refusal === null) return view(now);
    throw ApplicationFailure.create({
      type: told.refusal,
      message: 'The copy was not set back: see the last failure, and ask again.',
      nonRetryable: true,
    });
  });
}

/**
 * The past is made current, with nothing read meanwhile or after, until a resume. What cannot be
 * done is told to who asked; the copy is as it was, or as far back as it came.
 */
export async function restore(input: ConnectionInput, told: Told): Promise<void> {
  const { now } = told;
  const { tenantId, connectionId } = input;
  const { at } = now.restore!;
  try {
    const { restoreEvents } = channelActivities(input);
    await CancellationScope.nonCancellable(() => restoreEvents({ tenantId, connectionId, at }));
    told.refusal = null;
    await enter(input, now, { status: 'paused', reason: 'restored' });
  } catch (error) {
    unlessBug(error);
    told.refusal = kindOf(error);
  }
  now.restore = null;
}
