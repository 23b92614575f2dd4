import { VTIMEZONE_PREFIX, vtimezoneSegment } from './vtimezone.ts';

/** A stretch of time through which a zone keeps one offset; half-open, epoch milliseconds. */
export interface Segment {
  fromAt: number;
  untilAt: number;
  /** Milliseconds ahead of UTC. */
  offsetMs: number;
}

/**
 * The stretch around an instant through which a zone's offset stays the same, as far as it has been
 * looked at; null when the zone is not known. Zone data is the engine's own, asked through `Intl`
 * once for every stretch of time and kept.
 */
export function segmentOf(zone: string, at: number): Segment | null {
  const clock = clockOf(zone);
  if (!clock) return null;
  const { last } = clock;
  if (at >= last.fromAt && at < last.untilAt) return last;
  clock.last = clock.find(at);
  return clock.last;
}

/** Milliseconds that a zone is ahead of UTC at an instant; null when the zone is not known. */
export const offsetOf = (zone: string, at: number): number | null =>
  segmentOf(zone, at)?.offsetMs ?? null;

/**
 * The engine's spelling of a zone's name, or the name as given where the engine would answer with
 * another: engines disagree on which of two linked names is canonical. Null when unknown.
 */
export function spellingOf(zone: string): string | null {
  return clockOf(zone)?.spelling ?? null;
}

interface Clock {
  spelling: string;
  last: Segment;
  find: (at: number) => Segment;
}

/** Clocks are costly to make and cheap to ask; the cache never changes an answer. */
const clocks = new Map<string, Clock | null>();
const CLOCKS_KEPT = 1_000;

function clockOf(zone: string): Clock | null {
  const known = clocks.get(zone);
  if (known !== undefined) return known;
  if (clocks.size >= CLOCKS_KEPT) clocks.clear();
  const made = zone.startsWith(VTIMEZONE_PREFIX) ? embeddedClock(zone) : makeClock(zone);
  clocks.set(zone, made);
  return made;
}

const NOWHERE: Segment = { fromAt: 0, untilAt: 0, offsetMs: 0 };

function embeddedClock(zone: string): Clock | null {
  const find = (at: number) => vtimezoneSegment(zone, at);
  return find(0) && { spelling: zone, last: NOWHERE, find: (at) => find(at) ?? NOWHERE };
}

function makeClock(zone: string): Clock | null {
  const fixed = zone === 'UTC' ? 0 : fixedOffset(zone);
  if (fixed !== null) {
    const always = { fromAt: -Infinity, untilAt: Infinity, offsetMs: fixed };
    return { spelling: zone, last: always, find: () => always };
  }
  const formatter = makeFormatter(zone);
  if (!formatter) return null;
  const canonical = formatter.resolvedOptions().timeZone;
  const chunks = new Map<number, Segment[]>();
  return {
    spelling: canonical.toLowerCase() === zone.toLowerCase() ? canonical : zone,
    last: NOWHERE,
    find(at) {
      const index = Math.floor(at / CHUNK_MS);
      const segments = chunks.get(index) ?? segmentsOf(formatter, index);
      if (chunks.size >= CHUNKS_KEPT) chunks.clear();
      chunks.set(index, segments);
      return segments.find((one) => at < one.untilAt) ?? segments.at(-1)!;
    },
  };
}

function fixedOffset(zone: string): number | null {
  const match = /^([+-])(\d{2}):(\d{2})$/.exec(zone);
  if (!match) return null;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return (match[1] === '-' ? -minutes : minutes) * 60_000;
}

function makeFormatter(zone: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      timeZoneName: 'longOffset',
      year: 'numeric',
    });
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

const DAY_MS = 86_400_000;
/** No zone has changed its clocks back and forth within less than six days since 1970. */
const PROBE_MS = 3 * DAY_MS;
const CHUNK_MS = 64 * PROBE_MS;
const CHUNKS_KEPT = 2_000;

/** Asks every few days of a chunk, and halves the way to each change between two answers. */
function segmentsOf(formatter: Intl.DateTimeFormat, index: number): Segment[] {
  const fromAt = index * CHUNK_MS;
  const untilAt = fromAt + CHUNK_MS;
  const segments: Segment[] = [{ fromAt, untilAt, offsetMs: ask(formatter, fromAt) }];
  for (let at = fromAt; at < untilAt; at += PROBE_MS) {
    const last = segments.at(-1)!;
    const offsetMs = ask(formatter, at + PROBE_MS);
    if (offsetMs === last.offsetMs) continue;
    const changeAt = changeBetween(formatter, at, at + PROBE_MS);
    if (changeAt >= untilAt) break;
    last.untilAt = changeAt;
    segments.push({ fromAt: changeAt, untilAt, offsetMs });
  }
  return segments;
}

/** The first second with the later offset. */
function changeBetween(formatter: Intl.DateTimeFormat, fromAt: number, untilAt: number): number {
  const before = ask(formatter, fromAt);
  let low = fromAt / 1000;
  let high = untilAt / 1000;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (ask(formatter, middle * 1000) === before) low = middle;
    else high = middle;
  }
  return high * 1000;
}

/** Instants that a `Date` can hold; before and after, the outermost offset goes on. */
const LAST_AT = 8.64e15;

const ask = (formatter: Intl.DateTimeFormat, at: number): number =>
  readOffset(formatter.format(Math.min(Math.max(at, -LAST_AT), LAST_AT)));

/** Reads `2026, GMT+01:00`, `GMT` for none, and seconds where history has them. */
function readOffset(text: string): number {
  const match = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text);
  if (!match?.[1]) return 0;
  const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? '0');
  return (match[1] === '-' ? -seconds : seconds) * 1000;
}
