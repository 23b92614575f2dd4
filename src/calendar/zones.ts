import type { WallTime } from '../domain/event.ts';
import { DAY_SECONDS, readWall } from './civil.ts';
import type { Segment } from './offsets.ts';
import { segmentOf, spellingOf } from './offsets.ts';
import { shownZone, windowsZone } from './shown-zones.ts';
import type { EmbeddedZone } from './vtimezone.ts';
import { VTIMEZONE_PREFIX } from './vtimezone.ts';

/** A wall time that cannot be placed: its text is no date, or its zone is not known. */
export class WallTimeError extends Error {
  constructor(what: 'bad-time' | 'unknown-zone') {
    super(
      what === 'bad-time'
        ? 'A calendar time is not a real date; the calendar entry must be corrected at its channel.'
        : 'A calendar time names a zone that is not known; use an IANA name such as Europe/Paris.',
    );
    this.name = 'WallTimeError';
  }
}

/**
 * Epoch milliseconds of a wall time. A local time that a clock change skips is read with the offset
 * before the gap, so it moves forward; one that happens twice is its first occurrence (RFC 5545
 * §3.3.5). A date is its midnight in `defaultZone`, as is a floating time there.
 * Throws `WallTimeError`.
 */
export function instantOf(wall: WallTime, defaultZone: string): number {
  const reading = readWall(textOf(wall));
  if (!reading) throw new WallTimeError('bad-time');
  return wallToInstant(reading.wall, frameOf(wall, defaultZone));
}

export function textOf(wall: WallTime): string {
  if (wall.kind === 'date') return wall.date;
  return wall.kind === 'utc' ? wall.at : wall.local;
}

/** The zone a wall time is read in. */
export function frameOf(wall: WallTime, defaultZone: string): string {
  if (wall.kind === 'utc') return 'UTC';
  return wall.kind === 'zoned' ? wall.zone : defaultZone;
}

/** Epoch milliseconds of wall seconds in a zone; gaps and folds as in `instantOf`. */
export function wallToInstant(wall: number, zone: string): number {
  const asUtc = wall * 1000;
  const { fromAt, untilAt, offsetMs } = knownSegment(zone, asUtc);
  // Zones lie within a day of UTC: farther than that from any change there is only one offset.
  if (asUtc - DAY_MS >= fromAt && asUtc + DAY_MS < untilAt) return asUtc - offsetMs;
  const before = knownOffset(zone, asUtc - DAY_MS);
  const after = knownOffset(zone, asUtc + DAY_MS);
  const early = asUtc - before;
  if (before === after && knownOffset(zone, early) === before) return early;
  for (const offset of [before, after].toSorted((a, b) => b - a)) {
    if (knownOffset(zone, asUtc - offset) === offset) return asUtc - offset;
  }
  // In a gap neither offset holds. Two changes within a day are looked at one by one.
  return asUtc - knownOffset(zone, asUtc - Math.max(before, after));
}

const DAY_MS = DAY_SECONDS * 1000;

/** Wall seconds that clocks of the zone show at an instant. */
export const instantToWall = (at: number, zone: string): number =>
  (at + knownOffset(zone, at)) / 1000;

function knownSegment(zone: string, at: number): Segment {
  const segment = segmentOf(zone, at);
  if (segment === null) throw new WallTimeError('unknown-zone');
  return segment;
}

const knownOffset = (zone: string, at: number): number => knownSegment(zone, at).offsetMs;

/** Whether `instantOf` can place times in this zone: an IANA name, `±HH:MM` or `vtimezone:…`. */
export const zoneIsKnown = (zone: string): boolean => spellingOf(zone) !== null;

/**
 * What a TZID means, as a zone name that stands alone: an IANA name (any case, aliases kept as
 * written), the tail of `/vendor/prefix/Europe/Paris`, a Windows name, a fixed offset, or the
 * feed's own VTIMEZONE: by X-LIC-LOCATION, else by its observances; at last a name as Windows shows
 * it. Where a VTIMEZONE disagrees with a known name, the name counts: zone data is kept up, files
 * are not. Null when nothing fits.
 */
export function resolveZone(
  tzid: string,
  embedded: ReadonlyMap<string, EmbeddedZone> = new Map(),
): string | null {
  const name = tzid.trim().replace(/^"(.*)"$/, '$1');
  const own = embedded.get(name);
  return (
    (name.startsWith(VTIMEZONE_PREFIX) && zoneIsKnown(name) ? name : null) ??
    ianaZone(name) ??
    windowsZone(name) ??
    fixedZone(name) ??
    pathTail(name) ??
    (own?.location ? ianaZone(own.location) : null) ??
    own?.zone ??
    shownZone(name)
  );
}

const UTC_NAMES = new Set(['utc', 'z', 'gmt', 'zulu', 'etc/utc', 'etc/gmt', 'uct', 'universal']);

function ianaZone(name: string): string | null {
  if (UTC_NAMES.has(name.toLowerCase())) return 'UTC';
  return /^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name) ? spellingOf(name) : null;
}

function fixedZone(name: string): string | null {
  const match = /^(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?$/i.exec(name);
  if (!match) return null;
  const [, sign, hours, minutes = '00'] = match;
  return Number(hours) <= 18 && Number(minutes) <= 59
    ? `${sign}${hours!.padStart(2, '0')}:${minutes}`
    : null;
}

/** Longest tail first, so that `…/America/Argentina/Salta` is not cut to a shorter name. */
function pathTail(name: string): string | null {
  const parts = name.split('/').filter((part) => part !== '');
  for (let from = 1; from < parts.length - 1; from += 1) {
    const zone = ianaZone(parts.slice(from).join('/'));
    if (zone) return zone;
  }
  if (!name.startsWith('/') || parts.length === 0) return null;
  // Of a single last part only UTC is sure to be meant.
  return ianaZone(parts.join('/')) ?? (UTC_NAMES.has(parts.at(-1)!.toLowerCase()) ? 'UTC' : null);
}
