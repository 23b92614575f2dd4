import { busySpans } from '../../src/calendar/busy.ts';
import type { Channel } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { guardRemovals, type GuardVerdict } from '../../src/domain/deletion-guard.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { blocks } from '../../src/domain/sync-plan.ts';
import { addedInPass, missingEvents, type Missing } from '../../src/store/sync-absence.ts';
import { knownEvents, type ConnectionKey, type OpenPass } from '../../src/store/sync.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { eventsOf, readingOf, windowOf, type Page } from './pulled-page.ts';

interface Listing {
  pass: OpenPass;
  pulled: Page;
}

/** Which of the entries that a complete listing lacks are believed gone. */
export async function judgeAbsence(
  deps: ActivityDependencies,
  input: ConnectionKey & { acceptRemovals: boolean },
  { pass, pulled }: Listing,
): Promise<GuardVerdict> {
  const { pool } = deps.database;
  const found = await missingEvents(pool, input, {
    generation: pass.generation,
    seen: [
      ...eventsOf(pulled).map((one) => one.nativeId),
      ...pulled.withheld.map((one) => one.nativeId),
    ],
  });
  const missing = await withOwnTime(deps, input, { pass, missing: found.missing });
  const isLoss = missing.some((one) => one.futureSpans > 0);
  const added = isLoss ? await newSpans(deps, input, { pass, pulled }) : new Set();
  const { supports } = providerOf(deps.channels, pass.channel as Channel);
  return guardRemovals({
    missing: missing.map((one) => ({ ...one, renamed: added.has(spanKey(one.event)) })),
    futureSpans: found.futureSpans,
    nowAt: deps.now(),
    absenceConfirmMs: supports.absenceConfirmMs,
    pollIntervalMs: pass.settings.pollIntervalMs,
    acceptRemovals: input.acceptRemovals,
  });
}

/** The store counts time by series; what an exception alone takes is told by expanding it. */
async function withOwnTime(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, missing }: { pass: OpenPass; missing: readonly Missing[] },
): Promise<Missing[]> {
  const exceptions = missing.filter((one) => one.nativeId !== one.rootId);
  const reading = await readingOf(deps, key, { pass, events: exceptions.map((one) => one.event) });
  const window = { ...windowOf(deps, pass), fromAt: deps.now() };
  return missing.map((one) => {
    if (one.nativeId === one.rootId) return one;
    const { spans } = busySpans([one.event], { ...reading, window, calendarZone: pass.timeZone });
    return { ...one, futureSpans: spans.length };
  });
}

/** Spans of entries that this listing brought, and that take time. */
async function newSpans(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, pulled }: Listing,
): Promise<Set<string>> {
  const { pool } = deps.database;
  const listed = eventsOf(pulled);
  const known = await knownEvents(
    pool,
    key,
    listed.map((one) => one.nativeId),
  );
  const before = pass.checkpoint === null ? [] : await addedInPass(pool, key, pass);
  const added = [...listed.filter((one) => !known.has(one.nativeId)), ...before];
  const reading = await readingOf(deps, key, { pass, events: added });
  return new Set(added.filter((one) => blocks(one, reading)).map(spanKey));
}

/** The store gives the fields of a time back in an order of its own, so one is named. */
const spanKey = ({ start, end, recurrence }: NeutralEvent): string =>
  JSON.stringify([start, end, recurrence.toSorted()], ['kind', 'date', 'local', 'zone', 'at']);
