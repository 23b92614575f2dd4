import { isCurrent } from './calendar-store.ts';
import type { Calendar, CalendarStore, CalendarView, Listed } from './calendar-store.ts';
import { badRequest, notEmulated, updatedMinTooLongAgo } from './errors.ts';
import { hasType, isWanted, isWithin } from './event-filter.ts';
import { presentInList } from './event-view.ts';
import {
  openPageToken,
  openSyncToken,
  restriction,
  sealPageToken,
  sealSyncToken,
} from './list-positions.ts';
import type { PagePosition, SyncPosition } from './list-positions.ts';
import type { Parameters } from './parameters.ts';
import type { GoogleSwitches } from './switches.ts';
import { instantText } from './clock.ts';

export const listParameters = {
  alwaysIncludeEmail: 'boolean',
  eventTypes: 'strings',
  iCalUID: 'string',
  maxAttendees: 'integer',
  maxResults: 'integer',
  orderBy: 'string',
  pageToken: 'string',
  privateExtendedProperty: 'strings',
  q: 'string',
  sharedExtendedProperty: 'strings',
  showDeleted: 'boolean',
  showHiddenInvitations: 'boolean',
  singleEvents: 'boolean',
  syncToken: 'string',
  timeMax: 'instant',
  timeMin: 'instant',
  timeZone: 'zone',
  updatedMin: 'instant',
} as const;

type ListParameters = Parameters<typeof listParameters>;

interface Listing {
  store: CalendarStore;
  switches: GoogleSwitches;
  calendar: Calendar;
  parameters: ListParameters;
}

/** May not accompany a sync token; all but the time bounds also keep a list from ending in one. */
const restrictions = [
  'iCalUID',
  'orderBy',
  'privateExtendedProperty',
  'q',
  'sharedExtendedProperty',
  'updatedMin',
  'timeMin',
  'timeMax',
] as const;

/** Google gives up on `updatedMin` some weeks back; the exact reach is not published. */
const updatedMinReachMs = 28 * 86_400_000;

/** One page of events.list. Source: Calendar v3 reference, events.list; guide "Synchronize resources". */
export function listEvents(listing: Listing): Record<string, unknown> {
  checkCombination(listing);
  const { calendar, parameters, store, switches } = listing;
  const view = store.view(calendar.id);
  const boundKey = keyOf(parameters, ['maxAttendees', 'timeZone', 'eventTypes']);
  const from =
    parameters.syncToken === undefined
      ? undefined
      : openSyncToken({
          token: parameters.syncToken,
          calendar,
          parametersKey: boundKey,
          switches,
        });
  const { pageToken: _, maxResults: __, ...request } = parameters;
  const requestKey = `${calendar.id} ${keyOf(request, Object.keys(request))}`;
  const position = startOf({ listing, view, from, requestKey });
  const page =
    from === undefined ? fullPage(listing, position) : changesPage(listing, position, from);
  const viewing = {
    view,
    calendar,
    tombstones: switches.tombstones,
    timeZone: parameters.timeZone,
    maxAttendees: parameters.maxAttendees,
  };
  const tokens =
    page.next === undefined
      ? endTokens(listing, boundKey, {
          // What changed during a full pass is listed again by the next incremental one.
          seq: from === undefined ? position.startSeq : view.latestSeq,
          from,
        })
      : { nextPageToken: sealPageToken(requestKey, { ...page.next, page: position.page + 1 }) };
  return {
    ...header(calendar, view),
    ...tokens,
    items: page.items.map(({ event }) => presentInList(viewing, event)),
  };
}

function checkCombination({ parameters, switches }: Listing): void {
  const { syncToken, showDeleted, orderBy, singleEvents, timeMin, timeMax, updatedMin } =
    parameters;
  if (singleEvents === true) throw notEmulated('singleEvents=true');
  if (syncToken !== undefined) {
    const restricted = restrictions.some((name) => parameters[name] !== undefined);
    if (restricted || showDeleted === false) throw restriction(switches);
  }
  if (orderBy !== undefined && orderBy !== 'updated') {
    const message = 'The requested ordering is not available for the particular query.';
    throw badRequest(orderBy === 'startTime' ? 'badRequest' : 'invalid', message, 'orderBy');
  }
  if (timeMin !== undefined && timeMax !== undefined && timeMin >= timeMax) {
    throw badRequest('timeRangeEmpty', 'The specified time range is empty.', 'timeMax');
  }
  if (updatedMin !== undefined && updatedMin < Date.now() - updatedMinReachMs) {
    throw updatedMinTooLongAgo();
  }
}

