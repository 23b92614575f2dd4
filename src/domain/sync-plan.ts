import type { EntryReading } from './connection.ts';
import { DEFAULT_CONNECTION_SETTINGS } from './connection.ts';
import type { Change, NeutralEvent, WithheldItem } from './event.ts';
import type { Interval } from './interval.ts';

/**
 * The planner: what one page of a channel changes in our copy. Pure; the caller brings what is known
 * of every series the page touches, and the store carries the plan out in one transaction.
 */
export interface KnownEvent {
  nativeId: string;
  rootId: string;
  hash: string;
  event: NeutralEvent;
  withheldReason: string | null;
}

export interface EventWrite extends KnownEvent {
  kind: 'added' | 'changed';
}

export interface PagePlan {
  writes: EventWrite[];
  /** Native ids of entries that are gone. */
  removals: string[];
  /** Every entry this page listed, for passes in which absence counts. */
  seen: string[];
  /** All busy time of each touched series, as it is after this page. */
  series: { rootId: string; spans: Interval[] }[];
}

export interface PlanInput {
  /** In the channel's order: the last word on an entry wins. */
  changes: readonly Change[];
  withheld: readonly WithheldItem[];
  /**
   * Entries that a complete listing lacks and that are believed gone, each by itself: a channel may
   * list an exception whose series it does not list.
   */
  gone?: readonly string[];
  /** Current entries of every touched series, by native id. */
  known: ReadonlyMap<string, KnownEvent>;
  /** Series to expand again although nothing in them changed, as when the horizon moves. */
  expandAgain: readonly string[];
  expand: (members: readonly NeutralEvent[]) => { spans: Interval[]; withheld: string | null };
  hash: (event: NeutralEvent, withheldReason: string | null) => string;
}

export function planPage(input: PlanInput): PagePlan {
  const after = shelve(input.known);
  const touched = new Set(input.expandAgain);
  const seen = new Set<string>();
  const put = (event: NeutralEvent, withheldReason: string | null): void => {
    const { nativeId } = event;
    seen.add(nativeId);
    const hash = input.hash(event, withheldReason);
    const before = after.entries.get(nativeId);
    if (before?.hash === hash) return;
    if (before) touched.add(before.rootId);
    const rootId = event.seriesId ?? nativeId;
    touched.add(rootId);
    if (before && before.rootId !== rootId) remove(after, before);
    add(after, { nativeId, rootId, hash, event, withheldReason });
  };
  const drop = (member: KnownEvent): void => {
    remove(after, member);
    touched.add(member.rootId);
  };
  const ended = new Set<string>();
  for (const change of input.changes) {
    if (change.kind === 'upsert') {
      // A series takes its exceptions along, and their own tombstones say nothing more.
      if (change.event.status === 'cancelled' && ended.has(change.event.seriesId ?? '')) continue;
      ended.delete(change.event.nativeId);
      put(change.event, null);
    } else {
      ended.add(change.nativeId);
      seriesOf(after, change.nativeId).forEach(drop);
    }
  }
  for (const { nativeId, event, reason } of input.withheld)
    put(event ?? after.entries.get(nativeId)?.event ?? unreadable(nativeId), reason);
  for (const nativeId of input.gone ?? []) {
    const member = after.entries.get(nativeId);
    if (member) drop(member);
  }
  const expanded = [...touched].map((rootId) => ({
    rootId,
    ...input.expand(membersOf(after, rootId).map((one) => one.event)),
  }));
  const { writes, removals } = differences(input.known, after.entries);
  const notExpanded = new Map(expanded.map((one) => [one.rootId, one.withheld]));
  for (const write of writes)
    if (write.nativeId === write.rootId)
      write.withheldReason ??= notExpanded.get(write.rootId) ?? null;
  return {
    writes,
    removals,
    seen: [...seen],
    series: expanded.map(({ rootId, spans }) => ({ rootId, spans })),
  };
}

/** Stands for an entry of which nothing could ever be read: listed, and blocking nothing. */
const unreadable = (nativeId: string): NeutralEvent => ({
  nativeId,
  uid: null,
  seriesId: null,
  originalStart: null,
  status: 'confirmed',
  transparency: 'opaque',
  kind: 'default',
  start: null,
  end: null,
  recurrence: [],
  thisAndFuture: false,
  sequence: 0,
  etag: null,
  updatedAt: null,
  marker: null,
});

/** Entries by native id, and by series, so that none is looked for among all. */
interface Shelf {
  entries: Map<string, KnownEvent>;
  series: Map<string, Set<string>>;
}

function shelve(known: PlanInput['known']): Shelf {
  const shelf: Shelf = { entries: new Map(), series: new Map() };
  for (const member of known.values()) add(shelf, member);
  return shelf;
}

function add({ entries, series }: Shelf, member: KnownEvent): void {
  entries.set(member.nativeId, member);
  const members = series.get(member.rootId);
  if (members) members.add(member.nativeId);
  else series.set(member.rootId, new Set([member.nativeId]));
}

function remove({ entries, series }: Shelf, member: KnownEvent): void {
  entries.delete(member.nativeId);
  series.get(member.rootId)?.delete(member.nativeId);
}

const membersOf = ({ entries, series }: Shelf, rootId: string): KnownEvent[] =>
  [...(series.get(rootId) ?? [])].flatMap((nativeId) => entries.get(nativeId) ?? []);

/** An entry and, where it is a series, its exceptions. */
function seriesOf(shelf: Shelf, nativeId: string): KnownEvent[] {
  const members = membersOf(shelf, nativeId);
  const entry = shelf.entries.get(nativeId);
  return entry && entry.rootId !== nativeId ? [entry, ...members] : members;
}

function differences(
  known: ReadonlyMap<string, KnownEvent>,
  after: ReadonlyMap<string, KnownEvent>,
): { writes: EventWrite[]; removals: string[] } {
  const writes: EventWrite[] = [];
  for (const [nativeId, event] of after) {
    const before = known.get(nativeId);
    if (before?.hash === event.hash) continue;
    writes.push({ ...event, kind: before ? 'changed' : 'added' });
  }
  const removals = [...known.keys()].filter((nativeId) => !after.has(nativeId));
  return { writes, removals };
}

/** What tells whether an entry takes time; natures left out are read as by default. */
export interface Reading extends Partial<EntryReading> {
  tentative: 'busy' | 'free';
  /** Whether an entry is a mirror of ours, or a copy of one that proves itself. */
  isOurs: (event: NeutralEvent) => boolean;
}

/**
 * Whether an entry takes time, by the channel's word and the connection's settings. Where somebody
 * works is shown as free by some channels and as busy by others, so there its own setting decides
 * alone; of several other natures each has to take time.
 */
export function blocks(event: NeutralEvent, settings: Reading): boolean {
  const takesTime = (nature: keyof EntryReading): boolean =>
    (settings[nature] ?? DEFAULT_CONNECTION_SETTINGS[nature]) === 'busy';
  // What it stands for blocks already; of another place's booking, or of none, only the entry does.
  if (settings.isOurs(event)) return false;
  if (event.status === 'cancelled' || event.kind === 'not-taken' || event.start === null)
    return false;
  if (event.kind === 'working-elsewhere') return takesTime('workingElsewhere');
  if (event.transparency === 'transparent' && !takesTime('free')) return false;
  if (event.kind === 'out-of-office' && !takesTime('outOfOffice')) return false;
  return event.status !== 'tentative' || takesTime('tentative');
}
