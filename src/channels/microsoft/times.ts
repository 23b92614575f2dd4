import { dateText, DAY_SECONDS, localText, modulo, readWall } from '../../calendar/civil.ts';
import { instantOf, instantToWall, resolveZone, wallToInstant } from '../../calendar/zones.ts';
import type { WallTime } from '../../domain/event.ts';
import type { GraphTime } from './item.ts';

/** Epoch milliseconds of Graph's dateTimeTimeZone; null when it cannot be placed. */
export function instantIn(time: Partial<GraphTime> | null | undefined): number | null {
  const reading = typeof time?.dateTime === 'string' ? readWall(time.dateTime) : null;
  if (!reading) return null;
  const zone = reading.isUtc ? 'UTC' : resolveZone(time?.timeZone ?? 'UTC');
  return zone === null ? null : Math.floor(wallToInstant(reading.wall, zone));
}

export interface Span {
  startAt: number;
  endAt: number;
}

/** A timed entry: instants, told in the zone it was made in where that is known. */
export function timedIn({ startAt, endAt }: Span, zone: string | null): [WallTime, WallTime] {
  return [wallIn(startAt, zone), wallIn(endAt, zone)];
}

function wallIn(at: number, zone: string | null): WallTime {
  const utc = { kind: 'utc', at: new Date(at).toISOString() } as const;
  if (zone === null || zone === 'UTC') return utc;
  const zoned = { kind: 'zoned', local: localText(instantToWall(at, zone)), zone } as const;
  // The second pass of a repeated hour has no zoned spelling of its own.
  return instantOf(zoned, zone) === at ? zoned : utc;
}

/**
 * Whole days: asked for in UTC, an all-day entry made in another zone looks shifted, so the days are
 * read in the first of these zones in which it begins and ends at midnight. Null in none.
 */
export function daysIn(span: Span, zones: readonly (string | null)[]): [WallTime, WallTime] | null {
  const zone = zones.find((one) => one !== null && isMidnight(span, one));
  if (typeof zone !== 'string' || span.endAt <= span.startAt) return null;
  const dateOf = (at: number): WallTime => ({
    kind: 'date',
    date: dateText(instantToWall(at, zone)),
  });
  return [dateOf(span.startAt), dateOf(span.endAt)];
}

const isMidnight = ({ startAt, endAt }: Span, zone: string): boolean =>
  [startAt, endAt].every((at) => modulo(instantToWall(at, zone), DAY_SECONDS) === 0);

const HOUR_MS = 3_600_000;

/** As long as some number of days, one of which a clock change may have cut or stretched. */
export function isDaysLong({ startAt, endAt }: Span): boolean {
  const day = DAY_SECONDS * 1000;
  const off = modulo(endAt - startAt, day);
  return endAt - startAt >= day - HOUR_MS && (off <= HOUR_MS || off >= day - HOUR_MS);
}

/** `tzone://Microsoft/Custom` and its like name no zone. */
export const zoneNamed = (name: string | null | undefined): string | null =>
  typeof name === 'string' && name !== '' ? resolveZone(name) : null;
