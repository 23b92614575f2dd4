import type { EventStatus } from './event.ts';

/**
 * Our booking, hold or block as an event in an outside calendar: what of it counts, and what follows
 * when somebody changed it there.
 */

/** What counts of a mirror. Instants are epoch milliseconds. */
export interface MirrorFacts {
  /** Null where the channel's entry can no longer be read as one span of time. */
  startAt: number | null;
  endAt: number | null;
  status: EventStatus;
  transparency: 'opaque' | 'transparent';
}

/** A mirror as the channel gave it back after our write. */
export interface MirrorCopy extends MirrorFacts {
  etag: string | null;
  uid: string | null;
}

/**
 * Why an outside copy may differ from ours: the channel told of a change, or of a removal, or a
 * complete listing lacked it.
 */
export const DOUBTS = ['change', 'tombstone', 'absence'] as const;
export type Doubt = (typeof DOUBTS)[number];

/** How what is there differs from what we wrote. */
export const EDITS = ['none', 'moved', 'altered', 'gone'] as const;
export type Edit = (typeof EDITS)[number];

/** Only start, end, status and transparency count; `found` is null where nothing is there. */
export function editOf(ours: MirrorFacts, found: MirrorFacts | null): Edit {
  if (found === null || found.status === 'cancelled') return 'gone';
  if (found.startAt === null || found.startAt !== ours.startAt || found.endAt !== ours.endAt)
    return 'moved';
  const isSame = ours.status === found.status && ours.transparency === found.transparency;
  return isSame ? 'none' : 'altered';
}

export const OUTSIDE_EDITS = ['restore', 'follow'] as const;
export type OutsideEdits = (typeof OUTSIDE_EDITS)[number];

/** Why a person has to look at a mirror; nothing of it is restored until then. */
export const MIRROR_ATTENTIONS = [
  'edited-again-and-again',
  'moved-at-channel',
  'many-removed-at-channel',
] as const;
export type MirrorAttention = (typeof MIRROR_ATTENTIONS)[number];

/** What a person can do about each; the route that lists them says which they are. */
export const MIRROR_ADVICE: Record<MirrorAttention, string> = {
  'edited-again-and-again':
    'Find out who or what goes on changing our event in the calendar, and stop it there; then call restore on the mirror to have ours written again.',
  'moved-at-channel':
    'Move or cancel the booking if the new time is meant; otherwise call restore on the mirror to have its event written where it was.',
  'many-removed-at-channel':
    'Ask the owner of the calendar whether they were meant to go. Cancel the bookings that were; call restore on the mirrors of the others.',
};

export type Verdict =
  /** Nothing that counts has changed, or another word is to be waited for. */
  | { act: 'keep' }
  | { act: 'restore' }
  | { act: 'cancel' }
  | { act: 'ask'; attention: MirrorAttention }
  /** What the rule asks for needs a live connection. */
  | { act: 'wait' };

export const DAY_MS = 86_400_000;
/** The one after these, within a day, is left to a person: somebody else wants it otherwise. */
const RESTORES_A_DAY = 3;

export interface OutsideEdit {
  edit: Edit;
  doubt: Doubt;
  rule: OutsideEdits;
  subject: 'booking' | 'block';
  /** Whether the connection's last pass went well. */
  isLive: boolean;
  /** Epoch milliseconds of earlier restores. */
  restoredAt: readonly number[];
  /** Whether so many of ours were removed there that it may be a mistake. */
  isMass: boolean;
  /** What a person was called for and has not settled. */
  attention: MirrorAttention | null;
  nowAt: number;
}

/**
 * What follows from an edit that was confirmed by reading. A booking is cancelled only by the
 * channel's own word that its event was removed, on a live connection: absence from a listing, a
 * reset, or lost access never do that.
 */
export function judgeEdit(input: OutsideEdit): Verdict {
  const { edit, doubt } = input;
  if (edit === 'none') return { act: 'keep' };
  const follows = input.rule === 'follow' && input.subject === 'booking';
  if (follows && edit === 'gone') {
    if (doubt === 'tombstone' && input.isMass)
      return { act: 'ask', attention: 'many-removed-at-channel' };
    if (doubt === 'tombstone') return input.isLive ? { act: 'cancel' } : { act: 'wait' };
    // It went after the word of a change: the word of its removal is on its way.
    if (doubt === 'change') return { act: 'keep' };
  }
  if (follows && edit === 'moved') return { act: 'ask', attention: 'moved-at-channel' };
  if (input.attention !== null) return { act: 'ask', attention: input.attention };
  return recentRestores(input) < RESTORES_A_DAY
    ? { act: 'restore' }
    : { act: 'ask', attention: 'edited-again-and-again' };
}

/**
 * A calendar that was cleared is not so many guests who called off, so the measure is that of the
 * deletion guard: more than half of at least eight, or all of at least three.
 */
export const isMassRemoval = ({ removed, live }: { removed: number; live: number }): boolean =>
  (live >= 8 && removed * 2 > live) || (live >= 3 && removed === live);

/** How many there were within a day. */
export const recentRestores = ({
  restoredAt,
  nowAt,
}: Pick<OutsideEdit, 'restoredAt' | 'nowAt'>): number =>
  restoredAt.filter((at) => at > nowAt - DAY_MS).length;

/** The mirror that a marker names; what follows the dot proves it. */
export const subjectOfMarker = (marker: string): string => marker.split('.', 1)[0]!;
