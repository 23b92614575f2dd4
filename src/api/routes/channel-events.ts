import { z } from 'zod';
import type { Zones } from '../../domain/availability.ts';
import type { WallTime } from '../../domain/event.ts';
import { blocks } from '../../domain/sync-plan.ts';
import type { StoredChannelEvent } from '../../store/channel-events.ts';
import { listChannelEvents } from '../../store/channel-events.ts';
import type { StoredConnection } from '../../store/connections.ts';
import { findConnection } from '../../store/connections.ts';
import { pageOf } from '../page.ts';
import { notFound } from '../problem.ts';
import { route } from '../route.ts';
import { Id, Instant, pageQuery } from '../schemas/common.ts';
import { ChannelEventPage } from '../schemas/connection.ts';
import { latencyOf } from './availability.ts';

/** Native ids are any text, so that the position is encoded. */
export const EncodedId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,8192}$/, 'must be `next` of the page before')
  .transform((text) => Buffer.from(text, 'base64url').toString())
  .optional()
  .describe('`next` of the page before.');

export const channelEventRoute = route({
  method: 'get',
  path: '/v1/connections/{connectionId}/events',
  id: 'listChannelEvents',
  tag: 'Connections',
  summary: 'List what the outside calendar holds',
  about:
    'Entries without titles, people or places. A series is one entry with its first start; its exceptions are entries of their own.',
  scopes: ['connections:write'],
  params: z.strictObject({ connectionId: Id }),
  query: z.strictObject({
    ...pageQuery,
    after: EncodedId,
    asOf: Instant.optional().describe('Entries as they were current at this moment instead.'),
  }),
  answer: { status: 200, about: 'By native id.', schema: ChannelEventPage },
  problems: ['not-found'],
  async handle({ caller, params, query }, { database, zones }) {
    const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
    const connection = await findConnection(database, ref);
    if (!connection) throw notFound('connection');
    const { after, limit, asOf = null } = query;
    const rows = await listChannelEvents(database, { ...ref, after, limit, asOf });
    const show = (row: StoredChannelEvent) => showEvent(row, connection, zones);
    return { body: pageOf(rows, { limit, keyOf: encodedId, show }) };
  },
});

export const encodedId = ({ nativeId }: { nativeId: string }): string =>
  Buffer.from(nativeId).toString('base64url');

function showEvent(row: StoredChannelEvent, connection: StoredConnection, zones: Zones) {
  const { event } = row;
  const visibleAt = row.recordedAt.getTime();
  const { start } = event;
  return {
    id: row.id,
    resourceId: connection.resourceId,
    connectionId: connection.id,
    channel: connection.channel,
    nativeId: row.nativeId,
    feedPosition: Number(row.feedPosition),
    startAt: instantOf(start, connection.timeZone, zones),
    endAt: instantOf(event.end, connection.timeZone, zones),
    timeZone:
      start?.kind === 'zoned' ? start.zone : start?.kind === 'utc' ? 'UTC' : connection.timeZone,
    allDay: start?.kind === 'date',
    recurring: event.recurrence.length > 0,
    status: event.status,
    transparency: event.transparency,
    effect: effectOf(row, connection),
    withheldReason: row.withheldReason,
    visibleAt: row.recordedAt.toISOString(),
    latency: latencyOf(visibleAt, {
      updatedAt: event.updatedAt,
      notifiedAt: row.notifiedAt?.getTime() ?? null,
    }),
  };
}

function effectOf(
  row: StoredChannelEvent,
  connection: StoredConnection,
): 'withheld' | 'mirror' | 'echo' | 'suspected-copy' | 'busy' | 'none' {
  if (row.withheldReason !== null) return 'withheld';
  if (row.isMirror) return 'mirror';
  // Of the past only the entry is kept, so that what it did is told by the settings of today.
  const takesTime = row.isCurrent
    ? row.busySpans > 0
    : blocks(row.event, { ...connection.settings, isOurs: () => false });
  // A marker that proves nothing, or of another place's booking, keeps an entry from nothing.
  if (!takesTime) return row.event.marker === null && !row.hasOurUid ? 'none' : 'mirror';
  if (row.isEcho) return 'echo';
  return row.isSuspectedCopy ? 'suspected-copy' : 'busy';
}

/** Null for a time that cannot be placed; such an entry is withheld, and says why. */
export function instantOf(wall: WallTime | null, zone: string, zones: Zones): string | null {
  if (wall === null) return null;
  try {
    return new Date(zones.instantOf(wall, zone)).toISOString();
  } catch {
    return null;
  }
}
