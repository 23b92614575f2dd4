import type { Host } from '../host.ts';
import type { Calendar, CalendarStore, Commit } from './calendar-store.ts';
import { etagOf, instantText } from './clock.ts';
import { alreadyDeleted, badRequest, conditionNotMet, duplicate, notFound } from './errors.ts';
import { readOnlyFields, understandProperties, understandTimes } from './event-input.ts';
import { isCancelled } from './event.ts';
import type { EventBody, GoogleEvent } from './event.ts';
import { mergePatch } from './merge-patch.ts';
import { occurrenceOf } from './occurrences.ts';
import type { GoogleSwitches } from './switches.ts';

export interface Writing {
  host: Host;
  store: CalendarStore;
  switches: GoogleSwitches;
  calendar: Calendar;
  /** Email of the account that acts. */
  actor: string;
  /** Value of If-Match, when there was one. */
  ifMatch?: string | undefined;
}

export interface Written extends Commit {
  event: GoogleEvent;
}

const idLetters = '0123456789abcdefghijklmnopqrstuv';

/** A new event. A client-chosen id must be free; a deleted event's id is not, unless switched. */
export function insertEvent(writing: Writing, body: EventBody): Written {
  return commit(writing, [draftNew(writing, body)]);
}

/** Many new events in one change. */
export function insertEvents(writing: Writing, bodies: readonly EventBody[]): Commit {
  const { calendar, actor, store, host } = writing;
  const times = store.commit(
    calendar.id,
    bodies.map((body) => draftNew(writing, body)),
  );
  const details = { calendarId: calendar.id, count: bodies.length, actor, ...times };
  host.effect('google', 'events-inserted', details);
  return times;
}

/** PUT: what the body leaves out is gone. */
export function replaceEvent(writing: Writing, eventId: string, body: EventBody): Written {
  const current = matched(writing, eventId);
  return commit(writing, withConsequences(writing, current, rewrite(writing, current, body)));
}

/** PATCH: members merge, null removes, arrays are replaced whole. */
export function patchEvent(writing: Writing, eventId: string, patch: EventBody): Written {
  const current = matched(writing, eventId);
  const merged = mergePatch(current, { ...patch, sequence: patch['sequence'] ?? current.sequence });
  const next = rewrite(writing, current, merged as EventBody);
  return commit(writing, withConsequences(writing, current, next));
}

/** DELETE: the event stays behind as cancelled. A second time is a 410. */
export function removeEvent(writing: Writing, eventId: string): Written {
  const current = matched(writing, eventId);
  if (isCancelled(current)) throw alreadyDeleted();
  const next = stamped(writing, { ...current, status: 'cancelled' });
  return commit(writing, withConsequences(writing, current, next));
}

/** An event by id, or an instance of a series that has no exception yet. */
export function findEvent(store: CalendarStore, calendar: Calendar, eventId: string): GoogleEvent {
  const { events } = store.view(calendar.id);
  const known = events.get(eventId);
  if (known !== undefined) return known;
  const found = occurrenceOf(eventId, (id) => events.get(id), calendar.timeZone);
  if (found === undefined || isCancelled(found.master)) throw notFound();
  const { recurrence: _, ...inherited } = found.master;
  const { start, end } = found.occurrence;
  return {
    ...inherited,
    id: eventId,
    htmlLink: linkTo(eventId, calendar.id),
    start,
    end,
    recurringEventId: found.master.id,
    originalStartTime: start,
  };
}

function draftNew(writing: Writing, body: EventBody): GoogleEvent {
  const { calendar, host, store } = writing;
  const id = chosenId(body) ?? host.opaqueId('google-event', idLetters, 26);
  const present = store.view(calendar.id).events.get(id);
  const free =
    present === undefined || (!writing.switches.deletedIdStaysTaken && isCancelled(present));
  if (!free) throw duplicate();
  const micros = store.clock.nextMicros();
  const blank: GoogleEvent = {
    kind: 'calendar#event',
    etag: etagOf(micros),
    id,
    status: 'confirmed',
    htmlLink: linkTo(id, calendar.id),
    created: `${instantText(micros).slice(0, 19)}.000Z`,
    updated: instantText(micros),
    creator: person(writing.actor, calendar.id),
    organizer: { ...person(calendar.id, calendar.id), ...displayName(calendar) },
    start: {},
    end: {},
    iCalUID: typeof body['iCalUID'] === 'string' ? body['iCalUID'] : `${id}@google.com`,
    sequence: 0,
    eventType: 'default',
  };
  return { ...blank, ...understood(body, calendar), sequence: sequenceOf(body) ?? 0 };
}

function chosenId(body: EventBody): string | undefined {
  const { id, iCalUID } = body;
  if (typeof id !== 'string') return undefined;
  if (typeof iCalUID === 'string') {
    throw badRequest('invalid', 'Only one of id and iCalUID may be supplied at event creation.');
  }
  if (!/^[a-v0-9]{5,1024}$/.test(id)) throw badRequest('invalid', 'Invalid resource id value.');
  return id;
}

