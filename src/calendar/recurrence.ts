import type { NeutralEvent, WallTime } from '../domain/event.ts';
import type { Interval } from '../domain/interval.ts';
import { dateText, instantText } from './civil.ts';
import type { Exceptions } from './exceptions.ts';
import { readExceptions, takesTime, wallOn } from './exceptions.ts';
import type { Candidate, Expansion } from './rule-walk.ts';
import { candidates } from './rule-walk.ts';
import type { Series } from './series.ts';
import { holds, readSeries } from './series.ts';
import type { Frame, Nights, Shape } from './shape.ts';
import { longestSeconds, placeOf, reaches, shapeOf, spanAt, wallOf } from './shape.ts';
import { WallTimeError, zoneIsKnown } from './zones.ts';

interface ExpandLimits {
  /** Occurrences within the window that the rules of one entry may have. */
  maxOccurrences: number;
  /** Steps they may take to find them: days and times of day looked at. */
  maxSteps: number;
}

/** More than a year and a half has hours; no entry that a person made has as many. */
const DEFAULT_LIMITS: ExpandLimits = { maxOccurrences: 20_000, maxSteps: 1_000_000 };

export interface ExpandRequest {
  /** A series, a single entry, or an exception whose series is not known. */
  master: NeutralEvent;
  exceptions: readonly NeutralEvent[];
  /** Half-open, epoch milliseconds. */
  window: { fromAt: number; untilAt: number };
  /** The calendar's own zone: for floating times. An unknown one counts as UTC. */
  defaultZone: string;
  /** The resource's zone: for whole days; the calendar's unless given. */
  dayZone?: string;
  /** For a resource sold by the night. */
  nights?: Nights | null;
  limits?: Partial<ExpandLimits>;
}

/** A span with what names its occurrence. */
export interface TakenSpan extends Interval {
  /** Where its series has it: wall seconds of a day, or epoch milliseconds of an instant. */
  place: { kind: 'day'; wall: number } | { kind: 'instant'; at: number };
  /** The entry that takes the time: the master, or the exception that governs. */
  by: NeutralEvent;
}

interface OccurrenceSpan extends Interval {
  /** The occurrence's place in its series: `YYYY-MM-DD`, or its UTC instant to the second. */
  originalStart: string;
  /** Of the entry that takes the time: the master, or the exception that governs. */
  nativeId: string;
}

export interface Expanded<Span> {
  /** Ascending by start. Spans that began before the window and reach into it are included. */
  spans: Span[];
  /** A limit was met: there are occurrences in the window that `spans` lacks. */
  truncated: boolean;
  /** From DTSTART to UNTIL or the window's end, of rules with more than the limits allow. */
  overLimits: Interval | null;
  /** `bad-start`, `unknown-zone`, `bad-rule`, `bad-date`, `bad-exception`, `too-many-occurrences`; null if whole. */
  withheld: string | null;
}

/**
 * The instants that an entry with its exceptions takes within a window (RFC 5545 §3.8.5). Cancelled
 * and transparent entries take none. What cannot be read is left out and named in `withheld`; it
 * never throws for the content of an entry.
 */
export function expand(request: ExpandRequest): Expanded<OccurrenceSpan> {
  const { spans, ...rest } = takenSpans(request);
  const named = spans.map(({ startAt, endAt, place, by }) => ({
    startAt,
    endAt,
    originalStart: placeText(place),
    nativeId: by.nativeId,
  }));
  return { spans: named, ...rest };
}

export const placeText = (place: TakenSpan['place']): string =>
  place.kind === 'day' ? dateText(place.wall) : instantText(place.at);

/** As `expand`, without making text of anything. */
export function takenSpans(request: ExpandRequest): Expanded<TakenSpan> {
  const frame = frameOf(request);
  const { shape, flaw } = readShape(request.master, frame);
  const exceptions = readExceptions(request.exceptions, frame, shape);
  const series = shape && readSeries(request.master, shape);
  const spans = standingSpans(exceptions, request.window, frame);
  const known = shape && series && { shape, series, exceptions };
  const { isCut, overLimits } = known ? addSeriesSpans(spans, request, known) : WHOLE;
  const hasLostStart = !shape && takesTime(request.master);
  return {
    spans: spans.sort(
      (a, b) =>
        a.startAt - b.startAt || a.endAt - b.endAt || (a.by.nativeId < b.by.nativeId ? -1 : 1),
    ),
    truncated: isCut,
    overLimits,
    withheld:
      (hasLostStart ? 'bad-start' : flaw) ??
      series?.flaw ??
      exceptions.flaw ??
      (isCut ? 'too-many-occurrences' : null),
  };
}

