import type { NeutralEvent, WallTime } from '../domain/event.ts';
import { DAY_SECONDS } from './civil.ts';
import type { OccurrenceSet } from './series.ts';
import { emptySet } from './series.ts';
import type { Frame, Shape } from './shape.ts';
import { placeOf, shapeOf, wallOf } from './shape.ts';
import { instantToWall, WallTimeError, wallToInstant } from './zones.ts';

/** An exception read with its times; `shape` is null when it takes no time any more. */
interface ReadException {
  event: NeutralEvent;
  shape: Shape | null;
}

/** An exception that governs every occurrence from `fromAt` on (RANGE=THISANDFUTURE). */
export interface FutureChange extends ReadException {
  fromAt: number;
  /** How far it moved its own occurrence, on the wall of its shape's zone. */
  shiftSeconds: number;
}

export interface Exceptions {
  /** Occurrences of the series that an exception stands for. */
  replaced: OccurrenceSet;
  /** Exceptions that take time of their own, whether or not the series has their occurrence. */
  standing: { event: NeutralEvent; shape: Shape }[];
  /** Ascending by `fromAt`. */
  futureChanges: FutureChange[];
  flaw: string | null;
}

/** Whether an entry takes time at all; kinds of entry are for the caller to judge. */
export const takesTime = (event: NeutralEvent): boolean =>
  event.status !== 'cancelled' && event.transparency === 'opaque';

/**
 * Exceptions that cannot be read are reported and leave their occurrence as the series has it.
 * `master` is the shape of the series they belong to, where it is known.
 */
export function readExceptions(
  events: readonly NeutralEvent[],
  frame: Frame,
  master: Shape | null,
): Exceptions {
  const found: Exceptions = { replaced: emptySet(), standing: [], futureChanges: [], flaw: null };
  for (const event of newestOf(events, frame)) {
    try {
      addException(found, event, { frame, master });
    } catch (error) {
      if (!(error instanceof WallTimeError)) throw error;
      found.flaw ??= 'bad-exception';
    }
  }
  found.futureChanges.sort((a, b) => a.fromAt - b.fromAt);
  return found;
}

interface Place {
  frame: Frame;
  master: Shape | null;
}

function addException(found: Exceptions, event: NeutralEvent, place: Place): void {
  const shape = takesTime(event) ? shapeOf(event, place.frame) : null;
  if (takesTime(event) && !shape) {
    found.flaw ??= 'bad-exception';
    return;
  }
  const fromAt = event.originalStart && addReplaced(found.replaced, event.originalStart, place);
  if (shape) found.standing.push({ event, shape });
  if (fromAt === null || !event.thisAndFuture) return;
  const shiftSeconds = shape ? shape.start - wallOn(shape, fromAt) : 0;
  found.futureChanges.push({ event, shape, fromAt, shiftSeconds });
}

/** Notes which occurrence a RECURRENCE-ID names, in whatever type it does; answers its instant. */
function addReplaced(
  replaced: OccurrenceSet,
  original: WallTime,
  { frame, master }: Place,
): number {
  const at = placeOf(original, frame);
  const written = Math.floor(wallOf(original) / DAY_SECONDS);
  if (original.kind === 'date') {
    replaced.days.add(written);
    return at;
  }
  replaced.instants.add(at);
  if (!master?.isDate) return at;
  // Of a series of days some writers give midnight; the day they mean is the one they wrote.
  const isMidnight = wallOf(original) % DAY_SECONDS === 0;
  const isWritten = original.kind !== 'utc' || isMidnight;
  const home = Math.floor(instantToWall(at, master.zone) / DAY_SECONDS);
  const day = isWritten ? written : home;
  replaced.days.add(day);
  return wallToInstant(day * DAY_SECONDS, master.zone);
}

/** Where an instant falls on the wall of a shape; on its day for whole-day shapes. */
export function wallOn(shape: Shape, at: number): number {
  const wall = instantToWall(at, shape.zone);
  return shape.isDate ? Math.floor(wall / DAY_SECONDS) * DAY_SECONDS : wall;
}

/** One exception an occurrence: the highest SEQUENCE, then the latest change, then the last. */
function newestOf(events: readonly NeutralEvent[], frame: Frame): NeutralEvent[] {
  const byOccurrence = new Map<string, NeutralEvent>();
  for (const event of events) {
    const key = occurrenceKey(event, frame);
    const known = byOccurrence.get(key);
    if (!known || !isOlder(event, known)) byOccurrence.set(key, event);
  }
  return [...byOccurrence.values()];
}

function occurrenceKey({ originalStart, nativeId }: NeutralEvent, frame: Frame): string {
  if (!originalStart) return `id ${nativeId}`;
  try {
    return `${originalStart.kind === 'date' ? 'day' : 'at'} ${placeOf(originalStart, frame)}`;
  } catch (error) {
    if (!(error instanceof WallTimeError)) throw error;
    return `id ${nativeId}`;
  }
}

function isOlder(a: NeutralEvent, b: NeutralEvent): boolean {
  if (a.sequence !== b.sequence) return a.sequence < b.sequence;
  return a.updatedAt !== null && b.updatedAt !== null && a.updatedAt < b.updatedAt;
}
