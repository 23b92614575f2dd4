import { z } from 'zod';
import { findConflict, listConflicts, type StoredConflict } from '../../store/conflict-reads.ts';
import { decideEach } from '../decide-conflicts.ts';
import { pageOf } from '../page.ts';
import { notFound, problemType } from '../problem.ts';
import { route } from '../route.ts';
import { Id, pageQuery } from '../schemas/common.ts';
import {
  Conflict,
  ConflictDecision,
  ConflictDecisions,
  ConflictPage,
  ConflictsDecided,
} from '../schemas/conflict.ts';
import { showConflict } from '../show-conflict.ts';

const tag = 'Conflicts';
const params = z.strictObject({ conflictId: Id });

export const conflictRoutes = [
  route({
    method: 'get',
    path: '/v1/conflicts',
    id: 'listConflicts',
    tag,
    summary: 'List conflicts',
    about: 'Outside events that lie, or lay, over bookings of ours.',
    scopes: ['bookings:write', 'journal:read'],
    query: z.strictObject({
      ...pageQuery,
      after: z
        .string()
        .regex(/^\d{1,17}_[A-Za-z0-9-]{1,64}$/, 'must be `next` of the page before')
        .optional(),
      state: z.enum(['open', 'settled']).optional(),
      resourceId: Id.optional(),
      connectionId: Id.optional(),
      bookingId: Id.optional(),
    }),
    answer: { status: 200, about: 'By when they were found.', schema: ConflictPage },
    problems: [],
    async handle({ caller, query }, { database }) {
      const { tenantId } = caller;
      const { after: position, limit, state, resourceId, connectionId, bookingId } = query;
      const [foundUs = '', id = ''] = position?.split('_') ?? [];
      const after = position === undefined ? null : { foundUs, id };
      const asked = { tenantId, state, resourceId, connectionId, bookingId };
      const rows = await listConflicts(database, { ...asked, after, limit });
      const show = (row: StoredConflict) => showConflict(row, tenantId);
      return { body: pageOf(rows, { limit, keyOf: (row) => row.position, show }) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/conflicts/{conflictId}',
    id: 'getConflict',
    tag,
    summary: 'Read a conflict',
    scopes: ['bookings:write', 'journal:read'],
    params,
    answer: { status: 200, about: 'Who keeps the time, and why.', schema: Conflict },
    problems: ['not-found'],
    async handle({ caller, params }, { database }) {
      const { tenantId } = caller;
      const row = await findConflict(database, { tenantId, ...params });
      if (!row) throw notFound('conflict');
      return { body: showConflict(row, tenantId) };
    },
  }),
  route({
    method: 'post',
    path: '/v1/conflicts/{conflictId}/decide',
    id: 'decideConflict',
    tag,
    summary: 'Decide who keeps the time',
    about:
      'Ends the wait of a conflict that asks. With `theirs` the booking is put on another free unit, or cancelled with everything given back; read it again for how that ended. The same decision may be repeated.',
    scopes: ['admin'],
    params,
    body: ConflictDecision,
    bodyExample: { keep: 'ours' },
    answer: { status: 200, about: 'The conflict as it is now.', schema: Conflict },
    problems: ['not-found', 'conflict-decided', 'unavailable'],
    async handle({ caller, params, body }, deps) {
      const [decided] = await decideEach(deps, caller, { ids: [params.conflictId], ...body });
      const { row, problem } = decided!;
      if (problem) throw problem;
      return { body: showConflict(row!, caller.tenantId) };
    },
  }),
  route({
    method: 'post',
    path: '/v1/conflicts/decide',
    id: 'decideConflicts',
    tag,
    summary: 'Decide many conflicts alike',
    about:
      'As if each were decided by itself, for a calendar that was pasted over many bookings: one that cannot be decided so keeps no other from it. When the workflow service does not answer for one, those left are told `unavailable`. The same decision may be repeated.',
    scopes: ['admin'],
    body: ConflictDecisions,
    bodyExample: { ids: ['5f1c4a0e6b1d4c7e9a2b3c4d5e6f7a8b'], keep: 'ours' },
    answer: { status: 200, about: 'One for each id, in their order.', schema: ConflictsDecided },
    problems: [],
    async handle({ caller, body }, deps) {
      const { tenantId } = caller;
      const decided = await decideEach(deps, caller, body);
      return {
        body: {
          items: decided.map(({ id, row, problem }) => ({
            id,
            problem: problem && problemType(problem.problem),
            conflict: row && showConflict(row, tenantId),
          })),
        },
      };
    },
  }),
];
