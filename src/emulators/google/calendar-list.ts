import { createHash } from 'node:crypto';
import type { AccessToken } from '../accounts.ts';
import { accessRoles } from './calendar-store.ts';
import type { AccessRole, Calendar, CalendarStore } from './calendar-store.ts';
import { badRequest, fullSyncRequired } from './errors.ts';
import { fingerprint, openNumbers, sealNumbers } from './opaque.ts';
import type { Parameters } from './parameters.ts';

export const calendarListParameters = {
  maxResults: 'integer',
  minAccessRole: 'string',
  pageToken: 'string',
  showDeleted: 'boolean',
  showHidden: 'boolean',
  syncToken: 'string',
} as const;

/** The calendars of an account, a page at a time. Source: Calendar v3 reference, calendarList.list. */
export function listCalendars(
  store: CalendarStore,
  { email }: AccessToken,
  parameters: Parameters<typeof calendarListParameters>,
): Record<string, unknown> {
  const { maxResults = 100, minAccessRole = 'freeBusyReader', pageToken, syncToken } = parameters;
  const lowest = accessRoles.indexOf(minAccessRole as AccessRole);
  if (lowest === -1)
    throw badRequest('invalid', `Invalid value '${minAccessRole}'.`, 'minAccessRole');
  if (syncToken !== undefined && parameters.minAccessRole !== undefined) {
    throw badRequest('invalid', 'Sync token cannot be used with minAccessRole.', 'syncToken');
  }
  const since = syncToken === undefined ? 0 : position(syncToken, email, fullSyncRequired());
  const invalidPage = badRequest('invalid', 'Invalid page token value.', 'pageToken');
  const from = pageToken === undefined ? 0 : position(pageToken, email, invalidPage);
  const theirs = [...store.calendars.values()].filter(({ owner }) => owner === email);
  const wanted = theirs.filter(
    ({ accessRole, changedMicros }) =>
      accessRoles.indexOf(accessRole) >= lowest && changedMicros > since,
  );
  const until = from + Math.min(maxResults, 250);
  const latest = Math.max(0, ...theirs.map(({ changedMicros }) => changedMicros));
  return {
    kind: 'calendar#calendarList',
    etag: `"p32${latest.toString(36)}0o"`,
    ...(until < wanted.length
      ? { nextPageToken: sealNumbers([until, fingerprint(email)]) }
      : { nextSyncToken: sealNumbers([latest, fingerprint(email)]) }),
    items: wanted.slice(from, until).map(calendarListEntry),
  };
}

function position(token: string, email: string, refusal: Error): number {
  const fields = openNumbers(token);
  if (fields?.length !== 2 || fields[1] !== fingerprint(email)) throw refusal;
  return fields[0]!;
}

/** Source: CalendarList resource. */
export function calendarListEntry(calendar: Calendar): Record<string, unknown> {
  const { id, owner, summary, timeZone, accessRole, changedMicros } = calendar;
  return {
    kind: 'calendar#calendarListEntry',
    etag: `"${changedMicros}"`,
    id,
    summary,
    timeZone,
    colorId: String((createHash('sha256').update(id).digest()[0]! % 24) + 1),
    backgroundColor: '#9fe1e7',
    foregroundColor: '#000000',
    selected: true,
    accessRole,
    defaultReminders: [],
    conferenceProperties: { allowedConferenceSolutionTypes: ['hangoutsMeet'] },
    ...(id === owner ? { primary: true } : {}),
  };
}

/** Source: Calendars resource. */
export function calendarResource(calendar: Calendar): Record<string, unknown> {
  const { id, owner, summary, timeZone, changedMicros } = calendar;
  return {
    kind: 'calendar#calendar',
    etag: `"${changedMicros}"`,
    id,
    summary,
    timeZone,
    conferenceProperties: { allowedConferenceSolutionTypes: ['hangoutsMeet'] },
    dataOwner: owner,
  };
}
