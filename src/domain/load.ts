/** What one process takes in before it refuses new bookings; each is a setting. */
export interface LoadBounds {
  /** Bookings without an outcome, over all tenants and processes. */
  open: number;
  /** New bookings on their way to a hold in one process, those that wait among them. */
  starts: number;
  /** Of these, how many may wait for one resource. */
  waiting: number;
  /** How long one may wait there. */
  waitMs: number;
  /** Sustained lateness of the event loop. */
  lagMs: number;
  /** How long a request waits for a connection to the database. */
  databaseWaitMs: number;
}

/**
 * A waiter costs some 20 KB, so that the memory of `starts` is 40 MB; a thousand rivals for one unit,
 * who are all answered as soon as one of them has it, fit into `waiting`.
 */
export const LOAD_BOUNDS: LoadBounds = {
  open: 20_000,
  starts: 2_000,
  waiting: 1_000,
  waitMs: 5_000,
  lagMs: 500,
  databaseWaitMs: 2_000,
};

/** Which bound refused a booking, as metrics name it. */
export const SHED_REASONS = [
  'open',
  'starts',
  'waiting',
  'waited',
  'event-loop',
  'database',
] as const;
export type ShedReason = (typeof SHED_REASONS)[number];

/** How things stand in one process, as far as it knows. */
export interface LoadStanding {
  open: number;
  starts: number;
  /** For how long the event loop has been late without a break, beyond its bound. */
  lateForMs: number;
  databaseWaitMs: number;
}

/** A pause, or a crowd that comes at once, is no overload; a loop that stays late is. */
const LATE_FOR_MS = 3_000;

/** Why no new booking is taken now; null when one is. */
export function shedReason(standing: LoadStanding, bounds: LoadBounds): ShedReason | null {
  if (standing.starts >= bounds.starts) return 'starts';
  if (standing.open + standing.starts >= bounds.open) return 'open';
  if (standing.lateForMs >= LATE_FOR_MS) return 'event-loop';
  if (standing.databaseWaitMs >= bounds.databaseWaitMs) return 'database';
  return null;
}
