import type { Collection } from '../collection.ts';
import type { Host } from '../host.ts';
import { parseEventId } from './event-ids.ts';
import type { Entry } from './event.ts';
import type { MicrosoftSwitches } from './switches.ts';

/** A calendar as one account has it. */
export interface Calendar {
  id: string;
  /** Address of the account that lists it. */
  account: string;
  name: string;
  hexColor: string;
  canEdit: boolean;
  canShare: boolean;
  isDefault: boolean;
  /** Another person's address, for a calendar that is shared with the account. */
  sharedBy?: string;
  /** Raised to make all delta tokens of the calendar invalid. */
  tokenEpoch: number;
}

interface Change {
  seq: number;
  id: string;
  visibleAtMs: number;
}

export interface CalendarView {
  /** Ids of all entries ever made, in order of creation. */
  order: string[];
  /** Versions of each entry, oldest first. */
  versions: Map<string, Entry[]>;
  /** Every change, oldest first. */
  changes: Change[];
}

/** What a change was, for those who are told of it. */
export interface Committed {
  changeType: 'created' | 'updated' | 'deleted';
  entry: Entry;
  wallMs?: number | undefined;
}

export interface CalendarStore {
  calendars: Collection<Calendar>;
  view(calendarId: string): CalendarView;
  /** The present version of the entry that an id of either kind names, deleted ones included. */
  find(eventId: string): { entry: Entry; wallMs: number | undefined } | undefined;
  /** Writes a new version and tells the listeners what it was. */
  commit(entry: Entry, what: Omit<Committed, 'entry'>): Entry;
  /** The number for a change that is about to be written. */
  nextChange(): number;
  /** No token from before this can be answered. */
  forgottenSeq(calendarId: string): number;
  removeCalendar(calendarId: string): void;
  onCommit(listener: (committed: Committed) => void): void;
}

/** Older versions of one event than these are forgotten, and with them the tokens that need them. */
const versionLimit = 200;

export function createCalendarStore(host: Host, switches: MicrosoftSwitches): CalendarStore {
  const calendars = host.collection<Calendar>('microsoft-calendars');
  const stored = host.collection<Entry>('microsoft-entries');
  const forgotten = host.collection<number>('microsoft-forgotten');
  const { find, forget, place, view } = createViews(host);
  const listeners: ((committed: Committed) => void)[] = [];
  let last = 0;

  function nextChange(): number {
    last += 1;
    return last;
  }
  function forgetOldest(own: Entry[]): void {
    const [oldest, next] = own as [Entry, Entry];
    stored.delete(keyOf(oldest));
    own.shift();
    const { calendarId } = oldest;
    forgotten.set(calendarId, Math.max(forgotten.get(calendarId) ?? 0, next.seq));
  }
  for (const entry of [...stored.values()].toSorted((a, b) => a.seq - b.seq)) {
    last = Math.max(last, entry.seq);
    place(entry);
  }
  return {
    calendars,
    view,
    find,
    commit(entry, what) {
      const visibleAtMs = Date.now() + Math.max(0, switches.visibilityDelayMs);
      const version = { ...entry, seq: nextChange(), visibleAtMs };
      stored.set(keyOf(version), version);
      const own = place(version);
      if (own.length > versionLimit) forgetOldest(own);
      for (const listener of listeners) listener({ ...what, entry: version });
      return version;
    },
    nextChange,
    forgottenSeq: (calendarId) => forgotten.get(calendarId) ?? 0,
    removeCalendar(calendarId) {
      calendars.delete(calendarId);
      for (const own of view(calendarId).versions.values()) {
        for (const entry of own) stored.delete(keyOf(entry));
      }
      forget(calendarId);
    },
    onCommit: (listener) => listeners.push(listener),
  };
}

/** What is derived from the stored entries, for reading. */
function createViews(host: Host) {
  const views = new Map<string, CalendarView>();
  const homes = new Map<string, { id: string; calendarId: string }>();
  host.onReset(() => {
    views.clear();
    homes.clear();
  });
  function view(calendarId: string): CalendarView {
    const known = views.get(calendarId) ?? { order: [], versions: new Map(), changes: [] };
    views.set(calendarId, known);
    return known;
  }
  return {
    view,
    forget: (calendarId: string) => views.delete(calendarId),
    place(entry: Entry): Entry[] {
      const { order, versions, changes } = view(entry.calendarId);
      const own = versions.get(entry.id) ?? [];
      if (own.length === 0) {
        order.push(entry.id);
        versions.set(entry.id, own);
        homes.set(entry.id, entry).set(entry.mutableId, entry);
      }
      own.push(entry);
      changes.push({ seq: entry.seq, id: entry.id, visibleAtMs: entry.visibleAtMs });
      return own;
    },
    find(eventId: string) {
      const parsed = parseEventId(eventId);
      const home = parsed === undefined ? undefined : homes.get(parsed.base);
      if (parsed === undefined || home === undefined) return undefined;
      const entry = view(home.calendarId).versions.get(home.id)?.at(-1);
      return entry === undefined ? undefined : { entry, wallMs: parsed.wallMs };
    },
  };
}

function keyOf({ id, seq }: Entry): string {
  return `${id}\n${seq}`;
}

/** The version of an entry that was the last one at `seq`. */
export function versionAt(view: CalendarView, id: string, seq: number): Entry | undefined {
  return view.versions.get(id)?.findLast((entry) => entry.seq <= seq);
}

export function currentEntries(view: CalendarView): Entry[] {
  return view.order.map((id) => view.versions.get(id)!.at(-1)!).filter(({ deleted }) => !deleted);
}

/** The position up to which the delta knows of changes now. */
export function visibleSeq({ changes }: CalendarView): number {
  const nowMs = Date.now();
  return changes.findLast(({ visibleAtMs }) => visibleAtMs <= nowMs)?.seq ?? 0;
}
