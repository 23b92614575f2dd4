import { z } from 'zod';
import type { Linking } from '../../store/links.ts';
import { createLink, listLinks, removeLink } from '../../store/links.ts';
import { findResource } from '../../store/resources.ts';
import { change } from '../../store/transactions.ts';
import { inProgress } from '../failures.ts';
import { createOnce } from '../idempotency.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { Id } from '../schemas/common.ts';
import { Link, LinkList, NewLink } from '../schemas/session.ts';

const tag = 'Resources';
const path = '/v1/resources/{resourceId}/links';
const params = z.strictObject({ resourceId: Id });

export const linkRoutes = [
  route({
    method: 'post',
    path,
    id: 'createLink',
    tag,
    summary: 'Link a resource to another',
    about:
      'A villa and its rooms, a treatment and what it needs. Links add up: a booking takes all that follows from them, or nothing. What is booked of a whole takes its new part too; a `need` counts for bookings made from then on.',
    scopes: ['admin'],
    idempotent: true,
    params,
    body: NewLink,
    bodyExample: { linkedId: 'room-1', kind: 'part', units: null },
    answer: { status: 201, about: 'Linked.', schema: Link },
    problems: ['not-found', 'already-exists', 'in-use', 'unknown-reference', 'invalid-request'],
    handle(input, deps) {
      const ref = { tenantId: input.caller.tenantId, ...input.params };
      return createOnce(input, deps, {
        prepare: async () => {
          if (!(await findResource(deps.database, ref))) throw notFound('resource');
        },
        create: async (tx) => {
          const done = await createLink(tx, ref, input.body);
          if (done.kind !== 'linked') throw refusedAs(done);
          return { status: 201, body: show(done.link) };
        },
      });
    },
  }),
  route({
    method: 'get',
    path,
    id: 'listLinks',
    tag,
    summary: 'List the links of a resource',
    scopes: ['availability:read', 'bookings:write'],
    params,
    answer: { status: 200, about: 'Links from it and to it.', schema: LinkList },
    problems: ['not-found'],
    async handle({ caller, params }, { database }) {
      const ref = { tenantId: caller.tenantId, ...params };
      if (!(await findResource(database, ref))) throw notFound('resource');
      return { body: { links: (await listLinks(database, ref)).map(show) } };
    },
  }),
  route({
    method: 'delete',
    path: `${path}/{linkedId}`,
    id: 'removeLink',
    tag,
    summary: 'Remove a link',
    about: 'Bookings that are there keep what they took.',
    scopes: ['admin'],
    params: z.strictObject({ resourceId: Id, linkedId: Id }),
    answer: { status: 204, about: 'Removed.', schema: null },
    problems: ['not-found'],
    async handle({ caller, params }, { database }) {
      const ref = { tenantId: caller.tenantId, resourceId: params.resourceId };
      const done = await change(database, (tx) => removeLink(tx, ref, params.linkedId));
      if (!done) throw notFound('link');
      return {};
    },
  }),
];

function refusedAs(done: Exclude<Linking, { kind: 'linked' }>): Problem {
  if (done.kind === 'too-many-units')
    return invalid('/units', `The other resource has units 1 to ${done.capacity}.`);
  if (done.kind === 'again') return inProgress();
  const [problem, detail] = REFUSED[done.kind];
  return problem === 'invalid-request'
    ? invalid('/linkedId', detail)
    : new Problem(problem, { detail });
}

const REFUSED = {
  exists: ['already-exists', 'They are linked already: remove that link to make another.'],
  'no-such-resource': [
    'unknown-reference',
    'There is no resource `linkedId`, or one of the two is archived.',
  ],
  cycle: ['invalid-request', 'The other leads back to this one: links may not go in a circle.'],
  sessions: [
    'invalid-request',
    'Places of sessions take no units: block the other resource for the time of each session.',
  ],
  'too-many-links': [
    'invalid-request',
    'More than 100 resources would be linked together, or one of them would lead to the others in more than 1,000 ways.',
  ],
  'in-use': [
    'in-use',
    'Something is booked of the part while the whole is booked, or the whole is booked more than once at a time: cancel or move one of them first. A booking of the whole that is just being rescheduled ends that by itself.',
  ],
} as const;

const invalid = (pointer: string, detail: string): Problem =>
  new Problem('invalid-request', { detail, more: { errors: [{ in: 'body', pointer, detail }] } });

const show = (row: {
  resourceId: string;
  linkedId: string;
  kind: string;
  units: number | null;
  createdAt: Date;
}) => ({
  resourceId: row.resourceId,
  linkedId: row.linkedId,
  kind: row.kind,
  units: row.units,
  createdAt: row.createdAt.toISOString(),
});
