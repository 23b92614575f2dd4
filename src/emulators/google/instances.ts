import type { Calendar, CalendarStore } from './calendar-store.ts';
import { badRequest } from './errors.ts';
import { findEvent } from './event-writes.ts';
import { isCancelled } from './event.ts';
import type { GoogleEvent } from './event.ts';
import { occurrences } from './occurrences.ts';
import { openNumbers, sealNumbers } from './opaque.ts';
import type { Parameters } from './parameters.ts';
import { isWithin } from './event-filter.ts';

export const instancesParameters = {
  alwaysIncludeEmail: 'boolean',
  maxAttendees: 'integer',
  maxResults: 'integer',
  originalStart: 'string',
  pageToken: 'string',
  showDeleted: 'boolean',
  timeMax: 'instant',
  timeMin: 'instant',
  timeZone: 'zone',
} as const;

/** How far an endless series is followed; Google's own reach is not published. */
const reachMs = 2 * 366 * 86_400_000;

/** One page of a series' instances. Source: Calendar v3 reference, events.instances. */
export function listInstances(
  store: CalendarStore,
  { calendar, masterId }: { calendar: Calendar; masterId: string },
  parameters: Parameters<typeof instancesParameters>,
): { items: GoogleEvent[]; nextPageToken?: string } {
  const master = findEvent(store, calendar, masterId);
  const { timeMin, timeMax, maxResults = 250, originalStart, pageToken, showDeleted } = parameters;
  const untilMs = timeMax ?? Math.max(Date.now(), timeMin ?? 0) + reachMs;
  const bounds = {
    ...(timeMin === undefined ? {} : { timeMin }),
    ...(timeMax === undefined ? {} : { timeMax }),
  };
  const { events, exceptions } = store.view(calendar.id);
  const regular =
    master.recurrence === undefined || isCancelled(master)
      ? []
      : occurrences(master, calendar.timeZone, untilMs)
          .filter(({ instanceId }) => !events.has(instanceId))
          .map(({ instanceId }) => findEvent(store, calendar, instanceId));
  const changed = [...(exceptions.get(masterId) ?? [])].map((id) => events.get(id)!);
  const items = [...regular, ...changed]
    .filter((event) => showDeleted === true || !isCancelled(event))
    .filter((event) => isWithin(event, calendar, bounds))
    .filter((event) => originalStart === undefined || startsAt(event, originalStart))
    .toSorted((a, b) => startMs(a) - startMs(b));
  const from = pageToken === undefined ? 0 : openNumbers(pageToken)?.[0];
  if (from === undefined) throw badRequest('invalid', 'Invalid page token value.', 'pageToken');
  const until = from + Math.min(maxResults, 2500);
  const next = until < items.length ? { nextPageToken: sealNumbers([until]) } : {};
  return { items: items.slice(from, until), ...next };
}

function startMs({ start }: GoogleEvent): number {
  return Date.parse(start.dateTime ?? start.date!);
}

function startsAt({ originalStartTime }: GoogleEvent, text: string): boolean {
  const original = originalStartTime?.dateTime ?? originalStartTime?.date ?? '';
  return Date.parse(original) === Date.parse(text);
}
