import { hash } from 'node:crypto';
import { z } from 'zod';
import { freshnessBoundMs } from '../../domain/connection.ts';
import type { Pull } from '../../domain/connection.ts';
import type { AvailabilityRead, ConnectionFreshness } from '../../store/availability.ts';
import { readAvailability } from '../../store/availability.ts';
import { beyondEdge } from '../beyond-edge.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { matchesEtag } from '../etag.ts';
import { listed, nightsWindow, priceShown, shownAs } from '../show-availability.ts';
import { notFound } from '../problem.ts';
import { pullResource } from '../pull-now.ts';
import { route } from '../route.ts';
import { Availability, AvailabilityQuery } from '../schemas/availability.ts';
import { Id } from '../schemas/common.ts';
import { listedSessions } from '../session-booking.ts';
import { afterPosition, noSuchPage } from '../session-page.ts';

export const availabilityRoute = route({
  method: 'get',
  path: '/v1/resources/{resourceId}/availability',
  id: 'getAvailability',
  tag: 'Availability',
  summary: 'When a resource can be had',
  about:
    'Free spans, or start times for a duration; of what is sold by the night, each night or the stays of a length. A booking fits when it lies inside a span; its buffers may reach over the edge. ' +
    'Starts are counted from each opening (from local midnight where there are no opening rules) in elapsed time, so a day with a clock change has more or fewer. ' +
    'Bookings are taken up to `validUntil`; beyond it the answer tells what calendars say, and what is `unknown`. What is free there cannot be booked yet: a booking that reaches over `validUntil`, its buffer included, is refused as `beyond-horizon`, because a hold is checked against stored calendars only. `validUntil` moves on every day. Nothing is free before a connection was read for the first time.',
  scopes: ['availability:read'],
  headers: { 'If-None-Match': 'The ETag of an answer you have.' },
  params: z.strictObject({ resourceId: Id }),
  query: AvailabilityQuery,
  answer: {
    status: 200,
    about: 'What is free, and how sure that is.',
    schema: Availability,
    headers: { ETag: 'Changes with everything but `asOf`.' },
    example: {
      asOf: '2026-11-21T09:00:00.412Z',
      resourceId: 'villa-aurora',
      from: '2027-01-01T00:00:00.000Z',
      to: '2027-02-01T00:00:00.000Z',
      timeZone: 'Europe/Rome',
      party: 1,
      freshness: { confirmedAt: null, holds: true, connections: [] },
      validUntil: null,
      withheld: 0,
      price: null,
      spans: [{ startAt: '2027-01-01T00:00:00.000Z', endAt: '2027-02-01T00:00:00.000Z' }],
    },
  },
  alsoAnswers: { 304: 'Nothing but `asOf` has changed.' },
  problems: ['not-found'],
  async handle({ caller, params, query, header }, deps) {
    const { resourceId } = params;
    const { from, to } = query;
    const sessions = { after: afterPosition(query.after), limit: query.limit };
    const ask = { tenantId: caller.tenantId, resourceId, from, to, sessions };
    const pulls = query.fresh === 'true' ? await pulled(deps, ask, query) : NOT_PULLED;
    const first = await readAvailability(deps.database, ask);
    if (!first) throw notFound('resource');
    const as = shownAs(query, first.facts.settings);
    if (as !== 'sessions' && query.after !== undefined) throw noSuchPage();
    const reach = nightsWindow(first.facts, { as, query, zones: deps.zones });
    const read = reach ? await readAvailability(deps.database, { ...ask, ...reach }) : first;
    if (!read) throw notFound('resource');
    const { facts, unknown } = await reaching(deps, read, { ...ask, ...reach, query });
    const content = JSON.stringify({
      resourceId,
      from,
      to,
      timeZone: facts.timeZone,
      party: query.party,
      freshness: freshnessOf(read, pulls),
      validUntil: instant(read.facts.knownUntilAt),
      withheld: read.withheld,
      ...(unknown && { unknown: [unknown] }),
      price: priceShown(facts.settings, { as, query }),
      ...(as === 'sessions'
        ? listedSessions({ ...read, facts }, { ...query, zones: deps.zones })
        : listed(facts, { as, query, zones: deps.zones })),
    });
    const etag = `"${hash('sha1', content, 'base64url')}"`;
    const headers = { etag, 'cache-control': 'private, no-cache' };
    if (matchesEtag(header('if-none-match'), etag)) return { status: 304, headers };
    const asOf = new Date(facts.nowAt).toISOString();
    // Spliced, so that the content is written once and the tag is of exactly what is sent.
    const body = `{"asOf":"${asOf}",${content.slice(1)}`;
    return { headers, text: { type: 'application/json', content: body } };
  },
});

