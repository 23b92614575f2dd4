import type { Refusal } from './booking.ts';
import type { WallTime } from './event.ts';
import { intersect, subtract, union } from './interval.ts';
import type { Interval } from './interval.ts';
import { WEEKDAYS } from './resource.ts';
import type { OpeningRule, ResourceSettings } from './resource.ts';

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

/** In place of a unit: any one of them, and nobody tells which. */
export const ANY_UNIT = 0;

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
  /** From here on outside calendars are not expanded; null when there are none. */
  knownUntilAt: number | null;
  nowAt: number;
}

export interface Ask {
  /** Bookings lie wholly inside. */
  window: Interval;
  party: number;
  zones: Zones;
}

const DAY_SECONDS = 86_400;
const MINUTE_MS = 60_000;

/**
 * The longest spans in which every booking is possible for `party` units at once, by start. They may
 * overlap when different units are free at different times.
 */
export function freeSpans(facts: AvailabilityFacts, ask: Ask): Interval[] {
  const { capacity } = facts;
  const shared = subtract(allowed(facts, ask), widened(facts, null));
  if (shared.length === 0 || ask.party > capacity) return [];
  const somewhere = facts.taken.filter((one) => one.unit === ANY_UNIT);
  const perUnit: Interval[][] = [];
  for (let unit = 1; unit <= capacity; unit += 1) {
    const cuts = widened(facts, unit);
    perUnit.push(cuts.length === 0 ? shared : subtract(shared, cuts));
  }
  if (somewhere.length > 0) return besides(somewhere, { facts, ask, perUnit });
  return capacity === 1 ? perUnit.flat() : commonSpans(perUnit, ask.party);
}

/**
 * Spans for which a party finds units free throughout, and beside them as many more as are taken
 * somewhere at most at one time within the span and its buffers.
 */
function besides(
  somewhere: readonly Taken[],
  { facts, ask, perUnit }: { facts: AvailabilityFacts; ask: Ask; perUnit: readonly Interval[][] },
): Interval[] {
  const { bufferBeforeMs, bufferAfterMs } = facts.settings;
  const found: Interval[] = [];
  const mostUseful = Math.min(mostAtOnce(somewhere), facts.capacity - ask.party);
  for (let count = 0; count <= mostUseful; count += 1) {
    const calm = spansWithAtMost(count, somewhere).map(({ startAt, endAt }) => ({
      startAt: startAt + bufferBeforeMs,
      endAt: endAt - bufferAfterMs,
    }));
    for (const free of commonSpans(perUnit, ask.party + count))
      found.push(
        ...intersect(
          [free],
          calm.filter((one) => one.startAt < one.endAt),
        ),
      );
  }
  return longest(found);
}

/** The longest spans at no moment of which more than so many are taken at once. */
function spansWithAtMost(count: number, taken: readonly Interval[]): Interval[] {
  const spans: Interval[] = [];
  let since = -Infinity;
  let open = 0;
  for (const { at, by } of stepsOf(taken)) {
    if (by > 0 && open === count) spans.push({ startAt: since, endAt: at });
    open += by;
    if (by < 0 && open === count) since = at;
  }
  return [...spans, { startAt: since, endAt: Infinity }];
}

/** Beginnings and ends by time; what ends makes room for what begins at the same moment. */
const stepsOf = (taken: readonly Interval[]): { at: number; by: 1 | -1 }[] =>
  taken
    .flatMap(({ startAt, endAt }) => [
      { at: startAt, by: 1 as const },
      { at: endAt, by: -1 as const },
    ])
    .toSorted((a, b) => a.at - b.at || a.by - b.by);

/** The most that are taken at one time. */
export function mostAtOnce(taken: readonly Interval[]): number {
  let open = 0;
  let most = 0;
  for (const { by } of stepsOf(taken)) most = Math.max(most, (open += by));
  return most;
}

