import { createHash } from 'node:crypto';
import { startsOf, keyOf } from './rule.ts';
import { dayText, DAY_MS, instantOf, isDay, later } from './wall.ts';

/** An entry of a calendar as the judge sees it, whoever tells it. */
export interface Entry {
  /** The channel's own, or series and original start where it is an exception. */
  id: string;
  series: string | null;
  /** The occurrence it stands for: a day, or an instant as text. */
  original: string | null;
  nature: 'busy' | 'tentative' | 'free' | 'away' | 'elsewhere' | 'cancelled';
  /** A day, or an instant as text; null on what is cancelled. */
  start: string | null;
  /** Exclusive. */
  end: string | null;
  /** Of a series: its first start on the wall, and what that wall's zone is. */
  recurs: { start: string; zone: string; lines: string[] } | null;
  /** A series whose occurrences are listed beside it. */
  isListed?: true;
}

/** A cancelled entry tells nothing else: channels differ in what they still say of it. */
export const cancelled = (entry: Entry): Entry => ({
  ...entry,
  nature: 'cancelled',
  start: null,
  end: null,
  recurs: null,
});

export const exceptionId = (series: string, original: string): string => `${series} @ ${original}`;

export function hashOf(entries: readonly Entry[]): string {
  const lines = entries.map((entry) => JSON.stringify(sortedFields(entry))).toSorted();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

const sortedFields = ({ recurs, ...rest }: Entry): unknown[] => [
  ...Object.entries(rest).toSorted(([a], [b]) => (a < b ? -1 : 1)),
  recurs && [recurs.start, recurs.zone, ...recurs.lines.toSorted()],
];

export interface Difference {
  lacking: Entry[];
  extra: Entry[];
  other: { there: Entry; here: Entry }[];
}

/** What our copy lacks, has besides, and has otherwise than the channel. */
export function compare(there: readonly Entry[], here: readonly Entry[]): Difference {
  const known = new Map(here.map((entry) => [entry.id, entry]));
  const told = new Set(there.map((entry) => entry.id));
  return {
    lacking: there.filter(({ id }) => !known.has(id)),
    extra: here.filter(({ id }) => !told.has(id)),
    other: there.flatMap((entry) => {
      const ours = known.get(entry.id);
      return ours && hashOf([ours]) !== hashOf([entry]) ? [{ there: entry, here: ours }] : [];
    }),
  };
}

export interface Span {
  startAt: number;
  endAt: number;
}

interface Reading {
  /** What days mean. */
  zone: string;
  tentative: 'busy' | 'free';
  window: Span;
}

/** All time that the entries take, as one ordered union within the window. */
export function takenBy(entries: readonly Entry[], reading: Reading): Span[] {
  const takes = ({ nature }: Entry) =>
    nature === 'busy' ||
    nature === 'away' ||
    (nature === 'tentative' && reading.tentative === 'busy');
  const spans = entries
    .filter((entry) => takes(entry) && !entry.isListed)
    .flatMap((entry) =>
      entry.recurs ? ofSeries(entry, entries, reading) : [spanOf(entry, reading.zone)],
    );
  return united(spans, reading.window);
}

function ofSeries(entry: Entry, entries: readonly Entry[], { zone, window }: Reading): Span[] {
  const series = entry.recurs!;
  const replaced = new Set(
    entries.flatMap(({ series: of, original }) =>
      of === entry.id && original !== null ? [keyOf(original, 'UTC')] : [],
    ),
  );
  const lastDay = later(dayText(Math.floor(window.endAt / DAY_MS)), 2);
  const whole = spanOf(entry, zone);
  return startsOf(series, lastDay)
    .filter((start) => !replaced.has(keyOf(start, series.zone)))
    .map((start) => {
      if (isDay(start)) {
        const days = (Date.parse(entry.end!) - Date.parse(entry.start!)) / DAY_MS;
        return { startAt: instantOf(start, zone), endAt: instantOf(later(start, days), zone) };
      }
      const startAt = Number(keyOf(start, series.zone));
      return { startAt, endAt: startAt + whole.endAt - whole.startAt };
    });
}

function spanOf({ start, end }: Entry, zone: string): Span {
  const at = (text: string) => (isDay(text) ? instantOf(text, zone) : Date.parse(text));
  return { startAt: at(start!), endAt: at(end!) };
}

export function united(spans: readonly Span[], window: Span): Span[] {
  const clipped = spans
    .map(({ startAt, endAt }) => ({
      startAt: Math.max(startAt, window.startAt),
      endAt: Math.min(endAt, window.endAt),
    }))
    .filter(({ startAt, endAt }) => startAt < endAt)
    .toSorted((a, b) => a.startAt - b.startAt);
  const whole: Span[] = [];
  for (const span of clipped) {
    const last = whole.at(-1);
    if (last && span.startAt <= last.endAt) last.endAt = Math.max(last.endAt, span.endAt);
    else whole.push({ ...span });
  }
  return whole;
}

/** What is left of the window. */
export function leftBy(taken: readonly Span[], window: Span): Span[] {
  const edges = [window.startAt, ...taken.flatMap((one) => [one.startAt, one.endAt]), window.endAt];
  const free: Span[] = [];
  for (let at = 0; at < edges.length; at += 2)
    if (edges[at]! < edges[at + 1]!) free.push({ startAt: edges[at]!, endAt: edges[at + 1]! });
  return free;
}
