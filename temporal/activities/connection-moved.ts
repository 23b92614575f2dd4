import { busySpans } from '../../src/calendar/busy.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import { subtract, union, type Interval } from '../../src/domain/interval.ts';
import { spansAhead } from '../../src/store/spans-ahead.ts';
import type { ConnectionKey, OpenPass } from '../../src/store/sync.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { eventsOf, readingOf, windowOf, type Page } from './pulled-page.ts';

/** A platform has a handful of blocks that slide; a calendar that lost more is not looked at. */
const MOST_LOOKED_AT = 200;

/**
 * Of the entries that a complete listing lacks, those of whose time ahead the listing still has at
 * least half, under other names: a block of notice that slides by a day is no loss to be afraid of.
 */
export async function movedEntries(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, pulled, missing }: { pass: OpenPass; pulled: Page; missing: readonly string[] },
): Promise<Set<string>> {
  if (missing.length > MOST_LOOKED_AT) return new Set();
  const ahead = await spansAhead(deps.database.pool, key);
  const onPage = await spansOfPage(deps, key, { pass, pulled });
  const lacked = new Set(missing);
  const still = union([
    ...ahead.filter(({ rootId }) => !lacked.has(rootId) && !onPage.roots.has(rootId)),
    ...onPage.spans,
  ]);
  const isMoved = (nativeId: string): boolean => {
    const own = union(ahead.filter(({ rootId }) => rootId === nativeId));
    return own.length > 0 && lengthOf(subtract(own, still)) * 2 <= lengthOf(own);
  };
  return new Set(missing.filter(isMoved));
}

/** The page at hand is not in the store yet. */
async function spansOfPage(
  deps: ActivityDependencies,
  key: ConnectionKey,
  { pass, pulled }: { pass: OpenPass; pulled: Page },
): Promise<{ roots: Set<string>; spans: Interval[] }> {
  const events = eventsOf(pulled);
  const reading = await readingOf(deps, key, { pass, events });
  const window = { ...windowOf(deps, pass), fromAt: deps.now() };
  const bySeries = new Map<string, NeutralEvent[]>();
  for (const event of events) {
    const root = event.seriesId ?? event.nativeId;
    bySeries.set(root, [...(bySeries.get(root) ?? []), event]);
  }
  const spans = [...bySeries.values()].flatMap(
    (members) => busySpans(members, { ...reading, window, calendarZone: pass.timeZone }).spans,
  );
  return { roots: new Set(bySeries.keys()), spans };
}

const lengthOf = (spans: readonly Interval[]): number =>
  spans.reduce((sum, one) => sum + one.endAt - one.startAt, 0);