function frameOf({ defaultZone, dayZone = defaultZone, nights = null }: ExpandRequest): Frame {
  const known = (zone: string) => (zoneIsKnown(zone) ? zone : 'UTC');
  return { zone: known(defaultZone), dayZone: known(dayZone), nights };
}

/** A time in a zone that is not known still blocks, as a floating one. */
function readShape(
  master: NeutralEvent,
  frame: Frame,
): { shape: Shape | null; flaw: string | null } {
  const shape = tryShape(master, frame);
  if (shape || !master.start) return { shape, flaw: null };
  const [start, end] = [floating(master.start), master.end && floating(master.end)];
  const unzoned = { ...master, start, end };
  return { shape: tryShape(unzoned, frame), flaw: 'unknown-zone' };
}

function tryShape(event: Parameters<typeof shapeOf>[0], frame: Frame): Shape | null {
  try {
    return shapeOf(event, frame);
  } catch (error) {
    if (error instanceof WallTimeError) return null;
    throw error;
  }
}

const floating = (time: WallTime): WallTime =>
  time.kind === 'zoned' ? { kind: 'floating', local: time.local } : time;

function standingSpans(
  { standing }: Exceptions,
  window: ExpandRequest['window'],
  frame: Frame,
): TakenSpan[] {
  return standing.flatMap(({ event, shape }) => {
    const span = spanAt(shape, shape.start);
    if (!reaches(span, window)) return [];
    return [{ ...span, place: placeOfException(event, frame), by: event }];
  });
}

function placeOfException(event: NeutralEvent, frame: Frame): TakenSpan['place'] {
  const original = event.originalStart ?? event.start!;
  return original.kind === 'date'
    ? { kind: 'day', wall: wallOf(original) }
    : { kind: 'instant', at: placeOf(original, frame) };
}

interface Known {
  shape: Shape;
  series: Series;
  exceptions: Exceptions;
}

interface Cut {
  isCut: boolean;
  overLimits: Interval | null;
}
const WHOLE: Cut = { isCut: false, overLimits: null };

/** Appends what the series itself takes; answers what a limit left out. */
function addSeriesSpans(spans: TakenSpan[], request: ExpandRequest, known: Known): Cut {
  const { shape, exceptions } = known;
  const limits = { ...DEFAULT_LIMITS, ...request.limits };
  const expansion: Expansion = {
    ...known,
    window: request.window,
    stepsLeft: { left: limits.maxSteps },
    occurrencesLeft: limits.maxOccurrences,
    isCut: false,
    cutUntilAt: -Infinity,
  };
  for (const candidate of candidates(expansion)) {
    if (holds(exceptions.replaced, candidate)) continue;
    const span = governed(candidate, request.master, exceptions);
    if (!span || !reaches(span, request.window)) continue;
    const { wall, at } = candidate;
    const place = shape.isDate ? { kind: 'day' as const, wall } : { kind: 'instant' as const, at };
    spans.push({ startAt: span.startAt, endAt: span.endAt, place, by: span.by });
  }
  const takes = takesTime(request.master) || exceptions.futureChanges.some(({ shape: own }) => own);
  return { isCut: expansion.isCut, overLimits: takes ? overLimits(expansion, known) : null };
}

/** A change of later occurrences may move and lengthen those that are missing. */
function overLimits(expansion: Expansion, { shape, exceptions }: Known): Interval | null {
  const { cutUntilAt, window } = expansion;
  if (cutUntilAt === -Infinity) return null;
  const changes = exceptions.futureChanges.filter((change) => change.shape !== null);
  const lengths = [shape, ...changes.map((change) => change.shape!)].map(longestSeconds);
  if (Math.max(...lengths) === 0) return null;
  const shifts = [0, ...changes.map((change) => change.shiftSeconds)];
  const firstAt = spanAt(shape, shape.start).startAt + Math.min(...shifts) * 1000;
  const lastAt = cutUntilAt + (Math.max(...shifts) + Math.max(...lengths)) * 1000;
  const startAt = Math.max(firstAt, window.fromAt);
  const endAt = Math.min(lastAt, window.untilAt);
  return startAt < endAt ? { startAt, endAt } : null;
}

interface Governed extends Interval {
  by: NeutralEvent;
}

/** The span of an occurrence after the last change that governs it; null when it takes no time. */
function governed(
  candidate: Candidate,
  master: NeutralEvent,
  { futureChanges }: Exceptions,
): Governed | null {
  const change = futureChanges.findLast((one) => one.fromAt <= candidate.at);
  if (!change) {
    if (!takesTime(master)) return null;
    return { startAt: candidate.startAt, endAt: candidate.endAt, by: master };
  }
  if (!change.shape) return null;
  const wall = wallOn(change.shape, candidate.at) + change.shiftSeconds;
  return { ...spanAt(change.shape, wall), by: change.event };
}
