import { setTimeout as sleep } from 'node:timers/promises';
import type { BookingRef } from '../../src/commands.ts';
import type { Recheck, StaleCopy } from '../../src/domain/connection.ts';
import { recheckRule, recordRecheck, staleCopies } from '../../src/store/stale-copies.ts';
import type { RecheckActivities } from '../contracts/booking.ts';
import type { ActivityDependencies } from './dependencies.ts';

const LOOK_MS = 100;

export const rechecks = (deps: ActivityDependencies): RecheckActivities => ({
  recheckCopies: ({ copies, ...ref }) => recheckCopies(deps, ref, copies),
});

/**
 * Has calendars read whose copy is too old to commit by, and waits until it is not: a pass that began
 * after the asking confirms it. After the resource's time, or when nobody reads them, its rule decides.
 */
async function recheckCopies(
  deps: ActivityDependencies,
  ref: BookingRef,
  copies: readonly StaleCopy[],
): Promise<Recheck> {
  const { pool } = deps.database;
  const { timeoutMs, onTimeout } = await recheckRule(pool, ref);
  // A worker's own time, for nothing but the length of a wait.
  const until = performance.now() + timeoutMs;
  const unread = copies.some((copy) => copy.unread);
  if (!unread) await Promise.all(copies.map(({ id }) => wake(deps, ref, id)));
  let stale = copies;
  while (!unread && stale.length > 0 && performance.now() < until) {
    await sleep(LOOK_MS);
    stale = await staleCopies(pool, ref);
  }
  const given = onTimeout === 'accept' ? 'accepted' : 'refused';
  const outcome = stale.length === 0 ? 'confirmed' : given;
  await recordRecheck(pool, { ...ref, outcome, connections: copies.map(({ id }) => id) });
  return outcome;
}

async function wake(
  { commands, log }: ActivityDependencies,
  { tenantId }: BookingRef,
  connectionId: string,
): Promise<void> {
  await commands.requestSync({ tenantId, connectionId }).catch((error: unknown) => {
    const name = error instanceof Error ? error.name : 'unknown';
    log('warn', 'a calendar was not asked for again', { connectionId, error: name });
  });
}
