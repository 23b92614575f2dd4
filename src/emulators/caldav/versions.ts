import type { Calendar, CalendarStore, StoredObject } from './calendar-store.ts';
import type { CaldavSwitches } from './switches.ts';

type Version = Pick<StoredObject, 'seq' | 'changedAtMs'>;

/** The time tells apart what is made anew at an address that had the same number before. */
function opaqueOf({ seq, changedAtMs }: Version): string {
  return `C=${seq}@T=${changedAtMs.toString(36)}`;
}

/** An object's ETag as the server spells it now. */
export function etagOf(object: Version, switches: CaldavSwitches): string {
  const opaque = opaqueOf(object);
  if (switches.etags === 'unquoted') return opaque;
  return switches.etags === 'weak' ? `W/"${opaque}"` : `"${opaque}"`;
}

/**
 * Whether an `If-Match` or `If-None-Match` names this version. Any spelling of the opaque part
 * counts, since servers with odd ETags take back what they gave.
 */
export function namesVersion(header: string, object: Version): boolean {
  const opaque = opaqueOf(object);
  const listed = header.split(',').map((text) => text.trim());
  return listed.some(
    (text) => text === '*' || text.replace(/^W\//, '').replaceAll('"', '') === opaque,
  );
}

/** The number of the newest change that a ctag shows. */
function shownSeq(store: CalendarStore, calendarId: string, switches: CaldavSwitches): number {
  const { changes } = store.view(calendarId);
  const untilMs = Date.now() - switches.ctagDelayMs;
  for (let at = changes.length - 1; at >= 0; at -= 1) {
    const { changedAtMs, seq } = changes[at]!;
    if (switches.ctagDelayMs <= 0 || changedAtMs <= untilMs) return seq;
  }
  return 0;
}

/** Source: CalendarServer extension caldav-ctag. */
export function ctagOf(store: CalendarStore, calendar: Calendar, switches: CaldavSwitches): string {
  return `FT=-@RU=${calendar.resourceId}@S=${shownSeq(store, calendar.id, switches)}`;
}
