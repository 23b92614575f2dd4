import type { NeutralEvent, WallTime } from '../domain/event.ts';
import type { Interval } from '../domain/interval.ts';
import { DAY_SECONDS, readWall } from './civil.ts';
import {
  frameOf,
  instantOf,
  instantToWall,
  textOf,
  WallTimeError,
  wallToInstant,
  zoneIsKnown,
} from './zones.ts';

/** Where an entry starts on the wall, in which zone, and how long it takes. */
export interface Shape {
  isDate: boolean;
  zone: string;
  /** Wall seconds. */
  start: number;
  /** On the wall for whole days, elapsed for timed entries (RFC 5545 §3.8.5.3). */
  lengthSeconds: number;
}

/** Null without a start. A missing end means one day, or no time at all. Throws `WallTimeError`. */
export function shapeOf(
  event: Pick<NeutralEvent, 'start' | 'end'>,
  defaultZone: string,
): Shape | null {
  if (!event.start) return null;
  const zone = frameOf(event.start, defaultZone);
  if (!zoneIsKnown(zone)) throw new WallTimeError('unknown-zone');
  const isDate = event.start.kind === 'date';
  const start = wallOf(event.start);
  const lengthSeconds = event.end
    ? lengthTo(event.end, { isDate, zone, start, lengthSeconds: 0 }, defaultZone)
    : isDate
      ? DAY_SECONDS
      : 0;
  return { isDate, zone, start, lengthSeconds: Math.max(0, lengthSeconds) };
}

export function wallOf(time: WallTime): number {
  const reading = readWall(textOf(time));
  if (!reading) throw new WallTimeError('bad-time');
  return time.kind === 'date' ? Math.floor(reading.wall / DAY_SECONDS) * DAY_SECONDS : reading.wall;
}

function lengthTo(end: WallTime, shape: Shape, defaultZone: string): number {
  const endAt = instantOf(end, defaultZone);
  const startAt = wallToInstant(shape.start, shape.zone);
  const startsInGap = instantToWall(startAt, shape.zone) !== shape.start;
  // A start that a clock change moved forward must not shorten every later occurrence.
  if (shape.isDate || startsInGap) return instantToWall(endAt, shape.zone) - shape.start;
  return (endAt - startAt) / 1000;
}

/** The instants an entry of this shape takes when it starts at `wall`. */
export function spanAt(shape: Shape, wall: number): Interval {
  const startAt = wallToInstant(wall, shape.zone);
  const endAt = shape.isDate
    ? wallToInstant(wall + shape.lengthSeconds, shape.zone)
    : startAt + shape.lengthSeconds * 1000;
  return { startAt, endAt };
}

/** Zero-length spans reach the window they start in. */
export const reaches = (span: Interval, window: { fromAt: number; untilAt: number }): boolean =>
  span.startAt < window.untilAt && (span.endAt > window.fromAt || span.startAt >= window.fromAt);
