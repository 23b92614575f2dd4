import { Failure } from '../../src/domain/failure.ts';
import {
  editOf,
  isMassRemoval,
  judgeEdit,
  type Edit,
  type MirrorCopy,
} from '../../src/domain/mirror.ts';
import {
  mirrorAsks,
  mirrorFollowed,
  mirrorKept,
  mirrorToRestore,
  removalsAt,
} from '../../src/store/mirror-edits.ts';
import type { MirrorTask } from '../../src/store/mirrors.ts';
import { askToMove } from '../../src/store/reschedules.ts';
import { wantedOf } from './mirror-doubts.ts';
import { readCopy, type Mirroring } from './mirror-writes.ts';

/** A mirror that is to be written after what was found, or null where there is nothing to write. */
type Next = MirrorTask | null;

/** Reads a mirror of which the channel said something else, and does what the connection's rule says. */
export async function settleDoubt(work: Mirroring, task: MirrorTask): Promise<Next> {
  if (task.nativeId === null) {
    await mirrorKept(work.deps.database.pool, work.key, { ...task, copy: null, isSame: false });
    return task;
  }
  return settle(work, task, await readCopy(work, task.nativeId));
}

/**
 * A write met another version than ours: it is written over, unless a person is to be asked about
 * what was found. No word of the channel told of it, so it is no removal that could be followed, and
 * no restore that counts.
 */
export async function settleEdit(
  work: Mirroring,
  task: MirrorTask,
  found: MirrorCopy | null,
): Promise<Next> {
  if (!found) throw new Failure({ kind: 'conflict', code: 'id-spent' });
  const edit = editOf(wantedOf(task), found);
  const verdict = judgeEdit({
    ...circumstances(work, task),
    edit,
    isMass: false,
    restoredAt: [],
    attention: null,
  });
  // Without a copy to compare with, a person wants it written whatever is there.
  if (verdict.act !== 'ask' || task.copy === null) return { ...task, etag: found.etag };
  const { attention } = verdict;
  await mirrorAsks(work.deps.database.pool, work.key, { task, edit, attention });
  return null;
}

const circumstances = ({ deps, target }: Mirroring, task: MirrorTask) => ({
  doubt: task.doubt ?? ('change' as const),
  rule: target.settings.outsideEdits,
  subject: task.bookingId === null ? ('block' as const) : ('booking' as const),
  isLive: target.status === 'live',
  nowAt: deps.now(),
});

async function settle(work: Mirroring, task: MirrorTask, found: MirrorCopy | null): Promise<Next> {
  const { deps, key } = work;
  const { pool } = deps.database;
  const edit = editOf(wantedOf(task), found);
  const verdict = judgeEdit({
    ...circumstances(work, task),
    edit,
    isMass: edit === 'gone' && isMassRemoval(await removalsAt(pool, key)),
    restoredAt: task.restoredAt.map((at) => at.getTime()),
    attention: task.attention,
  });
  const etag = found?.etag ?? null;
  switch (verdict.act) {
    case 'keep':
      await mirrorKept(pool, key, { ...task, copy: found, isSame: edit === 'none' });
      // Where a wish is open, it is written over what was found.
      return { ...task, ...(found && { copy: found, etag }), doubt: null };
    case 'restore':
      await mirrorToRestore(pool, key, { task, edit, etag });
      return restored(task, { edit, etag });
    case 'ask':
      if (verdict.attention === 'moved-at-channel' && (await move(work, task, found))) return null;
      await mirrorAsks(pool, key, { task, edit, attention: verdict.attention });
      return null;
    case 'cancel':
      await callOff(work, task);
      return null;
    case 'wait':
      return null;
  }
}

/** As the row is after `mirrorToRestore`. */
function restored(task: MirrorTask, { edit, etag }: { edit: Edit; etag: string | null }): Next {
  const desiredVersion = task.desiredVersion + 1;
  const again = { ...task, desiredVersion, etag, doubt: null };
  if (edit !== 'gone') return again;
  return { ...again, generation: task.generation + 1, nativeId: null, copy: null, etag: null };
}

/**
 * The booking follows its event at no difference for the guest, if the ledger lets it have that time;
 * rules of the resource are its owner's to pass over. False leaves it to a person.
 */
async function move(
  { deps, key, target }: Mirroring,
  task: MirrorTask,
  found: MirrorCopy | null,
): Promise<boolean> {
  if (target.status !== 'live' || !found) return false;
  if (found.startAt === null || found.endAt === null) return false;
  const ref = { tenantId: key.tenantId, bookingId: task.subjectId };
  const ask = await askToMove(deps.database.pool, ref, {
    startAt: new Date(found.startAt).toISOString(),
    endAt: new Date(found.endAt).toISOString(),
  });
  if (!ask) return false;
  const answer = await deps.commands.changeBooking({
    ...ref,
    changeId: `follow-${key.connectionId}-${task.generation}-${task.desiredVersion}-${found.startAt}-${found.endAt}`,
    reason: 'moved-at-channel',
    kind: 'reschedule',
    ask,
  });
  if (answer.kind === 'busy')
    throw new Failure({ kind: 'unavailable', code: 'another-change-is-open' });
  if (answer.kind !== 'done') return false;
  await mirrorKept(deps.database.pool, key, { ...task, copy: found, isSame: true });
  return true;
}

/** One change for one removal, however often it is asked for. */
async function callOff({ deps, key }: Mirroring, task: MirrorTask): Promise<void> {
  const { tenantId, connectionId } = key;
  const answer = await deps.commands.changeBooking({
    tenantId,
    bookingId: task.subjectId,
    changeId: `follow-${connectionId}-${task.generation}`,
    reason: 'removed-at-channel',
    kind: 'cancel',
    ask: { quoteId: null, keepMinor: 0 },
  });
  if (answer.kind === 'busy')
    throw new Failure({ kind: 'unavailable', code: 'another-change-is-open' });
  await mirrorFollowed(deps.database.pool, key, task);
}