/** The writable part of a body, with defaults and meaning. Never sets identity. */
function understood(body: EventBody, calendar: Calendar): EventBody {
  const fixed = [...readOnlyFields, 'id', 'iCalUID', 'sequence', 'extendedProperties'];
  const kept = Object.entries(body).filter(
    ([name, value]) => !fixed.includes(name) && value !== null && !isEmptyList(value),
  );
  const properties = understandProperties(body['extendedProperties']);
  return {
    status: 'confirmed',
    eventType: 'default',
    reminders: { useDefault: true },
    ...Object.fromEntries(kept),
    ...understandTimes(body, calendar.timeZone),
    ...(properties === undefined ? {} : { extendedProperties: properties }),
  };
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function sequenceOf(body: EventBody): number | undefined {
  const { sequence } = body;
  if (sequence === undefined || sequence === null) return undefined;
  if (!Number.isInteger(sequence) || (sequence as number) < 0) {
    throw badRequest('invalid', 'Invalid sequence value.');
  }
  return sequence as number;
}

/** The next version of an event from the complete body it shall have. */
function rewrite(writing: Writing, current: GoogleEvent, body: EventBody): GoogleEvent {
  const { calendar } = writing;
  const eventType = body['eventType'] ?? current.eventType;
  if (eventType !== current.eventType) {
    throw badRequest('invalid', 'The event type cannot be changed.');
  }
  if (current.recurringEventId !== undefined && !isEmptyList(body['recurrence'] ?? [])) {
    throw badRequest('invalid', 'An instance of a recurring event cannot recur itself.');
  }
  const { kind, id, htmlLink, created, creator, organizer, iCalUID, etag, updated } = current;
  const identity = { kind, etag, id, htmlLink, created, updated, creator, organizer, iCalUID };
  const { recurringEventId, originalStartTime } = current;
  const place = recurringEventId === undefined ? {} : { recurringEventId, originalStartTime };
  const next = { ...identity, ...understood({ ...body, eventType }, calendar), ...place };
  const sequence = nextSequence(current, body, next);
  return stamped(writing, { ...next, sequence } as GoogleEvent);
}

/** A change of time or rule raises the sequence, as Google does for the organizer. */
function nextSequence(current: GoogleEvent, body: EventBody, next: EventBody): number {
  const asked = sequenceOf(body) ?? current.sequence;
  if (asked < current.sequence) {
    const message =
      'Invalid sequence value. The specified sequence number is below the current sequence number of the resource. Re-fetch the resource and use its sequence number on the following request.';
    throw badRequest('invalid', message);
  }
  const times = ({ start, end, recurrence }: EventBody) => JSON.stringify([start, end, recurrence]);
  return asked === current.sequence && times(next) !== times(current) ? asked + 1 : asked;
}

function stamped({ store }: Writing, event: GoogleEvent): GoogleEvent {
  const micros = store.clock.nextMicros();
  return { ...event, etag: etagOf(micros), updated: instantText(micros) };
}

/** A series that ends or stops recurring takes its exceptions along. */
function withConsequences(
  writing: Writing,
  before: GoogleEvent,
  after: GoogleEvent,
): [GoogleEvent, ...GoogleEvent[]] {
  const ends = before.recurrence !== undefined && (isCancelled(after) || !after.recurrence);
  if (!ends) return [after];
  const { events, exceptions } = writing.store.view(writing.calendar.id);
  const live = [...(exceptions.get(after.id) ?? [])]
    .map((id) => events.get(id)!)
    .filter((exception) => !isCancelled(exception));
  return [
    after,
    ...live.map((exception) => stamped(writing, { ...exception, status: 'cancelled' })),
  ];
}

function commit(
  writing: Writing,
  events: [GoogleEvent, ...GoogleEvent[]] | GoogleEvent[],
): Written {
  const [event] = events as [GoogleEvent];
  const times = writing.store.commit(writing.calendar.id, events);
  writing.host.effect('google', 'event-changed', {
    calendarId: writing.calendar.id,
    eventId: event.id,
    status: event.status,
    etag: event.etag,
    actor: writing.actor,
    ...times,
  });
  return { event, ...times };
}

function matched(writing: Writing, eventId: string): GoogleEvent {
  const current = findEvent(writing.store, writing.calendar, eventId);
  const { ifMatch } = writing;
  if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== current.etag) throw conditionNotMet();
  return current;
}

function person(email: string, calendarId: string): { email: string; self?: boolean } {
  return email === calendarId ? { email, self: true } : { email };
}

function displayName({ id, owner, summary }: Calendar): { displayName?: string } {
  return id === owner ? {} : { displayName: summary };
}

function linkTo(eventId: string, calendarId: string): string {
  const eid = Buffer.from(`${eventId} ${calendarId}`).toString('base64url');
  return `https://www.google.com/calendar/event?eid=${eid}`;
}
