import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import { mainActivities } from '../../../temporal/activities/index.ts';
import type { ActivityDependencies } from '../../../temporal/activities/dependencies.ts';
import { bookUpdate } from '../../../temporal/contracts/booking.ts';
import { currentCode, failuresOf } from '../../replay/replaying.ts';
import { viewTemporal } from '../../support/history.ts';

/** What an activity does when it is called for the `n`th time, counted from 1. */
export type Act = (n: number) => Promise<unknown>;

/** The workflows as they are, over activities that a test plays. */
export interface Playhouse {
  /** Starts a booking with the question for its hold, which comes in its first task. */
  book: (input: Record<string, unknown>, acts: Record<string, Act>) => Promise<Booked>;
  change: (
    input: { kind: string; ask: object },
    acts: Record<string, Act>,
  ) => Promise<WorkflowHandle>;
  /** Names of the errors with which the run's history does not replay. */
  replayed: (workflowId: string) => Promise<string[]>;
  close: () => Promise<void>;
}

interface Booked {
  run: WorkflowHandle;
  hold: Promise<unknown>;
}

/** Short, so that an act that is tried for a while is tried over several tasks. */
const TASK_TIMEOUT = '2 seconds';
const FINGERPRINT = 'f';

export async function openPlayhouse(): Promise<Playhouse> {
  const code = await currentCode();
  // Its runtime is quiet, and has to be there before a worker makes its own.
  await failuresOf(code, []);
  const temporal = await viewTemporal();
  const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
  const taskQueue = `played-${randomUUID()}`;
  const plays = new Map<string, { acts: Record<string, Act>; called: Map<string, number> }>();
  const activities = Object.fromEntries(
    names().map((name) => [
      name,
      ({ bookingId }: { bookingId: string }) => {
        const { acts, called } = plays.get(bookingId)!;
        const n = (called.get(name) ?? 0) + 1;
        called.set(name, n);
        return acts[name]?.(n);
      },
    ]),
  );
  const worker = await Worker.create({
    connection,
    namespace: inject('temporalNamespace'),
    taskQueue,
    workflowBundle: code,
    activities,
  });
  const running = worker.run();
  return {
    async book(input, acts) {
      const bookingId = randomUUID();
      plays.set(bookingId, { acts, called: new Map() });
      const startWorkflowOperation = new WithStartWorkflowOperation('booking', {
        workflowId: `booking/${bookingId}`,
        taskQueue,
        args: [{ tenantId: 't', bookingId, fingerprint: FINGERPRINT, ...input }],
        workflowTaskTimeout: TASK_TIMEOUT,
        workflowIdConflictPolicy: 'USE_EXISTING',
      });
      const args: [{ fingerprint: string }] = [{ fingerprint: FINGERPRINT }];
      const asked = { args, startWorkflowOperation };
      const hold = temporal.client.workflow.executeUpdateWithStart(bookUpdate, asked);
      // Whoever waits for it hears of a failure.
      hold.catch(() => undefined);
      return { run: await startWorkflowOperation.workflowHandle(), hold };
    },
    change(input, acts) {
      const bookingId = randomUUID();
      plays.set(bookingId, { acts, called: new Map() });
      return temporal.client.workflow.start('bookingChange', {
        workflowId: `booking-change/${bookingId}`,
        taskQueue,
        args: [{ tenantId: 't', bookingId, changeId: 'change', reason: 'by-test', ...input }],
        workflowTaskTimeout: TASK_TIMEOUT,
      });
    },
    async replayed(workflowId) {
      const history = await temporal.history(workflowId);
      return Object.values(await failuresOf(code, [{ name: workflowId, workflowId, history }]));
    },
    async close() {
      worker.shutdown();
      await running;
      await connection.close();
      await temporal.close();
    },
  };
}

const names = (): string[] =>
  Object.keys(mainActivities({ database: {} } as unknown as ActivityDependencies));
