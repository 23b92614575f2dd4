import { Failure } from '../../src/domain/failure.ts';
import type { KnownEvent } from '../../src/domain/sync-plan.ts';
import { startGeneration } from '../../src/store/connection-status.ts';
import { currentEvents, eventsAsOf, knownFrom } from '../../src/store/history-of-events.ts';
import { applyPage, openPass, type ConnectionKey, type OpenPass } from '../../src/store/sync.ts';
import { hashOf, planned } from './connection-page.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** Entries in one transaction. */
const AT_ONCE = 400;

/**
 * Makes the entries current that were so at a moment, as one more pass: with its entries of the
 * journal, busy time by difference, and overlaps flagged. The position is given up, so that the next
 * pass reads all that the channel says. Repeated, it goes on from what is left to do.
 * Throws `invalid: before-first-pass` for a moment of which nothing is known.
 */
export async function restoreEvents(
  deps: ActivityDependencies,
  { at, ...key }: ConnectionKey & { at: string },
): Promise<{ changes: number }> {
  const { pool } = deps.database;
  const moment = new Date(at);
  const from = await knownFrom(pool, key);
  if (!from || !(moment >= from) || moment.getTime() > deps.now())
    throw new Failure({ kind: 'invalid', code: 'before-first-pass' });
  // First of all, so that no page under way changes what is compared.
  const fromVersion = await startGeneration(pool, key);
  const pass = await openPass(pool, { ...key, fromVersion });
  if (!pass) throw new Failure({ kind: 'not-found', code: 'disconnected' });
  const past = await eventsAsOf(pool, key, moment);
  const current = new Map((await currentEvents(pool, key)).map((one) => [one.nativeId, one]));
  const then = new Set(past.map((one) => one.nativeId));
  await apply(deps, key, {
    pass,
    back: past.filter((one) => current.get(one.nativeId)?.hash !== one.hash),
    gone: [...current.keys()].filter((nativeId) => !then.has(nativeId)),
  });
  const after = await openPass(pool, { ...key, fromVersion: null });
  return { changes: after?.lastPage?.passChanges ?? 0 };
}

interface Restoring {
  pass: OpenPass;
  /** Versions that are current again. */
  back: readonly KnownEvent[];
  gone: readonly string[];
}

async function apply(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass: first, back, gone }: Restoring,
): Promise<void> {
  const hashes = new Map(back.map((one) => [one.nativeId, one.hash]));
  const parts = chunks(back, (some) => ({ back: some, gone: [] as string[] }));
  parts.push(...chunks(gone, (some) => ({ back: [] as KnownEvent[], gone: some })));
  if (parts.length === 0) parts.push({ back: [], gone: [] });
  let pass = first;
  for (const [n, part] of parts.entries()) {
    const lastPage = await applyPage(deps.database.pool, {
      ...key,
      pass,
      plan: await planned(deps, key, {
        pass,
        zone: pass.timeZone,
        pulled: asPulled(part.back),
        gone: part.gone,
        expandAgain: [],
        hash: (event, reason) => hashes.get(event.nativeId) ?? hashOf(event, reason),
      }),
      ...NOT_READ,
      more: n < parts.length - 1,
    });
    pass = { ...pass, cursorVersion: lastPage.cursorVersion, lastPage };
  }
}

/** Nothing here came from the channel, so nothing of its position, zone or age is known. */
const NOT_READ = {
  fullPass: false,
  cursor: null,
  checkpoint: null,
  ageMs: 0,
  timeZone: null,
  coversUntilAt: null,
  expandedWith: null,
  expanded: null,
  verdict: null,
  renames: [],
  spans: 0,
  isRestore: true,
} as const;

function asPulled(back: readonly KnownEvent[]) {
  const understood = back.filter((one) => one.withheldReason === null);
  return {
    changes: understood.map(({ event }) => ({ kind: 'upsert' as const, event })),
    withheld: back.flatMap(({ nativeId, event, withheldReason: reason }) =>
      reason === null ? [] : [{ nativeId, event, reason }],
    ),
  };
}

function chunks<T, R>(all: readonly T[], make: (some: T[]) => R): R[] {
  const count = Math.ceil(all.length / AT_ONCE);
  return Array.from({ length: count }, (_, n) => make(all.slice(n * AT_ONCE, (n + 1) * AT_ONCE)));
}
