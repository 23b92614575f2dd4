import { setTimeout as sleep } from 'node:timers/promises';
import type { Commands } from '../src/commands.ts';
import { cancelBooking, confirmBooking, startBooking } from './commands/booking.ts';
import { steerConnection, tell } from './commands/connection.ts';
import type { CommandSetup } from './commands/setup.ts';
import { bookingWorkflowId } from './contracts/names.ts';

/** The port of `src/commands.ts` on Temporal. */
export function createCommands(setup: CommandSetup): Commands {
  const { client } = setup;
  return {
    startBooking: (input) => startBooking(setup, input),
    cancelBooking: (input) => cancelBooking(setup, input),
    confirmBooking: (input) => confirmBooking(setup, input),
    async awaitBooking(ref, timeoutMs) {
      const ended = client.workflow.getHandle(bookingWorkflowId(ref)).result();
      const timer = new AbortController();
      // How it ended is in the row; here it only matters that it did.
      await Promise.race([
        ended.catch(() => undefined),
        sleep(timeoutMs, undefined, { signal: timer.signal }),
      ]);
      timer.abort();
    },
    startConnection: (ref) => tell(setup, ref, 'change'),
    requestSync: (ref) => tell(setup, ref, 'change'),
    requestMirror: (ref) => tell(setup, ref, 'mirror'),
    reauthorized: (ref) => tell(setup, ref, 'reauthorized'),
    steerConnection: (input) => steerConnection(setup, input),
    async ping(timeoutMs) {
      await client.withDeadline(Date.now() + timeoutMs, () =>
        client.workflowService.getSystemInfo({}),
      );
    },
  };
}
