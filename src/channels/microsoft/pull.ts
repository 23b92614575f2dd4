import type { PullInput, Pulled } from '../channel-provider.ts';
import type { Change, WithheldItem } from '../../domain/event.ts';
import { addressOf, bodyOf, calendarPath, isFine, linkIn, nowOf, send, valueOf } from './client.ts';
import type { GraphAnswer, MicrosoftSettings } from './client.ts';
import { failureFrom, readError, saysCode } from './failures.ts';
import type { GraphError } from './failures.ts';
import { ITEM_FIELDS } from './item.ts';
import type { Item } from './item.ts';
import { mapItems } from './mapping.ts';
import { cursorOf, lost, startOf, stepFrom } from './position.ts';
import type { Lost, Position } from './position.ts';
import { framesOf, listSeries } from './series.ts';

type Page = Exclude<Pulled, Lost>;

/**
 * One page of `calendarView/delta` (Graph "Get incremental changes to events in a calendar view"),
 * or the occurrences of one series that the last page said had changed. Graph lists occurrences
 * itself, so series are not expanded here. Throws `Failure`; a position Graph no longer takes is an
 * answer.
 */
export async function pull(settings: MicrosoftSettings, input: PullInput): Promise<Pulled> {
  const from = startOf(settings, input);
  if (from.kind === 'cursor-lost') return from;
  if (from.series.length > 0) return seriesPage(settings, input, from);
  const answer = await send(settings, input.access, {
    url: from.link ?? firstAddress(settings, input, from),
    signal: input.signal,
  });
  if (isFine(answer)) return pageOf(settings, input, { from, answer });
  const error = readError(answer);
  if (refusesDelta(error, from)) {
    const view = { ...from, mode: 'view', link: null } as const;
    const retried = await send(settings, input.access, {
      url: firstAddress(settings, input, view),
      signal: input.signal,
    });
    if (isFine(retried)) return pageOf(settings, input, { from: view, answer: retried });
  }
  const what = lostPosition(error, from);
  if (what) return lost(what);
  throw failureFrom(error, nowOf(settings));
}

function firstAddress(
  settings: MicrosoftSettings,
  { calendar }: PullInput,
  { mode, startAt, untilAt }: Position,
): string {
  const window = {
    startDateTime: new Date(startAt).toISOString(),
    endDateTime: new Date(untilAt).toISOString(),
  };
  const path = `${calendarPath(calendar.id)}/calendarView`;
  if (mode === 'delta') return addressOf(settings, `${path}/delta`, window);
  return addressOf(settings, path, { ...window, $top: 200, $select: ITEM_FIELDS });
}

async function pageOf(
  settings: MicrosoftSettings,
  input: PullInput,
  { from, answer }: { from: Position; answer: GraphAnswer },
): Promise<Pulled> {
  const body = bodyOf(answer);
  const items = valueOf<Item>(body);
  const link = linkIn(settings, body, '@odata.nextLink');
  const ended = link === null ? linkIn(settings, body, '@odata.deltaLink') : null;
  const series = from.kind === 'delta' ? changedSeries(items) : [];
  // So many changed series are read in fewer requests by a new round.
  if (series.length > MOST_SERIES) return lost('cursor');
  const ids = items.map(({ id }) => String(id));
  const at = stepFrom(from, { link, ended, series, ids });
  if (!at) return lost(from.kind === 'delta' ? 'cursor' : 'checkpoint');
  const frames = await framesOf(settings, input, items);
  const mapped = mapItems(items, {
    zone: input.calendar.timeZone,
    frames,
    wholeOccurrences: from.mode === 'view',
  });
  return finished(at, { ...mapped, ageMs: ageOf(answer) });
}

/** Twenty ids fit into a checkpoint beside two links. */
const MOST_SERIES = 20;

/**
 * A single occurrence that was deleted may go unreported (microsoft-graph-docs PR 4501), but its
 * series is. What Graph then calls `cancelledOccurrences` are dates without ids, so the occurrences
 * are listed anew instead: what the listing lacks is gone.
 */
const changedSeries = (items: readonly Item[]): string[] => [
  ...new Set(
    items.flatMap(({ id, type, ...item }) =>
      type === 'seriesMaster' && id && !item['@removed'] ? [id] : [],
    ),
  ),
];

async function seriesPage(
  settings: MicrosoftSettings,
  input: PullInput,
  from: Position,
): Promise<Page> {
  const [seriesId = '', ...series] = from.series;
  const listed = await listSeries(settings, input, { ...from, seriesId });
  return finished({ ...from, series, pages: from.pages + 1 }, { ...listed, ageMs: 0 });
}

/** The page as the port wants it, from where the pass stands after it. */
function finished(
  at: Position,
  page: { changes: Change[]; withheld: WithheldItem[]; ageMs: number },
): Page {
  const more = at.link !== null || at.series.length > 0;
  // A pass that ends without a delta link is no base for a later one, so none is claimed.
  const hasEnd = at.ended !== null || at.mode === 'view';
  return {
    ...page,
    kind: more || hasEnd ? at.kind : 'partial',
    nextCursor: more || !hasEnd ? null : cursorOf(at),
    checkpoint: more ? JSON.stringify(at) : null,
    more,
    coversUntilAt: at.untilAt,
  };
}

/**
 * Calendars that other people share, and rooms, refuse delta (some only its second page); how is not
 * documented. So what was refused is asked for as a plain view, and that answer decides.
 */
function refusesDelta({ status, codes }: GraphError, from: Position): boolean {
  if (from.mode === 'view' || from.kind === 'delta') return false;
  if (status === 403 || status === 405 || status === 501) return true;
  return from.link === null && (status === 404 || (status === 400 && codes.length > 0));
}

const RESETS = ['syncstatenotfound', 'syncstateinvalid', 'resyncrequired'];

/**
 * A reset is a 410 or any 4xx with its code. Its `Location` is never followed: a new round starts
 * from our own address. Any 400 to a link is the link's, since it was taken as Graph gave it.
 */
function lostPosition(error: GraphError, from: Position): Lost['what'] | null {
  if (from.link === null) return null;
  const isDelta = from.mode === 'delta' && from.kind === 'delta';
  const isReset = error.status === 410 || (error.status < 500 && saysCode(error, ...RESETS));
  if (isReset) return isDelta ? 'cursor' : 'checkpoint';
  if (error.status !== 400) return null;
  return from.pages === 0 ? 'cursor' : 'checkpoint';
}

/** RFC 9111 §5.1: whole seconds. */
function ageOf({ headers }: GraphAnswer): number {
  const age = headers.get('age');
  return age !== null && /^\d+$/.test(age) ? Number(age) * 1000 : 0;
}
