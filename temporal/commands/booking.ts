import { randomUUID } from 'node:crypto';
import {
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { WorkflowIdConflictPolicy, WorkflowNotFoundError } from '@temporalio/common';
import type {
  BookingRef,
  CancelAnswer,
  Commands,
  ConfirmAnswer,
  HoldAnswer,
  StartBooking,
} from '../../src/commands.ts';
import {
  bookUpdate,
  changeUpdate,
  confirmUpdate,
  giveUpUpdate,
  type BookingChangeInput,
  type BookingInput,
  type PaymentRef,
} from '../contracts/booking.ts';
import { bookingWorkflowId, changeWorkflowId, settleWorkflowId } from '../contracts/names.ts';
import { keyword, STEER_DEADLINE_MS, type CommandSetup, type Workflow } from './setup.ts';

/** Longer than the API waits, so that a slow start is told as under way and not as a failure. */
const START_DEADLINE_MS = 12_000;
/** A refusal this young counts as fresh, whatever two clocks say. */
const CLOCK_TOLERANCE_MS = 2_000;
const MOST_REMEMBERED = 5;

type Input<K extends 'cancelBooking' | 'confirmBooking'> = Parameters<Commands[K]>[0];

/**
 * One round trip: starts the workflow or joins it, and comes back with the hold. Temporal remembers
 * the answer of a finished run; a refusal from before this call is asked anew under an id that all
 * twins derive alike, since units may have become free.
 */
export async function startBooking(setup: CommandSetup, input: StartBooking): Promise<HoldAnswer> {
  const calledAt = Date.now();
  let updateId = `book-${input.fingerprint}`;
  for (let asked = 1; ; asked += 1) {
    const answer = await startOrJoin(setup, input, updateId);
    if (answer.kind !== 'refused' || answer.refusedAt === undefined) return answer;
    const isFresh = Date.parse(answer.refusedAt) > calledAt - CLOCK_TOLERANCE_MS;
    if (isFresh || asked === MOST_REMEMBERED) return answer;
    updateId = `book-${input.fingerprint}-${answer.refusedAt}`;
  }
}

const startOrJoin = (
  { client, taskQueue }: CommandSetup,
  input: StartBooking,
  updateId: string,
): Promise<HoldAnswer> =>
  client.withDeadline(Date.now() + START_DEADLINE_MS, () =>
    client.workflow.executeUpdateWithStart(bookUpdate, {
      updateId,
      args: [{ fingerprint: input.fingerprint }],
      startWorkflowOperation: new WithStartWorkflowOperation<Workflow<BookingInput>>('booking', {
        workflowId: bookingWorkflowId(input),
        taskQueue,
        args: [input],
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        workflowTaskTimeout: '5 seconds',
        staticSummary: `${input.resourceId}, ${input.startAt} – ${input.endAt}`,
        typedSearchAttributes: [
          { key: keyword('tenant'), value: input.tenantId },
          { key: keyword('resource'), value: input.resourceId },
        ],
      }),
    }),
  );

/** The answer of a booking's own workflow, or null when it is over. */
async function askBooking<T>(
  { client }: CommandSetup,
  ref: BookingRef,
  ask: (handle: WorkflowHandle) => Promise<T>,
): Promise<T | null> {
  try {
    return await client.withDeadline(Date.now() + STEER_DEADLINE_MS, () =>
      ask(client.workflow.getHandle(bookingWorkflowId(ref))),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    // The workflow ended between taking the question and answering it: its row tells.
    if (error instanceof WorkflowUpdateFailedError) return null;
    throw error;
  }
}

export async function cancelBooking(
  setup: CommandSetup,
  input: Input<'cancelBooking'>,
): Promise<CancelAnswer> {
  const { client, taskQueue, lookups } = setup;
  const { tenantId, bookingId, changeId, reason } = input;
  const before = await lookups.bookingState(input);
  if (before === 'held' || before === 'paying')
    await askBooking(setup, input, (handle) =>
      handle.executeUpdate(giveUpUpdate, { args: [{ reason }], updateId: changeId }),
    );
  const state = await lookups.bookingState(input);
  if (state === null) return { kind: 'no-such-booking' };
  if (state === 'cancelled') return { kind: 'cancelled' };
  if (state !== 'confirmed') return { kind: 'not-cancellable', state };
  return client.withDeadline(Date.now() + STEER_DEADLINE_MS, () =>
    client.workflow.executeUpdateWithStart(changeUpdate, {
      // Not remembered past this call: a change that found another one open may be asked again.
      updateId: randomUUID(),
      startWorkflowOperation: new WithStartWorkflowOperation<Workflow<BookingChangeInput>>(
        'bookingChange',
        {
          ...changeStart(taskQueue, { tenantId, bookingId, changeId, reason }),
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        },
      ),
    }),
  );
}

const changeStart = (taskQueue: string, change: Omit<BookingChangeInput, 'kind'>) => ({
  workflowId: changeWorkflowId(change),
  taskQueue,
  args: [{ ...change, kind: 'cancel' }] as [BookingChangeInput],
  staticSummary: `cancel ${change.bookingId}`,
  typedSearchAttributes: [{ key: keyword('tenant'), value: change.tenantId }],
});

/** Goes on with a change that was opened and never closed. */
export async function resumeChange(
  { client, taskQueue }: CommandSetup,
  { tenantId, bookingId, changeId, reason }: Parameters<Commands['resumeChange']>[0],
): Promise<void> {
  await client.workflow.start<Workflow<BookingChangeInput>>('bookingChange', {
    ...changeStart(taskQueue, { tenantId, bookingId, changeId, reason }),
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
  });
}

/** Puts the money of a booking right whose own run is gone. */
export async function settleBooking(
  { client, taskQueue }: CommandSetup,
  { tenantId, bookingId }: BookingRef,
): Promise<void> {
  await client.workflow.start<Workflow<PaymentRef>>('bookingSettle', {
    workflowId: settleWorkflowId({ tenantId, bookingId }),
    taskQueue,
    args: [{ tenantId, bookingId, paymentAccountId: null }],
    workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
    staticSummary: `settle the money of ${bookingId}`,
    typedSearchAttributes: [{ key: keyword('tenant'), value: tenantId }],
  });
}

export async function confirmBooking(
  setup: CommandSetup,
  input: Input<'confirmBooking'>,
): Promise<ConfirmAnswer> {
  const { lookups } = setup;
  const answer = await askBooking(setup, input, (handle) =>
    handle.executeUpdate(confirmUpdate, {
      args: [{ reference: input.reference }],
      updateId: 'confirm',
    }),
  );
  if (answer) return answer;
  const state = await lookups.bookingState(input);
  if (state === null) return { kind: 'no-such-booking' };
  return state === 'confirmed' ? { kind: 'confirmed' } : { kind: 'not-awaiting', state };
}
