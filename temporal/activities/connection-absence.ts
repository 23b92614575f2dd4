import { busySpans } from '../../src/calendar/busy.ts';
import { expand } from '../../src/calendar/recurrence.ts';
import type { Channel } from '../../src/channels/channel-provider.ts';
import { providerOf } from '../../src/channels/registry.ts';
import { guardRemovals, type GuardVerdict } from '../../src/domain/deletion-guard.ts';
import {
  pairMoved,
  pairRenames,
  type Named,
  type Rename,
  type Single,
} from '../../src/domain/renames.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { currentSeries } from '../../src/store/history-of-events.ts';
import { addedInPass, missingEvents, type Missing } from '../../src/store/sync-absence.ts';
import { beganAt } from '../../src/store/passes.ts';
import { knownEvents } from '../../src/store/known-events.ts';
import type { ConnectionKey, OpenPass } from '../../src/store/sync.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { eventsOf, readingOf, windowOf, windowToAsk, type Page } from './pulled-page.ts';
import { onePollMs } from './pace.ts';

interface Listing {
  pass: OpenPass;
  pulled: Page;
}

export interface Judged {
  verdict: GuardVerdict;
  /** Of what is believed gone: what came in its place. */
  renames: Rename[];
}

/** Which of the entries that a complete listing lacks are believed gone. */
export async function judgeAbsence(
  deps: ActivityDependencies,
  input: ConnectionKey & { acceptRemovals: boolean },
  { pass, pulled }: Listing,
): Promise<Judged> {
  const { pool } = deps.database;
  const found = await missingEvents(pool, input, {
    generation: pass.generation,
    from: beganAt(pass),
    seen: [
      ...eventsOf(pulled).map((one) => one.nativeId),
      ...pulled.withheld.map((one) => one.nativeId),
    ],
  });
  const missing = await withOwnTime(deps, input, { pass, missing: found.missing });
  const losses = missing.filter((one) => one.futureSpans > 0);
  const merged = losses.length > 0 ? await mergedOccurrences(deps, input, pass) : NONE_MERGED;
  const added = losses.length > 0 ? await newEntries(deps, input, { pass, pulled }) : [];
  const renames = pairRenames(
    await named(deps, input, { pass, events: losses.map((one) => one.event) }),
    await named(deps, input, { pass, events: added }),
  );
  const renamed = new Set(renames.map((one) => one.fromId));
  const { supports } = providerOf(deps.channels, pass.channel as Channel);
  const judge = (moved: ReadonlySet<string>) =>
    guardRemovals({
      missing: missing.map((one) => ({
        ...one,
        renamed: renamed.has(one.nativeId),
        moved: moved.has(one.nativeId),
        futureSpans: one.futureSpans + (merged.bySeries.get(one.nativeId) ?? 0),
      })),
      futureSpans: found.futureSpans + merged.inAll,
      nowAt: deps.now(),
      absenceConfirmMs: supports.absenceConfirmMs,
      pollIntervalMs: onePollMs(deps, pass),
      unconditional: pass.repair.listingFor !== null,
      acceptRemovals: input.acceptRemovals,
    });
  let verdict = judge(new Set());
  // Only what seems too much is looked at so closely.
  if (verdict.guarded) {
    const renamedTo = new Set(renames.map((one) => one.toId));
    verdict = judge(
      pairMoved(
        await singles(deps, input, {
          pass,
          events: losses.filter((one) => !renamed.has(one.nativeId)).map((one) => one.event),
        }),
        await singles(deps, input, {
          pass,
          events: added.filter((one) => !renamedTo.has(one.nativeId)),
        }),
      ),
    );
  }
  const gone = new Set(verdict.gone);
  const over = missing
    .filter((one) => gone.has(one.nativeId) && isOver(one.event, { pass, pulled }, deps))
    .map((one) => one.nativeId);
  return {
    verdict: { ...verdict, over },
    renames: renames.filter((one) => gone.has(one.fromId)),
  };
}

