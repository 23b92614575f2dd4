import type { ConnectionRef } from '../commands.ts';

/**
 * When the workflows of marked connections are signalled. The mark in the row is what lasts, so a
 * signal may wait: each costs Temporal, worker and database more than a hundred notifications cost,
 * and where they share a machine a storm would starve its own answers. On a calm day a signal goes
 * at once. While a storm keeps this process busy, signals go out at a low rate, longest waiting
 * first. What waits here when the process dies is found by the sweeper.
 */
export interface SignalPace {
  /** Every notification counts towards a storm, whatever it finds. */
  noted(): void;
  signal(connection: ConnectionRef): void;
}

const SLOT_MS = 20;
/** Signals under way at a time, and let go in one slot. */
const MOST_AT_ONCE = 8;
const CALM_PER_SECOND = (MOST_AT_ONCE * 1_000) / SLOT_MS;
const STORM_PER_SECOND = 3;
/** A process that is busy with other things than notifications does not hold signals back. */
const STORM_NOTIFICATIONS_PER_SECOND = 200;
const STORM_BUSY_SHARE = 0.5;
const RECOVERY_PER_SLOT = 1.03;
/** Beyond it a signal is left to the sweeper. */
const MOST_WAITING = 10_000;

export function createSignalPace(options: {
  /** Must not reject. */
  send: (connection: ConnectionRef) => Promise<void>;
  /** Which share of the time since its last call this process was busy; preemption counts. */
  busyShare?: () => number;
}): SignalPace {
  const { send, busyShare = eventLoopShare() } = options;
  const waiting = new Map<string, ConnectionRef>();
  let running = 0;
  let perSecond = CALM_PER_SECOND;
  let allowed = MOST_AT_ONCE;
  let noted = 0;
  let slotAt = 0;
  let timer: NodeJS.Timeout | undefined;

  const sendNext = () => {
    for (const [key, connection] of waiting) {
      if (running >= MOST_AT_ONCE || allowed < 1) return;
      waiting.delete(key);
      running += 1;
      allowed -= 1;
      void send(connection).finally(() => {
        running -= 1;
        sendNext();
      });
    }
  };
  const beginSlot = () => {
    noted = 0;
    slotAt = performance.now();
  };
  const endSlot = () => {
    const seconds = (performance.now() - slotAt) / 1_000;
    const isBusy = busyShare() > STORM_BUSY_SHARE;
    const isStorm = isBusy && noted >= STORM_NOTIFICATIONS_PER_SECOND * seconds;
    perSecond = isStorm
      ? Math.max(STORM_PER_SECOND, perSecond / 2)
      : Math.min(CALM_PER_SECOND, perSecond * RECOVERY_PER_SLOT);
    allowed = Math.min(MOST_AT_ONCE, allowed + perSecond * seconds);
    beginSlot();
    sendNext();
    const isIdle = waiting.size === 0 && perSecond === CALM_PER_SECOND && allowed === MOST_AT_ONCE;
    if (!isIdle) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    noted: () => void (noted += 1),
    signal(connection) {
      const key = `${connection.tenantId}/${connection.connectionId}`;
      if (waiting.size < MOST_WAITING) waiting.set(key, connection);
      if (timer === undefined) {
        busyShare();
        beginSlot();
        timer = setInterval(endSlot, SLOT_MS).unref();
      }
      sendNext();
    },
  };
}

function eventLoopShare(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
