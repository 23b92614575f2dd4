import { setImmediate as breathe } from 'node:timers/promises';
import { busySpans, type BusyOptions } from '../../src/calendar/busy.ts';
import type { Pulled } from '../../src/channels/channel-provider.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import type { ConnectionKey } from '../../src/store/sync.ts';
import type { ActivityDependencies } from './dependencies.ts';

/**
 * The next page of a pass, read and expanded while the database applies the one before. It lives in
 * this process only and is never needed: whoever finds nothing here reads the page itself.
 */

/** Pages read ahead and not yet asked for; each is as small as any page. */
const MAX_AHEAD = 4;
/** A page that was read longer ago than this is read again. */
const KEEP_MS = 30_000;
/** Entries expanded between two looks at what the database answered. */
const EXPANDED_AT_ONCE = 10;

interface Ahead {
  page: Promise<Pulled | null>;
  readAt: number;
}

const pagesOf = new WeakMap<ActivityDependencies, Map<string, Ahead>>();

/** Where a page is read from. A checkpoint may be lost and come back: the version tells. */
interface Place extends ConnectionKey {
  checkpoint: string;
  version: number;
}
const nameOf = (place: Place): string =>
  [place.tenantId, place.connectionId, place.version, place.checkpoint].join('\n');

/** Begins to read a page; what goes wrong meanwhile goes wrong again where the page is needed. */
export function readAhead(
  deps: ActivityDependencies,
  place: Place,
  read: () => Promise<Pulled>,
): void {
  const pages = pagesOf.get(deps) ?? new Map<string, Ahead>();
  pagesOf.set(deps, pages);
  pages.set(nameOf(place), { page: read().catch(() => null), readAt: performance.now() });
  for (const oldest of pages.keys()) {
    if (pages.size <= MAX_AHEAD) return;
    pages.delete(oldest);
  }
}

/** The page at this place when it was read ahead, and only once; else null. */
export async function takeAhead(deps: ActivityDependencies, place: Place): Promise<Pulled | null> {
  const pages = pagesOf.get(deps);
  const ahead = pages?.get(nameOf(place));
  pages?.delete(nameOf(place));
  return ahead && performance.now() - ahead.readAt < KEEP_MS ? ahead.page : null;
}

type Expanded = ReturnType<typeof busySpans>;
/** What an entry alone takes, and under what circumstances. */
const expandedAhead = new WeakMap<NeutralEvent, { under: string; expanded: Expanded }>();

/** All that the spans of an entry depend on, but for what is ours and how many may be made. */
type Circumstances = Omit<BusyOptions, 'isOurs' | 'maxSpans'>;
const textOf = (given: Circumstances): string =>
  JSON.stringify(Object.entries(given).toSorted(([a], [b]) => (a < b ? -1 : 1)));

/** Expands entries of a page that is still to be planned, a few at a time. */
export async function expandAhead(
  events: readonly NeutralEvent[],
  given: Circumstances,
  maxSpans: number,
): Promise<void> {
  const under = textOf(given);
  for (const [index, event] of events.entries()) {
    if (index % EXPANDED_AT_ONCE === 0) await breathe();
    if (event.seriesId !== null) continue;
    const expanded = busySpans([event], { ...given, isOurs: () => false, maxSpans });
    // What is over a limit is another thing where fewer spans are left.
    if (expanded.withheld === null) expandedAhead.set(event, { under, expanded });
  }
}

/** Expands as `busySpans` does, without the work where it was done ahead. */
export function expander({ isOurs, ...given }: Omit<BusyOptions, 'maxSpans'>) {
  const under = textOf(given);
  return (members: readonly NeutralEvent[], maxSpans: number): Expanded => {
    const [only] = members;
    const ahead = only && members.length === 1 ? expandedAhead.get(only) : undefined;
    const fits = ahead?.under === under && ahead.expanded.spans.length <= maxSpans;
    return only && ahead && fits && !isOurs(only)
      ? ahead.expanded
      : busySpans(members, { ...given, isOurs, maxSpans });
  };
}
