import type { NeutralEvent, WallTime } from '../domain/event.ts';
import type { Interval } from '../domain/interval.ts';
import { dateText, instantText } from './civil.ts';
import type { Exceptions } from './exceptions.ts';
import { readExceptions, takesTime, wallOn } from './exceptions.ts';
import type { Candidate, Expansion } from './rule-walk.ts';
import { candidates } from './rule-walk.ts';
import type { Series } from './series.ts';
import { holds, readSeries } from './series.ts';
import type { Shape } from './shape.ts';
import { reaches, shapeOf, spanAt, wallOf } from './shape.ts';
import { instantOf, WallTimeError, zoneIsKnown } from './zones.ts';

interface ExpandLimits {
  /** Occurrences within the window that the rules of one entry may have. */
  maxOccurrences: number;
  /** Steps they may take to find them. */
  maxSteps: number;
}

const DEFAULT_LIMITS: ExpandLimits = { maxOccurrences: 10_000, maxSteps: 300_000 };

export interface ExpandRequest {
  /** A series, a single entry, or an exception whose series is not known. */
  master: NeutralEvent;
  exceptions: readonly NeutralEvent[];
  /** Half-open, epoch milliseconds. */
  window: { fromAt: number; untilAt: number };
  /** The calendar's own zone: for whole days and floating times. An unknown one counts as UTC. */
  defaultZone: string;
  limits?: Partial<ExpandLimits>;
}

interface OccurrenceSpan extends Interval {
  /** The occurrence's place in its series: `YYYY-MM-DD`, or its UTC instant to the second. */
  originalStart: string;
  /** Of the entry that takes the time: the master, or the exception that governs. */
  nativeId: string;
}

export interface ExpandResult {
  /** Ascending by start. Spans that began before the window and reach into it are included. */
  spans: OccurrenceSpan[];
  /** A limit was met: there are occurrences in the window that `spans` lacks. */
  truncated: boolean;
  /** From here on `spans` may lack occurrences that take time; null where it lacks none. */
  cutAt: number | null;
  /** `bad-start`, `unknown-zone`, `bad-rule`, `bad-date`, `bad-exception`, `too-many-occurrences`; null if whole. */
  withheld: string | null;
}

/**
 * The instants that an entry with its exceptions takes within a window (RFC 5545 §3.8.5). Cancelled
 * and transparent entries take none. What cannot be read is left out and named in `withheld`; it
 * never throws for the content of an entry.
 */
export function expand(request: ExpandRequest): ExpandResult {
  const defaultZone = zoneIsKnown(request.defaultZone) ? request.defaultZone : 'UTC';
  const exceptions = readExceptions(request.exceptions, defaultZone);
  const { shape, flaw } = readShape(request.master, defaultZone);
  const series = shape && readSeries(request.master, shape);
  const spans = standingSpans(exceptions, request.window, defaultZone);
  const { isCut, cutAt } =
    shape && series ? addSeriesSpans(spans, request, { shape, series, exceptions }) : WHOLE;
  const hasLostStart = !shape && takesTime(request.master);
  return {
    spans: spans.toSorted(
      (a, b) => a.startAt - b.startAt || a.endAt - b.endAt || (a.nativeId < b.nativeId ? -1 : 1),
    ),
    truncated: isCut,
    cutAt,
    withheld:
      (hasLostStart ? 'bad-start' : flaw) ??
      series?.flaw ??
      exceptions.flaw ??
      (isCut ? 'too-many-occurrences' : null),
  };
}

/** A time in a zone that is not known still blocks, as a floating one. */
function readShape(
  master: NeutralEvent,
  defaultZone: string,
): { shape: Shape | null; flaw: string | null } {
  const shape = tryShape(master, defaultZone);
  if (shape || !master.start) return { shape, flaw: null };
  const unzoned = { start: floating(master.start), end: master.end && floating(master.end) };
  return { shape: tryShape(unzoned, defaultZone), flaw: 'unknown-zone' };
}

function tryShape(event: Pick<NeutralEvent, 'start' | 'end'>, defaultZone: string): Shape | null {
  try {
    return shapeOf(event, defaultZone);
  } catch (error) {
    if (error instanceof WallTimeError) return null;
    throw error;
  }
}

const floating = (time: WallTime): WallTime =>
  time.kind === 'zoned' ? { kind: 'floating', local: time.local } : time;

function standingSpans(
  exceptions: Exceptions,
  window: ExpandRequest['window'],
  defaultZone: string,
): OccurrenceSpan[] {
  return exceptions.standing.flatMap(({ event, shape }) => {
    const span = spanAt(shape, shape.start);
    if (!reaches(span, window)) return [];
    return [{ ...span, originalStart: startKey(event, defaultZone), nativeId: event.nativeId }];
  });
}

function startKey(event: NeutralEvent, defaultZone: string): string {
  const original = event.originalStart ?? event.start!;
  return original.kind === 'date'
    ? dateText(wallOf(original))
    : instantText(instantOf(original, defaultZone));
}

interface Known {
  shape: Shape;
  series: Series;
  exceptions: Exceptions;
}

type Cut = Pick<Expansion, 'isCut' | 'cutAt'>;
const WHOLE: Cut = { isCut: false, cutAt: null };

/** Appends what the series itself takes; answers where a limit cut it short. */
function addSeriesSpans(spans: OccurrenceSpan[], request: ExpandRequest, known: Known): Cut {
  const { shape, exceptions } = known;
  const limits = { ...DEFAULT_LIMITS, ...request.limits };
  const expansion: Expansion = {
    ...known,
    window: request.window,
    stepsLeft: { left: limits.maxSteps },
    occurrencesLeft: limits.maxOccurrences,
    ...WHOLE,
  };
  for (const candidate of candidates(expansion)) {
    if (holds(exceptions.replaced, candidate)) continue;
    const span = governed(candidate, request.master, exceptions);
    if (!span || !reaches(span, request.window)) continue;
    spans.push({ ...span, originalStart: keyOf(candidate, shape) });
  }
  return { isCut: expansion.isCut, cutAt: earliestCut(expansion, known) };
}

/** A change of later occurrences may move those that are missing to before the cut. */
function earliestCut({ cutAt, window }: Expansion, { shape, exceptions }: Known): number | null {
  const { futureChanges } = exceptions;
  if (cutAt === null || (shape.lengthSeconds === 0 && futureChanges.length === 0)) return null;
  const shifts = futureChanges.map((change) => change.shiftSeconds);
  return Math.max(cutAt + Math.min(0, ...shifts) * 1000, window.fromAt);
}

/** The span of an occurrence after the last change that governs it; null when it takes no time. */
function governed(
  candidate: Candidate,
  master: NeutralEvent,
  exceptions: Exceptions,
): (Interval & { nativeId: string }) | null {
  const change = exceptions.futureChanges.findLast((one) => one.fromAt <= candidate.startAt);
  if (!change) {
    if (!takesTime(master)) return null;
    return { startAt: candidate.startAt, endAt: candidate.endAt, nativeId: master.nativeId };
  }
  if (!change.shape) return null;
  const wall = wallOn(change.shape, candidate.startAt) + change.shiftSeconds;
  return { ...spanAt(change.shape, wall), nativeId: change.event.nativeId };
}

const keyOf = (candidate: Candidate, shape: Shape): string =>
  shape.isDate ? dateText(candidate.wall) : instantText(candidate.startAt);
