export const DAV = 'DAV:';
export const CALDAV = 'urn:ietf:params:xml:ns:caldav';
export const CALENDAR_SERVER = 'http://calendarserver.org/ns/';
export const APPLE = 'http://apple.com/ns/ical/';

/** Names in the form `{namespace}local`. */
export const dav = (local: string): string => `{${DAV}}${local}`;
export const cal = (local: string): string => `{${CALDAV}}${local}`;
export const cs = (local: string): string => `{${CALENDAR_SERVER}}${local}`;
export const apple = (local: string): string => `{${APPLE}}${local}`;

export function splitName(name: string): { namespace: string; local: string } {
  const end = name.indexOf('}');
  return { namespace: name.slice(1, end), local: name.slice(end + 1) };
}
