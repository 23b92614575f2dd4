import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from './channels/channel-provider.ts';
import { Failure } from './domain/failure.ts';
import {
  circuitWaitMs,
  isOutage,
  LIMIT_CODES,
  pauseFor,
  type ChannelLimits,
  type Limit,
} from './domain/limits.ts';
import {
  beginCall,
  endCall,
  isWorthSaying,
  keepLease,
  LEASE_MS,
  type Caller,
  type Ended,
  type Permit,
} from './store/limits.ts';
import type { Database } from './store/database.ts';

/** What both processes are given to keep within the limits of channels. */
export interface PermitDependencies {
  database: Pick<Database, 'pool'>;
  limits: Readonly<Record<Channel, ChannelLimits>>;
  /** Counts the requests to channels that `run` makes. */
  tallied: <T>(tally: { made: number }, run: () => Promise<T>) => Promise<T>;
  log: (level: 'warn', message: string, fields: Record<string, never>) => void;
}

/** Who asks what of whom. */
export interface Asking {
  tenantId: string;
  /** Of an account that is not stored yet, a name that it is always given. */
  accountId: string;
  channel: Channel;
  /** Whose limits are shared: the channel, or one host of it. */
  party: string;
  /** It was told to come back, and this is that time. */
  waited: boolean;
}

export interface Permitted {
  /** Runs the request itself; what it throws tells how the channel is. */
  ask: <T>(request: () => Promise<T>) => Promise<T>;
}

/**
 * Runs one call to a channel within its limits: tokens, a lease, a closed circuit, all taken before.
 * Throws `rate-limited` or `unavailable` with the time to wait when one of them is not to be had.
 */
export async function withPermit<T>(
  deps: PermitDependencies,
  asking: Asking,
  run: (permitted: Permitted) => Promise<T>,
): Promise<T> {
  const { pool } = deps.database;
  const limits = deps.limits[asking.channel];
  const caller: Caller = { ...asking, limits, callId: randomUUID() };
  const permit = await permitFor(deps, caller);
  const tally = { made: 0 };
  let ended: Omit<Ended, 'surplus'> = { outcome: 'unknown', pause: null };
  const keeping =
    permit.slot !== null && setInterval(() => keep(deps, permit, caller), LEASE_MS / 3);
  try {
    return await run({
      async ask(request) {
        try {
          const answer = await deps.tallied(tally, request);
          ended = { outcome: 'alive', pause: null };
          return answer;
        } catch (error) {
          ended = judged(error, permit, caller);
          throw error;
        }
      },
    });
  } finally {
    if (keeping) clearInterval(keeping);
    const told = { ...ended, surplus: Math.max(tally.made - 1, 0) };
    if (isWorthSaying(permit, told))
      await endCall(pool, caller, { permit, ended: told }).catch(() => unsaid(deps));
  }
}

function judged(error: unknown, { strikes }: Permit, { limits }: Caller): Omit<Ended, 'surplus'> {
  if (!(error instanceof Failure)) return { outcome: 'unknown', pause: null };
  if (isOutage(error)) return { outcome: 'down', pause: null };
  return { outcome: 'alive', pause: pauseFor(error, { limits, strikes }) };
}

/** What is worth waiting for in place; longer waits give the worker's slot back. */
const WAIT_HERE_MS = 1_000;
/** A lease comes free when somebody's call ends, which nobody foresees. */
const LEASE_AGAIN_MS = 200;

async function permitFor(deps: PermitDependencies, caller: Caller): Promise<Permit> {
  let leftMs = WAIT_HERE_MS;
  let { waited } = caller;
  for (;;) {
    const begun = await beginCall(deps.database.pool, { ...caller, waited });
    if (begun.kind === 'go') return begun.permit;
    const waitMs = begun.limit === 'lease' ? LEASE_AGAIN_MS * (1 + Math.random()) : begun.waitMs;
    if (begun.limit === 'circuit' || waitMs > leftMs) throw refusal(begun.limit, waitMs);
    leftMs -= Math.max(waitMs, 1);
    await sleep(waitMs);
    waited = true;
  }
}

/** Every retry waits up to a quarter longer than it was told; so it is spread around its turn. */
const AROUND_TURN = 1 / 1.125;

function refusal(limit: Limit, waitMs: number): Failure {
  const isDown = limit === 'circuit';
  return new Failure({
    kind: isDown ? 'unavailable' : 'rate-limited',
    code: LIMIT_CODES[limit],
    retryAfterMs: isDown ? circuitWaitMs(waitMs, Math.random()) : waitMs * AROUND_TURN,
  });
}

const keep = (deps: PermitDependencies, permit: Permit, { callId }: Caller): void =>
  void keepLease(deps.database.pool, permit, callId).catch(() => unsaid(deps));

/** Leases and probes that could not be given back free themselves. */
const unsaid = (deps: PermitDependencies): void =>
  deps.log('warn', 'what a call told of its channel could not be stored', {});