/** Whether all of an entry lies before what the channel was asked for, so that it says nothing of it. */
function isOver(
  event: NeutralEvent,
  { pass, pulled }: Listing,
  deps: ActivityDependencies,
): boolean {
  const { spans, truncated, withheld } = expand({
    // What takes no time is over at its time, too.
    master: {
      ...event,
      status: 'confirmed',
      transparency: 'opaque',
      start: event.start ?? event.originalStart,
    },
    exceptions: [],
    window: { fromAt: windowToAsk(deps, pass).startAt, untilAt: FAR_AHEAD },
    defaultZone: pulled.timeZone ?? pass.timeZone,
    dayZone: pass.resourceZone,
    limits: { maxOccurrences: 0 },
  });
  return spans.length === 0 && !truncated && withheld === null;
}

/** Farther than any entry that was not made for ever. */
const FAR_AHEAD = Date.UTC(2200, 0, 1);

interface Merged {
  /** By the id of a series: how many more occurrences lie ahead than it has spans. */
  bySeries: ReadonlyMap<string, number>;
  inAll: number;
}
const NONE_MERGED: Merged = { bySeries: new Map(), inAll: 0 };

/** Occurrences that touch are one span of busy time; what is lost is counted by occurrences. */
async function mergedOccurrences(
  deps: ActivityDependencies,
  key: ConnectionKey,
  pass: OpenPass,
): Promise<Merged> {
  const series = await currentSeries(deps.database.pool, key);
  const reading = await readingOf(deps, key, {
    pass,
    events: series.flat().map((one) => one.event),
  });
  const window = { ...windowOf(deps, pass), fromAt: deps.now() };
  const bySeries = new Map<string, number>();
  let inAll = 0;
  for (const members of series) {
    if (members.length === 1 && members[0]?.event.recurrence.length === 0) continue;
    const { spans, occurrences } = busySpans(
      members.map((one) => one.event),
      { ...reading, window, calendarZone: pass.timeZone },
    );
    const merged = Math.max(occurrences - spans.length, 0);
    bySeries.set(members[0]!.rootId, merged);
    inAll += merged;
  }
  return { bySeries, inAll };
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

/** Entries that this listing brought. */
async function newEntries(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, pulled }: Listing,
): Promise<NeutralEvent[]> {
  const { pool } = deps.database;
  const listed = eventsOf(pulled);
  const known = await knownEvents(
    pool,
    key,
    listed.map((one) => one.nativeId),
  );
  const before = pass.checkpoint === null ? [] : await addedInPass(pool, key, pass);
  return [...listed.filter((one) => !known.has(one.nativeId)), ...before];
}

/** Those that take time, each with the time it takes: however a channel writes it, it is the same. */
async function named(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, events }: { pass: OpenPass; events: readonly NeutralEvent[] },
): Promise<Named[]> {
  const reading = await readingOf(deps, key, { pass, events });
  const window = { ...windowOf(deps, pass), fromAt: deps.now() };
  return events.flatMap((one) => {
    const { spans } = busySpans([one], { ...reading, window, calendarZone: pass.timeZone });
    return spans.length === 0 ? [] : [{ nativeId: one.nativeId, time: JSON.stringify(spans) }];
  });
}

/** Those that take time once, each with what of it lies ahead. */
async function singles(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, events }: { pass: OpenPass; events: readonly NeutralEvent[] },
): Promise<Single[]> {
  const once = events.filter((one) => one.recurrence.length === 0 && one.seriesId === null);
  const reading = await readingOf(deps, key, { pass, events: once });
  const nowAt = deps.now();
  const window = { ...windowOf(deps, pass), fromAt: nowAt };
  return once.flatMap((one) => {
    const { spans } = busySpans([one], { ...reading, window, calendarZone: pass.timeZone });
    return spans.map(({ startAt, endAt }) => ({
      nativeId: one.nativeId,
      startAt: Math.max(startAt, nowAt),
      endAt,
    }));
  });
}
