import type { NeutralEvent, WallTime } from '../domain/event.ts';
import type { Interval } from '../domain/interval.ts';
import { DAY_SECONDS, readWall } from './civil.ts';
import { instantToWall, textOf, WallTimeError, wallToInstant, zoneIsKnown } from './zones.ts';

/** What an entry leaves unsaid about where its times are. */
export interface Frame {
  /** The zone of floating times: the calendar's own. */
  zone: string;
  /** The zone of whole days: the resource's. */
  dayZone: string;
  /** On a resource sold by the night a whole day means the night after it; null elsewhere. */
  nights: Nights | null;
}

/** Seconds of the local day at which a guest arrives and leaves. */
export interface Nights {
  arrivalSeconds: number;
  departureSeconds: number;
}

/** Where an entry starts on the wall, in which zone, and how long it takes. */
export interface Shape {
  kind: WallTime['kind'];
  isDate: boolean;
  zone: string;
  /** Wall seconds. */
  start: number;
  /** Days that follow the wall: of whole days, or of a DURATION in days or weeks. */
  lengthDays: number;
  /** What elapses after them (RFC 5545 §3.8.5.3). */
  lengthSeconds: number;
  nights: Nights | null;
}

type Timed = Pick<NeutralEvent, 'start' | 'end' | 'nominalDays'> &
  Partial<Pick<NeutralEvent, 'recurrence' | 'thisAndFuture'>>;

/** Null without a start. A missing end means one day, or no time at all. Throws `WallTimeError`. */
export function shapeOf(event: Timed, frame: Frame): Shape | null {
  if (!event.start) return null;
  const { kind } = event.start;
  const zone = zoneOf(event.start, frame);
  if (!zoneIsKnown(zone)) throw new WallTimeError('unknown-zone');
  const isDate = kind === 'date';
  const start = wallOf(event.start);
  const nights = isDate ? frame.nights : null;
  const shape: Shape = { kind, isDate, zone, start, lengthDays: 0, lengthSeconds: 0, nights };
  if (isDate) return { ...shape, lengthDays: daysTo(event.end, shape, frame) };
  if (!event.end) return shape;
  const lengthDays = event.nominalDays ?? 0;
  const after = { ...shape, lengthDays, start: start + lengthDays * DAY_SECONDS };
  const endAt = placeOf(event.end, frame);
  const repeats = Boolean(event.recurrence?.length) || event.thisAndFuture === true;
  // An end given as an instant is exact; one on the wall means what the wall shows.
  const byWall = repeats && event.end.kind !== 'utc';
  return { ...shape, lengthDays, lengthSeconds: secondsTo(endAt, after, byWall) };
}

/** The zone a wall time is read in. */
export function zoneOf(time: WallTime, frame: Frame): string {
  if (time.kind === 'utc') return 'UTC';
  if (time.kind === 'zoned') return time.zone;
  return time.kind === 'date' ? frame.dayZone : frame.zone;
}

/** The instant of a time; of a date, its midnight. Throws `WallTimeError`. */
export const placeOf = (time: WallTime, frame: Frame): number =>
  wallToInstant(wallOf(time), zoneOf(time, frame));

export function wallOf(time: WallTime): number {
  const reading = readWall(textOf(time));
  if (!reading) throw new WallTimeError('bad-time');
  return time.kind === 'date' ? Math.floor(reading.wall / DAY_SECONDS) * DAY_SECONDS : reading.wall;
}

function daysTo(end: WallTime | null, shape: Shape, frame: Frame): number {
  if (!end) return 1;
  const wall = end.kind === 'date' ? wallOf(end) : instantToWall(placeOf(end, frame), shape.zone);
  return Math.max(0, Math.ceil((wall - shape.start) / DAY_SECONDS));
}

function secondsTo(endAt: number, shape: Shape, byWall: boolean): number {
  const startAt = wallToInstant(shape.start, shape.zone);
  const seconds = (endAt - startAt) / 1000;
  const startsInGap = instantToWall(startAt, shape.zone) !== shape.start;
  // A start that a clock change moved forward must neither shorten every later occurrence nor come
  // after its own end.
  const isLong = seconds > 0 || (seconds === 0 && shape.lengthDays > 0);
  if (!startsInGap || (isLong && !byWall)) return Math.max(0, seconds);
  return Math.max(0, instantToWall(endAt, shape.zone) - shape.start);
}

/** The longest that an occurrence of this shape may take, clock changes allowed for. */
export const longestSeconds = ({ lengthDays, lengthSeconds }: Shape): number =>
  lengthDays * DAY_SECONDS + lengthSeconds + (lengthDays > 0 ? DAY_SECONDS : 0);

/** The instants an entry of this shape takes when it starts at `wall`. */
export function spanAt(shape: Shape, wall: number): Interval {
  const { zone, lengthDays, lengthSeconds, nights } = shape;
  if (nights) {
    const departure = wall + lengthDays * DAY_SECONDS + nights.departureSeconds;
    const startAt = wallToInstant(wall + nights.arrivalSeconds, zone);
    return { startAt, endAt: Math.max(startAt, wallToInstant(departure, zone)) };
  }
  const startAt = wallToInstant(wall, zone);
  const onDay = lengthDays === 0 ? startAt : wallToInstant(wall + lengthDays * DAY_SECONDS, zone);
  return { startAt, endAt: onDay + lengthSeconds * 1000 };
}

/** Zero-length spans reach the window they start in. */
export const reaches = (span: Interval, window: { fromAt: number; untilAt: number }): boolean =>
  span.startAt < window.untilAt && (span.endAt > window.fromAt || span.startAt >= window.fromAt);