/** Those that lie in no other, by start. */
function longest(spans: readonly Interval[]): Interval[] {
  const kept: Interval[] = [];
  for (const one of spans.toSorted((a, b) => a.startAt - b.startAt || b.endAt - a.endAt))
    if (one.endAt > (kept.at(-1)?.endAt ?? -Infinity)) kept.push(one);
  return kept;
}

/** What rules and knowledge allow before anything is taken. */
function allowed(facts: AvailabilityFacts, ask: Ask): Interval[] {
  // Whole minutes, so that an answer stays the same between two of them.
  const earliestAt = Math.ceil((facts.nowAt + facts.settings.noticeMs) / MINUTE_MS) * MINUTE_MS;
  const latestAt =
    facts.knownUntilAt === null ? Infinity : facts.knownUntilAt - facts.settings.bufferAfterMs;
  const range = {
    startAt: Math.max(ask.window.startAt, earliestAt),
    endAt: Math.min(ask.window.endAt, latestAt),
  };
  if (range.startAt >= range.endAt) return [];
  if (facts.settings.opening.length === 0) return [range];
  return intersect([range], openWindows(facts, { ...ask, window: range }));
}

/** Times of one unit (or of the whole), widened so that a booking beside them keeps its buffers. */
function widened(facts: AvailabilityFacts, unit: number | null): Interval[] {
  const { bufferBeforeMs, bufferAfterMs } = facts.settings;
  return facts.taken
    .filter((one) => one.unit === unit)
    .map((one) => ({ startAt: one.startAt - bufferAfterMs, endAt: one.endAt + bufferBeforeMs }));
}

/** Maximal spans that lie in at least `party` units' free spans. */
function commonSpans(perUnit: readonly Interval[][], party: number): Interval[] {
  const all = perUnit.flat().toSorted((a, b) => a.startAt - b.startAt);
  const found: Interval[] = [];
  // Ends of spans begun so far, latest first; the last one kept is where `party` units still last.
  const ends: number[] = [];
  for (const [index, one] of all.entries()) {
    const at = ends.findIndex((end) => end < one.endAt);
    ends.splice(at === -1 ? ends.length : at, 0, one.endAt);
    if (ends.length > party) ends.pop();
    if (all[index + 1]?.startAt === one.startAt) continue;
    const endAt = ends[party - 1];
    if (endAt === undefined || endAt <= one.startAt) continue;
    if (endAt > (found.at(-1)?.endAt ?? -Infinity)) found.push({ startAt: one.startAt, endAt });
  }
  return found;
}

/** Each opening of each local day that touches the window, in order of rules and days. */
export function openWindows(
  facts: Pick<AvailabilityFacts, 'timeZone' | 'settings'>,
  ask: Pick<Ask, 'window' | 'zones'>,
): Interval[] {
  const { timeZone, settings } = facts;
  const { window, zones } = ask;
  const rules = settings.opening.length === 0 ? [ALWAYS] : settings.opening;
  const dayOf = (at: number) => Math.floor(zones.toWall(at, timeZone) / DAY_SECONDS);
  const windows: Interval[] = [];
  for (let day = dayOf(window.startAt) - 1; day <= dayOf(window.endAt); day += 1) {
    const weekday = WEEKDAYS[(((day + 3) % 7) + 7) % 7]!;
    for (const rule of rules) {
      if (!rule.days.includes(weekday)) continue;
      const startAt = zones.toInstant(day * DAY_SECONDS + secondsOf(rule.from), timeZone);
      const endAt = zones.toInstant(day * DAY_SECONDS + secondsOf(rule.to), timeZone);
      if (startAt < endAt && endAt > window.startAt && startAt < window.endAt)
        windows.push({ startAt, endAt });
    }
  }
  return windows;
}

const ALWAYS: OpeningRule = { days: [...WEEKDAYS], from: '00:00', to: '24:00' };

const secondsOf = (clock: string): number =>
  Number(clock.slice(0, 2)) * 3_600 + Number(clock.slice(3, 5)) * 60;

