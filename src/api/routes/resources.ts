import { z } from 'zod';
import type { StoredResource } from '../../store/resources.ts';
import {
  archiveResource,
  changeResource,
  createResource,
  findResource,
  listResources,
} from '../../store/resources.ts';
import { change } from '../../store/transactions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { Id, pageQuery } from '../schemas/common.ts';
import { NewResource, Resource, ResourcePage, ResourcePatch } from '../schemas/resource.ts';

const tag = 'Resources';
const params = z.strictObject({ resourceId: Id });
const example = {
  id: 'villa-aurora',
  name: 'Villa Aurora',
  timeZone: 'Europe/Rome',
  capacity: 1,
  settings: {
    opening: [],
    bufferBeforeMs: 0,
    bufferAfterMs: 10_800_000,
    noticeMs: 86_400_000,
    holdTtlMs: 900_000,
    price: { per: 'night', amountMinor: 18_000, currency: 'eur' },
    contested: 'refuse',
  },
} as const;
const answerExample = { ...example, createdAt: '2026-11-21T09:00:00.000Z', archivedAt: null };

export const resourceRoutes = [
  route({
    method: 'post',
    path: '/v1/resources',
    id: 'createResource',
    tag,
    summary: 'Create a resource',
    about: 'The id is yours: it stands in every address and cannot change.',
    scopes: ['admin'],
    idempotent: true,
    body: NewResource,
    bodyExample: example,
    answer: { status: 201, about: 'Created.', schema: Resource, example: answerExample },
    problems: ['already-exists'],
    async handle(input, deps) {
      return createOnce(input, deps, {
        prepare: async () => requireZone(input.body.timeZone, deps),
        create: async (tx) => {
          const resource = await createResource(tx, input.caller.tenantId, input.body);
          if (!resource) throw new Problem('already-exists');
          return { status: 201, body: show(resource) };
        },
      });
    },
  }),
  route({
    method: 'get',
    path: '/v1/resources',
    id: 'listResources',
    tag,
    summary: 'List resources',
    scopes: ['availability:read', 'bookings:write', 'connections:write'],
    query: z.strictObject(pageQuery),
    answer: { status: 200, about: 'By id, archived ones too.', schema: ResourcePage },
    problems: [],
    async handle({ caller, query }, { database }) {
      const { after, limit } = query;
      const rows = await listResources(database, { tenantId: caller.tenantId, after, limit });
      return { body: pageOf(rows, { limit, keyOf: (row) => row.id, show }) };
    },
  }),
  route({
    method: 'get',
    path: '/v1/resources/{resourceId}',
    id: 'getResource',
    tag,
    summary: 'Read a resource',
    scopes: ['availability:read', 'bookings:write', 'connections:write'],
    params,
    answer: { status: 200, about: 'The resource.', schema: Resource, example: answerExample },
    problems: ['not-found'],
    async handle({ caller, params }, { database }) {
      const resource = await findResource(database, { tenantId: caller.tenantId, ...params });
      if (!resource) throw notFound('resource');
      return { body: show(resource) };
    },
  }),
  route({
    method: 'patch',
    path: '/v1/resources/{resourceId}',
    id: 'changeResource',
    tag,
    summary: 'Change a resource',
    about:
      'What is left out stays. Settings are kept by version; bookings made before keep their price.',
    scopes: ['admin'],
    params,
    body: ResourcePatch,
    bodyExample: { capacity: 2, settings: { noticeMs: 0 } },
    answer: { status: 200, about: 'As it is now.', schema: Resource, example: answerExample },
    problems: ['not-found'],
    async handle({ caller, params, body }, deps) {
      if (body.timeZone !== undefined) requireZone(body.timeZone, deps);
      const { settings = {}, ...rest } = body;
      const resource = await change(deps.database, (tx) =>
        changeResource(tx, { tenantId: caller.tenantId, ...params }, (now) => ({
          name: rest.name ?? now.name,
          timeZone: rest.timeZone ?? now.timeZone,
          capacity: rest.capacity ?? now.capacity,
          settings: { ...now.settings, ...given(settings) },
        })),
      );
      if (!resource) throw notFound('resource');
      return { body: show(resource) };
    },
  }),
  route({
    method: 'delete',
    path: '/v1/resources/{resourceId}',
    id: 'archiveResource',
    tag,
    summary: 'Archive a resource',
    about: 'Its past stays readable. Bookings to come and connections must be ended before.',
    scopes: ['admin'],
    params,
    answer: { status: 204, about: 'Archived, or it was already.', schema: null },
    problems: ['not-found', 'in-use'],
    async handle({ caller, params }, { database }) {
      const done = await change(database, (tx) =>
        archiveResource(tx, { tenantId: caller.tenantId, ...params }),
      );
      if (done.kind === 'missing') throw notFound('resource');
      if (done.kind === 'in-use')
        throw new Problem('in-use', {
          detail: `Cancel its ${done.bookings} live bookings and disconnect its ${done.connections} connections first.`,
        });
      return {};
    },
  }),
];

/** Fields that were left out do not overwrite. */
function given<T extends object>(patch: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(patch).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function requireZone(timeZone: string, { zones }: ApiDependencies): void {
  if (zones.isKnown(timeZone)) return;
  throw new Problem('invalid-request', {
    detail: 'The time zone is not known: use an IANA name such as Europe/Rome.',
    more: { errors: [{ in: 'body', pointer: '/timeZone', detail: 'is not a known time zone' }] },
  });
}

const show = (resource: StoredResource) => ({
  ...resource,
  createdAt: resource.createdAt.toISOString(),
  archivedAt: resource.archivedAt?.toISOString() ?? null,
});
