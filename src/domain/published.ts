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

/** What a booking takes beside the resource: so many of its units. */
export interface PublishedNeed {
  capacity: number;
  units: number;
  taken: readonly PublishedSource[];
}

export interface Publishing {
  unit: number | null;
  capacity: number;
  needs?: readonly PublishedNeed[];
  /** Whole days that are closed. */
  closed?: readonly Interval[];
  /** When what can never be had cannot be had. */
  always?: Interval;
}

/**
 * One entry a source where any source closes the place; else those spans that leave no unit free. What
 * closes it beside them, too little of what a booking needs or closed days, is told where they do not
 * say so already.
 */
export function publishedEntries(
  sources: readonly PublishedSource[],
  place: Publishing,
): PublishedEntry[] {
  const own = ownEntries(sources, place);
  const { needs = [], closed = [], always } = place;
  const lacking = union(needs.flatMap((need) => lackOf(need, always)));
  const told = [...own];
  for (const [name, spans] of [['closed', union(closed)] as const, ['linked', lacking] as const])
    told.push(...untold(spans, told).map((span) => ({ key: `${name}/${span.startAt}`, ...span })));
  return told;
}

/** Of spans by their start, those that no entry holds as a whole. */
function untold(spans: readonly Interval[], told: readonly Interval[]): Interval[] {
  const rising = told.toSorted((a, b) => a.startAt - b.startAt);
  let next = 0;
  let until = -Infinity;
  return spans.filter(({ startAt, endAt }) => {
    for (; next < rising.length && rising[next]!.startAt <= startAt; next += 1)
      until = Math.max(until, rising[next]!.endAt);
    return until < endAt;
  });
}

function ownEntries(
  sources: readonly PublishedSource[],
  place: Pick<Publishing, 'unit' | 'capacity'>,
): PublishedEntry[] {
  const entry = ({ key, startAt, endAt }: PublishedSource) => ({ key, startAt, endAt });
  if (place.capacity === 1) return sources.map(entry);
  const own = sources.filter(({ unit }) => unit === null || unit === place.unit).map(entry);
  // Of a unit that is taken somewhere nobody knows which, until no other is left.
  if (place.unit !== null && !sources.some(({ unit }) => unit === ANY_UNIT)) return own;
  const spans = crowded(sources, place.capacity, place.capacity);
  return [...own, ...spans.map((span) => ({ key: `full/${span.startAt}`, ...span }))];
}

/** When fewer units are free than a booking needs. */
function lackOf({ capacity, units, taken }: PublishedNeed, always?: Interval): Interval[] {
  if (units > capacity) return always ? [always] : [];
  const whole = taken.filter(({ unit }) => unit === null);
  return [...whole, ...crowded(taken, capacity, capacity - units + 1)];
}

/** When so many units are taken, by sources of single units and by those of any one. */
function crowded(sources: readonly PublishedSource[], capacity: number, count: number): Interval[] {
  const steps = new Map<number, number>();
  const step = (at: number, by: number) => steps.set(at, (steps.get(at) ?? 0) + by);
  const ofUnits = new Map<number, PublishedSource[]>();
  for (const one of sources)
    if (one.unit !== null && one.unit <= capacity) {
      const ofUnit = ofUnits.get(one.unit);
      if (ofUnit) ofUnit.push(one);
      else ofUnits.set(one.unit, [one]);
    }
  for (const [unit, taken] of ofUnits)
    for (const { startAt, endAt } of unit === ANY_UNIT ? taken : union(taken)) {
      step(startAt, 1);
      step(endAt, -1);
    }
  const spans: Interval[] = [];
  let taken = 0;
  let since: number | null = null;
  for (const [at, by] of [...steps].toSorted(([a], [b]) => a - b)) {
    taken += by;
    if (taken >= count) since ??= at;
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

/** Guests leave until then and arrive from then on, local time, where a resource does not say so. */
const USUAL = { checkOut: '11:00', checkIn: '15:00' };
const MIDNIGHT = '00:00:00';

/**
 * The nights that a span takes on platforms that know only nights: `from` the first, `until` the day
 * of departure. Whole days are themselves; any other span takes each night of which it needs a part,
 * from check-in to check-out, and at least one.
 */
export function nightsOf(
  span: Interval,
  { localOf, dayAfter }: Clock,
  { checkIn, checkOut }: { checkIn: string; checkOut: string } = USUAL,
): { from: string; until: string } {
  const [fromDay, fromTime] = split(localOf(span.startAt));
  const [untilDay, untilTime] = split(localOf(span.endAt));
  if (fromTime === MIDNIGHT && untilTime === MIDNIGHT) return { from: fromDay, until: untilDay };
  const from =
    fromTime < `${checkOut}:00` && fromTime !== MIDNIGHT ? dayAfter(fromDay, -1) : fromDay;
  const until = untilTime > `${checkIn}:00` ? dayAfter(untilDay, 1) : untilDay;
  return { from, until: until > from ? until : dayAfter(from, 1) };
}

const split = (local: string): [string, string] => [local.slice(0, 10), local.slice(11, 19)];
