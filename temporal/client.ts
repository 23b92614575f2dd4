import type { Commands } from '../src/commands.ts';
import {
  confirmBooking,
  extendHold,
  giveUpBooking,
  paymentNews,
  resolveBooking,
  settleBooking,
  startBooking,
} from './commands/booking.ts';
import { changeBooking, decideConflict, resumeChange } from './commands/change.ts';
import { steerConnection, tell } from './commands/connection.ts';
import type { CommandSetup } from './commands/setup.ts';
import { bookingWorkflowId } from './contracts/names.ts';

/** The port of `src/commands.ts` on Temporal. */
export function createCommands(setup: CommandSetup): Commands {
  const { client } = setup;
  return {
    startBooking: (input) => startBooking(setup, input),
    giveUpBooking: (input) => giveUpBooking(setup, input),
    extendHold: (input) => extendHold(setup, input),
    paymentNews: (ref) => paymentNews(setup, ref),
    resolveBooking: (input) => resolveBooking(setup, input),
    changeBooking: (input) => changeBooking(setup, input),
    decideConflict: (input) => decideConflict(setup, input),
    confirmBooking: (input) => confirmBooking(setup, input),
    async awaitBooking(ref, timeoutMs) {
      const enough = AbortSignal.timeout(timeoutMs);
      // How it ended is in the row; here it only matters that it did, or that time is up.
      await client
        .withAbortSignal(enough, () => client.workflow.getHandle(bookingWorkflowId(ref)).result())
        .catch(() => undefined);
    },
    settleBooking: (ref) => settleBooking(setup, ref),
    resumeChange: (input) => resumeChange(setup, input),
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
