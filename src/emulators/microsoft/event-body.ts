import { instantOf, isDate, wallAt } from '../zones.ts';
import { badRequest } from './errors.ts';
import { showAsValues } from './event.ts';
import type { ExtendedProperty, ShowAs, StoredEvent, ZonedTime } from './event.ts';
import { readRecurrence } from './recurrence-body.ts';
import { ianaZone } from './windows-zones.ts';

export type Body = Record<string, unknown>;

/** Kept as they come. Source: Graph reference, "Create event" and "Update event". */
const keptFields = [
  ['subject', 'body', 'location', 'locations', 'attendees', 'categories', 'importance'],
  ['sensitivity', 'isReminderOn', 'reminderMinutesBeforeStart', 'responseRequested'],
  ['allowNewTimeProposals', 'hideAttendees', 'isOnlineMeeting', 'onlineMeetingProvider'],
].flat();

/** Read here, one by one. */
const readFields = [
  ['start', 'end', 'isAllDay', 'showAs', 'recurrence', 'transactionId'],
  ['singleValueExtendedProperties'],
].flat();

/** Part of an event and not a caller's to write: the service passes over them. */
const ownFields = [
  ['id', 'iCalUId', 'uid', 'changeKey', 'createdDateTime', 'lastModifiedDateTime', 'type'],
  ['seriesMasterId', 'occurrenceId', 'webLink', 'bodyPreview', 'hasAttachments', 'isDraft'],
  ['originalStart', 'originalStartTimeZone', 'originalEndTimeZone', 'onlineMeeting', 'isCancelled'],
  ['responseStatus', 'organizer', 'isOrganizer', 'onlineMeetingUrl', 'cancelledOccurrences'],
].flat();

/** What only a person in Outlook, or another organizer, brings about: the control API may. */
const personFields = ['responseStatus', 'organizer', 'isOrganizer'];

/** Who writes: an app through Graph, or a person through the control API. */
export type Writer = 'app' | 'person';

/** The event that a body makes of `base`, or of nothing. A wrong body is a 400. */
export function readEvent(body: Body, base: StoredEvent | undefined, writer: Writer): StoredEvent {
  refuseUnknown(body);
  const given = (name: string) => body[name] !== undefined;
  const zones = {
    originalStartTimeZone: zoneNameOf(body['start'], base?.originalStartTimeZone),
    originalEndTimeZone: zoneNameOf(body['end'], base?.originalEndTimeZone),
  };
  const person = writer === 'person' ? personPart(body) : {};
  const event: StoredEvent = {
    change: 0,
    createdAt: base?.createdAt ?? new Date().toISOString(),
    modifiedAt: new Date().toISOString(),
    start: given('start') ? readTime(body['start'], 'Start') : needed(base?.start, 'Start'),
    end: given('end') ? readTime(body['end'], 'End') : needed(base?.end, 'End'),
    ...zones,
    isAllDay: given('isAllDay') ? body['isAllDay'] === true : (base?.isAllDay ?? false),
    showAs: given('showAs') ? readShowAs(body['showAs']) : (base?.showAs ?? 'busy'),
    isCancelled: base?.isCancelled ?? false,
    ...transactionPart(body, base),
    extended: mergedProperties(base?.extended ?? [], body['singleValueExtendedProperties']),
    fields: { ...base?.fields, ...pick(body, keptFields) },
    ...person,
  };
  if (writer === 'person') Object.assign(event.fields, pick(body, personFields));
  checkTimes(event);
  return withRecurrence(event, body, base);
}

function personPart(body: Body): Partial<StoredEvent> {
  const { isCancelled, originalStartTimeZone, originalEndTimeZone } = body;
  return {
    ...(typeof isCancelled === 'boolean' ? { isCancelled } : {}),
    ...(typeof originalStartTimeZone === 'string' ? { originalStartTimeZone } : {}),
    ...(typeof originalEndTimeZone === 'string' ? { originalEndTimeZone } : {}),
  };
}

function transactionPart({ transactionId }: Body, base: StoredEvent | undefined) {
  if (base !== undefined && transactionId !== undefined && transactionId !== base.transactionId) {
    throw badRequest(
      'ErrorInvalidRequest',
      'TransactionId can be set only when an event is created.',
    );
  }
  const text = base?.transactionId ?? transactionId;
  return typeof text === 'string' ? { transactionId: text } : {};
}

function refuseUnknown(body: Body): void {
  const known = [...keptFields, ...readFields, ...ownFields];
  const strange = Object.keys(body).find((name) => !name.includes('@') && !known.includes(name));
  if (strange === undefined) return;
  const message = `The property '${strange}' does not exist on type 'microsoft.graph.event'.`;
  throw badRequest('RequestBodyRead', message);
}

