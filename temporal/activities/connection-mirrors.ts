import type { Channel } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { Failure, isRetryable } from '../../src/domain/failure.ts';
import { connectionTarget } from '../../src/store/connection-target.ts';
import { mirrorKept } from '../../src/store/mirror-edits.ts';
import { markerKeyOf } from '../../src/store/our-mirrors.ts';
import {
  mirrorApplied,
  mirrorAttempted,
  mirrorFailed,
  mirrorsNotTried,
  mirrorsToDo,
  mirrorsToRemove,
  wishAllAway,
  type MirrorTask,
} from '../../src/store/mirrors.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import { inTurn } from './call-channel.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { settleDoubt, settleEdit } from './mirror-edits.ts';
import { putMirror, removeMirror, type Mirroring } from './mirror-writes.ts';

const AT_ONCE = 50;
/** Why a mirror is not written where the right to write was taken away; it is tried when that is back. */
const READ_ONLY = 'calendar-read-only';
/** Somebody else may write the same event at the same moment; more often than this is no chance. */
const MOST_WRITES = 3;

type CarriedOut = Promise<{ written: number; left: number }>;

/**
 * Carries out what our bookings, holds and blocks wish of one outside calendar, and reads nothing
 * else. A wish that fails for good stays, is named in its row, and keeps no other from being carried
 * out.
 */
export const carryOutMirrors = (deps: ActivityDependencies, key: ConnectionKey): CarriedOut =>
  inTurn(async () => {
    const { pool } = deps.database;
    const written = await carryOutAll(deps, key, () => mirrorsToDo(pool, key, AT_ONCE));
    return { written, left: await mirrorsNotTried(pool, key) };
  });

/** Takes everything of ours out of a calendar that is about to be disconnected. */
export const removeMirrors = (deps: ActivityDependencies, key: ConnectionKey): CarriedOut =>
  inTurn(async () => {
    const { pool } = deps.database;
    await wishAllAway(pool, key);
    const written = await carryOutAll(deps, key, () => mirrorsToRemove(pool, key, AT_ONCE));
    const [next] = await mirrorsToRemove(pool, key, 1);
    return { written, left: next && next.attempts === 0 ? 1 : 0 };
  });

async function carryOutAll(
  deps: ActivityDependencies,
  key: ConnectionKey,
  find: () => Promise<MirrorTask[]>,
): Promise<number> {
  const { pool } = deps.database;
  const target = await connectionTarget(pool, key);
  if (!target) return 0;
  const provider = providerOf(deps.channels, target.channel as Channel);
  let markerKey: Buffer | undefined;
  let written = 0;
  for (const task of await find()) {
    markerKey ??= await markerKeyOf(pool, key.tenantId);
    // Before the call: an answer that never comes may have been a yes.
    await mirrorAttempted(pool, key, task);
    if (!target.writable) {
      await mirrorFailed(pool, key, { ...task, failure: READ_ONLY, newGeneration: false });
      continue;
    }
    try {
      if (await carryOut({ deps, key, target, provider, markerKey }, task)) written += 1;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const newGeneration = error.kind === 'conflict' && error.code === 'id-spent';
      await mirrorFailed(pool, key, { ...task, failure: error.code, newGeneration });
      if (isRetryable(error.kind) || newGeneration) throw asRetryable(error);
      if (error.kind === 'unauthorized') throw error;
    }
  }
  return written;
}

/** Whether anything was written: reading that all is as we wish writes nothing. */
async function carryOut(work: Mirroring, task: MirrorTask): Promise<boolean> {
  const { deps, key } = work;
  const { pool } = deps.database;
  if (task.desired === 'absent') {
    await removeMirror(work, task);
    const gone = { ...task, nativeId: null, etag: null, copy: null };
    if (task.appliedVersion < task.desiredVersion)
      await mirrorApplied(pool, key, { ...gone, spent: true });
    else await mirrorKept(pool, key, { ...task, copy: null, isSame: true });
    return true;
  }
  let next: MirrorTask | null = task.doubt === null ? task : await settleDoubt(work, task);
  for (let write = 0; next && next.appliedVersion < next.desiredVersion; write += 1) {
    if (write === MOST_WRITES) throw new Failure({ kind: 'unavailable', code: 'contended' });
    const put = await putMirror(work, next);
    if (put.kind === 'written') {
      await mirrorApplied(pool, key, { ...next, ...put.written, spent: false });
      return true;
    }
    next = await settleEdit(work, next, put.found);
  }
  return false;
}

/** An id spent by an earlier event is replaced at the next try. */
const asRetryable = (error: Failure): Failure =>
  isRetryable(error.kind) ? error : new Failure({ kind: 'unavailable', code: error.code });
