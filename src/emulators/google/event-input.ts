import { badRequest } from './errors.ts';
import type { EventBody, EventTime, ExtendedProperties } from './event.ts';
import { parseRecurrence } from './recurrence-rule.ts';
import { isDate, isZone, parseDateTime, renderInZone } from '../zones.ts';

const strings = [
  ['id', 'summary', 'description', 'location', 'colorId', 'status', 'transparency', 'visibility'],
  ['iCalUID', 'eventType', 'kind', 'etag', 'htmlLink', 'created', 'updated', 'hangoutLink'],
  ['recurringEventId'],
].flat();
const booleans = [
  ['anyoneCanAddSelf', 'attendeesOmitted', 'endTimeUnspecified', 'guestsCanInviteOthers'],
  ['guestsCanModify', 'guestsCanSeeOtherGuests', 'locked', 'privateCopy'],
].flat();
const objects = [
  ['start', 'end', 'originalStartTime', 'creator', 'organizer', 'reminders', 'source', 'gadget'],
  ['extendedProperties', 'conferenceData', 'workingLocationProperties', 'outOfOfficeProperties'],
  ['focusTimeProperties', 'birthdayProperties'],
].flat();
const lists = ['attendees', 'attachments', 'recurrence'];

/** What a client cannot set: taken in a body and ignored. */
export const readOnlyFields = [
  ['kind', 'etag', 'htmlLink', 'created', 'updated', 'creator', 'organizer', 'recurringEventId'],
  ['originalStartTime', 'hangoutLink', 'locked', 'privateCopy', 'endTimeUnspecified'],
].flat();

const words: Record<string, readonly string[]> = {
  status: ['confirmed', 'tentative', 'cancelled'],
  transparency: ['opaque', 'transparent'],
  visibility: ['default', 'public', 'private', 'confidential'],
  eventType: ['default', 'outOfOffice', 'focusTime', 'workingLocation', 'birthday', 'fromGmail'],
};

/** Reads a request body as JSON of the Events resource: names and types, not yet what they mean. */
export function readEventBody(raw: Buffer, unknownFields: string): EventBody {
  const body = readJsonObject(raw);
  for (const [name, value] of Object.entries(body)) {
    const expected = typeOf(name);
    if (expected === undefined && unknownFields === 'refuse') {
      const message = `Invalid JSON payload received. Unknown name "${name}": Cannot find field.`;
      throw badRequest('badRequest', message);
    }
    if (expected !== undefined && value !== null && !hasType(value, expected)) {
      throw badRequest('invalid', `Invalid value for: Expected ${expected} at ${name}`);
    }
    if (typeof value === 'string' && words[name]?.includes(value) === false) {
      throw badRequest('invalid', `Invalid value for: ${name}`);
    }
  }
  return body;
}

/** Source: Google answers `parseError` to a body that is not JSON. */
export function readJsonObject(raw: Buffer): EventBody {
  let value: unknown;
  try {
    value = raw.length === 0 ? {} : JSON.parse(raw.toString('utf8'));
  } catch {
    throw badRequest('parseError', 'Parse Error');
  }
  if (!hasType(value, 'object')) throw badRequest('parseError', 'Parse Error');
  return value as EventBody;
}

type Type = 'string' | 'boolean' | 'number' | 'object' | 'array';

function typeOf(name: string): Type | undefined {
  if (strings.includes(name)) return 'string';
  if (booleans.includes(name)) return 'boolean';
  if (objects.includes(name)) return 'object';
  if (lists.includes(name)) return 'array';
  return name === 'sequence' ? 'number' : undefined;
}

function hasType(value: unknown, type: Type): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  }
  return typeof value === type;
}

interface UnderstoodTimes {
  start: EventTime;
  end: EventTime;
  recurrence?: string[];
}

/**
 * The times of an event as Google keeps and shows them, in the calendar's zone.
 * Throws a 400 for missing, mixed, empty or impossible ones. Source: Events resource, start and end.
 */
export function understandTimes(body: EventBody, calendarZone: string): UnderstoodTimes {
  const recurrence = (body['recurrence'] ?? []) as string[];
  const recurring = recurrence.length > 0;
  const start = understandTime(body['start'], { which: 'start', recurring, calendarZone });
  const end = understandTime(body['end'], { which: 'end', recurring, calendarZone });
  if ((start.date === undefined) !== (end.date === undefined)) {
    throw badRequest(
      'invalid',
      'Start and end times must either both be date or both be dateTime.',
    );
  }
  const length = Date.parse(end.date ?? end.dateTime!) - Date.parse(start.date ?? start.dateTime!);
  if (length <= 0) {
    throw badRequest('timeRangeEmpty', 'The specified time range is empty.', 'timeMax');
  }
  if (!recurring) return { start, end };
  if (recurrence.some((line) => typeof line !== 'string')) {
    throw badRequest('invalid', 'Invalid recurrence rule.');
  }
  parseRecurrence(recurrence, start.timeZone ?? 'UTC');
  return { start, end, recurrence };
}

interface TimeContext {
  which: 'start' | 'end';
  recurring: boolean;
  calendarZone: string;
}

function understandTime(
  given: unknown,
  { which, recurring, calendarZone }: TimeContext,
): EventTime {
  const { date, dateTime, timeZone } = (given ?? {}) as Record<string, unknown>;
  const absent = (value: unknown) => value === undefined || value === null;
  if (absent(date) && absent(dateTime)) throw badRequest('required', `Missing ${which} time.`);
  const invalid = badRequest('invalid', `Invalid ${which} time.`);
  if (!absent(timeZone) && (typeof timeZone !== 'string' || !isZone(timeZone))) {
    throw badRequest('invalid', `Invalid time zone definition for ${which} time.`);
  }
  if (!absent(date)) {
    if (!absent(dateTime) || typeof date !== 'string' || !isDate(date)) throw invalid;
    return { date };
  }
  const zone = absent(timeZone) ? undefined : (timeZone as string);
  const epochMs = typeof dateTime === 'string' ? parseDateTime(dateTime, zone) : undefined;
  if (epochMs === undefined) throw invalid;
  if (recurring && zone === undefined) {
    throw badRequest('required', `Missing time zone definition for ${which} time.`);
  }
  return {
    dateTime: renderInZone(epochMs, calendarZone),
    ...(zone === undefined ? {} : { timeZone: zone }),
  };
}

/**
 * Keys over 44 characters are dropped and values over 1,024 are cut, both silently; more than 300
 * properties or 32 kB on one side are refused. Source: Calendar guide "Extended properties".
 */
export function understandProperties(given: unknown): ExtendedProperties | undefined {
  if (given === undefined || given === null) return undefined;
  const understood: ExtendedProperties = {};
  for (const side of ['private', 'shared'] as const) {
    const properties = (given as Record<string, unknown>)[side];
    if (properties === undefined || properties === null) continue;
    const kept = Object.entries(properties as Record<string, unknown>)
      .filter(([key, value]) => key.length <= 44 && value !== null)
      .map(([key, value]) => [key, String(value).slice(0, 1024)] as const);
    const bytes = kept.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
    if (kept.length > 300 || bytes > 32_768) {
      throw badRequest('invalid', `Too many or too large ${side} extended properties.`);
    }
    if (kept.length > 0) understood[side] = Object.fromEntries(kept);
  }
  return Object.keys(understood).length === 0 ? undefined : understood;
}
