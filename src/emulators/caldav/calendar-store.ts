import type { Collection } from '../collection.ts';
import { alphanumeric } from '../host.ts';
import type { Host } from '../host.ts';

export interface Calendar {
  id: string;
  owner: string;
  /** Names this calendar for good: one made later under the same id has another. */
  resourceId: string;
  displayName: string;
  readOnly: boolean;
  /** IANA name; undefined shows no `calendar-timezone`, and floating times count as UTC. */
  timezone: string | undefined;
  components: string[];
  color: string;
  order: number;
  /** Raised whenever older sync tokens are to be told from newer ones. */
  tokenEpoch: number;
  /** Tokens of epochs below are refused. */
  refusedBelow: number;
  /** Tokens of epochs below are answered with the whole listing. */
  agedBelow: number;
}

/** A calendar object resource as it is now; `ics` is null once it is removed. */
export interface StoredObject {
  calendarId: string;
  name: string;
  uid: string;
  /** Number of the calendar's change that made it so. */
  seq: number;
  previousSeq: number;
  changedAtMs: number;
  ics: string | null;
}

export interface CalendarView {
  objects: Map<string, StoredObject>;
  /** Names by UID, of objects that are there. */
  names: Map<string, string>;
  /** All changes, oldest first; one is outdated when its object changed again since. */
  changes: StoredObject[];
  latestSeq: number;
}

type Edit = { name: string; uid: string; ics: string | null };

export interface CalendarStore {
  calendars: Collection<Calendar>;
  newResourceId(): string;
  view(calendarId: string): CalendarView;
  /** The object of this name, unless it is removed. */
  find(calendarId: string, name: string): LiveObject | undefined;
  live(calendarId: string): LiveObject[];
  write(calendarId: string, edit: Edit): StoredObject;
  /** Current changes after a number, oldest first. */
  changesSince(calendarId: string, seq: number): StoredObject[];
  removeCalendar(calendarId: string): void;
}

export type LiveObject = StoredObject & { ics: string };

export function createCalendarStore(host: Host): CalendarStore {
  const calendars = host.collection<Calendar>('caldav-calendars');
  const stored = host.collection<StoredObject>('caldav-objects');
  const views = new Map<string, CalendarView>();

  function view(calendarId: string): CalendarView {
    const known = views.get(calendarId) ?? emptyView();
    views.set(calendarId, known);
    return known;
  }
  const inOrder = [...stored.values()].toSorted((a, b) => a.seq - b.seq);
  for (const object of inOrder) show(view(object.calendarId), object);
  host.onReset(() => views.clear());

  return {
    calendars,
    newResourceId: () => host.opaqueId('caldav-resource', alphanumeric, 24),
    view,
    find: (calendarId, name) => liveOnly(view(calendarId).objects.get(name)),
    live: (calendarId) => [...view(calendarId).objects.values()].filter(isLive),
    write(calendarId, edit) {
      const into = view(calendarId);
      const previousSeq = into.objects.get(edit.name)?.seq ?? 0;
      const seq = into.latestSeq + 1;
      const object = { calendarId, ...edit, seq, previousSeq, changedAtMs: Date.now() };
      show(into, object);
      stored.set(`${calendarId}\n${edit.name}`, object);
      return object;
    },
    changesSince(calendarId, seq) {
      const { changes, objects } = view(calendarId);
      const later = changes.slice(firstAfter(changes, seq));
      return later.filter((object) => objects.get(object.name) === object);
    },
    removeCalendar(calendarId) {
      for (const name of view(calendarId).objects.keys()) stored.delete(`${calendarId}\n${name}`);
      calendars.delete(calendarId);
      views.delete(calendarId);
    },
  };
}

function emptyView(): CalendarView {
  return { objects: new Map(), names: new Map(), changes: [], latestSeq: 0 };
}

function show(view: CalendarView, object: StoredObject): void {
  const before = liveOnly(view.objects.get(object.name));
  if (before !== undefined && view.names.get(before.uid) === before.name) {
    view.names.delete(before.uid);
  }
  if (isLive(object)) view.names.set(object.uid, object.name);
  view.objects.set(object.name, object);
  view.changes.push(object);
  view.latestSeq = object.seq;
}

function isLive(object: StoredObject): object is LiveObject {
  return object.ics !== null;
}

function liveOnly(object: StoredObject | undefined): LiveObject | undefined {
  return object !== undefined && isLive(object) ? object : undefined;
}

/** Changes are numbered upwards, so their place is found by halving. */
function firstAfter(changes: readonly StoredObject[], seq: number): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle]!.seq > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}
