import { readComponents } from './components.ts';
import { embeddedZones } from './embedded-zones.ts';
import { VTIMEZONE_PREFIX } from './vtimezone.ts';
import { resolveZone } from './zones.ts';

/**
 * The IANA zone that a VTIMEZONE names, as calendars state their own (RFC 4791 §5.2.2). Null when it
 * names none that is known.
 */
export function zoneOfTimezone(text: string): string | null {
  const { calendars } = readComponents(text);
  const embedded = embeddedZones(calendars);
  for (const tzid of embedded.keys()) {
    const zone = resolveZone(tzid, embedded);
    if (zone !== null && !zone.startsWith(VTIMEZONE_PREFIX)) return zone;
  }
  return null;
}
