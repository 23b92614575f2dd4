import { offsetOf, spellingOf } from './offsets.ts';
import { WINDOWS_ZONES } from './windows-zones.ts';

const BY_LOWER_CASE = new Map([
  ...Object.entries(WINDOWS_ZONES).map(([name, zone]) => [name.toLowerCase(), zone] as const),
  ['tzone://microsoft/utc', 'UTC'] as const,
]);

/** The IANA zone of a name that Windows gives, such as `Romance Standard Time`; null for others. */
export const windowsZone = (name: string): string | null =>
  BY_LOWER_CASE.get(name.toLowerCase()) ?? null;

/** With `Daylight` in the name, or without its last two words, as Notes writes it. */
function looseWindowsZone(name: string): string | null {
  const standard = name.replace(/ (daylight|summer) time$/i, ' standard time');
  return windowsZone(standard) ?? windowsZone(`${standard} standard time`);
}

const SHOWN = /^\((?:UTC|GMT)(?:\s*([+-])(\d{1,2})[:.](\d{2}))?\)\s*(.+)$/i;

/**
 * The zone that programs show as `(UTC+01:00) Amsterdam, Berlin, Bern`: of the first of its places
 * that has a zone whose standard time is as far from UTC as is said. Null when none has.
 */
export function shownZone(name: string): string | null {
  const match = SHOWN.exec(name);
  if (!match) return looseWindowsZone(name);
  const [, sign, hours = '0', minutes = '0', places = ''] = match;
  const size = (Number(hours) * 60 + Number(minutes)) * 60_000;
  const offsetMs = sign === '-' ? -size : size;
  if (/^coordinated universal time/i.test(places)) return 'UTC';
  const north = windowsZone(places.replace(/ time \(us & canada\)$/i, ' standard time'));
  if (north && standardOffset(north) === offsetMs) return north;
  for (const place of places.split(/[,/]/)) {
    const found = zoneOfPlace(place.trim().replaceAll(' ', '_'), offsetMs);
    if (found) return found;
  }
  return null;
}

const REGIONS = [
  'Europe',
  'America',
  'Asia',
  'Africa',
  'Australia',
  'Pacific',
  'Atlantic',
  'Indian',
  'US',
];

function zoneOfPlace(place: string, offsetMs: number): string | null {
  if (!/^[A-Za-z_.'-]+$/.test(place)) return null;
  for (const region of REGIONS) {
    const zone = spellingOf(`${region}/${place}`);
    if (zone !== null && standardOffset(zone) === offsetMs) return zone;
  }
  return null;
}

/** Any January and July will do: 2026-01-15 and 2026-07-15. */
const WINTER_AT = 20_468 * 86_400_000;
const SUMMER_AT = 20_649 * 86_400_000;

const standardOffset = (zone: string): number =>
  Math.min(offsetOf(zone, WINTER_AT) ?? 0, offsetOf(zone, SUMMER_AT) ?? 0);
