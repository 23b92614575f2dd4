import type { Collection } from '../collection.ts';
import type { Host } from '../host.ts';
import { createClock, instantText } from './clock.ts';
import type { Clock } from './clock.ts';
import type { GoogleEvent } from './event.ts';
import type { GoogleSwitches } from './switches.ts';

export const accessRoles = ['freeBusyReader', 'reader', 'writer', 'owner'] as const;
export type AccessRole = (typeof accessRoles)[number];

/** A calendar in the list of one account. */
export interface Calendar {
  id: string;
  owner: string;
  summary: string;
  timeZone: string;
  accessRole: AccessRole;
  pushSupported: boolean;
  /** Raised to make all sync tokens of the calendar invalid. */
  tokenEpoch: number;
  /** Microseconds of the last change of the calendar itself. */
  changedMicros: number;
}

/** An event as lists show it, with the position of its last visible change. */
export interface Listed {
  seq: number;
  event: GoogleEvent;
}

export interface CalendarView {
  /** All events as they are now, deleted ones included. */
  events: Map<string, GoogleEvent>;
  /** Ids of the exceptions of a recurring event. */
  exceptions: Map<string, Set<string>>;
  /** What lists show, in order of creation. */
  listed: Listed[];
  positions: Map<string, number>;
  /** Visible changes, oldest first; one is outdated when its event was listed again since. */
  changes: Listed[];
  latestSeq: number;
}

export interface Commit {
  changedAt: string;
  visibleAt: string;
}

export interface CalendarStore {
  calendars: Collection<Calendar>;
  clock: Clock;
  view(calendarId: string): CalendarView;
  /** Writes new versions of events; lists show them after the visibility delay. */
  commit(calendarId: string, events: readonly GoogleEvent[]): Commit;
  /** Takes a calendar and its events away. */
  removeCalendar(calendarId: string): void;
  onCommit(listener: (calendarId: string) => void): void;
}

type Stored = { calendarId: string; seq: number; event: GoogleEvent };

export function createCalendarStore(host: Host, switches: GoogleSwitches): CalendarStore {
  const calendars = host.collection<Calendar>('google-calendars');
  const stored = host.collection<Stored>('google-events');
  const clock = createClock();
  const views = new Map<string, CalendarView>();
  const listeners: ((calendarId: string) => void)[] = [];
  const waiting = new Set<NodeJS.Timeout>();

  function view(calendarId: string): CalendarView {
    const known = views.get(calendarId) ?? emptyView();
    views.set(calendarId, known);
    return known;
  }
  function save(calendarId: string, event: GoogleEvent, seq: number): void {
    stored.set(`${calendarId}\n${event.id}`, { calendarId, seq, event });
  }
  function reveal(calendarId: string, event: GoogleEvent): void {
    const seq = clock.nextMicros();
    show(view(calendarId), { seq, event });
    // A newer version that still waits is what a restart must find.
    if (view(calendarId).events.get(event.id) === event) save(calendarId, event, seq);
  }
  function revealLater(calendarId: string, events: readonly GoogleEvent[], delayMs: number): void {
    for (const event of events) save(calendarId, event, 0);
    const timer = setTimeout(() => {
      waiting.delete(timer);
      if (calendars.has(calendarId)) for (const event of events) reveal(calendarId, event);
    }, delayMs);
    waiting.add(timer);
  }

  restore({ stored, clock, view, reveal });
  for (const { changedMicros } of calendars.values()) clock.atLeast(changedMicros);
  const forgetTimers = () => {
    for (const timer of waiting) clearTimeout(timer);
    waiting.clear();
  };
  host.onClose(forgetTimers);
  host.onReset(() => {
    forgetTimers();
    views.clear();
  });

  return {
    calendars,
    clock,
    view,
    commit(calendarId, events) {
      const nowMs = Date.now();
      const delayMs = Math.max(0, switches.visibilityDelayMs);
      for (const event of events) remember(view(calendarId), event);
      if (delayMs > 0) revealLater(calendarId, events, delayMs);
      else for (const event of events) reveal(calendarId, event);
      for (const listener of listeners) listener(calendarId);
      return {
        changedAt: instantText(nowMs * 1000),
        visibleAt: instantText((nowMs + delayMs) * 1000),
      };
    },
    removeCalendar(calendarId) {
      calendars.delete(calendarId);
      for (const eventId of view(calendarId).events.keys()) {
        stored.delete(`${calendarId}\n${eventId}`);
      }
      views.delete(calendarId);
    },
    onCommit: (listener) => listeners.push(listener),
  };
}

interface Restoring {
  stored: Collection<Stored>;
  clock: Clock;
  view: (calendarId: string) => CalendarView;
  reveal: (calendarId: string, event: GoogleEvent) => void;
}

/** Rebuilds what is derived; what waited to become visible when the process ended is visible now. */
function restore({ stored, clock, view, reveal }: Restoring): void {
  const all = [...stored.values()];
  for (const { seq, event } of all) {
    clock.atLeast(Math.max(seq, Number(event.etag.slice(1, -1)) / 2));
  }
  for (const { calendarId, event } of all) remember(view(calendarId), event);
  for (const { calendarId, seq, event } of all) {
    if (seq > 0) place(view(calendarId), { seq, event });
  }
  const calendarIds = new Set(all.map(({ calendarId }) => calendarId));
  for (const calendarId of calendarIds) {
    const known = view(calendarId);
    known.changes.sort((a, b) => a.seq - b.seq);
    known.latestSeq = known.changes.at(-1)?.seq ?? 0;
  }
  for (const { calendarId, seq, event } of all) if (seq === 0) reveal(calendarId, event);
}

function emptyView(): CalendarView {
  return {
    events: new Map(),
    exceptions: new Map(),
    listed: [],
    positions: new Map(),
    changes: [],
    latestSeq: 0,
  };
}

function remember(view: CalendarView, event: GoogleEvent): void {
  view.events.set(event.id, event);
  const masterId = event.recurringEventId;
  if (masterId === undefined) return;
  const siblings = view.exceptions.get(masterId) ?? new Set();
  view.exceptions.set(masterId, siblings.add(event.id));
}

function show(view: CalendarView, listed: Listed): void {
  place(view, listed);
  view.latestSeq = listed.seq;
  if (view.changes.length > 1000 && view.changes.length > 2 * view.listed.length) {
    view.changes = view.changes.filter((change) => isCurrent(view, change));
  }
}

function place(view: CalendarView, listed: Listed): void {
  const position = view.positions.get(listed.event.id) ?? view.listed.length;
  view.positions.set(listed.event.id, position);
  view.listed[position] = listed;
  view.changes.push(listed);
}

/** Whether a visible change is still the last one of its event. */
export function isCurrent(view: CalendarView, change: Listed): boolean {
  return view.listed[view.positions.get(change.event.id)!] === change;
}