function keyOf(parameters: Record<string, unknown>, names: readonly string[]): string {
  return JSON.stringify(names.toSorted().map((name) => [name, parameters[name]]));
}

interface Starting {
  listing: Listing;
  view: CalendarView;
  from: SyncPosition | undefined;
  requestKey: string;
}

function startOf({ listing, view, from, requestKey }: Starting): PagePosition {
  const { pageToken } = listing.parameters;
  if (pageToken !== undefined) return openPageToken(pageToken, requestKey);
  return { after: from?.seq ?? 0, startSeq: view.latestSeq, page: 0 };
}

type Page = { items: Listed[]; next: Omit<PagePosition, 'page'> | undefined };

/** Follows creation order, so that an event that changes during a pass keeps its place in it. */
function fullPage(listing: Listing, position: PagePosition): Page {
  const { calendar, parameters, store } = listing;
  const view = store.view(calendar.id);
  const ordered =
    parameters.orderBy === 'updated'
      ? view.listed.toSorted((a, b) => a.event.updated.localeCompare(b.event.updated))
      : view.listed;
  const size = pageSize(listing, position.page);
  const items: Listed[] = [];
  for (let index = position.after; index < ordered.length; index += 1) {
    const listed = ordered[index]!;
    if (!isWanted({ view, calendar }, listed.event, parameters)) continue;
    if (items.length === size) {
      return { items, next: { after: index, startSeq: position.startSeq } };
    }
    items.push(listed);
  }
  return { items, next: undefined };
}

/** Follows the order of changes; what changes again during the pass comes in a later page of it. */
function changesPage(listing: Listing, position: PagePosition, from: SyncPosition): Page {
  const { calendar, parameters, store, switches } = listing;
  const view = store.view(calendar.id);
  const size = pageSize(listing, position.page);
  const bounds = {
    ...(from.timeMinMs === undefined ? {} : { timeMin: from.timeMinMs }),
    ...(from.timeMaxMs === undefined ? {} : { timeMax: from.timeMaxMs }),
  };
  const items: Listed[] = [];
  let after = position.after;
  for (let index = firstAfter(view.changes, after); index < view.changes.length; index += 1) {
    const change = view.changes[index]!;
    const wanted =
      isCurrent(view, change) &&
      hasType(change.event, parameters.eventTypes) &&
      (!switches.syncKeepsTimeBounds || isWithin(change.event, calendar, bounds));
    if (!wanted) continue;
    if (items.length === size) return { items, next: { after, startSeq: position.startSeq } };
    items.push(change);
    after = change.seq;
  }
  return { items, next: undefined };
}

function firstAfter(changes: readonly Listed[], seq: number): number {
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (changes[middle]!.seq <= seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

function pageSize({ parameters, switches }: Listing, page: number): number {
  const asked = Math.min(parameters.maxResults ?? 250, 2500);
  if (switches.pages === 'short') return Math.ceil(asked / 3);
  return switches.pages === 'empty' && page % 2 === 0 ? 0 : asked;
}

function endTokens(
  { calendar, parameters }: Listing,
  boundKey: string,
  position: { seq: number; from: SyncPosition | undefined },
): { nextSyncToken?: string } {
  const unsyncable = restrictions.slice(0, 6).some((name) => parameters[name] !== undefined);
  if (unsyncable) return {};
  const { seq, from } = position;
  const timeMinMs = from?.timeMinMs ?? parameters.timeMin;
  const timeMaxMs = from?.timeMaxMs ?? parameters.timeMax;
  return { nextSyncToken: sealSyncToken(calendar, boundKey, { seq, timeMinMs, timeMaxMs }) };
}

function header(calendar: Calendar, view: CalendarView): Record<string, unknown> {
  const micros = Math.max(view.latestSeq, calendar.changedMicros);
  return {
    kind: 'calendar#events',
    etag: `"p33${micros.toString(36)}0g"`,
    summary: calendar.summary,
    updated: instantText(micros),
    timeZone: calendar.timeZone,
    accessRole: calendar.accessRole,
    defaultReminders: [],
  };
}
