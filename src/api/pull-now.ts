import { setTimeout as sleep } from 'node:timers/promises';
import type { Pull } from '../domain/connection.ts';
import { takePullSlot } from '../store/polling.ts';
import type { ConnectionRef } from '../commands.ts';
import type { ApiDependencies } from './dependencies.ts';
import { describeError } from './failures.ts';

/**
 * Has a channel read now: no more often than its rate allows, and waited for no longer than told.
 * Throws what the workflow service throws.
 */
export async function pullNow(
  deps: Pick<ApiDependencies, 'database' | 'commands'>,
  ref: ConnectionRef,
  { timeoutMs, ahead }: { timeoutMs: number; ahead: number },
): Promise<Pull> {
  if (!(await takePullSlot(deps.database.pool, ref, { ahead }))) return 'limited';
  const enough = new AbortController();
  const pulled = deps.commands.steerConnection({ ...ref, verb: { kind: 'sync-now' } });
  // Once nobody waits for it, nobody needs to hear how it failed.
  pulled.catch(() => undefined);
  try {
    return await Promise.race([
      pulled.then(() => 'done' as const),
      sleep(timeoutMs, 'waiting' as const, { signal: enough.signal }),
    ]);
  } finally {
    enough.abort();
  }
}

/** Statuses in which a channel may be hurried by whoever asks for availability. */
const WELL = ['connecting', 'live', 'guarded'];

/** Pulls every calendar of a resource at once; by connection, what became of it. */
export async function pullResource(
  deps: ApiDependencies,
  ask: { tenantId: string; resourceId: string; timeoutMs: number },
): Promise<ReadonlyMap<string, Pull>> {
  const { tenantId, resourceId, timeoutMs } = ask;
  const rows = await deps.database.prisma.connection.findMany({
    where: { tenantId, resourceId, disconnectedAt: null },
    select: { id: true, status: true },
  });
  const pulls = await Promise.all(
    rows.map(async ({ id, status }): Promise<[string, Pull]> => {
      if (!WELL.includes(status)) return [id, 'skipped'];
      const ref = { tenantId, connectionId: id };
      return [id, await pullNow(deps, ref, { timeoutMs, ahead: 1 }).catch(notPulled(deps, id))];
    }),
  );
  return new Map(pulls);
}

/** The copy still answers; it says how fresh it is. */
const notPulled =
  (deps: ApiDependencies, connectionId: string) =>
  (error: unknown): Pull => {
    deps.log('warn', 'a calendar was not read at once', { connectionId, ...describeError(error) });
    return 'waiting';
  };
