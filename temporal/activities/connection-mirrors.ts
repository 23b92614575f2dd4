import type { Channel, ChannelProvider, MirrorEvent } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { Failure, isRetryable } from '../../src/domain/failure.ts';
import { connectionTarget, type ConnectionTarget } from '../../src/store/connection-target.ts';
import {
  mirrorApplied,
  mirrorAttempted,
  mirrorFailed,
  mirrorsNotTried,
  mirrorsToDo,
  type MirrorTask,
} from '../../src/store/mirrors.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import { callChannel, inTurn } from './call-channel.ts';
import type { ActivityDependencies } from './dependencies.ts';

const AT_ONCE = 50;

/**
 * Carries out what our bookings wish of one outside calendar, and reads nothing else. A wish that
 * fails for good stays, is named in its row, and keeps no other from being carried out.
 */
export const carryOutMirrors = (
  deps: ActivityDependencies,
  key: ConnectionKey,
): Promise<{ written: number; left: number }> => inTurn(() => carryOutAll(deps, key));

async function carryOutAll(
  deps: ActivityDependencies,
  key: ConnectionKey,
): Promise<{ written: number; left: number }> {
  const { pool } = deps.database;
  const target = await connectionTarget(pool, key);
  if (!target) return { written: 0, left: 0 };
  const provider = providerOf(deps.channels, target.channel as Channel);
  let written = 0;
  for (const task of await mirrorsToDo(pool, key, AT_ONCE)) {
    // Before the call: an answer that never comes may have been a yes.
    await mirrorAttempted(pool, key, task);
    try {
      const done = await carryOut(deps, { key, target, provider, task });
      await mirrorApplied(pool, key, { ...task, ...done, spent: task.desired === 'absent' });
      written += 1;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const newGeneration = error.kind === 'conflict' && error.code === 'id-spent';
      await mirrorFailed(pool, key, { ...task, failure: error.code, newGeneration });
      if (isRetryable(error.kind) || newGeneration) throw asRetryable(error);
      if (error.kind === 'unauthorized') throw error;
    }
  }
  return { written, left: await mirrorsNotTried(pool, key) };
}

interface Work {
  key: ConnectionKey;
  target: ConnectionTarget;
  provider: ChannelProvider;
  task: MirrorTask;
}

async function carryOut(
  deps: ActivityDependencies,
  { key, target, provider, task }: Work,
): Promise<{ nativeId: string | null; etag: string | null }> {
  const account = { tenantId: key.tenantId, accountId: target.accountId };
  const calendar = { id: target.calendarId, timeZone: target.timeZone };
  const { bookingId: id, generation, nativeId } = task;
  if (task.desired === 'present')
    return callChannel(deps, account, (access) =>
      provider.write({
        access,
        calendar,
        id,
        generation,
        event: eventOf(task, target),
        ifMatch: task.etag,
      }),
    );
  if (wasEverSent(task))
    await callChannel(deps, account, (access) =>
      provider.remove({ access, calendar, id, generation, nativeId, ifMatch: null }),
    );
  return { nativeId: null, etag: null };
}

/** A write whose answer was lost left an event of which we know no native id. */
const wasEverSent = ({ nativeId, attempts, appliedVersion }: MirrorTask): boolean =>
  nativeId !== null || attempts > 0 || appliedVersion > 0;

const eventOf = (task: MirrorTask, target: ConnectionTarget): MirrorEvent => ({
  startAt: task.startAt.toISOString(),
  endAt: task.endAt.toISOString(),
  status: 'confirmed',
  summary: target.settings.mirror === 'reference' ? `Booking ${task.bookingId}` : 'Busy',
  marker: task.bookingId,
});

/** An id spent by an earlier event is replaced at the next try. */
const asRetryable = (error: Failure): Failure =>
  isRetryable(error.kind) ? error : new Failure({ kind: 'unavailable', code: error.code });
