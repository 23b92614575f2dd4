import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { createBlock, listBlocks, removeBlock } from '../../store/blocks.ts';
import { findResource } from '../../store/resources.ts';
import { change } from '../../store/transactions.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { wakeMirrors } from '../wake-mirrors.ts';
import { Id, Instant, pageQuery } from '../schemas/common.ts';
import { Block, BlockPage, NewBlock } from '../schemas/resource.ts';

const tag = 'Blocks';
const path = '/v1/resources/{resourceId}/blocks';
const params = z.strictObject({ resourceId: Id });
const example = {
  startAt: '2027-02-01T00:00:00+01:00',
  endAt: '2027-02-08T00:00:00+01:00',
  unit: null,
};

export const blockRoutes = [
  route({
    method: 'post',
    path,
    id: 'createBlock',
    tag,
    summary: 'Close a span',
    about: 'Closes what is free of it, for one unit or (`unit` null) all. Bookings there stay.',
    scopes: ['bookings:write'],
    idempotent: true,
    params,
    body: NewBlock,
    bodyExample: example,
    answer: { status: 201, about: 'Closed.', schema: Block },
    problems: ['not-found', 'invalid-request'],
    async handle(input, deps) {
      const ref = { tenantId: input.caller.tenantId, resourceId: input.params.resourceId };
      let shownBy: string[] = [];
      const answer = await createOnce(input, deps, {
        prepare: async () => randomUUID(),
        create: async (tx, id) => {
          const done = await createBlock(tx, ref, { id, ...input.body });
          if (done.kind === 'no-such-resource') throw notFound('resource');
          if (done.kind === 'no-such-unit') throw noSuchUnit(done.capacity);
          shownBy = done.connections;
          return { status: 201, body: show(done.block) };
        },
      });
      wakeMirrors(deps, ref.tenantId, shownBy);
      return answer;
    },
  }),
  route({
    method: 'get',
    path,
    id: 'listBlocks',
    tag,
    summary: 'List the blocks of a resource',
    scopes: ['availability:read', 'bookings:write'],
    params,
    query: z.strictObject({
      ...pageQuery,
      from: Instant.optional().describe('Blocks that end after this.'),
      to: Instant.optional().describe('Blocks that start before this.'),
    }),
    answer: { status: 200, about: 'By id; removed ones are left out.', schema: BlockPage },
    problems: ['not-found'],
    async handle({ caller, params, query }, { database }) {
      const ref = { tenantId: caller.tenantId, ...params };
      if (!(await findResource(database, ref))) throw notFound('resource');
      const { limit } = query;
      const rows = await listBlocks(database, { ...ref, ...query });
      return { body: pageOf(rows, { limit, keyOf: (row) => row.id, show }) };
    },
  }),
  route({
    method: 'delete',
    path: `${path}/{blockId}`,
    id: 'removeBlock',
    tag,
    summary: 'Open a closed span again',
    scopes: ['bookings:write'],
    params: z.strictObject({ resourceId: Id, blockId: Id }),
    answer: { status: 204, about: 'Removed.', schema: null },
    problems: ['not-found'],
    async handle({ caller, params }, deps) {
      const { resourceId, blockId } = params;
      const ref = { tenantId: caller.tenantId, resourceId };
      const shownBy = await change(deps.database, (tx) => removeBlock(tx, ref, blockId));
      if (!shownBy) throw notFound('block');
      wakeMirrors(deps, ref.tenantId, shownBy);
      return {};
    },
  }),
];

const noSuchUnit = (capacity: number): Problem =>
  new Problem('invalid-request', {
    detail: `The resource has units 1 to ${capacity}.`,
    more: { errors: [{ in: 'body', pointer: '/unit', detail: `must be at most ${capacity}` }] },
  });

interface Row {
  id: string;
  resourceId: string;
  unit: number | null;
  startAt: Date;
  endAt: Date;
  createdAt: Date;
}

const show = (row: Row) => ({
  id: row.id,
  resourceId: row.resourceId,
  unit: row.unit,
  startAt: row.startAt.toISOString(),
  endAt: row.endAt.toISOString(),
  createdAt: row.createdAt.toISOString(),
});
