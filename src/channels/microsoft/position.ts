import type { PullInput, Pulled } from '../channel-provider.ts';
import { isOwnLink, PREFER } from './client.ts';
import type { MicrosoftSettings } from './client.ts';
import { digest } from './mapping.ts';

/**
 * Where a pass stands. Graph bakes the window into its links, so the window is fixed from the first
 * request of a round until its last delta link is given up.
 */
export interface Position {
  /** Of the request shape and the calendar; a position is worth nothing to another request. */
  shape: string;
  /** `view`: the calendar refuses delta, and each pass lists its view anew. */
  mode: 'delta' | 'view';
  /** What the pass answers with: a first round lists all there is. */
  kind: 'snapshot' | 'delta';
  /** Epoch milliseconds, half-open. */
  startAt: number;
  untilAt: number;
  /** When the mode was found out, epoch milliseconds. */
  sinceAt: number;
  /** The next page, or the last round's delta link; null asks for the first page. */
  link: string | null;
  /** Between pages: the delta link that a finished round ended with. */
  ended: string | null;
  /** Series that changed and whose occurrences are still to be listed. */
  series: string[];
  /** Of the ids of the last page that had any, and how many pages in a row had the same. */
  lastIds: string | null;
  sameIds: number;
  pages: number;
}

export type Lost = Extract<Pulled, { kind: 'cursor-lost' }>;

export const lost = (what: Lost['what']): Lost => ({ kind: 'cursor-lost', what });

const DAY_MS = 86_400_000;
/** Graph takes windows of under five years. */
const LONGEST_WINDOW_MS = 1_825 * DAY_MS;

/** Where this page starts; what is no position for this calendar and window is lost. */
export function startOf(settings: MicrosoftSettings, input: PullInput): Position | Lost {
  const shape = shapeOf(input.calendar.id);
  const fits = (at: Position | null): at is Position =>
    at?.shape === shape && [at.link, at.ended].every((one) => !one || isOwnLink(settings, one));
  if (input.checkpoint !== null) {
    const at = readPosition(input.checkpoint);
    return fits(at) && at.pages > 0 ? at : lost('checkpoint');
  }
  const first = firstOf(input, shape);
  if (input.cursor === null) return first;
  const at = readPosition(input.cursor);
  if (!fits(at) || at.pages > 0) return lost('cursor');
  // Whether delta is still refused is asked again now and then.
  if (at.mode === 'view')
    return input.nowAt - at.sinceAt > DAY_MS
      ? first
      : { ...first, mode: 'view', sinceAt: at.sinceAt };
  // A window that now reaches back further holds events that this round never listed.
  return at.link !== null && at.startAt <= input.window.startAt ? at : lost('cursor');
}

const firstOf = ({ window, nowAt }: PullInput, shape: string): Position => ({
  shape,
  mode: 'delta',
  kind: 'snapshot',
  startAt: window.startAt,
  untilAt: Math.min(window.endAt, window.startAt + LONGEST_WINDOW_MS),
  sinceAt: nowAt,
  link: null,
  ended: null,
  series: [],
  lastIds: null,
  sameIds: 0,
  pages: 0,
});

/** The cursor that a finished pass leaves. */
export const cursorOf = (at: Position): string =>
  JSON.stringify({
    ...at,
    kind: 'delta',
    link: at.ended,
    ended: null,
    series: [],
    lastIds: null,
    sameIds: 0,
    pages: 0,
  } satisfies Position);

/** Three pages in a row of the same entries, or pages without end, lead nowhere. */
const MOST_SAME = 3;
const MOST_PAGES = 5_000;

/** The place after a page; null where the feed goes round in circles. Empty pages are usual. */
export function stepFrom(
  at: Position,
  page: { link: string | null; ended: string | null; series: string[]; ids: readonly string[] },
): Position | null {
  const { link, ended, series, ids } = page;
  const lastIds = ids.length > 0 ? digest(ids.join('\n')).slice(0, 16) : at.lastIds;
  const isSame = ids.length > 0 && lastIds === at.lastIds;
  const sameIds = ids.length === 0 ? at.sameIds : isSame ? at.sameIds + 1 : 1;
  const pages = at.pages + 1;
  if (sameIds >= MOST_SAME || pages > MOST_PAGES || (link !== null && link === at.link))
    return null;
  return { ...at, link, ended, series, lastIds, sameIds, pages };
}

const shapeOf = (calendarId: string): string =>
  digest(JSON.stringify([calendarId, PREFER])).slice(0, 16);

/** Null for what is no position of ours, such as one that an older version wrote. */
function readPosition(text: string): Position | null {
  try {
    const at = JSON.parse(text) as Partial<Position> | null;
    const isWhole =
      typeof at?.shape === 'string' &&
      (at.mode === 'delta' || at.mode === 'view') &&
      [at.startAt, at.untilAt, at.sinceAt, at.sameIds, at.pages].every(Number.isFinite) &&
      [at.link, at.ended, at.lastIds].every((one) => one === null || typeof one === 'string') &&
      Array.isArray(at.series);
    return isWhole ? (at as Position) : null;
  } catch {
    return null;
  }
}
