import type { NeutralEvent } from '../domain/event.ts';
import { dateText, DAY_SECONDS } from './civil.ts';
import type { OccurrenceSet } from './series.ts';
import type { Shape } from './shape.ts';
import { shapeOf, wallOf } from './shape.ts';
import { instantOf, instantToWall, WallTimeError } from './zones.ts';

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

/** Exceptions that cannot be read are reported and leave their occurrence as the series has it. */
export function readExceptions(events: readonly NeutralEvent[], defaultZone: string): Exceptions {
  const found: Exceptions = {
    replaced: { instants: new Set(), dates: new Set() },
    standing: [],
    futureChanges: [],
    flaw: null,
  };
  for (const event of newestOf(events)) {
    try {
      addException(found, event, defaultZone);
    } catch (error) {
      if (!(error instanceof WallTimeError)) throw error;
      found.flaw ??= 'bad-exception';
    }
  }
  found.futureChanges.sort((a, b) => a.fromAt - b.fromAt);
  return found;
}

function addException(found: Exceptions, event: NeutralEvent, defaultZone: string): void {
  const shape = takesTime(event) ? shapeOf(event, defaultZone) : null;
  if (takesTime(event) && !shape) {
    found.flaw ??= 'bad-exception';
    return;
  }
  const original = event.originalStart;
  const fromAt = original && instantOf(original, defaultZone);
  if (shape) found.standing.push({ event, shape });
  if (!original || fromAt === null) return;
  if (original.kind === 'date') found.replaced.dates.add(dateText(wallOf(original)));
  else found.replaced.instants.add(fromAt);
  if (!event.thisAndFuture) return;
  const shiftSeconds = shape ? shape.start - wallOn(shape, fromAt) : 0;
  found.futureChanges.push({ event, shape, fromAt, shiftSeconds });
}

/** Where an instant falls on the wall of a shape; on its day for whole-day shapes. */
export function wallOn(shape: Shape, at: number): number {
  const wall = instantToWall(at, shape.zone);
  return shape.isDate ? Math.floor(wall / DAY_SECONDS) * DAY_SECONDS : wall;
}

/** One exception an occurrence: the highest SEQUENCE, then the latest change, then the last. */
function newestOf(events: readonly NeutralEvent[]): NeutralEvent[] {
  const byOccurrence = new Map<string, NeutralEvent>();
  for (const event of events) {
    const key = JSON.stringify(event.originalStart ?? event.nativeId);
    const known = byOccurrence.get(key);
    if (!known || !isOlder(event, known)) byOccurrence.set(key, event);
  }
  return [...byOccurrence.values()];
}

function isOlder(a: NeutralEvent, b: NeutralEvent): boolean {
  if (a.sequence !== b.sequence) return a.sequence < b.sequence;
  return a.updatedAt !== null && b.updatedAt !== null && a.updatedAt < b.updatedAt;
}
