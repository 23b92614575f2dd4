import type { Decision } from '../domain/conflict.ts';
import { conflictsById, startOf, type StoredConflict } from '../store/conflict-reads.ts';
import type { Caller } from './auth.ts';
import { asking } from './commands.ts';
import type { ApiDependencies } from './dependencies.ts';
import { notFound, Problem } from './problem.ts';

/** What came of deciding one: its row as it is now, and what stands against the decision. */
export interface Decided {
  id: string;
  row: StoredConflict | null;
  problem: Problem | null;
}

/** So many workflows are asked at a time. */
const AT_ONCE = 8;

/**
 * A person's word about conflicts, each for itself and in the order of their ids. What was decided so
 * before is answered alike. Once the workflow service does not answer, it is asked no more.
 */
export async function decideEach(
  { database, commands }: ApiDependencies,
  { tenantId, keyId }: Pick<Caller, 'tenantId' | 'keyId'>,
  { ids, keep }: { ids: readonly string[]; keep: Decision },
): Promise<Decided[]> {
  const read = async () => {
    const rows = await conflictsById(database, { tenantId, ids });
    return new Map(rows.map((row) => [row.id, row]));
  };
  const before = await read();
  const left = [...before.values()].filter(
    ({ state, decision }) => state === 'open' && decision === null,
  );
  const service: { away: Problem | null } = { away: null };
  const decideSome = async () => {
    for (let row = left.shift(); row && !service.away; row = left.shift())
      try {
        const change = startOf(tenantId, row);
        await asking(commands.decideConflict({ change, keep, by: keyId }));
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        service.away = error;
      }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, decideSome));
  const after = await read();
  return ids.map((id) => {
    const row = after.get(id) ?? null;
    if (!row) return { id, row, problem: notFound('conflict') };
    if (row.decision === keep) return { id, row, problem: null };
    const isAway = row.decision === null && row.state === 'open';
    return { id, row, problem: (isAway ? service.away : null) ?? decidedOtherwise(row) };
  });
}

const decidedOtherwise = ({ decision, outcome }: StoredConflict): Problem =>
  new Problem('conflict-decided', { more: { decision, outcome } });
