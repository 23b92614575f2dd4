import type { OutsideEdits } from './mirror.ts';

/** What a connection shows, and what it was told. */

export const CONNECTION_STATUSES = [
  'connecting',
  'live',
  'lagging',
  'paused',
  'needs-reauthorization',
  'guarded',
  'failing',
  'disconnected',
] as const;
export type ConnectionStatus = (typeof CONNECTION_STATUSES)[number];

/** What a person can do about each status; shown by the API and in Temporal UI. */
export const CONNECTION_ADVICE: Record<ConnectionStatus, string> = {
  connecting: 'Nothing to do: the first full pass is under way.',
  live: 'Nothing to do.',
  lagging: 'Wait, or call sync-now; if it stays, look at the last failure and the channel.',
  paused: 'Call resume when the channel may be read again.',
  'needs-reauthorization': 'Let the owner of the account authorize it again.',
  guarded:
    'Check the channel: most of it vanished. Call accept-removals to believe it, refuse-removals to keep what was known for another wait.',
  failing: 'Look at the last failure; it is tried again by itself. Check the address and rights.',
  disconnected: 'Create a new connection to use this calendar again.',
};

/** Reasons of `failing` that only somebody at the channel can put right. */
export const CALENDAR_LOSSES = ['calendar-removed', 'not-shared-any-more'] as const;
export type CalendarLoss = (typeof CALENDAR_LOSSES)[number];

const LOSS_ADVICE: Record<CalendarLoss, string> = {
  'calendar-removed':
    'The account has no such calendar any more; what was known of it stays taken. Restore it at the channel, or disconnect and connect another.',
  'not-shared-any-more':
    'The account may not read this calendar any more; what was known of it stays taken. Let its owner share it again, or disconnect.',
};

/** What a person can do about a connection as it stands. */
export const adviceOf = (status: ConnectionStatus, reason: string | null): string =>
  (status === 'failing' && LOSS_ADVICE[reason as CalendarLoss]) || CONNECTION_ADVICE[status];

/** Whether outside entries of each nature take time. */
export interface EntryReading {
  tentative: 'busy' | 'free';
  outOfOffice: 'busy' | 'free';
  workingElsewhere: 'busy' | 'free';
  /** Entries that the channel itself shows as free. */
  free: 'busy' | 'free';
}

export interface ConnectionSettings extends EntryReading {
  /** What an outside event takes where the connection names no unit: everything, or any one unit. */
  takes: 'resource' | 'unit';
  /** Of its events, where one lies over a booking: the resource has one for ours. */
  priority: number;
  /** How our bookings are written there. */
  mirror: 'none' | 'busy' | 'reference';
  /** Whether holds are written there too, as tentative. */
  mirrorHolds: boolean;
  /** What follows when somebody changes our events there. */
  outsideEdits: OutsideEdits;
  /** Whether what we wrote there goes when the connection ends. */
  removeOnDisconnect: boolean;
  /** Bounds of the interval between polls where the channel does not push. */
  pollMinMs: number;
  pollMaxMs: number;
  /** Interval between polls where it does: the net under lost notifications. */
  safetyPollIntervalMs: number;
}

export const DEFAULT_CONNECTION_SETTINGS: ConnectionSettings = {
  tentative: 'busy',
  outOfOffice: 'busy',
  workingElsewhere: 'free',
  free: 'free',
  takes: 'resource',
  priority: 100,
  mirror: 'busy',
  mirrorHolds: false,
  outsideEdits: 'restore',
  removeOnDisconnect: false,
  pollMinMs: 60_000,
  pollMaxMs: 30 * 60_000,
  safetyPollIntervalMs: 30 * 60_000,
};

/** The same for connections whose outside events take the same. */
export const readingNameOf = (settings: ConnectionSettings): string =>
  [
    settings.tentative,
    settings.outOfOffice,
    settings.workingElsewhere,
    settings.free,
    settings.takes,
  ].join('|');

/** Why a connection is polled although its channel could be asked to push; null where it pushes. */
export const PUSH_REFUSALS = ['no-public-address', 'channel-cannot', 'calendar-refused'] as const;
export type PushRefusal = (typeof PUSH_REFUSALS)[number];

/** Looks are spread over this part of the interval before its end, never after it. */
export const EARLIEST_LOOK = 0.9;

/** How often a connection is looked at, whether anybody notifies or not. */
export interface Pace {
  watched: boolean;
  /** The interval in force between polls; null before the first. */
  pollMs: number | null;
}

/**
 * The interval after a poll: half of what it was when something had changed, half as much again when
 * nothing had. A calendar that nobody has polled yet starts at the quick end.
 */
export function nextPollMs(
  { pollMinMs, pollMaxMs }: ConnectionSettings,
  poll: { beforeMs: number | null; changed: boolean },
): number {
  const nextMs = poll.beforeMs === null ? 0 : poll.beforeMs * (poll.changed ? 0.5 : 1.5);
  return Math.round(Math.max(Math.min(nextMs, pollMaxMs), pollMinMs));
}

export const intervalInForceMs = (settings: ConnectionSettings, pace: Pace): number =>
  pace.watched ? settings.safetyPollIntervalMs : (pace.pollMs ?? settings.pollMinMs);

/** How old `confirmedAt` may be: the interval in force plus one minute. */
export const freshnessBoundMs = (settings: ConnectionSettings, pace: Pace): number =>
  intervalInForceMs(settings, pace) + 60_000;

/**
 * What became of a pull at somebody's wish. `done`: a look that began after the wish has ended, well
 * or not. `limited`: there were enough just now. `waiting`: it goes on, and the answer does not wait
 * for it. `skipped`: the connection is paused or in trouble, and the channel is left alone.
 */
export const PULLS = ['done', 'limited', 'waiting', 'skipped'] as const;
export type Pull = (typeof PULLS)[number];

/** The copy of an outside calendar that is older than it may be when a booking is committed. */
export interface StaleCopy {
  /** Of its connection. */
  id: string;
  /** Nobody reads it at present, so that waiting for it is in vain. */
  unread: boolean;
}

/** What came of looking again: read in time, or not and then accepted or refused by the rule. */
export const RECHECKS = ['confirmed', 'accepted', 'refused'] as const;
export type Recheck = (typeof RECHECKS)[number];
