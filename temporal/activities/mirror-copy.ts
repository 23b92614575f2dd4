import { instantOf } from '../../src/calendar/zones.ts';
import type { NeutralEvent } from '../../src/domain/event.ts';
import type { Interval } from '../../src/domain/interval.ts';
import type { MirrorCopy } from '../../src/domain/mirror.ts';

/** What counts of an outside event that is a mirror of ours; `zone` is the calendar's. */
export function copyOf(event: NeutralEvent, zone: string): MirrorCopy {
  const span = spanOf(event, zone);
  return {
    startAt: span && span.startAt,
    endAt: span && span.endAt,
    status: event.status,
    transparency: event.transparency,
    etag: event.etag,
    uid: event.uid,
  };
}

/** An event that cannot be understood any more is there, at no time that could be ours. */
export const UNREADABLE: MirrorCopy = {
  startAt: null,
  endAt: null,
  status: 'confirmed',
  transparency: 'opaque',
  etag: null,
  uid: null,
};

/** The time of a single event; null for a series, and where it cannot be told. */
export function spanOf(event: NeutralEvent, zone: string): Interval | null {
  const { start, end } = event;
  if (start === null || end === null || event.recurrence.length > 0) return null;
  try {
    return { startAt: instantOf(start, zone), endAt: instantOf(end, zone) };
  } catch {
    return null;
  }
}
