import { z } from 'zod';
import { nightRulesOf } from '../../domain/nights.ts';
import { settingsFaults } from '../../domain/resource-checks.ts';
import type { ResourceSettings } from '../../domain/resource.ts';
import { DEFAULT_RESOURCE_SETTINGS } from '../../domain/resource.ts';
import type { ResourceRef, StoredResource } from '../../store/resources.ts';
import {
  archiveResource,
  changeResource,
  createResource,
  findResource,
  listResources,
  resourceUse,
} from '../../store/resources.ts';
import type { Tx } from '../../store/transactions.ts';
import { change } from '../../store/transactions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { Id, pageQuery } from '../schemas/common.ts';
import { wakeCalendars } from '../wake-calendars.ts';
import { NewResource, Resource, ResourcePage, ResourcePatch } from '../schemas/resource.ts';

const tag = 'Resources';
const params = z.strictObject({ resourceId: Id });
const NOT_SATURDAY = ['mon', 'tue', 'wed', 'thu', 'fri', 'sun'];
const example = {
  id: 'villa-aurora',
  name: 'Villa Aurora',
  timeZone: 'Europe/Rome',
  capacity: 1,
  settings: {
    soldBy: 'night',
    nights: {
      checkIn: '15:00',
      checkOut: '11:00',
      minNights: 2,
      maxNights: 28,
      closedToArrival: [],
      closedToDeparture: ['sun'],
      seasons: [
        { fromDay: '2027-07-01', toDay: '2027-08-31', minNights: 7, closedToArrival: NOT_SATURDAY },
      ],
    },
    exceptions: [{ fromDay: '2027-11-03', toDay: '2027-11-30', open: [] }],
    bufferAfterMs: 10_800_000,
    noticeMs: 86_400_000,
    holdTtlMs: 900_000,
    price: { per: 'night', amountMinor: 18_000, currency: 'eur' },
    deposit: {
      percent: 30,
      balanceDueMs: 2_592_000_000,
      onUnpaid: 'cancel',
      graceMs: 259_200_000,
    },
    cancellation: [
      { beforeMs: 1_209_600_000, feePercent: 0, feeMinor: 0 },
      { beforeMs: 172_800_000, feePercent: 50, feeMinor: 0 },
    ],
  },
};
const answerExample = {
  ...example,
  settings: { ...DEFAULT_RESOURCE_SETTINGS, ...example.settings },
  createdAt: '2026-11-21T09:00:00.000Z',
  archivedAt: null,
};

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
    problems: ['not-found', 'in-use', 'invalid-request'],
    async handle({ caller, params, body }, deps) {
      if (body.timeZone !== undefined) requireZone(body.timeZone, deps);
      const ref = { tenantId: caller.tenantId, ...params };
      let isReadOtherwise = false;
      const resource = await change(deps.database, (tx) =>
        changeResource(tx, ref, async (now) => {
          const next = patched(now, body);
          requireSound(next.settings);
          await requireUnused(tx, ref, { now, next });
          isReadOtherwise = readsDays(now) !== readsDays(next);
          return next;
        }),
      );
      if (!resource) throw notFound('resource');
      if (isReadOtherwise) await wakeCalendars(deps, ref);
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

type Values = Pick<StoredResource, 'name' | 'timeZone' | 'capacity' | 'settings'>;

/** Fields that were left out stay. */
function patched(now: Values, { settings = {}, ...rest }: z.output<typeof ResourcePatch>): Values {
  const { holdLimits, customers, recheck, conflicts, ...fields } = settings;
  const before = now.settings;
  return {
    name: rest.name ?? now.name,
    timeZone: rest.timeZone ?? now.timeZone,
    capacity: rest.capacity ?? now.capacity,
    settings: {
      ...before,
      ...given(fields),
      holdLimits: { ...before.holdLimits, ...given(holdLimits ?? {}) },
      customers: { ...before.customers, ...given(customers ?? {}) },
      recheck: { ...before.recheck, ...given(recheck ?? {}) },
      conflicts: { ...before.conflicts, ...given(conflicts ?? {}) },
    },
  };
}

function given<T extends object>(patch: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(patch).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function requireSound(settings: ResourceSettings): void {
  const faults = settingsFaults(settings);
  if (faults.length === 0) return;
  const errors = faults.map(({ path, message }) => ({
    in: 'body',
    pointer: `/settings/${path.join('/')}`,
    detail: message,
  }));
  throw new Problem('invalid-request', {
    detail: 'With what stays as it is, these settings contradict each other.',
    more: { errors },
  });
}

/** What lies ahead was sold by what the resource is now. */
async function requireUnused(
  tx: Tx,
  ref: ResourceRef,
  { now, next }: { now: Values; next: Values },
): Promise<void> {
  const isSoldOtherwise = now.settings.soldBy !== next.settings.soldBy;
  if (!isSoldOtherwise && next.capacity >= now.capacity) return;
  const { highestUnit, bookings, sessions, isLinked } = await resourceUse(tx, ref);
  if (next.capacity < highestUnit)
    throw new Problem('in-use', {
      detail: `Unit ${highestUnit} has bookings to come, a block or a calendar: end those first, or keep a capacity of ${highestUnit}.`,
    });
  if (isSoldOtherwise && bookings + sessions > 0)
    throw new Problem('in-use', {
      detail: `It has ${bookings} live bookings and ${sessions} sessions to come: end those before it is sold otherwise.`,
    });
  if (isLinked && next.settings.soldBy === 'session')
    throw new Problem('in-use', {
      detail:
        'Places of sessions take no units, so that what is linked could not be taken with them: remove its links first.',
    });
}

/** All that says which instants the whole days of outside calendars are. */
const readsDays = ({ timeZone, settings }: Values): string => {
  const nights = nightRulesOf(settings);
  return JSON.stringify([timeZone, nights && [nights.checkIn, nights.checkOut]]);
};

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
