import type { AccessToken } from '../accounts.ts';
import type { Calendar, CalendarStore } from './calendar-store.ts';
import { badRequest } from './errors.ts';
import { isCancelled } from './event.ts';
import type { EventBody, GoogleEvent } from './event.ts';
import { occurrences, timeMs } from './occurrences.ts';
import { isZone, parseDateTime, renderInZone } from '../zones.ts';

type Span = { startMs: number; endMs: number };

/** Most calendars of one query. Source: freebusy.query, `calendarExpansionMax`. */
const calendarLimit = 50;

/** Source: Calendar v3 reference, freebusy.query. */
export function queryFreeBusy(
  store: CalendarStore,
  { email }: AccessToken,
  body: EventBody,
): Record<string, unknown> {
  const range = { startMs: instant(body, 'timeMin'), endMs: instant(body, 'timeMax') };
  if (range.endMs <= range.startMs) {
    throw badRequest('timeRangeEmpty', 'The specified time range is empty.', 'timeMax');
  }
  const { timeZone = 'UTC', items = [] } = body;
  if (typeof timeZone !== 'string' || !isZone(timeZone) || !Array.isArray(items)) {
    throw badRequest('invalid', 'Invalid value for: timeZone or items');
  }
  const ids = (items as { id?: unknown }[]).map(({ id }) => String(id));
  const calendars = ids.map((id, index) => {
    const calendar = store.calendars.get(id === 'primary' ? email : id);
    if (index >= calendarLimit) return [id, failure('tooManyCalendarsRequested')] as const;
    if (calendar?.owner !== email) return [id, failure('notFound')] as const;
    const busy = merged(busySpans(store, calendar, range)).map(({ startMs, endMs }) => ({
      start: renderInZone(startMs, timeZone),
      end: renderInZone(endMs, timeZone),
    }));
    return [id, { busy }] as const;
  });
  return {
    kind: 'calendar#freeBusy',
    timeMin: new Date(range.startMs).toISOString(),
    timeMax: new Date(range.endMs).toISOString(),
    calendars: Object.fromEntries(calendars),
  };
}

function instant(body: EventBody, name: string): number {
  const text = body[name];
  if (text === undefined) throw badRequest('required', `Missing ${name} parameter.`, name);
  const ms = typeof text === 'string' ? parseDateTime(text) : undefined;
  if (ms === undefined) throw badRequest('badRequest', 'Bad Request', name);
  return ms;
}

function failure(reason: string) {
  return { errors: [{ domain: 'global', reason }], busy: [] };
}

function busySpans(store: CalendarStore, calendar: Calendar, range: Span): Span[] {
  const { events } = store.view(calendar.id);
  const spans: Span[] = [];
  for (const event of events.values()) {
    if (!blocks(event)) continue;
    const instances =
      event.recurrence === undefined
        ? [spanOf(event, calendar)]
        : occurrences(event, calendar.timeZone, range.endMs).filter(
            ({ instanceId }) => !events.has(instanceId),
          );
    for (const { startMs, endMs } of instances) {
      if (startMs < range.endMs && endMs > range.startMs) spans.push({ startMs, endMs });
    }
  }
  return spans.map(({ startMs, endMs }) => ({
    startMs: Math.max(startMs, range.startMs),
    endMs: Math.min(endMs, range.endMs),
  }));
}

function blocks(event: GoogleEvent): boolean {
  const free = event.transparency === 'transparent' || event.eventType === 'workingLocation';
  return !isCancelled(event) && !free;
}

function spanOf(event: GoogleEvent, { timeZone }: Calendar): Span {
  return { startMs: timeMs(event.start, timeZone), endMs: timeMs(event.end, timeZone) };
}

function merged(spans: Span[]): Span[] {
  const joined: Span[] = [];
  for (const span of spans.toSorted((a, b) => a.startMs - b.startMs)) {
    const last = joined.at(-1);
    if (last !== undefined && span.startMs <= last.endMs) {
      last.endMs = Math.max(last.endMs, span.endMs);
    } else joined.push({ ...span });
  }
  return joined;
}
