import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { asyncLocalStorage } from '@temporalio/activity';
import type { Channel } from '../../src/channels/channel-provider.ts';
import { Failure } from '../../src/domain/failure.ts';
import {
  circuitWaitMs,
  isOutage,
  LIMIT_CODES,
  pauseFor,
  type Limit,
} from '../../src/domain/limits.ts';
import {
  beginCall,
  endCall,
  isWorthSaying,
  keepLease,
  LEASE_MS,
  type Caller,
  type Ended,
  type Permit,
} from '../../src/store/limits.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** Who asks what of whom. */
export interface Asking {
  tenantId: string;
  accountId: string;
  channel: Channel;
  /** Whose limits are shared: the channel, or one host of it. */
  party: string;
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
  deps: ActivityDependencies,
  asking: Asking,
  run: (permitted: Permitted) => Promise<T>,
): Promise<T> {
  const { pool } = deps.database;
  const limits = deps.limits[asking.channel];
  const caller: Caller = { ...asking, limits, callId: randomUUID(), waited: isRetry() };
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

async function permitFor(deps: ActivityDependencies, caller: Caller): Promise<Permit> {
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

/** A call that is no activity's, as in a tool or a test, is its first try. */
const isRetry = (): boolean => (asyncLocalStorage.getStore()?.info?.attempt ?? 1) > 1;

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

const keep = (deps: ActivityDependencies, permit: Permit, { callId }: Caller): void =>
  void keepLease(deps.database.pool, permit, callId).catch(() => unsaid(deps));

/** Leases and probes that could not be given back free themselves. */
const unsaid = (deps: ActivityDependencies): void =>
  deps.log('warn', 'what a call told of its channel could not be stored', {});
