import { instantOf, wallAt } from '../zones.ts';
import type { Calendar } from './calendar-store.ts';
import { eventIdOf, iCalUIdOf } from './event-ids.ts';
import { changeKeyOf, etagOf } from './event.ts';
import type { StoredEvent, ZonedTime } from './event.ts';
import type { Item } from './occurrences.ts';
import type { Preferences } from './prefer.ts';
import { recurrenceView } from './recurrence-body.ts';
import type { MicrosoftSwitches } from './switches.ts';

export interface Showing {
  calendar: Calendar;
  preferences: Pick<Preferences, 'zone' | 'zoneName' | 'immutableIds'>;
  switches: MicrosoftSwitches;
}

/** An event as Graph shows it. Source: Graph reference, event resource. */
export function eventView({ type, entry, event, wallMs }: Item, showing: Showing): View {
  const { calendar, preferences, switches } = showing;
  const { immutableIds } = preferences;
  const person = (address: string) => ({ emailAddress: { name: address, address } });
  const fields = { ...defaults, organizer: person(calendar.account), ...event.fields };
  return {
    '@odata.etag': etagOf(event),
    id: eventIdOf(entry, wallMs, immutableIds),
    createdDateTime: event.createdAt,
    lastModifiedDateTime: event.modifiedAt,
    changeKey: changeKeyOf(event.change),
    transactionId: event.transactionId ?? null,
    originalStartTimeZone: event.originalStartTimeZone,
    originalEndTimeZone: event.originalEndTimeZone,
    iCalUId: iCalUIdOf(entry, wallMs),
    ...(switches.seriesUid === 'shared' ? { uid: iCalUIdOf(entry, undefined) } : {}),
    isAllDay: event.isAllDay,
    isCancelled: event.isCancelled,
    seriesMasterId: wallMs === undefined ? null : eventIdOf(entry, undefined, immutableIds),
    showAs: event.showAs,
    type,
    webLink: `https://outlook.office365.com/owa/?itemid=${encodeURIComponent(entry.id)}`,
    ...fields,
    ...(wallMs === undefined
      ? {}
      : { originalStart: originalStart(wallMs, entry.event.start.zone) }),
    ...timesOf(event, showing),
    recurrence: event.recurrence === undefined ? null : recurrenceView(event.recurrence),
  };
}

type View = Record<string, unknown>;

/** What events have that nobody set. */
const defaults = {
  subject: '',
  bodyPreview: '',
  body: { contentType: 'text', content: '' },
  categories: [],
  hasAttachments: false,
  importance: 'normal',
  sensitivity: 'normal',
  isOrganizer: true,
  responseRequested: true,
  isReminderOn: true,
  reminderMinutesBeforeStart: 15,
  isDraft: false,
  location: { displayName: '', locationType: 'default' },
  attendees: [],
  responseStatus: { response: 'organizer', time: '0001-01-01T00:00:00Z' },
};

/** An occurrence as a delta shows it: the rest is its master's. Source: microsoft-graph-docs issues 34 and 5602. */
export function skeletalView({ type, entry, event, wallMs }: Item, showing: Showing): View {
  const { immutableIds } = showing.preferences;
  return {
    '@odata.etag': etagOf(event),
    id: eventIdOf(entry, wallMs, immutableIds),
    seriesMasterId: eventIdOf(entry, undefined, immutableIds),
    type,
    ...timesOf(event, showing),
  };
}

function timesOf(event: StoredEvent, { preferences, switches }: Showing) {
  const { zone, zoneName } = preferences;
  const asDates = event.isAllDay && switches.allDayShown === 'dates';
  const show = ({ wallMs, zone: own }: ZonedTime) => ({
    dateTime: dateTimeText(asDates ? wallMs : wallAt(instantOf(wallMs, own), zone)),
    timeZone: zoneName,
  });
  return { start: show(event.start), end: show(event.end) };
}

function originalStart(wallMs: number, zone: string): string {
  return new Date(instantOf(wallMs, zone)).toISOString().replace('.000', '');
}

/** Seven decimals and no offset, as Graph writes times. */
export function dateTimeText(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/Z$/, '0000');
}

/** Deleted occurrences of a series, as `$select=cancelledOccurrences` shows them. */
export function cancelledOccurrences({ entry }: Item, { preferences }: Showing): string[] {
  const id = eventIdOf(entry, undefined, preferences.immutableIds);
  return entry.cancelled.map(
    (wallMs) => `OID.${id}.${new Date(wallMs).toISOString().slice(0, 10)}`,
  );
}
