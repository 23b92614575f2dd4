import type { Calendar, CalendarView } from './calendar-store.ts';
import { isLiveSeriesException } from './event-view.ts';
import { isCancelled } from './event.ts';
import type { GoogleEvent } from './event.ts';
import { occurrences, timeMs } from './occurrences.ts';

interface EventFilter {
  eventTypes?: string[];
  iCalUID?: string;
  privateExtendedProperty?: string[];
  q?: string;
  sharedExtendedProperty?: string[];
  showDeleted?: boolean;
  timeMin?: number;
  timeMax?: number;
  updatedMin?: number;
}

/** Whether a full list shows an event. Source: events.list, parameters. */
export function isWanted(
  { view, calendar }: { view: CalendarView; calendar: Calendar },
  event: GoogleEvent,
  filter: EventFilter,
): boolean {
  const { updatedMin } = filter;
  if (updatedMin !== undefined && Date.parse(event.updated) < updatedMin) return false;
  const deleted = isCancelled(event) && !isLiveSeriesException(view, event);
  if (deleted && filter.showDeleted !== true && updatedMin === undefined) return false;
  return (
    hasType(event, filter.eventTypes) &&
    (filter.iCalUID === undefined || event.iCalUID === filter.iCalUID) &&
    (filter.q === undefined || mentions(event, filter.q)) &&
    hasProperties(event.extendedProperties?.private, filter.privateExtendedProperty) &&
    hasProperties(event.extendedProperties?.shared, filter.sharedExtendedProperty) &&
    isWithin(event, calendar, filter)
  );
}

export function hasType(event: GoogleEvent, eventTypes: string[] | undefined): boolean {
  return eventTypes === undefined || eventTypes.includes(event.eventType);
}

/** Whether the event, or one occurrence of it, ends after `timeMin` and starts before `timeMax`. */
export function isWithin(
  event: GoogleEvent,
  calendar: Calendar,
  { timeMin, timeMax }: Pick<EventFilter, 'timeMin' | 'timeMax'>,
): boolean {
  if (timeMin === undefined && timeMax === undefined) return true;
  const zone = calendar.timeZone;
  const startMs = timeMs(event.start, zone);
  if (timeMax !== undefined && startMs >= timeMax) return false;
  if (timeMin === undefined || timeMs(event.end, zone) > timeMin) return true;
  if (event.recurrence === undefined) return false;
  // A rule without end has an occurrence after any bound within a few of its periods.
  const horizonMs = timeMax ?? Math.max(timeMin, Date.now()) + 10 * 366 * 86_400_000;
  return occurrences(event, zone, horizonMs).some(({ endMs }) => endMs > timeMin);
}

function mentions(event: GoogleEvent, words: string): boolean {
  const people = [event.organizer, ...(event.attendees ?? [])];
  const texts = [event.summary, event.description, event.location];
  for (const { email, displayName } of people) texts.push(email, displayName);
  const text = texts.join(' ').toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function hasProperties(
  properties: Record<string, string> | undefined,
  constraints: string[] = [],
): boolean {
  return constraints.every((constraint) => {
    const at = constraint.indexOf('=');
    return properties?.[constraint.slice(0, at)] === constraint.slice(at + 1);
  });
}
