import type { BookingRef, StartChange } from '../commands.ts';
import { findChange } from '../store/changes.ts';
import type { ApiDependencies } from './dependencies.ts';
import { Problem } from './problem.ts';

/**
 * One key is one change of a booking: throws `idempotency-mismatch` where it stands for another one.
 * What is undefined was left to us, and may come out otherwise each time.
 */
export async function requireSameChange(
  { database }: Pick<ApiDependencies, 'database'>,
  change: BookingRef & { changeId: string },
  asked: { kind: StartChange['kind']; ask: Record<string, string | number | null | undefined> },
): Promise<void> {
  const before = await findChange(database.pool, change);
  if (!before) return;
  const differs = Object.entries(asked.ask).some(
    ([name, value]) => value !== undefined && before.ask[name] !== value,
  );
  if (before.kind !== asked.kind || differs) throw new Problem('idempotency-mismatch');
}