/**
 * Start times for a booking of `durationMs`, every `stepMs` from each opening's beginning (from
 * local midnight where there are no opening rules), in elapsed time.
 */
export function startTimes(
  facts: AvailabilityFacts,
  ask: Ask & { durationMs: number; stepMs: number },
): number[] {
  const spans = freeSpans(facts, ask).filter((one) => one.endAt - one.startAt >= ask.durationMs);
  const starts = new Set<number>();
  for (const open of openWindows(facts, ask)) {
    // Both spans and steps rise, so one look at each is enough.
    let index = 0;
    for (let at = open.startAt; at < open.endAt; at += ask.stepMs) {
      while (index < spans.length && spans[index]!.endAt < at + ask.durationMs) index += 1;
      const span = spans[index];
      if (!span) break;
      if (span.startAt <= at) starts.add(at);
    }
  }
  return [...starts].toSorted((a, b) => a - b);
}

/** Why a span cannot be booked, or null when it can. */
export function refusalOf(
  facts: AvailabilityFacts,
  ask: Pick<Ask, 'party' | 'zones'> & { span: Interval },
): Refusal | null {
  const { settings, capacity, nowAt, knownUntilAt } = facts;
  const { span, party, zones } = ask;
  if (party > capacity) return 'too-large';
  if (span.startAt < nowAt + settings.noticeMs) return 'too-soon';
  if (settings.opening.length > 0) {
    const open = union(openWindows(facts, { window: span, zones }));
    if (!open.some((one) => one.startAt <= span.startAt && span.endAt <= one.endAt))
      return 'closed';
  }
  const needed = {
    startAt: span.startAt - settings.bufferBeforeMs,
    endAt: span.endAt + settings.bufferAfterMs,
  };
  if (knownUntilAt !== null && needed.endAt > knownUntilAt) return 'beyond-horizon';
  const hits = facts.taken.filter(
    (one) => one.startAt < needed.endAt && needed.startAt < one.endAt,
  );
  const whole = hits.filter((one) => one.unit === null);
  if (whole.some((one) => one.by === 'busy')) return 'busy';
  if (whole.length > 0) return 'blocked';
  const somewhere = mostAtOnce(
    hits
      .filter((one) => one.unit === ANY_UNIT)
      .map((one) => ({
        startAt: Math.max(one.startAt, needed.startAt),
        endAt: Math.min(one.endAt, needed.endAt),
      })),
  );
  if (party + somewhere > capacity) return 'busy';
  const takenUnits = new Set(hits.map((one) => one.unit));
  let free = 0;
  for (let unit = 1; unit <= capacity; unit += 1) if (!takenUnits.has(unit)) free += 1;
  return free >= party + somewhere ? null : 'taken';
}

/** Up to `limit` spans of the same length that can be booked, nearest in time first. */
export function nearestFree(
  facts: AvailabilityFacts,
  ask: Ask & { span: Interval; limit: number },
): Interval[] {
  const durationMs = ask.span.endAt - ask.span.startAt;
  return freeSpans(facts, ask)
    .filter((free) => free.endAt - free.startAt >= durationMs)
    .map((free) => {
      const startAt = Math.min(Math.max(ask.span.startAt, free.startAt), free.endAt - durationMs);
      return { startAt, endAt: startAt + durationMs };
    })
    .toSorted((a, b) => distance(a, ask.span) - distance(b, ask.span))
    .slice(0, ask.limit);
}

const distance = (a: Interval, b: Interval): number => Math.abs(a.startAt - b.startAt);

/** Local midnights between two instants; at least one. */
export function nightsOf(span: Interval, timeZone: string, zones: Zones): number {
  const dayOf = (at: number) => Math.floor(zones.toWall(at, timeZone) / DAY_SECONDS);
  return Math.max(1, dayOf(span.endAt) - dayOf(span.startAt));
}
