import { condition, setHandler } from '@temporalio/workflow';
import {
  disconnectUpdate,
  notifySignal,
  pauseUpdate,
  resumeUpdate,
  resyncUpdate,
  statusQuery,
  syncNowUpdate,
  type ConnectionCarried,
  type ConnectionInput,
  type ConnectionView,
} from '../contracts/connection.ts';

/** What a connection was told: `now` is carried from run to run, the rest is answered within one. */
export interface Told {
  now: ConnectionCarried;
  /** Passes asked for by people, and the last of them that was made. */
  asked: number;
  served: number;
  /** The watch was cared for since the last complete pass because the channel wanted it. */
  cared: boolean;
  closing: boolean;
  /** What we wrote there goes before the connection does. */
  removeMirrors: boolean;
  closed: boolean;
  /** Why the last restore could not be done. */
  refusal: string | null;
  /** The row is gone: there is nothing to say goodbye to. */
  gone: boolean;
  /** Ends the pass under way. */
  interrupt: () => void;
}

/** Handlers may run before the first line of the story: state first, then they. */
export function listen(input: ConnectionInput): Told {
  const told: Told = {
    now: { ...FIRST_RUN, ...input.carried },
    asked: 0,
    served: 0,
    cared: false,
    closing: false,
    removeMirrors: false,
    closed: false,
    gone: false,
    refusal: null,
    interrupt: () => undefined,
  };
  const { now } = told;

  setHandler(notifySignal, ({ what }) => {
    if (what === 'mirror') now.mirrors = true;
    else now.dirty = true;
    if (what === 'reauthorized') {
      now.failures = 0;
      now.renewWatchAt = 0;
      now.mirrors = true;
    }
  });
  setHandler(pauseUpdate, async () => {
    now.paused = true;
    told.interrupt();
    // A resume may come before the pause is shown; then there is nothing left to wait for.
    await condition(() => now.status === 'paused' || !now.paused || told.closed);
    return view(now);
  });
  setHandler(resumeUpdate, async () => {
    if (now.paused) {
      now.paused = false;
      now.mirrors = true;
      await onePass(told);
    }
    return view(now);
  });
  setHandler(syncNowUpdate, async () => {
    if (!now.paused) await onePass(told);
    return view(now);
  });
  setHandler(resyncUpdate, async (options) => {
    now.resync = options;
    if (!now.paused) await onePass(told);
    return view(now);
  });
  setHandler(disconnectUpdate, async (how) => {
    told.removeMirrors ||= how?.removeMirrors ?? false;
    told.closing = true;
    told.interrupt();
    await condition(() => told.closed);
    return view(now);
  });
  setHandler(statusQuery, () => view(now));
  return told;
}

/** Resolves after a pass that began from here on, whether it went well or not. */
export async function onePass(told: Told): Promise<void> {
  told.asked += 1;
  const mine = told.asked;
  await condition(() => told.served >= mine || told.closed || told.now.paused);
}

const FIRST_RUN: ConnectionCarried = {
  status: 'connecting',
  shownStatus: 'connecting',
  dirty: true,
  mirrors: true,
  paused: false,
  resync: null,
  acceptRemovals: false,
  recheck: 0,
  failures: 0,
  cursorVersion: 0,
  cursor: null,
  checkpoint: null,
  watched: false,
  watchFailures: 0,
  nextPassAt: 0,
  renewWatchAt: 0,
  passes: 0,
};

export const view = (now: ConnectionCarried): ConnectionView => ({
  status: now.status,
  paused: now.paused,
  passes: now.passes,
  failures: now.failures,
  cursorVersion: now.cursorVersion,
  watched: now.watched,
  nextPassAt: new Date(now.nextPassAt).toISOString(),
});
