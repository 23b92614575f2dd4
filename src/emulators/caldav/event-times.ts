import { instantOf, isZone } from '../zones.ts';
import { propertyOf } from './ical.ts';
import type { IcalComponent, IcalProperty } from './ical.ts';

/** A date or time of a calendar object: the wall reading as if in UTC, and the zone it is read in. */
export interface EventTime {
  wallMs: number;
  zone: string;
  isDate: boolean;
}

const shape = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/;

/** Undefined when the value is no date or time. `floatingZone` is where readings without zone are. */
export function readTime(
  { value, parameters }: IcalProperty,
  calendar: IcalComponent,
  floatingZone: string,
): EventTime | undefined {
  const match = shape.exec(value);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute = '0', second = '0', utc] = match;
  const wallMs = Date.UTC(+year!, +month! - 1, +day!, +(hour ?? '0'), +minute, +second);
  const tzid = parameters['TZID'];
  const zone = tzid === undefined ? floatingZone : zoneOf(tzid, calendar, floatingZone);
  return { wallMs, zone: utc === undefined ? zone : 'UTC', isDate: hour === undefined };
}

export function instantMs({ wallMs, zone }: EventTime): number {
  return quickInstantOf(wallMs, zone);
}

const instants = new Map<string, Map<number, number>>();

/** Most events start at the same few times of day, so an instant asked for once is kept. */
export function quickInstantOf(wallMs: number, zone: string): number {
  const known = instants.get(zone) ?? new Map<number, number>();
  if (known.size > 100_000) known.clear();
  instants.set(zone, known);
  const instant = known.get(wallMs) ?? instantOf(wallMs, zone);
  known.set(wallMs, instant);
  return instant;
}

/** A zone that is not in the database counts by the standard offset that the object gives for it. */
function zoneOf(tzid: string, calendar: IcalComponent, floatingZone: string): string {
  if (isZone(tzid)) return tzid;
  const own = calendar.components.find(
    (each) => each.name === 'VTIMEZONE' && propertyOf(each, 'TZID')?.value === tzid,
  );
  const standard = own?.components.filter(({ name }) => name === 'STANDARD').at(-1);
  const offset = standard === undefined ? undefined : propertyOf(standard, 'TZOFFSETTO')?.value;
  const parts = /^([+-])(\d\d)(\d\d)/.exec(offset ?? '');
  return parts === null ? floatingZone : `${parts[1]}${parts[2]}:${parts[3]}`;
}

const durationShape = /^([+-])?P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/** Milliseconds of an RFC 5545 §3.3.6 duration; undefined when it is none. */
export function durationMs(value: string): number | undefined {
  const match = durationShape.exec(value);
  if (match === null) return undefined;
  const [weeks, days, hours, minutes, seconds] = match.slice(2).map((text) => Number(text ?? 0));
  const size = ((weeks! * 7 + days!) * 24 + hours!) * 60 + minutes!;
  return (match[1] === '-' ? -1 : 1) * (size * 60 + seconds!) * 1000;
}
