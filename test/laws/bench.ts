import { instantOf } from '../../src/calendar/zones.ts';
import type { Access, Calendar, ChannelProvider } from '../../src/channels/channel-provider.ts';
import type { PullInput, Pulled } from '../../src/channels/channel-provider.ts';
import { canonicalEvent } from '../../src/domain/event.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import type { FailureKind } from '../../src/domain/failure.ts';
import type { Interval } from '../../src/domain/interval.ts';

/** A calendar of the bench and what opens it. */
export interface BenchCalendar {
  access: Access;
  calendar: Calendar;
}

/** RFC 3339 instants in UTC; `weeks` makes a weekly series of that many occurrences. */
export interface BenchEvent {
  startAt: string;
  endAt: string;
  weeks?: number;
}

export interface BenchFault {
  /** How many calls it meets; 1 when absent. */
  times?: number;
  on: 'pull' | 'write' | 'remove' | 'read';
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  drop?: 'before' | 'after';
  cutBody?: true;
  delayMs?: number;
}

/** One provider and the emulator of its channel, as a person and a broken network would use it. */
export interface Bench {
  provider: ChannelProvider;
  /** Sets the emulator's switches for facts that are not confirmed. */
  takePosition(position: Position): Promise<void>;
  /** Empty, and used by one law only. */
  newCalendar(): Promise<BenchCalendar>;
  /** Answers with the native ids, in order. */
  seedEvents(at: BenchCalendar, events: readonly BenchEvent[]): Promise<string[]>;
  editEvent(at: BenchCalendar, nativeId: string, event: BenchEvent): Promise<void>;
  deleteEvent(at: BenchCalendar, nativeId: string): Promise<void>;
  /** Null where the channel's entries have no exceptions. `startAt` is the occurrence's own. */
  occurrences: {
    /** Set where occurrences are entries of their own: a cancelled one is simply gone. */
    areListed?: true;
    cancel(at: BenchCalendar, seriesId: string, startAt: string): Promise<void>;
    move(at: BenchCalendar, seriesId: string, to: BenchEvent & { from: string }): Promise<void>;
  } | null;
  /** Null where a channel cannot forget a position. */
  loseCursor: ((at: BenchCalendar) => Promise<void>) | null;
  fault(fault: BenchFault): Promise<void>;
  /** How many requests the emulated host has had. */
  requests(): Promise<number>;
  close(): Promise<void>;
}

export interface Position {
  name: string;
  switches: Record<string, unknown>;
  /** How long a change may stay unseen. */
  settleMs?: number;
  /** Whether the id of a removed event can be used again; the channel may name the new one anew. */
  freesIds?: boolean | 'under-another-id';
}

/** Waits until what was done at the channel can be seen there. */
export const settle = ({ settleMs = 0 }: Position): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, settleMs));

export interface FailureRow {
  name: string;
  fault: BenchFault;
  expected: { kind: FailureKind; code: string; retryAfterMs?: number };
  /** Set where more than one question has to be asked to know. */
  requests?: number;
}

export const WINDOW: Interval = {
  startAt: Date.parse('2027-01-01T00:00:00Z'),
  endAt: Date.parse('2028-01-01T00:00:00Z'),
};

/** Our copy of a calendar, kept as the store keeps it. */
export interface Copy {
  events: Map<string, NeutralEvent>;
  withheld: Map<string, string>;
  cursor: string | null;
}

export const emptyCopy = (): Copy => ({ events: new Map(), withheld: new Map(), cursor: null });

export type Page = Exclude<Pulled, { kind: 'cursor-lost' }>;

export interface PassOptions {
  copy: Copy;
  /** Runs after each page that is not the last. */
  betweenPages?: () => Promise<unknown>;
  /** Asks for each page as often as this, and applies each answer. */
  asks?: number;
}

