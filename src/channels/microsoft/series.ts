import type { Access, Calendar } from '../channel-provider.ts';
import type { Change, WithheldItem } from '../../domain/event.ts';
import { Failure } from '../../domain/failure.ts';
import { addressOf, asked, calendarPath, linkIn, valueOf } from './client.ts';
import type { MicrosoftSettings } from './client.ts';
import { ITEM_FIELDS } from './item.ts';
import type { Item } from './item.ts';
import { mapItems } from './mapping.ts';
import type { Frame } from './mapping.ts';
import { daysIn, instantIn, isDaysLong, zoneNamed } from './times.ts';

interface Call {
  access: Access;
  calendar: Calendar;
  signal?: AbortSignal;
}

/**
 * A series and all its occurrences within the window: first everything known of it is removed, so
 * that only what is listed stays. Nothing in between is seen, for a page is applied as a whole.
 */
export async function listSeries(
  settings: MicrosoftSettings,
  call: Call,
  wanted: { seriesId: string; startAt: number; untilAt: number },
): Promise<{ changes: Change[]; withheld: WithheldItem[] }> {
  const { seriesId } = wanted;
  const removed: Change = { kind: 'removed', nativeId: seriesId };
  const master = await findItem(settings, call, { nativeId: seriesId, fields: ITEM_FIELDS });
  const occurrences =
    master?.type === 'seriesMaster' ? await instancesOf(settings, call, wanted) : [];
  if (!master || !occurrences) return { changes: [removed], withheld: [] };
  const frames = new Map([[seriesId, frameOf(master)]]);
  const mapped = mapItems([master, ...occurrences], { zone: call.calendar.timeZone, frames });
  return { ...mapped, changes: [removed, ...mapped.changes] };
}

/** More occurrences than a window of five years has days: 1,000 are the most of one page. */
const MOST_PAGES = 10;

/** Null when the series went away meanwhile. */
async function instancesOf(
  settings: MicrosoftSettings,
  { access, calendar, signal }: Call,
  wanted: { seriesId: string; startAt: number; untilAt: number },
): Promise<Item[] | null> {
  const path = `${calendarPath(calendar.id)}/events/${encodeURIComponent(wanted.seriesId)}`;
  const items: Item[] = [];
  let url: string | null = addressOf(settings, `${path}/instances`, {
    startDateTime: new Date(wanted.startAt).toISOString(),
    endDateTime: new Date(wanted.untilAt).toISOString(),
    $top: 1_000,
    $select: ITEM_FIELDS,
  });
  for (let page = 0; url !== null && page < MOST_PAGES; page += 1) {
    const body = await found(asked(settings, access, { url, ...(signal ? { signal } : {}) }));
    if (!body) return null;
    items.push(...valueOf<Item>(body));
    url = linkIn(settings, body, '@odata.nextLink');
  }
  // Part of a listing would make occurrences look gone.
  if (url !== null) throw new Failure({ kind: 'unavailable', code: 'listing-without-end' });
  return items;
}

/** Null when it is not there. */
export async function findItem(
  settings: MicrosoftSettings,
  { access, calendar, signal }: Call,
  wanted: { nativeId: string; fields: string; expand?: string },
): Promise<Item | null> {
  const path = `${calendarPath(calendar.id)}/events/${encodeURIComponent(wanted.nativeId)}`;
  const url = addressOf(settings, path, {
    $select: wanted.fields,
    ...(wanted.expand === undefined ? {} : { $expand: wanted.expand }),
  });
  return found(asked(settings, access, { url, ...(signal ? { signal } : {}) }));
}

export async function found<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Failure && error.kind === 'not-found') return null;
    throw error;
  }
}

/** Series asked about in one page; the days of more than these are read as the instants they are. */
const MOST_ASKED = 10;

/**
 * How the days of series on this page are read. Bare occurrences that could be days, of a series
 * that is not on the page, make it be asked for: rare, since most begin at the calendar's midnight.
 */
export async function framesOf(
  settings: MicrosoftSettings,
  call: Call,
  items: readonly Item[],
): Promise<Map<string, Frame>> {
  const frames = new Map<string, Frame>();
  for (const item of items)
    if (item.type === 'seriesMaster' && item.id) frames.set(item.id, frameOf(item));
  const open = items.filter((item) => isUnclear(item, call.calendar.timeZone));
  const seriesIds = new Set(open.flatMap(({ seriesMasterId }) => seriesMasterId ?? []));
  const unknown = [...seriesIds].filter((id) => !frames.has(id));
  for (const nativeId of unknown.slice(0, MOST_ASKED)) {
    const fields = 'id,isAllDay,originalStartTimeZone';
    const master = await findItem(settings, call, { nativeId, fields });
    if (master) frames.set(nativeId, frameOf(master));
  }
  return frames;
}

function isUnclear(item: Item, zone: string): boolean {
  if (item.type !== 'occurrence' || item.isAllDay !== undefined) return false;
  const [startAt, endAt] = [instantIn(item.start), instantIn(item.end)];
  if (startAt === null || endAt === null || !isDaysLong({ startAt, endAt })) return false;
  return daysIn({ startAt, endAt }, [zone]) === null;
}

const frameOf = ({ isAllDay, originalStartTimeZone }: Item): Frame => ({
  isAllDay: isAllDay === true,
  zone: zoneNamed(originalStartTimeZone),
});
