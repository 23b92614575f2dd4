import { DAY_SECONDS, dayNumber, localText, readWall } from './civil.ts';
import { occurrences } from './occurrences.ts';
import type { Segment } from './offsets.ts';
import { parseRule } from './rule.ts';

/** Marks a zone string that carries a VTIMEZONE's observances as JSON (see `zoneTextOf`). */
export const VTIMEZONE_PREFIX = 'vtimezone:';

/** One STANDARD or DAYLIGHT part of a VTIMEZONE (RFC 5545 §3.6.5). */
export interface Observance {
  /** TZOFFSETFROM and TZOFFSETTO in seconds ahead of UTC. */
  fromSeconds: number;
  toSeconds: number;
  /** Local time of its first onset, as written. */
  start: string;
  /** The RRULE's value. */
  rule: string | null;
  /** RDATEs, local times as written. */
  dates: string[];
}

export interface EmbeddedZone {
  /** X-LIC-LOCATION: the IANA name that some writers add. */
  location: string | null;
  /** Its observances, as `zoneTextOf` packs them. */
  zone: string | null;
}

const byStart = (a: Observance, b: Observance): number => (a.start < b.start ? -1 : 1);

type PackedObservance = [number, number, string, string | null, string[]];

/** Every time of every entry carries this text, so of long histories the newest part is kept. */
const OBSERVANCES_KEPT = 30;
const DATES_KEPT = 60;

/** The observances as a zone string that outlives the feed; null when there are none to follow. */
export function zoneTextOf(observances: readonly Observance[]): string | null {
  const sound = observances.filter(
    (one) => readWall(one.start) !== null && (one.rule === null || parseRule(one.rule) !== null),
  );
  if (sound.length === 0) return null;
  const newest = sound.toSorted(byStart).slice(-OBSERVANCES_KEPT);
  const packed = newest.map((one): PackedObservance => {
    const dates = one.dates.toSorted().slice(-DATES_KEPT);
    return [one.fromSeconds, one.toSeconds, one.start, one.rule, dates];
  });
  return VTIMEZONE_PREFIX + JSON.stringify(packed);
}

interface Onset {
  at: number;
  offsetMs: number;
}

interface OnsetTable {
  /** The offset before the first onset. */
  firstOffsetMs: number;
  /** Ascending. */
  onsets: Onset[];
}

/** Where an instant lies between two onsets; null when the text is not one `zoneTextOf` made. */
export function vtimezoneSegment(zone: string, at: number): Segment | null {
  const table = tableOf(zone);
  if (!table) return null;
  const { onsets } = table;
  let low = 0;
  let high = onsets.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (onsets[middle]!.at <= at) low = middle + 1;
    else high = middle;
  }
  return {
    fromAt: low === 0 ? -Infinity : onsets[low - 1]!.at,
    untilAt: onsets[low]?.at ?? Infinity,
    offsetMs: low === 0 ? table.firstOffsetMs : onsets[low - 1]!.offsetMs,
  };
}

/** Tables depend on nothing but the text; the bound keeps hostile feeds from filling memory. */
const tables = new Map<string, OnsetTable | null>();
const TABLES_KEPT = 200;

function tableOf(zone: string): OnsetTable | null {
  const known = tables.get(zone);
  if (known !== undefined) return known;
  if (tables.size >= TABLES_KEPT) tables.clear();
  const observances = unpack(zone.slice(VTIMEZONE_PREFIX.length));
  const made = observances && makeTable(observances);
  tables.set(zone, made);
  return made;
}

function unpack(text: string): Observance[] | null {
  let packed: unknown;
  try {
    packed = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (!Array.isArray(packed) || !packed.every(isPacked)) return null;
  return packed.map(([fromSeconds, toSeconds, start, rule, dates]) => ({
    fromSeconds,
    toSeconds,
    start,
    rule,
    dates,
  }));
}

/** The text may come from a feed that imitates the form, so nothing of it is taken on trust. */
function isPacked(value: unknown): value is PackedObservance {
  if (!Array.isArray(value) || value.length !== 5) return false;
  const [from, to, start, rule, dates] = value as unknown[];
  const isOffset = (one: unknown) => typeof one === 'number' && Math.abs(one) < DAY_SECONDS;
  if (!isOffset(from) || !isOffset(to) || typeof start !== 'string') return false;
  if (rule !== null && typeof rule !== 'string') return false;
  return Array.isArray(dates) && dates.every((one) => typeof one === 'string');
}

function makeTable(observances: readonly Observance[]): OnsetTable | null {
  const onsets = observances.flatMap(onsetsOf).toSorted((a, b) => a.at - b.at);
  const first = observances.toSorted(byStart)[0];
  return first ? { firstOffsetMs: first.fromSeconds * 1000, onsets } : null;
}

/** Rules are followed up to here; the last offset holds from then on. */
const LAST_WALL = dayNumber({ year: 2200, month: 1, day: 1 }) * DAY_SECONDS;
const MAX_STEPS = 100_000;
const MAX_ONSETS = 2_000;

function onsetsOf(observance: Observance): Onset[] {
  const onset = (wall: number): Onset => ({
    at: (wall - observance.fromSeconds) * 1000,
    offsetMs: observance.toSeconds * 1000,
  });
  const start = readWall(observance.start)?.wall;
  const dates = observance.dates.map((text) => readWall(text)?.wall);
  const walls = [start, ...dates].filter((wall) => wall !== undefined);
  const rule = observance.rule === null ? null : parseRule(observance.rule);
  if (!rule || start === undefined) return walls.map(onset);
  const until = untilWall(observance, rule.until);
  const budget = { left: MAX_STEPS };
  const found = occurrences({ rule, start, from: start, until, budget, limit: MAX_ONSETS });
  return [...walls, ...found].map(onset);
}

/** UNTIL is in UTC here, while onsets are counted on the clock before the change. */
function untilWall(observance: Observance, until: { form: string; wall: number } | null): number {
  if (!until) return LAST_WALL;
  const shift = until.form === 'utc' ? observance.fromSeconds : 0;
  return Math.min(LAST_WALL, until.wall + shift + 1);
}

/** Local time in the form observances keep. */
export const observanceTime = (text: string): string | null => {
  const reading = readWall(text);
  return reading && localText(reading.wall);
};
