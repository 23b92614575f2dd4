/**
 * A channel event: an outside calendar entry in our neutral form. It holds what blocks time and
 * what tells one version from another; never a title, description, attendee or location.
 */

/** A time as the channel wrote it, before any zone is applied. */
export type WallTime =
  /** A whole day, `YYYY-MM-DD`. */
  | { kind: 'date'; date: string }
  /** Local time `YYYY-MM-DDTHH:MM:SS` in a zone (IANA name, `±HH:MM`, or `vtimezone:…`). */
  | { kind: 'zoned'; local: string; zone: string }
  /** An instant, `YYYY-MM-DDTHH:MM:SS[.sss]Z`. */
  | { kind: 'utc'; at: string }
  /** Local time without a zone: it means the calendar's own zone. */
  | { kind: 'floating'; local: string };

export const EVENT_STATUSES = ['confirmed', 'tentative', 'cancelled'] as const;
export type EventStatus = (typeof EVENT_STATUSES)[number];

/** `not-taken`: it takes no time whatever is set, as a declined invitation or a birthday. */
export const EVENT_KINDS = ['default', 'out-of-office', 'working-elsewhere', 'not-taken'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface NeutralEvent {
  /** The channel's id of this entry, unique within the calendar. */
  nativeId: string;
  /** iCalendar UID, shared by a series and its exceptions; null where the channel has none. */
  uid: string | null;
  /** Native id of the series this entry is an exception of. */
  seriesId: string | null;
  /** The occurrence of the series that this exception stands for. */
  originalStart: WallTime | null;
  status: EventStatus;
  /** Whether the channel says the entry takes time at all. */
  transparency: 'opaque' | 'transparent';
  kind: EventKind;
  /** Null only on a cancelled entry whose channel no longer tells. */
  start: WallTime | null;
  /** Exclusive. */
  end: WallTime | null;
  /**
   * Days of the length that follow the clock on the wall in every occurrence, as a DURATION in days
   * or weeks asks for; what is left of the length elapses. Absent where all of it elapses.
   */
  nominalDays?: number;
  /** `RRULE:`, `EXRULE:`, `RDATE…:`, `EXDATE…:` lines in RFC 5545 §3.8.5 form; empty when single. */
  recurrence: string[];
  /** True when this exception also changes every later occurrence (RECURRENCE-ID RANGE=THISANDFUTURE). */
  thisAndFuture: boolean;
  /** iCalendar SEQUENCE. */
  sequence: number;
  etag: string | null;
  /** RFC 3339 instant of the channel's last change, where it tells. */
  updatedAt: string | null;
  /**
   * Set on a series whose occurrences the channel lists one by one: it takes no time by itself, and
   * is not expanded (Graph `calendarView`).
   */
  isListed?: true;
  /** Set on an occurrence that says only when it is; status, transparency and kind are its series'. */
  inherits?: true;
  /** The marker we wrote on our own mirror of a booking; null on everything else. */
  marker: string | null;
}

/** An entry that cannot be fully understood: it is listed, and blocks what of it is understood. */
export interface WithheldItem {
  /** The channel's id where one could be read, else a stable stand-in. */
  nativeId: string;
  /** Machine reason, e.g. `end-before-start`, `bad-rule`, `bad-start`. Never text of the entry. */
  reason: string;
  /** What of the entry still blocks; null when not even a start could be read. */
  event: NeutralEvent | null;
}

export type Change =
  | { kind: 'upsert'; event: NeutralEvent }
  /** The channel says this entry is gone (of a series: with all its exceptions). */
  | { kind: 'removed'; nativeId: string };

/** One string per content: equal exactly when two versions mean the same to us. */
export function canonicalEvent(event: NeutralEvent): string {
  return JSON.stringify([
    event.nativeId,
    event.uid,
    event.seriesId,
    event.originalStart,
    event.status,
    event.transparency,
    event.kind,
    event.start,
    event.end,
    [...event.recurrence].toSorted(),
    event.thisAndFuture,
    event.marker,
    ...(event.nominalDays ? [event.nominalDays] : []),
    ...(event.isListed ? ['listed'] : []),
    ...(event.inherits ? ['inherits'] : []),
  ]);
}
