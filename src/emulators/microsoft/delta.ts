import type { Request } from 'express';
import { versionAt, visibleSeq } from './calendar-store.ts';
import type { Calendar, CalendarStore, CalendarView } from './calendar-store.ts';
import { changesBetween } from './delta-changes.ts';
import type { Told } from './delta-changes.ts';
import { refuseParameters, resetNeeded, sharedRefused } from './delta-errors.ts';
import { eventIdOf } from './event-ids.ts';
import { eventView, skeletalView } from './event-view.ts';
import { graphUrl } from './paging.ts';
import type { Preferences } from './prefer.ts';
import { openState, sealState } from './state-token.ts';
import type { RoundState } from './state-token.ts';
import type { MicrosoftSwitches } from './switches.ts';
import { readWindow } from './view-window.ts';

/** `since` of a round that tells everything. */
const everything = -1;

interface Round {
  store: CalendarStore;
  switches: MicrosoftSwitches;
  calendar: Calendar;
  preferences: Preferences;
}

/**
 * One page of `calendarView/delta`. A round is told as the calendar was when the round began, so what
 * changes meanwhile is in the next. Source: Graph reference, "event: delta".
 */
export function deltaPage(req: Request, round: Round): Record<string, unknown> {
  const { calendar, preferences, store, switches } = round;
  refuseParameters(req);
  if (calendar.sharedBy !== undefined) throw sharedRefused(switches);
  const view = store.view(calendar.id);
  const state = stateOf(req, round);
  const size = pageLimit(preferences.maxPageSize ?? 50, switches);
  const { told, next } = readPage(view, { state, size, switches });
  const path = req.originalUrl.split('?', 1)[0]!.replace(/^\/v1\.0/, '');
  const link = (name: string, target: RoundState) =>
    graphUrl(req, `${path}?$${name}token=${sealState(target)}`);
  const later = nextState(state, { next, told: told.length, switches });
  return {
    '@odata.context': graphUrl(req, '/$metadata#Collection(event)'),
    ...(later.kind === 'skip'
      ? { '@odata.nextLink': link('skip', later) }
      : { '@odata.deltaLink': link('delta', later) }),
    value: told.map((each) => shown(each, state, round)),
  };
}

/** Where the page begins: in a new round, in the middle of one, or at the start of the next. */
function stateOf(req: Request, { calendar, preferences, store, switches }: Round): RoundState {
  const query = req.query as Record<string, string | undefined>;
  const until = visibleSeq(store.view(calendar.id));
  const begin = { kind: 'skip', until, index: 0, offset: 0, page: 0 } as const;
  const token = query['$skiptoken'] ?? query['$deltatoken'];
  if (!token) {
    const { id: calendarId, tokenEpoch: epoch } = calendar;
    const { immutableIds } = preferences;
    return { ...begin, ...readWindow(req), calendarId, epoch, immutableIds, since: everything };
  }
  const state = openState(token, query['$skiptoken'] === undefined ? 'delta' : 'skip');
  const current = state?.calendarId === calendar.id && state.epoch === calendar.tokenEpoch;
  const forgotten = store.forgottenSeq(calendar.id);
  if (state === undefined || !current) throw resetNeeded(req, state, switches);
  if (state.kind === 'skip') {
    if (state.until < forgotten) throw resetNeeded(req, state, switches);
    return state;
  }
  const since = switches.replays === 'rounds' && state.since >= 0 ? state.since : state.until;
  if (since < forgotten) throw resetNeeded(req, state, switches);
  const { index } = firstChangeAfter(store.view(calendar.id), since);
  return { ...state, ...begin, since, index };
}

interface Reading {
  state: RoundState;
  size: number;
  switches: MicrosoftSwitches;
}

interface Position {
  index: number;
  offset: number;
}

interface ReadPage {
  told: Told[];
  next: Position | undefined;
}

function readPage(view: CalendarView, { state, size, switches }: Reading): ReadPage {
  const told: Told[] = [];
  if (switches.pages === 'empty' && state.page % 2 === 1) return { told, next: state };
  const repeats = switches.replays === 'entities';
  let last: Position = state;
  let { offset } = state;
  const end = state.since === everything ? view.order.length : view.changes.length;
  for (let { index } = state; index < end; index += 1) {
    const items = itemsAt(view, index, { state, switches });
    for (; offset < items.length; offset += 1) {
      if (told.length === size) {
        return { told, next: repeats && size > 1 ? last : { index, offset } };
      }
      last = { index, offset };
      told.push(items[offset]!);
    }
    offset = 0;
  }
  return { told, next: undefined };
}

function itemsAt(
  view: CalendarView,
  index: number,
  { state, switches }: Omit<Reading, 'size'>,
): Told[] {
  const { since, until } = state;
  if (since === everything) {
    const now = versionAt(view, view.order[index]!, until);
    if (now === undefined) return [];
    return changesBetween({ before: undefined, now, everything: true }, state, switches);
  }
  const { id, seq } = view.changes[index]!;
  const now = versionAt(view, id, until);
  // Told once, at its last change of the round.
  if (seq > until || now?.seq !== seq) return [];
  const before = versionAt(view, id, since);
  return changesBetween({ before, now, everything: false }, state, switches);
}

function firstChangeAfter({ changes }: CalendarView, seq: number): { index: number } {
  let [low, high] = [0, changes.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle]!.seq <= seq) low = middle + 1;
    else high = middle;
  }
  return { index: low };
}

interface Turning {
  next: Position | undefined;
  told: number;
  switches: MicrosoftSwitches;
}

function nextState(state: RoundState, { next, told, switches }: Turning): RoundState {
  const page = state.page + 1;
  if (switches.stuckPages && told > 0) return { ...state, page };
  if (next === undefined) return { ...state, kind: 'delta', index: 0, offset: 0, page: 0 };
  return { ...state, index: next.index, offset: next.offset, page };
}

function pageLimit(asked: number, { pages }: MicrosoftSwitches): number {
  return pages === 'short' ? Math.max(1, Math.ceil(asked / 3)) : asked;
}

function shown(told: Told, { immutableIds }: RoundState, round: Round) {
  const { calendar, preferences, switches } = round;
  const type = '#microsoft.graph.event';
  if (told.removed !== undefined) {
    const id = eventIdOf(told.removed.entry, told.removed.wallMs, immutableIds);
    return { '@odata.type': type, id, '@removed': { reason: 'deleted' } };
  }
  const showing = { calendar, preferences: { ...preferences, immutableIds }, switches };
  const view = told.item.type === 'occurrence' ? skeletalView : eventView;
  return { '@odata.type': type, ...view(told.item, showing) };
}
