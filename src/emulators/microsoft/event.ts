import { instantOf } from '../zones.ts';
import type { PatternedRecurrence } from './recurrence.ts';

export const showAsValues = [
  'free',
  'tentative',
  'busy',
  'oof',
  'workingElsewhere',
  'unknown',
] as const;
export type ShowAs = (typeof showAsValues)[number];

/** A reading of a wall clock, as the epoch milliseconds of the same reading in UTC, and its IANA zone. */
export interface ZonedTime {
  wallMs: number;
  zone: string;
}

export interface ExtendedProperty {
  id: string;
  value: string;
}

/** An event, a series' master or one changed occurrence, as it is kept. */
export interface StoredEvent {
  /** Rises with each change; changeKey and etag are made of it. */
  change: number;
  createdAt: string;
  modifiedAt: string;
  start: ZonedTime;
  end: ZonedTime;
  originalStartTimeZone: string;
  originalEndTimeZone: string;
  isAllDay: boolean;
  showAs: ShowAs;
  isCancelled: boolean;
  recurrence?: PatternedRecurrence;
  transactionId?: string;
  extended: ExtendedProperty[];
  /** Properties that this emulator keeps without looking at them. */
  fields: Record<string, unknown>;
}

/** A single event, or a series with what was done to its occurrences. Replaced at each change, never altered. */
export interface Entry {
  /** Immutable and ordinary id, both without an occurrence's ending. */
  id: string;
  mutableId: string;
  calendarId: string;
  seq: number;
  /** From when the delta knows of this version, epoch milliseconds. */
  visibleAtMs: number;
  deleted: boolean;
  event: StoredEvent;
  /** Changed occurrences by the wall clock start (`wallMs`) that the pattern gives them. */
  exceptions: Record<string, StoredEvent>;
  /** Deleted occurrences, by the same. */
  cancelled: number[];
}

export interface Window {
  startMs: number;
  endMs: number;
}

/** Where an event lies, in epoch milliseconds, end exclusive. */
export function spanOf({ start, end }: Pick<StoredEvent, 'start' | 'end'>): Window {
  return {
    startMs: instantOf(start.wallMs, start.zone),
    endMs: instantOf(end.wallMs, end.zone),
  };
}

/** An event without length lies in the window where it starts. */
export function overlaps(span: Window, window: Window): boolean {
  const after = span.endMs > window.startMs || span.startMs >= window.startMs;
  return span.startMs < window.endMs && after;
}

export function etagOf({ change }: StoredEvent): string {
  return `W/"${changeKeyOf(change)}"`;
}

export function changeKeyOf(change: number): string {
  const bytes = Buffer.alloc(15);
  bytes.writeUIntBE(change, 9, 6);
  return Buffer.concat([Buffer.from([0x11]), bytes]).toString('base64');
}
