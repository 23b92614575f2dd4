import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation } from '@temporalio/client';
import { WorkflowIdConflictPolicy } from '@temporalio/common';
import type { ChangeAnswer, DecideConflict, StartChange } from '../../src/commands.ts';
import { changeUpdate, decideUpdate, type ChangeInput } from '../contracts/booking-change.ts';
import { conflictNewsSignal } from '../contracts/conflict.ts';
import { changeWorkflowId } from '../contracts/names.ts';
import {
  askPatiently,
  keyword,
  STEER_DEADLINE_MS,
  type CommandSetup,
  type Workflow,
} from './setup.ts';

/** One round trip: starts the change or joins it, and comes back with what came of it. */
export const changeBooking = (
  { client, taskQueue }: CommandSetup,
  input: StartChange,
): Promise<ChangeAnswer> =>
  askPatiently(client, STEER_DEADLINE_MS, () =>
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

/**
 * Goes on with a change that fell due, or that was opened and never closed; a conflict's workflow,
 * which may be there and wait, is told that there is news.
 */
export async function resumeChange(
  { client, taskQueue }: CommandSetup,
  input: StartChange,
): Promise<void> {
  const start = {
    ...changeStart(taskQueue, input),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  };
  if (input.kind === 'conflict')
    await client.workflow.signalWithStart<Workflow<ChangeInput>>('bookingChange', {
      ...start,
      signal: conflictNewsSignal,
    });
  else await client.workflow.start<Workflow<ChangeInput>>('bookingChange', start);
}

/** Through the conflict's workflow, which is started where it is gone. */
export const decideConflict = (
  { client, taskQueue }: CommandSetup,
  { change, keep, by }: DecideConflict,
): Promise<boolean> =>
  askPatiently(client, STEER_DEADLINE_MS, () =>
    client.workflow.executeUpdateWithStart(decideUpdate, {
      args: [{ keep, by }],
      startWorkflowOperation: new WithStartWorkflowOperation<Workflow<ChangeInput>>(
        'bookingChange',
        {
          ...changeStart(taskQueue, change),
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        },
      ),
    }),
  );

const changeStart = (taskQueue: string, change: StartChange) => ({
  workflowId: changeWorkflowId(change),
  taskQueue,
  args: [change] as [ChangeInput],
  staticSummary: `${change.kind} ${change.bookingId}`,
  typedSearchAttributes: [{ key: keyword('tenant'), value: change.tenantId }],
});
