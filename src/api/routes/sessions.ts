import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { findResource } from '../../store/resources.ts';
import type { SessionMoved, SessionRef } from '../../store/sessions.ts';
import {
  cancelSession,
  changeCapacity,
  createSessions,
  findSession,
  listSessions,
} from '../../store/sessions.ts';
import { change } from '../../store/transactions.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { afterPosition, AfterSession, positionOf } from '../session-page.ts';
import { Id, Instant, pageQuery } from '../schemas/common.ts';
import {
  NewSessions,
  Session,
  SessionList,
  SessionPage,
  SessionPatch,
} from '../schemas/session.ts';

const tag = 'Sessions';
const path = '/v1/resources/{resourceId}/sessions';
const onePath = `${path}/{sessionId}` as const;
const params = z.strictObject({ resourceId: Id });
const oneParams = z.strictObject({ resourceId: Id, sessionId: Id });
const example = {
  sessions: [
    {
      startAt: '2027-06-01T09:00:00+02:00',
      endAt: '2027-06-01T12:00:00+02:00',
      capacity: 400,
      price: { amountMinor: 2_500, currency: 'eur' },
    },
  ],
};

export const sessionRoutes = [
  route({
    method: 'post',
    path,
    id: 'createSessions',
    tag,
    summary: 'Schedule sessions',
    about:
      'Fixed times with so many places, of a resource that sells sessions: a tour, a class, a crossing. Booked with `sessionId`.',
    scopes: ['admin'],
    idempotent: true,
    params,
    body: NewSessions,
    bodyExample: example,
    answer: { status: 201, about: 'All of them, by start.', schema: SessionList },
    problems: ['not-found', 'invalid-request'],
    handle(input, deps) {
      const ref = { tenantId: input.caller.tenantId, ...input.params };
      return createOnce(input, deps, {
        prepare: async () => input.body.sessions.map((one) => ({ ...one, id: randomUUID() })),
        create: async (tx, list) => {
          const done = await createSessions(tx, ref, list);
          if (done.kind === 'no-such-resource') throw notFound('resource');
          if (done.kind === 'not-sold') throw notSold();
          return { status: 201, body: { sessions: done.sessions.map(show) } };
        },
      });
    },
  }),
  route({
    method: 'get',
    path,
    id: 'listSessions',
    tag,
    summary: 'List the sessions of a resource',
    scopes: ['availability:read', 'bookings:write'],
    params,
    query: z.strictObject({
      ...pageQuery,
      after: AfterSession,
      from: Instant.default(new Date(0).toISOString()).describe('Those that begin from then on.'),
      to: Instant.default('2199-12-31T00:00:00.000Z').describe('And before then.'),
    }),
    answer: { status: 200, about: 'By start, cancelled ones too.', schema: SessionPage },
    problems: ['not-found'],
    async handle({ caller, params, query }, { database }) {
      const ref = { tenantId: caller.tenantId, ...params };
      if (!(await findResource(database, ref))) throw notFound('resource');
      const { from, to, limit } = query;
      const rows = await listSessions(database, {
        ...ref,
        from,
        to,
        limit,
        after: afterPosition(query.after),
      });
      const keyOf = ({ id, startAt }: Row) => positionOf({ id, startAt: startAt.toISOString() });
      return { body: pageOf(rows, { limit, keyOf, show }) };
    },
  }),
  route({
    method: 'get',
    path: onePath,
    id: 'getSession',
    tag,
    summary: 'Read a session',
    scopes: ['availability:read', 'bookings:write'],
    params: oneParams,
    answer: { status: 200, about: 'The session.', schema: Session },
    problems: ['not-found'],
    async handle({ caller, params }, { database }) {
      const found = await findSession(database, { tenantId: caller.tenantId, ...params });
      if (!found) throw notFound('session');
      return { body: show(found) };
    },
  }),
  route({
    method: 'patch',
    path: onePath,
    id: 'changeSession',
    tag,
    summary: 'Change how many places a session has',
    scopes: ['admin'],
    params: oneParams,
    body: SessionPatch,
    bodyExample: { capacity: 300 },
    answer: { status: 200, about: 'As it is now.', schema: Session },
    problems: ['not-found', 'in-use'],
    async handle({ caller, params, body }, { database }) {
      const ref: SessionRef = { tenantId: caller.tenantId, ...params };
      return answer(await change(database, (tx) => changeCapacity(tx, ref, body.capacity)));
    },
  }),
  route({
    method: 'delete',
    path: onePath,
    id: 'cancelSession',
    tag,
    summary: 'Cancel a session',
    about: 'No place of it is sold any more. What is booked stays until each booking is cancelled.',
    scopes: ['admin'],
    params: oneParams,
    answer: { status: 200, about: 'Cancelled, or it was already.', schema: Session },
    problems: ['not-found'],
    async handle({ caller, params }, { database }) {
      const ref: SessionRef = { tenantId: caller.tenantId, ...params };
      return answer(await change(database, (tx) => cancelSession(tx, ref)));
    },
  }),
];

function answer(done: SessionMoved) {
  if (done.kind === 'missing') throw notFound('session');
  if (done.kind === 'cancelled')
    throw new Problem('in-use', { detail: 'The session was cancelled: schedule another one.' });
  if (done.kind === 'too-small')
    throw new Problem('in-use', {
      detail: `${done.taken} places are taken: cancel bookings of the session first.`,
      more: { taken: done.taken },
    });
  return { body: show(done.session) };
}

const notSold = (): Problem =>
  new Problem('invalid-request', {
    detail: 'The resource does not sell sessions: set `soldBy` of its settings to `session`.',
    more: { errors: [{ in: 'path', pointer: '/resourceId', detail: 'sells no sessions' }] },
  });

interface Row {
  id: string;
  resourceId: string;
  startAt: Date;
  endAt: Date;
  capacity: number;
  taken: number;
  price: unknown;
  createdAt: Date;
  cancelledAt: Date | null;
}

const show = (row: Row) => ({
  id: row.id,
  resourceId: row.resourceId,
  startAt: row.startAt.toISOString(),
  endAt: row.endAt.toISOString(),
  capacity: row.capacity,
  placesLeft: row.capacity - row.taken,
  price: row.price as { amountMinor: number; currency: string } | null,
  createdAt: row.createdAt.toISOString(),
  cancelledAt: row.cancelledAt?.toISOString() ?? null,
});
