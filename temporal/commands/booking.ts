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
} from '../contracts/booking.ts';
import { bookingWorkflowId, changeWorkflowId } from '../contracts/names.ts';
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
  return client.workflow.executeUpdateWithStart(changeUpdate, {
    updateId: 'change',
    startWorkflowOperation: new WithStartWorkflowOperation<Workflow<BookingChangeInput>>(
      'bookingChange',
      {
        workflowId: changeWorkflowId(input),
        taskQueue,
        args: [{ tenantId, bookingId, changeId, kind: 'cancel', reason }],
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
        staticSummary: `cancel ${bookingId}`,
        typedSearchAttributes: [{ key: keyword('tenant'), value: tenantId }],
      },
    ),
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
