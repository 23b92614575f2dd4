import { recentRestores } from '../domain/mirror.ts';
import type { StoredMirror } from '../store/mirror-reads.ts';

export const MIRROR_STATES = [
  'waiting',
  'failing',
  'written',
  'doubted',
  'needs-attention',
  'removed',
] as const;
type MirrorState = (typeof MIRROR_STATES)[number];

/** A mirror as the API shows it. */
export function showMirror(row: StoredMirror, nowAt: number) {
  const { copy } = row;
  return {
    id: row.subjectId,
    of: row.isBlock
      ? ('block' as const)
      : row.status === 'tentative'
        ? ('hold' as const)
        : ('booking' as const),
    connectionId: row.connectionId,
    startAt: row.startAt.toISOString(),
    endAt: row.endAt.toISOString(),
    wanted: row.desired,
    status: row.status,
    state: stateOf(row),
    failure: row.failure,
    attempts: row.attempts,
    attention: row.attention,
    restores: recentRestores({ restoredAt: row.restoredAt.map((at) => at.getTime()), nowAt }),
    nativeId: row.nativeId,
    copy: copy && {
      startAt: instant(copy.startAt),
      endAt: instant(copy.endAt),
      status: copy.status,
      transparency: copy.transparency,
    },
    updatedAt: row.updatedAt.toISOString(),
  };
}

const instant = (at: number | null): string | null =>
  at === null ? null : new Date(at).toISOString();

function stateOf(row: StoredMirror): MirrorState {
  if (row.attention !== null) return 'needs-attention';
  if (row.failure !== null) return 'failing';
  if (row.appliedVersion < row.desiredVersion) return 'waiting';
  if (row.desired === 'absent') return 'removed';
  return row.doubt === null ? 'written' : 'doubted';
}
