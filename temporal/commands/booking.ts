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
  ExtendAnswer,
  HoldAnswer,
  Resolution,
  ResolveAnswer,
  StartBooking,
  StartChange,
} from '../../src/commands.ts';
import {
  bookUpdate,
  confirmUpdate,
  extendUpdate,
  giveUpUpdate,
  paymentNewsSignal,
  resolveUpdate,
  type BookingInput,
  type PaymentRef,
} from '../contracts/booking.ts';
import { bookingWorkflowId, changeWorkflowId, settleWorkflowId } from '../contracts/names.ts';
import { resumeChange } from './change.ts';
import {
  askPatiently,
  keyword,
  STEER_DEADLINE_MS,
  type CommandSetup,
  type Workflow,
} from './setup.ts';

/** Longer than the API waits, so that a slow start is told as under way and not as a failure. */
const START_DEADLINE_MS = 12_000;
/** A refusal this young counts as fresh, whatever two clocks say. */
const CLOCK_TOLERANCE_MS = 2_000;
const MOST_REMEMBERED = 5;

type Input<K extends 'giveUpBooking' | 'confirmBooking' | 'extendHold' | 'resolveBooking'> =
  Parameters<Commands[K]>[0];

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
  askPatiently(client, START_DEADLINE_MS, () =>
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
const askBooking = <T>(
  setup: CommandSetup,
  ref: BookingRef,
  ask: (handle: WorkflowHandle) => Promise<T>,
): Promise<T | null> => askRun(setup, bookingWorkflowId(ref), ask);

async function askRun<T>(
  { client }: CommandSetup,
  workflowId: string,
  ask: (handle: WorkflowHandle) => Promise<T>,
): Promise<T | null> {
  try {
    return await askPatiently(client, STEER_DEADLINE_MS, () =>
      ask(client.workflow.getHandle(workflowId)),
    );
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    // The workflow ended between taking the question and answering it: its row tells.
    if (error instanceof WorkflowUpdateFailedError) return null;
    throw error;
  }
}

export async function giveUpBooking(
  setup: CommandSetup,
  { changeId, reason, ...ref }: Input<'giveUpBooking'>,
): Promise<CancelAnswer> {
  const { lookups } = setup;
  const before = await lookups.bookingState(ref);
  if (before === 'held' || before === 'paying')
    await askBooking(setup, ref, (handle) =>
      handle.executeUpdate(giveUpUpdate, { args: [{ reason }], updateId: changeId }),
    );
  const state = await lookups.bookingState(ref);
  if (state === null) return { kind: 'no-such-booking' };
  return state === 'cancelled' ? { kind: 'cancelled' } : { kind: 'not-cancellable', state };
}

/**
 * Where the booking's own workflow is over, so is its hold; whether the extension was made before that,
 * the ledger knows.
 */
export async function extendHold(
  setup: CommandSetup,
  { extensionId, ...ref }: Input<'extendHold'>,
): Promise<ExtendAnswer> {
  const answer = await askBooking(setup, ref, (handle) =>
    handle.executeUpdate(extendUpdate, { args: [{ extensionId }], updateId: extensionId }),
  );
  if (answer && (answer.kind === 'extended' || answer.reason !== 'over')) return answer;
  const holdExpiresAt = await setup.lookups.extendedTo({ ...ref, extensionId });
  return holdExpiresAt === null
    ? { kind: 'not-extendable', reason: 'over' }
    : { kind: 'extended', holdExpiresAt };
}

/**
 * Whoever runs for the booking hears of it: its open change, its own workflow, or what settles it; a
 * change that waits for its payer is gone on with.
 */
export async function paymentNews(setup: CommandSetup, ref: BookingRef): Promise<boolean> {
  const waiting = await setup.lookups.waitingChange(ref);
  if (waiting !== null) {
    await resumeChange(setup, waiting);
    return true;
  }
  const changeId = await setup.lookups.openChange(ref);
  const runs = [
    ...(changeId === null ? [] : [changeWorkflowId({ ...ref, changeId })]),
    bookingWorkflowId(ref),
    settleWorkflowId(ref),
  ];
  const heard = await Promise.all(runs.map((workflowId) => signalled(setup, workflowId)));
  return heard.includes(true);
}

async function signalled({ client }: CommandSetup, workflowId: string): Promise<boolean> {
  try {
    await askPatiently(client, STEER_DEADLINE_MS, () =>
      client.workflow.getHandle(workflowId).signal(paymentNewsSignal),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** A stuck step belongs to the booking's own run, a change's, or the run that settles it. */
export async function resolveBooking(
  setup: CommandSetup,
  { resolution, ...ref }: Input<'resolveBooking'>,
): Promise<ResolveAnswer> {
  const { lookups } = setup;
  const changes = await lookups.changesAtWork(ref);
  const runs = [...changes.map(changeWorkflowId), bookingWorkflowId(ref), settleWorkflowId(ref)];
  let isAtWork = false;
  for (const workflowId of runs) {
    const answer = await askRun(setup, workflowId, (handle) =>
      handle.executeUpdate(resolveUpdate, { args: [resolution] }),
    );
    if (answer?.kind === 'resolved') return answer;
    isAtWork ||= answer !== null;
  }
  if (isAtWork && resolution.attention?.startsWith('stuck-')) return { kind: 'at-work' };
  const decided = await lookups.resolveMoney({ ...ref, resolution });
  if (decided === 'settle') await goOn(setup, { ref, changes, resolution });
  if (decided !== 'nothing') return { kind: 'resolved' };
  return { kind: isAtWork ? 'at-work' : 'nothing-to-resolve' };
}

/** What was left by a run that is gone is begun anew; one that waits for money looks at once. */
async function goOn(
  setup: CommandSetup,
  { ref, changes, resolution }: { ref: BookingRef; changes: StartChange[]; resolution: Resolution },
): Promise<void> {
  for (const change of changes) await resumeChange(setup, change);
  const state = await setup.lookups.bookingState(ref);
  // Until its hold is over its money is wanted.
  if (state !== 'held' && state !== 'paying') await settleBooking(setup, ref);
  if (resolution.attention === 'payment-processing') await paymentNews(setup, ref);
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
