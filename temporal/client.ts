import { setTimeout as sleep } from 'node:timers/promises';
import {
  WithStartWorkflowOperation,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import {
  defineSearchAttributeKey,
  WorkflowIdConflictPolicy,
  WorkflowNotFoundError,
} from '@temporalio/common';
import type {
  BookingRef,
  CancelAnswer,
  Commands,
  ConfirmAnswer,
  ConnectionRef,
  StartBooking,
} from '../src/commands.ts';
import type { BookingState } from '../src/domain/booking.ts';
import {
  bookUpdate,
  changeUpdate,
  confirmUpdate,
  giveUpUpdate,
  type BookingChangeInput,
  type BookingInput,
} from './contracts/booking.ts';
import {
  disconnectUpdate,
  notifySignal,
  pauseUpdate,
  resumeUpdate,
  resyncUpdate,
  syncNowUpdate,
  type ConnectionInput,
} from './contracts/connection.ts';
import {
  bookingWorkflowId,
  changeWorkflowId,
  connectionWorkflowId,
  SEARCH_ATTRIBUTES,
} from './contracts/names.ts';

/** The rows a command looks at first; `src/store/lookups.ts` reads them. */
export interface CommandLookups {
  connection(ref: ConnectionRef): Promise<{ channel: string; resourceId: string } | null>;
  bookingState(ref: BookingRef): Promise<BookingState | null>;
}

const START_DEADLINE_MS = 10_000;
const STEER_DEADLINE_MS = 25_000;

/** The port of `src/commands.ts` on Temporal. */
export function createCommands(options: {
  client: Client;
  taskQueue: string;
  lookups: CommandLookups;
}): Commands {
  const { client, taskQueue, lookups } = options;

  async function startBooking(input: StartBooking) {
    const startWorkflowOperation = new WithStartWorkflowOperation<Workflow<BookingInput>>(
      'booking',
      {
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
      },
    );
    return client.withDeadline(Date.now() + START_DEADLINE_MS, () =>
      client.workflow.executeUpdateWithStart(bookUpdate, {
        startWorkflowOperation,
        updateId: `book-${input.fingerprint}`,
        args: [{ fingerprint: input.fingerprint }],
      }),
    );
  }

  /** The answer of a booking's own workflow, or null when it is over. */
  async function askBooking<T>(
    ref: { tenantId: string; bookingId: string },
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

  async function cancelBooking(
    input: Parameters<Commands['cancelBooking']>[0],
  ): Promise<CancelAnswer> {
    const { tenantId, bookingId, changeId, reason } = input;
    const before = await lookups.bookingState(input);
    if (before === 'held' || before === 'paying')
      await askBooking(input, (handle) =>
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

  async function confirmBooking(
    input: Parameters<Commands['confirmBooking']>[0],
  ): Promise<ConfirmAnswer> {
    const answer = await askBooking(input, (handle) =>
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

  /** Tells a connection's workflow, starting it where it is gone. */
  async function tell(
    ref: ConnectionRef,
    what: 'change' | 'mirror' | 'reauthorized',
  ): Promise<void> {
    const row = await lookups.connection(ref);
    if (!row) return;
    await client.workflow.signalWithStart('connection', {
      ...connectionStart(ref, row),
      signal: notifySignal,
      signalArgs: [{ what }],
    });
  }

  const connectionStart = (
    { tenantId, connectionId }: ConnectionRef,
    row: { channel: string; resourceId: string },
  ) => ({
    workflowId: connectionWorkflowId({ tenantId, connectionId }),
    taskQueue,
    args: [{ v: 1, tenantId, connectionId, ...row, taskQueue } satisfies ConnectionInput] as [
      ConnectionInput,
    ],
    staticSummary: `${row.channel} calendar of ${row.resourceId}`,
    typedSearchAttributes: [
      { key: keyword('tenant'), value: tenantId },
      { key: keyword('resource'), value: row.resourceId },
      { key: keyword('channel'), value: row.channel },
      { key: keyword('status'), value: 'connecting' },
    ],
  });

  return {
    startBooking,
    cancelBooking,
    confirmBooking,
    async awaitBooking(ref, timeoutMs) {
      const handle = client.workflow.getHandle(bookingWorkflowId(ref));
      const ended = handle.result().then(
        () => undefined,
        () => undefined,
      );
      const timer = new AbortController();
      await Promise.race([ended, sleep(timeoutMs, undefined, { signal: timer.signal })]);
      timer.abort();
    },
    startConnection: (ref) => tell(ref, 'change'),
    requestSync: (ref) => tell(ref, 'change'),
    requestMirror: (ref) => tell(ref, 'mirror'),
    reauthorized: (ref) => tell(ref, 'reauthorized'),
    async steerConnection({ verb, ...ref }) {
      await tell(ref, 'mirror'); // The workflow may be gone; a verb needs somebody to hear it.
      const handle = client.workflow.getHandle(connectionWorkflowId(ref));
      await client.withDeadline(Date.now() + STEER_DEADLINE_MS, () =>
        verb.kind === 'resync'
          ? handle.executeUpdate(resyncUpdate, {
              args: [{ acceptRemovals: verb.acceptRemovals }],
            })
          : handle.executeUpdate(VERBS[verb.kind]),
      );
    },
    async ping(timeoutMs) {
      await client.withDeadline(Date.now() + timeoutMs, () =>
        client.workflowService.getSystemInfo({}),
      );
    },
  };
}

const VERBS = {
  pause: pauseUpdate,
  resume: resumeUpdate,
  'sync-now': syncNowUpdate,
  disconnect: disconnectUpdate,
};

const keyword = (name: keyof typeof SEARCH_ATTRIBUTES) =>
  defineSearchAttributeKey(SEARCH_ATTRIBUTES[name], 'KEYWORD');

type Workflow<Input> = (input: Input) => Promise<unknown>;
