import { bookableSpans, takenRefusal } from './bookable.ts';
import type { Refusal } from './booking.ts';
import type { WallTime } from './event.ts';
import type { Interval } from './interval.ts';
import type { Linked } from './linked.ts';
import { dayOf } from './local-days.ts';
import { nightRulesOf } from './nights.ts';
import { openWindows } from './opening.ts';
import type { ResourceSettings } from './resource.ts';
import type { Override } from './rules.ts';
import { ruleRefusal, startable } from './rules.ts';
import { nearestStays } from './stays.ts';

/**
 * When a resource can be had. One rule serves answers and holds: a unit is free for
 * `[start − bufferBefore, end + bufferAfter)` minus outside events, blocks and live occupancies.
 * All instants are epoch milliseconds; zone arithmetic is the caller's (`Zones`).
 */
export interface Zones {
  /** The instant at which clocks of a zone show these seconds; a skipped time moves forward. */
  toInstant(wallSeconds: number, zone: string): number;
  /** What clocks of a zone show, as seconds since 1970-01-01T00:00 on them. */
  toWall(at: number, zone: string): number;
  isKnown(zone: string): boolean;
  instantOf(wall: WallTime, defaultZone: string): number;
}

/** A time that is taken; without a unit it takes the whole resource. */
export interface Taken extends Interval {
  unit: number | null;
  by: 'busy' | 'block' | 'occupancy';
}

export interface AvailabilityFacts {
  timeZone: string;
  capacity: number;
  settings: ResourceSettings;
  taken: readonly Taken[];
  /** Of live bookings of its own, when each begins; where days are limited, of whole local days. */
  begins: readonly number[];
  /** From here on outside calendars are not expanded; null when there are none. */
  knownUntilAt: number | null;
  nowAt: number;
  /** What a booking takes beside it; left out where there are no links. */
  linked?: readonly Linked[];
}

export interface Ask {
  /** Bookings lie wholly inside. */
  window: Interval;
  party: number;
  zones: Zones;
}

/**
 * Every booking is possible that begins in it before `startBefore`, ends in it, and has a length that
 * the rules allow.
 */
export interface FreeSpan extends Interval {
  startBefore: number;
}

/**
 * The longest free spans for `party` units at once, by start. They may overlap when different units
 * are free at different times, and where bookings may begin on one day and not on the next.
 */
export function freeSpans(facts: AvailabilityFacts, ask: Ask): FreeSpan[] {
  const starts = startsOf(facts, ask);
  return bookableSpans(facts, ask)
    .flatMap((span) =>
      starts
        .filter((one) => one.startAt < span.endAt && span.startAt < one.endAt)
        .map((one) => ({
          startAt: Math.max(one.startAt, span.startAt),
          endAt: span.endAt,
          startBefore: Math.min(one.endAt, span.endAt),
        })),
    )
    .filter((one) => one.endAt - one.startAt >= (facts.settings.minDurationMs ?? 0))
    .toSorted((a, b) => a.startAt - b.startAt || a.endAt - b.endAt);
}

const startsOf = (facts: AvailabilityFacts, ask: Ask): Interval[] =>
  facts.settings.soldBy === 'session' ? [] : startable(facts, ask);

/**
 * Start times for a booking of `durationMs`, every `stepMs` from each opening's beginning (from
 * local midnight where there are no opening rules), in elapsed time.
 */
export function startTimes(
  facts: AvailabilityFacts,
  ask: Ask & { durationMs: number; stepMs: number },
): number[] {
  const { minDurationMs, maxDurationMs } = facts.settings;
  if (ask.durationMs < (minDurationMs ?? 0) || ask.durationMs > (maxDurationMs ?? Infinity))
    return [];
  const long = bookableSpans(facts, ask).filter((one) => one.endAt - one.startAt >= ask.durationMs);
  const mayBegin = startsOf(facts, ask);
  const starts = new Set<number>();
  for (const open of openWindows(facts, ask)) {
    // Both spans and steps rise, so one look at each is enough.
    let index = 0;
    for (let at = open.startAt; at < open.endAt; at += ask.stepMs) {
      while (index < long.length && long[index]!.endAt < at + ask.durationMs) index += 1;
      const span = long[index];
      if (!span) break;
      if (span.startAt <= at && isWithin(mayBegin, at)) starts.add(at);
    }
  }
  return [...starts].toSorted((a, b) => a - b);
}

const isWithin = (spans: readonly Interval[], at: number): boolean =>
  spans.some((one) => one.startAt <= at && at < one.endAt);

/** Why a span cannot be booked, or null when it can. */
export function refusalOf(
  facts: AvailabilityFacts,
  ask: Pick<Ask, 'party' | 'zones'> & { span: Interval; overrides?: readonly Override[] },
): Refusal | null {
  return ruleRefusal(facts, ask) ?? takenRefusal(facts, ask);
}

/** Up to `limit` spans of the asked length that can be booked, nearest in time first. */
export function nearestFree(
  facts: AvailabilityFacts,
  ask: Ask & { span: Interval; limit: number },
): Interval[] {
  const nights = nightRulesOf(facts.settings);
  const found = nights ? nearestStays(facts, ask, nights) : nearestSpans(facts, ask);
  return found
    .toSorted((a, b) => distance(a, ask.span) - distance(b, ask.span))
    .slice(0, ask.limit);
}

/** A length that no booking may have gives way to the nearest one that it may. */
function nearestSpans(facts: AvailabilityFacts, ask: Ask & { span: Interval }): Interval[] {
  const { minDurationMs, maxDurationMs } = facts.settings;
  const askedMs = ask.span.endAt - ask.span.startAt;
  const durationMs = Math.max(minDurationMs ?? 0, Math.min(askedMs, maxDurationMs ?? Infinity));
  return freeSpans(facts, ask).flatMap((free) => {
    const lastAt = free.startBefore < free.endAt ? free.startBefore - MINUTE_MS : free.startBefore;
    const latestAt = Math.min(lastAt, free.endAt - durationMs);
    if (latestAt < free.startAt) return [];
    const startAt = Math.min(Math.max(ask.span.startAt, free.startAt), latestAt);
    return [{ startAt, endAt: startAt + durationMs }];
  });
}

const MINUTE_MS = 60_000;

const distance = (a: Interval, b: Interval): number => Math.abs(a.startAt - b.startAt);

/** Local midnights between two instants; at least one. */
export function nightsOf(span: Interval, timeZone: string, zones: Zones): number {
  const place = { timeZone, zones };
  return Math.max(1, dayOf(span.endAt, place) - dayOf(span.startAt, place));
}
