import type { Calendar, CalendarView } from './calendar-store.ts';
import { isCancelled } from './event.ts';
import type { EventTime, GoogleEvent } from './event.ts';
import type { GoogleSwitches } from './switches.ts';
import { renderInZone } from '../zones.ts';

interface Viewing {
  view: CalendarView;
  calendar: Calendar;
  tombstones: GoogleSwitches['tombstones'];
  /** `timeZone` of the request, when it differs from the calendar's. */
  timeZone?: string | undefined;
  maxAttendees?: number | undefined;
}

/** Whether a cancelled event is an exception of a series that lives: such a one is not a deletion. */
export function isLiveSeriesException(view: CalendarView, event: GoogleEvent): boolean {
  if (event.recurringEventId === undefined) return false;
  const master = view.events.get(event.recurringEventId);
  return master !== undefined && !isCancelled(master) && master.recurrence !== undefined;
}

/** An event as a list shows it: cancelled ones carry no more than what Google guarantees. */
export function presentInList(viewing: Viewing, event: GoogleEvent): Partial<GoogleEvent> {
  if (!isCancelled(event) || viewing.tombstones === 'full') return present(viewing, event);
  const { kind, etag, id, status, recurringEventId, originalStartTime } = event;
  const bare = viewing.tombstones === 'bare' ? { id, status } : { kind, etag, id, status };
  if (!isLiveSeriesException(viewing.view, event)) return bare;
  return { ...bare, recurringEventId: recurringEventId!, originalStartTime: originalStartTime! };
}

/** An event as its own resource, in the zone asked for and as far as the reader may see. */
export function present(viewing: Viewing, event: GoogleEvent): Partial<GoogleEvent> {
  const zoned = viewing.timeZone === undefined ? event : inZone(event, viewing.timeZone);
  const { maxAttendees } = viewing;
  const counted =
    maxAttendees !== undefined && (zoned.attendees?.length ?? 0) > maxAttendees
      ? { ...zoned, attendees: zoned.attendees!.filter(({ self }) => self), attendeesOmitted: true }
      : zoned;
  return viewing.calendar.accessRole === 'freeBusyReader' ? busyOnly(counted) : counted;
}

function inZone(event: GoogleEvent, zone: string): GoogleEvent {
  const moved = (time: EventTime): EventTime =>
    time.dateTime === undefined
      ? time
      : { ...time, dateTime: renderInZone(Date.parse(time.dateTime), zone) };
  const { start, end, originalStartTime } = event;
  const original = originalStartTime ? { originalStartTime: moved(originalStartTime) } : {};
  return { ...event, start: moved(start), end: moved(end), ...original };
}

function busyOnly(event: GoogleEvent): Partial<GoogleEvent> {
  const { kind, etag, id, status, start, end, recurrence, recurringEventId } = event;
  const { originalStartTime, transparency, iCalUID, sequence, eventType, updated } = event;
  const times = { start, end, recurrence, recurringEventId, originalStartTime };
  const rest = { kind, etag, id, status, iCalUID, sequence, eventType, updated, transparency };
  return { ...rest, ...times, visibility: 'private' } as Partial<GoogleEvent>;
}