const datePart = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/;

/** A `dateTimeTimeZone`. An offset is taken as the instant it says, shown on the zone's clock. */
export function readTime(value: unknown, name: string): ZonedTime {
  const { dateTime, timeZone = 'UTC' } = (value ?? {}) as {
    dateTime?: unknown;
    timeZone?: unknown;
  };
  const match = typeof dateTime === 'string' ? datePart.exec(dateTime) : null;
  const zone = typeof timeZone === 'string' ? ianaZone(timeZone) : undefined;
  if (zone === undefined) {
    const message = `The ${name} time zone '${String(timeZone)}' is not supported.`;
    throw badRequest('TimeZoneNotSupportedException', message);
  }
  const [, date, hour, minute, second = '00', offset] = match ?? [];
  const wallMs = Date.parse(`${date}T${hour}:${minute}:${second}${offset ?? 'Z'}`);
  if (match === null || !isDate(date!) || Number.isNaN(wallMs)) {
    const message = `Cannot convert the value of ${name} to a date and time.`;
    throw badRequest('ErrorPropertyValidationFailure', message);
  }
  return { wallMs: offset === undefined ? wallMs : wallAt(wallMs, zone), zone };
}

function zoneNameOf(value: unknown, fallback: string | undefined): string {
  const { timeZone } = (value ?? {}) as { timeZone?: string };
  return timeZone ?? fallback ?? 'UTC';
}

function needed<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw badRequest('ErrorPropertyValidationFailure', `The Event.${name} property is required.`);
}

function readShowAs(value: unknown): ShowAs {
  const known = showAsValues.find((each) => each === value);
  if (known !== undefined) return known;
  throw badRequest('RequestBodyRead', `Requested value '${String(value)}' was not found.`);
}

function checkTimes({ start, end, isAllDay }: StoredEvent): void {
  const dayMs = 86_400_000;
  const wrong = (message: string) => badRequest('ErrorPropertyValidationFailure', message);
  if (isAllDay) {
    const midnight = start.wallMs % dayMs === 0 && end.wallMs % dayMs === 0;
    if (!midnight) throw wrong('An all-day event starts and ends at midnight.');
    if (start.zone !== end.zone) throw wrong('An all-day event starts and ends in one time zone.');
    if (end.wallMs <= start.wallMs) throw wrong('An all-day event lasts at least 24 hours.');
  } else if (start.zone === end.zone ? end.wallMs < start.wallMs : false) {
    throw wrong('The end of an event is not before its start.');
  }
}

function mergedProperties(known: ExtendedProperty[], given: unknown): ExtendedProperty[] {
  if (given === undefined) return known;
  if (!Array.isArray(given)) {
    throw badRequest('RequestBodyRead', 'singleValueExtendedProperties is a collection.');
  }
  const fresh = (given as Body[]).map(({ id, value }) => ({
    id: String(id),
    value: String(value),
  }));
  const old = known.filter((property) => !fresh.some(({ id }) => sameProperty(id, property.id)));
  return [...old, ...fresh];
}

/** Property ids are a type, a GUID in braces and a name; the GUID's letters may be of either case. */
export function sameProperty(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function withRecurrence(
  event: StoredEvent,
  body: Body,
  base: StoredEvent | undefined,
): StoredEvent {
  const given = body['recurrence'];
  if (given === null || (given === undefined && base?.recurrence === undefined)) return event;
  const date = new Date(event.start.wallMs).toISOString().slice(0, 10);
  if (given !== undefined) {
    const start = { date, timeZone: event.originalStartTimeZone };
    return inRecurrenceZone({ ...event, recurrence: readRecurrence(given, start) });
  }
  const { pattern, range } = base!.recurrence!;
  const moved = body['start'] === undefined ? range : { ...range, startDate: date };
  return inRecurrenceZone({ ...event, recurrence: { pattern, range: moved } });
}

/** A series repeats on the clock of its recurrence's zone. */
function inRecurrenceZone(event: StoredEvent): StoredEvent {
  const zone = ianaZone(event.recurrence!.range.recurrenceTimeZone)!;
  if (event.isAllDay) return event;
  return { ...event, start: shown(event.start, zone), end: shown(event.end, zone) };
}

function shown(time: ZonedTime, zone: string): ZonedTime {
  return { wallMs: wallAt(instantOf(time.wallMs, time.zone), zone), zone };
}

function pick(body: Body, names: readonly string[]): Body {
  return Object.fromEntries(
    names.filter((name) => body[name] !== undefined).map((name) => [name, body[name]]),
  );
}
