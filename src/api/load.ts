import type { LoadBounds, ShedReason } from '../domain/load.ts';
import { shedReason } from '../domain/load.ts';
import { countOpenBookings } from '../store/open-bookings.ts';
import type { Database } from '../store/database.ts';
import { createLimiter } from './gate.ts';
import type { Limiter } from './gate.ts';
import type { Metrics } from './metrics.ts';
import { Problem } from './problem.ts';

/**
 * How much is taken in. Only what would begin a new booking is refused, and before it costs anything:
 * whatever concerns a booking that has its hold, and what hosts report, is not asked here and so goes
 * first. The bounds are looked at by each process; what is open is counted over all of them, at most a
 * second late, so that they pass the bound together by what they begin in a second.
 */
export interface Load {
  /** Runs what may lead to a new booking, or throws `overloaded`. */
  begin<T>(work: () => Promise<T>): Promise<T>;
  /** The line of those that wait to begin, by resource. */
  inLine: Limiter;
  /**
   * Reads for would-be bookings, a few at a time: the rest of the connections to the database is for
   * what is under way. Who has begun goes before who has only come: else the line of a resource would
   * move no faster than the crowd before the door grows.
   */
  look<T>(read: () => Promise<T>, hasBegun?: 'begun'): Promise<T>;
}

const SAMPLE_MS = 100;
const COUNT_EVERY_MS = 1_000;
/** Each of them may use two connections: a quarter of the pool is never theirs. */
const LOOKS_PER_CONNECTION = 3 / 8;
const STARTS_PER_RESOURCE = 16;

export function createLoad(options: {
  database: Database;
  bounds: LoadBounds;
  metrics: Pick<Metrics, 'shed' | 'starting'>;
  watch?: () => Vitals;
}): Load {
  const { database, bounds, metrics } = options;
  const { pool } = database;
  const vitals = (options.watch ?? (() => watchVitals(pool, bounds.lagMs)))();
  const open = openCount(() => countOpenBookings(pool, bounds.open));
  const lookLimit = Math.max(1, Math.floor((pool.options.max ?? 10) * LOOKS_PER_CONNECTION));
  let starts = 0;

  const refuse = (reason: ShedReason): Problem => {
    metrics.shed(reason);
    return overloaded(reason);
  };
  const { starts: waiting, waitMs } = bounds;
  const looking = createLimiter(lookLimit, { waiting, waitMs, refuse });
  return {
    async begin(work) {
      const standing = { open: open.now(), starts, ...vitals() };
      const reason = shedReason(standing, bounds);
      if (reason) throw refuse(reason);
      metrics.starting((starts += 1));
      try {
        const begun = await work();
        open.add();
        return begun;
      } finally {
        metrics.starting((starts -= 1));
      }
    },
    inLine: createLimiter(STARTS_PER_RESOURCE, {
      waiting: bounds.waiting,
      waitMs: bounds.waitMs,
      refuse,
    }),
    look: (read, hasBegun) => looking('', read, hasBegun === 'begun'),
  };
}

const SOONEST_S = 1;
const LATEST_S = 5;

/** Those who are sent away together come back one by one. */
const overloaded = (reason: ShedReason): Problem => {
  const seconds = SOONEST_S + Math.floor(Math.random() * (LATEST_S - SOONEST_S + 1));
  const headers = { 'retry-after': String(seconds) };
  return new Problem('overloaded', { headers, more: { bound: reason } });
};

/** The number at the last count and what this process added since; counts only while it is asked. */
function openCount(count: () => Promise<number>): { now: () => number; add: () => void } {
  let known = 0;
  let added = 0;
  let askedAt = -Infinity;
  const ask = async () => {
    const addedBefore = added;
    const counted = await count().catch(() => null);
    if (counted === null) return;
    known = counted;
    added -= addedBefore;
  };
  return {
    now() {
      if (performance.now() - askedAt >= COUNT_EVERY_MS) {
        askedAt = performance.now();
        void ask();
      }
      return known + added;
    },
    add: () => void (added += 1),
  };
}

export type Vitals = () => { lateForMs: number; databaseWaitMs: number };

/** How late the event loop is, and how long one waits for a connection, looked at ten times a second. */
function watchVitals(pool: Database['pool'], lagBoundMs: number): Vitals {
  let sampledAt = performance.now();
  let lateSinceAt: number | null = null;
  let probeFrom: number | null = null;
  let lastWaitMs = 0;
  const probe = async () => {
    const from = performance.now();
    probeFrom = from;
    const client = await pool.connect().catch(() => null);
    client?.release();
    lastWaitMs = performance.now() - from;
    probeFrom = null;
  };
  setInterval(() => {
    const now = performance.now();
    const isLate = now - sampledAt - SAMPLE_MS > lagBoundMs;
    lateSinceAt = isLate ? (lateSinceAt ?? sampledAt) : null;
    sampledAt = now;
    // Where nobody waits there is nothing to find out, and no connection is taken for it.
    if (pool.waitingCount === 0) lastWaitMs = 0;
    else if (probeFrom === null) void probe();
  }, SAMPLE_MS).unref();
  return () => {
    const now = performance.now();
    const waiting = probeFrom === null ? 0 : now - probeFrom;
    return {
      lateForMs: lateSinceAt === null ? 0 : now - lateSinceAt,
      databaseWaitMs: Math.max(lastWaitMs, waiting),
    };
  };
}
