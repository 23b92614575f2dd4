import type { ChannelProvider, MirrorEvent } from '../../src/channels/channel-provider.ts';
import { Failure } from '../../src/domain/failure.ts';
import { editOf, type MirrorCopy } from '../../src/domain/mirror.ts';
import type { ConnectionTarget } from '../../src/store/connection-target.ts';
import { markerFor } from '../../src/store/mirror-marker.ts';
import type { MirrorTask } from '../../src/store/mirrors.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import { callChannel } from './call-channel.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { copyOf, UNREADABLE } from './mirror-copy.ts';
import { wishOf } from './mirror-doubts.ts';

/** One calendar that mirrors are written to, and all that it takes. */
export interface Mirroring {
  deps: ActivityDependencies;
  key: ConnectionKey;
  target: ConnectionTarget;
  provider: ChannelProvider;
  markerKey: Buffer;
}

export type Put =
  | { kind: 'written'; written: Pick<MirrorTask, 'nativeId' | 'etag' | 'copy'> }
  /** Somebody changed it since we wrote it; null when nothing is there. */
  | { kind: 'changed'; found: MirrorCopy | null };

/**
 * Writes over the version that we know, and reads it back. What is there by chance as we wish it, as
 * after a write whose answer was lost, is taken for ours.
 */
export async function putMirror(work: Mirroring, task: MirrorTask): Promise<Put> {
  const { deps, key, target, provider } = work;
  try {
    const { nativeId, etag } = await callChannel(deps, accountOf(work), (access) =>
      provider.write({
        access,
        calendar: calendarOf(target),
        id: task.subjectId,
        generation: task.generation,
        event: eventOf(work, task),
        ifMatch: task.etag,
      }),
    );
    const copy = await readBack(work, { task, nativeId, etag });
    return { kind: 'written', written: { nativeId, etag: copy?.etag ?? etag, copy } };
  } catch (error) {
    const wasChanged = error instanceof Failure && error.code === 'conditionNotMet';
    if (!wasChanged || task.nativeId === null) throw error;
    deps.log('info', 'a mirror was changed outside', { connectionId: key.connectionId });
    const found = await readCopy(work, task.nativeId);
    if (!found || editOf(wishOf(task), found) !== 'none') return { kind: 'changed', found };
    const { nativeId } = task;
    return { kind: 'written', written: { nativeId, etag: found.etag, copy: found } };
  }
}

/**
 * What the channel made of our write: with our version's etag its own way of saying the same, else
 * somebody's edit, for the next page to tell of. A failure here is no failure of the write.
 */
async function readBack(
  work: Mirroring,
  { task, nativeId, etag }: { task: MirrorTask; nativeId: string; etag: string | null },
): Promise<MirrorCopy | null> {
  try {
    const copy = await readCopy(work, nativeId);
    if (!copy) return null;
    return copy.etag === etag || editOf(wishOf(task), copy) === 'none' ? copy : null;
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}

/** Null when nothing is there. */
export async function readCopy(work: Mirroring, nativeId: string): Promise<MirrorCopy | null> {
  const { deps, target, provider } = work;
  const calendar = calendarOf(target);
  try {
    const event = await callChannel(deps, accountOf(work), (access) =>
      provider.read({ access, calendar, nativeId }),
    );
    return event && copyOf(event, calendar.timeZone);
  } catch (error) {
    if (error instanceof Failure && error.kind === 'invalid') return UNREADABLE;
    throw error;
  }
}

/** Whatever it has become outside, it is to go; where nothing was ever sent, nobody is asked. */
export async function removeMirror(work: Mirroring, task: MirrorTask): Promise<void> {
  const { deps, target, provider } = work;
  const { subjectId: id, generation, nativeId } = task;
  if (nativeId === null && task.attempts === 0 && task.appliedVersion === 0) return;
  const calendar = calendarOf(target);
  await callChannel(deps, accountOf(work), (access) =>
    provider.remove({ access, calendar, id, generation, nativeId, ifMatch: null }),
  );
}

const accountOf = ({ key, target }: Mirroring) => ({
  tenantId: key.tenantId,
  accountId: target.accountId,
  channel: target.channel,
});

const calendarOf = ({ calendarId, timeZone }: ConnectionTarget) => ({ id: calendarId, timeZone });

const eventOf = ({ key, target, markerKey }: Mirroring, task: MirrorTask): MirrorEvent => ({
  startAt: task.startAt.toISOString(),
  endAt: task.endAt.toISOString(),
  status: task.status,
  summary: target.settings.mirror === 'reference' ? referenceOf(task) : 'Busy',
  marker: markerFor(markerKey, {
    tenantId: key.tenantId,
    subjectId: task.subjectId,
    startAt: task.startAt.getTime(),
    endAt: task.endAt.getTime(),
  }),
});

function referenceOf({ subjectId, bookingId, status }: MirrorTask): string {
  if (bookingId === null) return `Block ${subjectId}`;
  return `${status === 'tentative' ? 'Hold' : 'Booking'} ${subjectId}`;
}
