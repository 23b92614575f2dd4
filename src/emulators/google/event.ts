/** An event time: `date` for all-day, else `dateTime` with offset. Source: Events resource. */
export interface EventTime {
  date?: string;
  dateTime?: string;
  timeZone?: string;
}

interface Person {
  email?: string;
  displayName?: string;
  self?: boolean;
}

export interface ExtendedProperties {
  private?: Record<string, string>;
  shared?: Record<string, string>;
}

/** An event as the API shows it. Source: Calendar v3 reference, Events resource. */
export interface GoogleEvent {
  kind: 'calendar#event';
  etag: string;
  id: string;
  status: string;
  htmlLink: string;
  created: string;
  updated: string;
  summary?: string;
  description?: string;
  location?: string;
  creator: Person;
  organizer: Person;
  start: EventTime;
  end: EventTime;
  recurrence?: string[];
  recurringEventId?: string;
  originalStartTime?: EventTime;
  transparency?: string;
  visibility?: string;
  iCalUID: string;
  sequence: number;
  attendees?: Person[];
  extendedProperties?: ExtendedProperties;
  eventType: string;
  [other: string]: unknown;
}

/** A body as a client sends it, before it is understood. */
export type EventBody = Record<string, unknown>;

export function isCancelled(event: GoogleEvent): boolean {
  return event.status === 'cancelled';
}
