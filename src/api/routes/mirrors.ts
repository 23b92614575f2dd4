import { z } from 'zod';
import { findConnection } from '../../store/connections.ts';
import { restoreByHand } from '../../store/mirror-edits.ts';
import { listMirrors, type StoredMirror } from '../../store/mirror-reads.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { Empty, Id, pageQuery } from '../schemas/common.ts';
import { MirrorPage } from '../schemas/mirror.ts';
import { showMirror } from '../show-mirror.ts';
import { wakeMirrors } from '../wake-mirrors.ts';

const tag = 'Connections';
const path = '/v1/connections/{connectionId}/mirrors';

export const mirrorRoutes = [
  route({
    method: 'get',
    path,
    id: 'listMirrors',
    tag,
    summary: 'List what we write to the outside calendar',
    about:
      'Each booking, hold and block of its place, how far it is written there, and what somebody changed of it.',
    scopes: ['connections:write'],
    params: z.strictObject({ connectionId: Id }),
    query: z.strictObject({
      ...pageQuery,
      attention: z.enum(['true', 'false']).optional().describe('`true`: only what needs a person.'),
    }),
    answer: { status: 200, about: 'By the id of what they stand for.', schema: MirrorPage },
    problems: ['not-found'],
    async handle({ caller, params, query }, { database, now }) {
      const ref = { tenantId: caller.tenantId, connectionId: params.connectionId };
      if (!(await findConnection(database, ref))) throw notFound('connection');
      const { after, limit } = query;
      const onlyAttention = query.attention === 'true';
      const rows = await listMirrors(database, { ...ref, onlyAttention, after, limit });
      const show = (row: StoredMirror) => showMirror(row, now());
      return { body: pageOf(rows, { limit, keyOf: (row) => row.subjectId, show }) };
    },
  }),
  route({
    method: 'post',
    path: `${path}/{mirrorId}/restore`,
    id: 'restoreMirror',
    tag,
    summary: 'Write our event again',
    about: 'Settles what a person was called for: from here on it is restored as before.',
    scopes: ['connections:write'],
    params: z.strictObject({ connectionId: Id, mirrorId: Id }),
    body: Empty,
    answer: { status: 204, about: 'It is going to be written.', schema: null },
    problems: ['not-found', 'connection-over'],
    async handle({ caller, params }, deps) {
      const { tenantId } = caller;
      const { connectionId, mirrorId } = params;
      const connection = await findConnection(deps.database, { tenantId, connectionId });
      if (!connection) throw notFound('connection');
      if (connection.disconnectedAt !== null) throw new Problem('connection-over');
      const { pool } = deps.database;
      if (!(await restoreByHand(pool, { tenantId, connectionId }, mirrorId)))
        throw notFound('mirror');
      wakeMirrors(deps, tenantId, [connectionId]);
      return {};
    },
  }),
];
