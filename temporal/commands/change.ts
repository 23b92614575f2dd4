import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, WorkflowUpdateFailedError } from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowNotFoundError } from '@temporalio/common';
import type { BookingRef, ChangeAnswer, StartChange } from '../../src/commands.ts';
import { changeUpdate, decideUpdate, type ChangeInput } from '../contracts/booking-change.ts';
import { changeWorkflowId } from '../contracts/names.ts';
import { keyword, STEER_DEADLINE_MS, type CommandSetup, type Workflow } from './setup.ts';

/** One round trip: starts the change or joins it, and comes back with what came of it. */
export const changeBooking = (
  { client, taskQueue }: CommandSetup,
  input: StartChange,
): Promise<ChangeAnswer> =>
  client.withDeadline(Date.now() + STEER_DEADLINE_MS, () =>
    client.workflow.executeUpdateWithStart(changeUpdate, {
      // Not remembered past this call: a change that found another one open may be asked again.
      updateId: randomUUID(),
      startWorkflowOperation: new WithStartWorkflowOperation<Workflow<ChangeInput>>(
        'bookingChange',
        {
          ...changeStart(taskQueue, input),
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        },
      ),
    }),
  );

/** Goes on with a change that fell due, or that was opened and never closed. */
export async function resumeChange(
  { client, taskQueue }: CommandSetup,
  input: StartChange,
): Promise<void> {
  await client.workflow.start<Workflow<ChangeInput>>('bookingChange', {
    ...changeStart(taskQueue, input),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
}

export async function decideConflict(
  { client }: CommandSetup,
  { keep, ...change }: BookingRef & { changeId: string; keep: 'ours' | 'theirs' },
): Promise<boolean> {
  try {
    return await client.withDeadline(Date.now() + STEER_DEADLINE_MS, () =>
      client.workflow
        .getHandle(changeWorkflowId(change))
        .executeUpdate(decideUpdate, { args: [{ keep }] }),
    );
  } catch (error) {
    // Its run ended: it was decided.
    if (error instanceof WorkflowNotFoundError || error instanceof WorkflowUpdateFailedError)
      return false;
    throw error;
  }
}

const changeStart = (taskQueue: string, change: StartChange) => ({
  workflowId: changeWorkflowId(change),
  taskQueue,
  args: [change] as [ChangeInput],
  staticSummary: `${change.kind} ${change.bookingId}`,
  typedSearchAttributes: [{ key: keyword('tenant'), value: change.tenantId }],
});
