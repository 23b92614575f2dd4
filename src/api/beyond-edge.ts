import type { Channel } from '../channels/channel-provider.ts';
import type { AvailabilityFacts, Taken } from '../domain/availability.ts';
import type { NeutralEvent } from '../domain/event.ts';
import type { Interval } from '../domain/interval.ts';
import { nightSecondsOf } from '../domain/nights.ts';
import type { CalendarBeyond } from '../store/beyond-edge.ts';
import { calendarsBeyond } from '../store/beyond-edge.ts';
import { isOurMirror } from '../store/our-mirrors.ts';
import type { ApiDependencies } from './dependencies.ts';

const DAY_MS = 86_400_000;

interface AskBeyond {
  tenantId: string;
  resourceId: string;
  /** Whole, buffers included. */
  window: Interval;
  /** Ask channels themselves where our copy ends, for at most so long; null asks none. */
  liveTimeoutMs: number | null;
}

/**
 * The facts for an answer that reaches past the edge of what is stored. Channels that were read
 * whole are expanded for this answer; where a channel listed a fixed stretch of time, or a feed ends,
 * nothing is known, unless the channel itself is asked.
 */
export async function beyondEdge(
  deps: ApiDependencies,
  facts: AvailabilityFacts,
  ask: AskBeyond,
): Promise<{ facts: AvailabilityFacts; unknownFromAt: number | null }> {
  const calendars = await calendarsBeyond(deps.database.pool, ask);
  const told = await Promise.all(calendars.map((one) => tellBeyond(deps, one, ask)));
  const unknownFromAt = Math.min(...told.map((one) => one.knownUntilAt));
  return {
    facts: {
      ...facts,
      taken: [...facts.taken, ...told.flatMap((one) => one.taken)],
      knownUntilAt: unknownFromAt === Infinity ? null : unknownFromAt,
    },
    unknownFromAt: unknownFromAt < ask.window.endAt ? unknownFromAt : null,
  };
}

interface Told {
  taken: Taken[];
  knownUntilAt: number;
}

async function tellBeyond(
  deps: ApiDependencies,
  one: CalendarBeyond,
  ask: AskBeyond,
): Promise<Told> {
  const { window } = ask;
  const edgeAt = one.expandedUntilAt;
  // Never read: what it says of the time before is not known either.
  if (edgeAt === null) return { taken: [], knownUntilAt: -Infinity };
  const spans = expanded(deps, one, { startAt: edgeAt, endAt: window.endAt });
  const knownUntilAt = knownUntil(deps, one, { spans, edgeAt });
  const copied = spans.map((span) => takenBy(one, span));
  if (knownUntilAt >= window.endAt || one.coversUntilAt === null || ask.liveTimeoutMs === null)
    return { taken: copied, knownUntilAt };
  const rest = { startAt: Math.max(knownUntilAt, window.startAt), endAt: window.endAt };
  const live = await askLive(deps, one, { ...ask, rest, timeoutMs: ask.liveTimeoutMs });
  if (!live) return { taken: copied, knownUntilAt };
  return {
    taken: [...copied, ...live.map((span) => takenBy(one, span))],
    knownUntilAt: window.endAt,
  };
}

const takenBy = ({ unit }: CalendarBeyond, { startAt, endAt }: Interval): Taken => ({
  startAt,
  endAt,
  unit,
  by: 'busy',
});

function expanded(deps: ApiDependencies, one: CalendarBeyond, window: Interval): Interval[] {
  if (window.startAt >= window.endAt) return [];
  return one.series.flatMap(
    (members) =>
      deps.busySpans(members, {
        window: { fromAt: window.startAt, untilAt: window.endAt },
        calendarZone: one.timeZone,
        dayZone: one.resourceZone,
        nights: one.resourceNights && nightSecondsOf(one.resourceNights),
        ...one.reading,
        isOurs: (event) => isOurMirror(one.ours, event, (each) => spanOf(deps, each, one.timeZone)),
      }).spans,
  );
}

/** Of a single event; null where its time cannot be told. */
function spanOf({ zones }: ApiDependencies, event: NeutralEvent, zone: string): Interval | null {
  const { start, end } = event;
  if (start === null || end === null) return null;
  try {
    return { startAt: zones.instantOf(start, zone), endAt: zones.instantOf(end, zone) };
  } catch {
    return null;
  }
}

/** Up to where our copy of a calendar speaks, its series expanded as far as was asked. */
function knownUntil(
  deps: ApiDependencies,
  one: CalendarBeyond,
  { spans, edgeAt }: { spans: readonly Interval[]; edgeAt: number },
): number {
  if (one.coversUntilAt !== null) return one.coversUntilAt;
  const supports = deps.providers.get(one.channel as Channel)?.supports;
  if (!supports?.endsWithLastEntry || one.isEndless) return Infinity;
  const lastDateAt = one.lastDate === null ? -Infinity : Date.parse(one.lastDate);
  return spans.reduce((at, span) => Math.max(at, span.endAt), Math.max(edgeAt, lastDateAt));
}

/** The channel's own word on what is taken; null when it has none, fails or takes too long. */
async function askLive(
  deps: ApiDependencies,
  one: CalendarBeyond,
  ask: AskBeyond & { rest: Interval; timeoutMs: number },
): Promise<Interval[] | null> {
  const provider = deps.providers.get(one.channel as Channel);
  if (!provider || ask.rest.endAt - ask.rest.startAt > MOST_LIVE_MS) return null;
  const { tenantId, rest } = ask;
  const { accountId, channel } = one;
  const calendar = { id: one.calendarId, timeZone: one.timeZone };
  const asking = () =>
    deps.callChannel({ tenantId, accountId, channel }, (access) =>
      provider.freeBusy({ access, calendar, window: rest }),
    );
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ask.timeoutMs);
  });
  try {
    return await Promise.race([asking().catch(() => null), enough]);
  } finally {
    clearTimeout(timer);
  }
}

/** A longer look ahead is nobody's live question. */
const MOST_LIVE_MS = 400 * DAY_MS;
