import { dateText, instantText } from '../src/calendar/civil.ts';
import { parseFeed } from '../src/calendar/parse.ts';
import type { TakenSpan } from '../src/calendar/recurrence.ts';
import { placeText, takenSpans } from '../src/calendar/recurrence.ts';
import { instantToWall } from '../src/calendar/zones.ts';
import type { NeutralEvent } from '../src/domain/event.ts';

export interface ListOptions {
  /** Where floating times and whole days are; null for the calendar's own, or UTC. */
  zone: string | null;
  windowIn: (zone: string) => { fromAt: number; untilAt: number };
  /** Leave out entries that take no time. */
  busyOnly?: boolean;
  limits?: { maxOccurrences: number; maxSteps: number };
}

export interface Listed {
  lines: string[];
  /** `reason id` of each entry that was not wholly understood. */
  withheld: string[];
  complete: boolean;
  truncated: boolean;
}

/** The occurrences of a calendar's text as `scripts/expand.ts` prints them. */
export function occurrenceLines(text: string, options: ListOptions): Listed {
  const feed = parseFeed(text, { defaultZone: options.zone ?? 'UTC' });
  const zone = options.zone ?? feed.zone ?? 'UTC';
  const window = options.windowIn(zone);
  const { limits = {}, busyOnly } = options;
  const all = [...feed.events, ...feed.withheld.flatMap(({ event }) => event ?? [])];
  const events = busyOnly ? all : all.map(opaque);
  const results = seriesOf(events).map((part) =>
    takenSpans({ ...part, window, defaultZone: zone, limits }),
  );
  const spans = results.flatMap((result) => result.spans);
  spans.sort(
    (a, b) => a.startAt - b.startAt || a.endAt - b.endAt || (uidOf(a) < uidOf(b) ? -1 : 1),
  );
  return {
    lines: spans.map((span) => lineOf(span, zone)),
    withheld: feed.withheld.map(({ reason, nativeId }) => `${reason} ${nativeId}`),
    complete: feed.complete,
    truncated: results.some((result) => result.truncated),
  };
}

const opaque = (event: NeutralEvent): NeutralEvent => ({ ...event, transparency: 'opaque' });

/** Masters with their exceptions, and exceptions whose master is not there. */
function seriesOf(events: readonly NeutralEvent[]) {
  const masters = new Map<string, NeutralEvent>();
  for (const event of events) if (event.seriesId === null) masters.set(event.nativeId, event);
  const exceptions = new Map<string, NeutralEvent[]>();
  const orphans: NeutralEvent[] = [];
  for (const event of events) {
    if (event.seriesId === null) continue;
    if (!masters.has(event.seriesId)) orphans.push(event);
    else exceptions.set(event.seriesId, [...(exceptions.get(event.seriesId) ?? []), event]);
  }
  return [
    ...[...masters].map(([id, master]) => ({ master, exceptions: exceptions.get(id) ?? [] })),
    ...orphans.map((master) => ({ master, exceptions: [] })),
  ];
}

const uidOf = ({ by }: TakenSpan): string => by.uid ?? by.nativeId;

function lineOf(span: TakenSpan, zone: string): string {
  const { by, place } = span;
  const isDate = by.start?.kind === 'date';
  const text = (at: number) => (isDate ? dateText(instantToWall(at, zone)) : instantText(at));
  const isPart = by.seriesId !== null || by.recurrence.length > 0;
  return [text(span.startAt), text(span.endAt), uidOf(span), isPart ? placeText(place) : '-'].join(
    '\t',
  );
}
