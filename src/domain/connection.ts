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
  guarded: 'Check the channel: most of it vanished. Call resync with acceptRemovals to believe it.',
  failing: 'Look at the last failure; it is tried again by itself. Check the address and rights.',
  disconnected: 'Create a new connection to use this calendar again.',
};

export interface ConnectionSettings {
  /** Whether tentative outside events take time. */
  tentative: 'busy' | 'free';
  /** How our bookings are written there. */
  mirror: 'none' | 'busy' | 'reference';
  /** Interval between polls where the channel does not push. */
  pollIntervalMs: number;
  /** Interval between polls where it does: the net under lost notifications. */
  safetyPollIntervalMs: number;
}

export const DEFAULT_CONNECTION_SETTINGS: ConnectionSettings = {
  tentative: 'busy',
  mirror: 'busy',
  pollIntervalMs: 5 * 60_000,
  safetyPollIntervalMs: 30 * 60_000,
};

/** How old `confirmedAt` may be: the interval in force plus one minute. */
export function freshnessBoundMs(settings: ConnectionSettings, watched: boolean): number {
  return (watched ? settings.safetyPollIntervalMs : settings.pollIntervalMs) + 60_000;
}
