import { z } from 'zod';
import type { Zones } from '../../domain/availability.ts';
import type { NeutralEvent } from '../../domain/event.ts';
import {
  findConnection,
  type ConnectionRef,
  type StoredConnection,
} from '../../store/connections.ts';
import type { PassChange, StoredPass } from '../../store/history-of-events.ts';
import { changesOfPass, listPasses } from '../../store/history-of-events.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { pageOf } from '../page.ts';
import { notFound } from '../problem.ts';
import { route, type Route } from '../route.ts';
import { Id, pageQuery, wholeNumber } from '../schemas/common.ts';
import { PassChangePage, PassPage } from '../schemas/history.ts';
import { EncodedId, encodedId, instantOf } from './channel-events.ts';

/** What each pass of a connection changed. */
export const connectionHistoryRoutes: Route[] = [
  route({
    method: 'get',
    path: '/v1/connections/{connectionId}/passes',
    id: 'listPasses',
    tag: 'Connections',
    summary: 'List the passes that changed something',
    about:
      'Newest first. Passes that changed nothing and found nothing odd are not kept. A pass that the deletion guard or an anomaly marked is where to look before a restore.',
    scopes: ['connections:write'],
    params: z.strictObject({ connectionId: Id }),
    query: z.strictObject({
      after: z
        .string()
        .regex(/^\d{1,15}$/, 'must be `next` of the page before')
        .optional(),
      limit: pageQuery.limit,
    }),
    answer: { status: 200, about: 'Newest first.', schema: PassPage },
    problems: ['not-found'],
    async handle({ caller, params, query }, { database }) {
      const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
      await found(ref, { database });
      const { after: before, limit } = query;
      const rows = await listPasses(database.pool, ref, { before, limit });
      const show = (row: StoredPass) => showPass(row, ref.connectionId);
      return { body: pageOf(rows, { limit, keyOf: (row) => row.position, show }) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/connections/{connectionId}/passes/{position}/changes',
    id: 'listPassChanges',
    tag: 'Connections',
    summary: 'List what one pass changed',
    about: 'Each entry as it was before the pass and as the pass left it.',
    scopes: ['connections:write'],
    params: z.strictObject({ connectionId: Id, position: wholeNumber(0, 999_999_999) }),
    query: z.strictObject({ ...pageQuery, after: EncodedId }),
    answer: { status: 200, about: 'By native id.', schema: PassChangePage },
    problems: ['not-found'],
    async handle({ caller, params, query }, { database, zones }) {
      const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
      const connection = await found(ref, { database });
      const { after, limit } = query;
      const position = String(params.position);
      const rows = await changesOfPass(database.pool, ref, { position, after, limit });
      if (!rows) throw notFound('pass');
      const show = (row: PassChange) => showChange(row, connection, zones);
      return { body: pageOf(rows, { limit, keyOf: encodedId, show }) };
    },
  }),
];

async function found(
  ref: ConnectionRef,
  { database }: Pick<ApiDependencies, 'database'>,
): Promise<StoredConnection> {
  const connection = await findConnection(database, ref);
  if (!connection) throw notFound('connection');
  return connection;
}

function showPass({ startedAt, endedAt, ...row }: StoredPass, connectionId: string) {
  const position = Number(row.position);
  return {
    ...row,
    position,
    fromPosition: Number(row.fromPosition),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    links: { changes: `/v1/connections/${connectionId}/passes/${position}/changes` },
  };
}

const showChange = (row: PassChange, { timeZone }: StoredConnection, zones: Zones) => ({
  nativeId: row.nativeId,
  before: row.before && showVersion(row.before, timeZone, zones),
  after: row.after && showVersion(row.after, timeZone, zones),
});

const showVersion = (event: NeutralEvent, timeZone: string, zones: Zones) => ({
  startAt: instantOf(event.start, timeZone, zones),
  endAt: instantOf(event.end, timeZone, zones),
  allDay: event.start?.kind === 'date',
  recurring: event.recurrence.length > 0,
  status: event.status,
  transparency: event.transparency,
});