export const ask = (
  { provider }: Bench,
  at: BenchCalendar,
  position: Partial<Pick<PullInput, 'cursor' | 'checkpoint' | 'signal' | 'window'>>,
): Promise<Pulled> =>
  provider.pull({
    ...at,
    cursor: null,
    checkpoint: null,
    window: WINDOW,
    nowAt: Date.now(),
    signal: new AbortController().signal,
    ...position,
  });

const MOST_PAGES = 200;

/** Brings the copy up to date from its cursor, page by page; answers with the pages. */
export async function runPass(
  bench: Bench,
  at: BenchCalendar,
  { copy, asks = 1, betweenPages }: PassOptions,
): Promise<Page[]> {
  const pages: Page[] = [];
  const seen = new Set<string>();
  let checkpoint: string | null = null;
  for (let n = 0; n < MOST_PAGES; n += 1) {
    let page: Page | undefined;
    for (let times = 0; times < asks; times += 1) {
      page = pageOf(await ask(bench, at, { cursor: copy.cursor, checkpoint }));
      applyPage(copy, page, seen);
    }
    pages.push(page!);
    if (!page!.more) {
      if (page!.kind === 'snapshot') forgetUnseen(copy, seen);
      copy.cursor = page!.nextCursor;
      return pages;
    }
    checkpoint = page!.checkpoint;
    await betweenPages?.();
  }
  throw new Error(`A pass of ${MOST_PAGES} pages has no end.`);
}

function pageOf(pulled: Pulled): Page {
  if (pulled.kind === 'cursor-lost') throw new Error(`The ${pulled.what} was lost unasked.`);
  return pulled;
}

export function applyPage(copy: Copy, page: Page, seen: Set<string> = new Set()): void {
  for (const change of page.changes) {
    if (change.kind === 'upsert') {
      seen.add(change.event.nativeId);
      copy.events.set(change.event.nativeId, change.event);
      copy.withheld.delete(change.event.nativeId);
      continue;
    }
    for (const event of copy.events.values())
      if (event.nativeId === change.nativeId || event.seriesId === change.nativeId)
        copy.events.delete(event.nativeId);
    copy.withheld.delete(change.nativeId);
  }
  for (const item of page.withheld) {
    seen.add(item.nativeId);
    copy.withheld.set(item.nativeId, item.reason);
    if (item.event) copy.events.set(item.nativeId, item.event);
  }
}

function forgetUnseen(copy: Copy, seen: ReadonlySet<string>): void {
  for (const id of copy.events.keys()) if (!seen.has(id)) copy.events.delete(id);
  for (const id of copy.withheld.keys()) if (!seen.has(id)) copy.withheld.delete(id);
}

/**
 * What a copy means inside the window: a cancelled exception of a series that is gone says nothing,
 * nor does a single entry that ended before the window begins.
 */
export function meaning({ events, withheld }: Copy): string[] {
  const told = [...events.values()].filter((event) => {
    if (event.seriesId !== null && event.status === 'cancelled') return events.has(event.seriesId);
    const single = event.recurrence.length === 0 && event.seriesId === null;
    return !(single && event.end && instantOf(event.end, 'UTC') <= WINDOW.startAt);
  });
  return [...told.map(canonicalEvent), ...[...withheld].map((pair) => pair.join(' '))].toSorted();
}

export async function freshCopy(bench: Bench, at: BenchCalendar): Promise<Copy> {
  const copy = emptyCopy();
  await runPass(bench, at, { copy });
  return copy;
}

/** The instants an entry takes. */
export const spanOf = (event: NeutralEvent | undefined): [string, string] | null =>
  event?.start && event.end
    ? [instantText(instantOf(event.start, 'UTC')), instantText(instantOf(event.end, 'UTC'))]
    : null;

const instantText = (at: number): string => new Date(at).toISOString();

/** An hour on a day of 2027, from 0; 28 days are in winter time everywhere in Europe. */
export function hourOn(day: number, hour = 9): BenchEvent {
  const startAt = WINDOW.startAt + day * 86_400_000 + hour * 3_600_000;
  return { startAt: instantText(startAt), endAt: instantText(startAt + 3_600_000) };
}
