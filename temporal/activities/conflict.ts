import type { RescheduleAsk } from '../../src/commands.ts';
import {
  conflictsOfPass,
  conflictTold,
  spanOfBooking,
  type ConflictToTell,
} from '../../src/store/conflict-reads.ts';
import { decideConflict, settleConflict, weighConflict } from '../../src/store/conflicts.ts';
import { switchChange, takeForChange, undoChange } from '../../src/store/reschedules.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { ConflictActivities, ConflictRef } from '../contracts/conflict.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function conflicts(deps: ActivityDependencies): ConflictActivities {
  const { pool } = deps.database;
  return {
    weighConflict: (input) => weighConflict(pool, input),
    decideConflict: (input) => decideConflict(pool, input),
    moveAside: (input) => moveAside(deps, input),
  };
}

/** A reschedule to where the booking is already, by the steps of any other; repeating it is safe. */
async function moveAside(deps: ActivityDependencies, ref: ConflictRef): Promise<'moved' | 'none'> {
  const { pool } = deps.database;
  const span = await spanOfBooking(pool, ref);
  if (!span) return 'none';
  const ask: RescheduleAsk = { quoteId: null, ...span };
  const taken = await takeForChange(pool, { ...ref, ask });
  if (taken.kind !== 'taken' && taken.kind !== 'switched') return 'none';
  const switched = await switchChange(pool, { ...ref, reason: 'conflict' });
  if (switched.kind !== 'switched') {
    await undoChange(pool, { ...ref, answer: null });
    return 'none';
  }
  await settleConflict(pool, { ...ref, outcome: 'moved' });
  // Not waited for: the mirror rows are durable, and a sweeper tells what nobody was told.
  for (const connectionId of switched.connections)
    deps.commands
      .requestMirror({ tenantId: ref.tenantId, connectionId })
      .catch(() => deps.log('warn', 'a mirror waits for the sweeper', { connectionId }));
  return 'moved';
}

/** So many workflows one pass starts at once; the sweeper starts the others. */
const AT_ONCE = 100;

/** After a pass: what it found is decided by workflows. What cannot be told now the sweeper tells. */
export async function tellConflicts(
  deps: Pick<ActivityDependencies, 'database' | 'commands' | 'log'>,
  key: ConnectionKey,
): Promise<void> {
  const { pool } = deps.database;
  for (const one of await conflictsOfPass(pool, key, AT_ONCE))
    await tellConflict(deps, one).catch(() => {
      deps.log('warn', 'a conflict waits for the sweeper', { connectionId: key.connectionId });
    });
}

async function tellConflict(
  { database, commands }: Pick<ActivityDependencies, 'database' | 'commands'>,
  one: ConflictToTell,
): Promise<void> {
  await commands.resumeChange(one.change);
  await conflictTold(database.pool, one);
}