type Query = z.output<typeof AvailabilityQuery>;
type Pulls = ReadonlyMap<string, Pull>;
const NOT_PULLED: Pulls = new Map();

const pulled = (
  deps: ApiDependencies,
  ask: { tenantId: string; resourceId: string },
  { freshTimeoutMs: timeoutMs }: Query,
): Promise<Pulls> => pullResource(deps, { ...ask, timeoutMs });

/** The facts as they are stored, or, for a range that reaches past their edge, as far as they go. */
async function reaching(
  deps: ApiDependencies,
  { facts }: AvailabilityRead,
  ask: { tenantId: string; resourceId: string; from: string; to: string; query: Query },
) {
  const { query } = ask;
  const { bufferBeforeMs, bufferAfterMs } = facts.settings;
  const [fromAt, toAt] = [Date.parse(ask.from), Date.parse(ask.to)];
  const endAt = toAt + bufferAfterMs;
  if (facts.knownUntilAt === null || endAt <= facts.knownUntilAt) return { facts, unknown: null };
  const beyond = await beyondEdge(deps, facts, {
    ...ask,
    window: { startAt: fromAt - bufferBeforeMs, endAt },
    liveTimeoutMs: query.fresh === 'true' ? query.freshTimeoutMs : null,
  });
  const unknownFromAt = beyond.unknownFromAt;
  const [shownFromAt, shownToAt] = [Date.parse(query.from), Date.parse(query.to)];
  const isShown = unknownFromAt !== null && unknownFromAt < shownToAt;
  return {
    facts: beyond.facts,
    unknown: isShown
      ? { startAt: instant(Math.max(unknownFromAt, shownFromAt)), endAt: instant(shownToAt) }
      : null,
  };
}

function freshnessOf({ facts, connections }: AvailabilityRead, pulls: Pulls) {
  const shown = connections.map((one) => {
    const pull = pulls.get(one.id);
    return { ...freshnessOfOne(one, facts.nowAt), ...(pull && { pull }) };
  });
  const confirmed = connections.map((one) => one.confirmedAt);
  const never = confirmed.length === 0 || confirmed.includes(null);
  const oldest = never ? null : Math.min(...confirmed.map(Number));
  return {
    confirmedAt: instant(oldest),
    holds: shown.every((one) => one.holds),
    connections: shown,
  };
}

function freshnessOfOne(one: ConnectionFreshness, nowAt: number) {
  const watched = one.watchedUntil !== null && one.watchedUntil > nowAt;
  const boundMs = freshnessBoundMs(one.settings, { watched, pollMs: one.pollMs });
  return {
    connectionId: one.id,
    channel: one.channel,
    status: one.status,
    confirmedAt: instant(one.confirmedAt),
    boundMs,
    holds: one.confirmedAt !== null && nowAt - one.confirmedAt <= boundMs,
    newest: one.newest && {
      visibleAt: instant(one.newest.visibleAt),
      ...latencyOf(one.newest.visibleAt, one.newest),
    },
  };
}

/** How long a change took to be visible: from the channel's own time, and from its notification. */
export function latencyOf(
  visibleAt: number,
  known: { updatedAt: string | null | undefined; notifiedAt: number | null },
): { fromChangeMs: number | null; fromNotificationMs: number | null } {
  const changedAt = known.updatedAt ? Date.parse(known.updatedAt) : Number.NaN;
  return {
    fromChangeMs: Number.isNaN(changedAt) ? null : Math.round(visibleAt - changedAt),
    fromNotificationMs: known.notifiedAt === null ? null : Math.round(visibleAt - known.notifiedAt),
  };
}

const instant = (at: number | null): string | null =>
  at === null ? null : new Date(at).toISOString();
