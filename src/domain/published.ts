import { ANY_UNIT } from './units.ts';
import { union, type Interval } from './interval.ts';

/**
 * What a published feed says: when a place cannot be had, without whose or why. Instants are epoch
 * milliseconds, spans half-open.
 */
export const FEED_PLATFORMS = ['airbnb', 'booking', 'vrbo', 'other'] as const;
export type FeedPlatform = (typeof FEED_PLATFORMS)[number];

export interface PublishedSource extends Interval {
  /** Stable for the life of what it stands for, e.g. `booking/<id>`. */
  key: string;
  /** Null takes every unit, `ANY_UNIT` one of them. */
  unit: number | null;
}

export interface PublishedEntry extends Interval {
  key: string;
}

/** One entry a source where any source closes the place; else those spans that leave no unit free. */
export function publishedEntries(
  sources: readonly PublishedSource[],
  place: { unit: number | null; capacity: number },
): PublishedEntry[] {
  const entry = ({ key, startAt, endAt }: PublishedSource) => ({ key, startAt, endAt });
  if (place.capacity === 1) return sources.map(entry);
  const own = sources.filter(({ unit }) => unit === null || unit === place.unit).map(entry);
  // Of a unit that is taken somewhere nobody knows which, until no other is left.
  if (place.unit !== null && !sources.some(({ unit }) => unit === ANY_UNIT)) return own;
  const spans = full(sources, place.capacity);
  return [...own, ...spans.map((span) => ({ key: `full/${span.startAt}`, ...span }))];
}

/** When every unit is taken, by sources of single units and by those of any one. */
function full(sources: readonly PublishedSource[], capacity: number): Interval[] {
  const steps = new Map<number, number>();
  const step = (at: number, by: number) => steps.set(at, (steps.get(at) ?? 0) + by);
  for (let unit = 1; unit <= capacity; unit += 1)
    for (const { startAt, endAt } of union(sources.filter((one) => one.unit === unit))) {
      step(startAt, 1);
      step(endAt, -1);
    }
  for (const { startAt, endAt } of sources.filter(({ unit }) => unit === ANY_UNIT)) {
    step(startAt, 1);
    step(endAt, -1);
  }
  const spans: Interval[] = [];
  let taken = 0;
  let since: number | null = null;
  for (const [at, by] of [...steps].toSorted(([a], [b]) => a - b)) {
    taken += by;
    if (taken >= capacity) since ??= at;
    else if (since !== null) {
      spans.push({ startAt: since, endAt: at });
      since = null;
    }
  }
  return spans;
}

export interface Clock {
  /** Local time of an instant, `YYYY-MM-DDTHH:MM:SS`. */
  localOf: (at: number) => string;
  /** The day a number of days after a day, `YYYY-MM-DD`. */
  dayAfter: (day: string, days: number) => string;
}

/** Guests leave until then and arrive from then on, local time. */
const CHECK_OUT = '11:00:00';
const CHECK_IN = '15:00:00';
const MIDNIGHT = '00:00:00';

/**
 * The nights that a span takes on platforms that know only nights: `from` the first, `until` the day
 * of departure. Whole days are themselves; any other span takes each night of which it needs a part,
 * from check-in to check-out, and at least one.
 */
export function nightsOf(
  span: Interval,
  { localOf, dayAfter }: Clock,
): { from: string; until: string } {
  const [fromDay, fromTime] = split(localOf(span.startAt));
  const [untilDay, untilTime] = split(localOf(span.endAt));
  if (fromTime === MIDNIGHT && untilTime === MIDNIGHT) return { from: fromDay, until: untilDay };
  const from = fromTime < CHECK_OUT && fromTime !== MIDNIGHT ? dayAfter(fromDay, -1) : fromDay;
  const until = untilTime > CHECK_IN ? dayAfter(untilDay, 1) : untilDay;
  return { from, until: until > from ? until : dayAfter(from, 1) };
}

const split = (local: string): [string, string] => [local.slice(0, 10), local.slice(11, 19)];
