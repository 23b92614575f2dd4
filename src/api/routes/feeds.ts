import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { FeedEdit, StoredFeed } from '../../store/feeds.ts';
import { changeFeed, createFeed, findFeed, listFeeds } from '../../store/feeds.ts';
import { findResource } from '../../store/resources.ts';
import { change } from '../../store/transactions.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { createOnce } from '../idempotency.ts';
import { pageOf } from '../page.ts';
import { notFound, Problem } from '../problem.ts';
import { route } from '../route.ts';
import { Empty, Id, pageQuery } from '../schemas/common.ts';
import { Feed, FeedPage, FeedPatch, NewFeed } from '../schemas/feed.ts';

const tag = 'Published feeds';
const path = '/v1/resources/{resourceId}/feeds';
const one = `${path}/{feedId}`;
const scopes = ['connections:write'] as const;
const params = z.strictObject({ resourceId: Id });
const oneParams = z.strictObject({ resourceId: Id, feedId: Id });
type One = z.output<typeof oneParams>;

export const feedRoutes = [
  route({
    method: 'post',
    path,
    id: 'createFeed',
    tag,
    summary: 'Publish an iCal feed of a resource',
    about:
      'One feed per subscriber, at a secret address that Airbnb, Booking.com, Vrbo and calendars can import: bookings, blocks and outside busy time, without what that subscriber said itself.',
    scopes,
    idempotent: true,
    params,
    body: NewFeed,
    bodyExample: { subscriber: 'Airbnb', platform: 'airbnb' },
    answer: { status: 201, about: 'Published.', schema: Feed },
    problems: ['not-found', 'invalid-request'],
    async handle(input, deps) {
      const { tenantId } = input.caller;
      const ref = { tenantId, resourceId: input.params.resourceId };
      const answer = await createOnce(input, deps, {
        prepare: async () => randomUUID(),
        create: async (tx, id) => {
          const made = await createFeed(tx, ref, {
            id,
            ...input.body,
            ...secretOf(deps, tenantId, id),
          });
          if (made.kind === 'no-such-resource') throw notFound('resource');
          if (made.kind === 'no-such-unit') throw wrong('/unit', 'must be a unit of the resource');
          if (made.kind === 'no-such-connection') throw noSuchConnection();
          // The address is a secret, which the stored answer must not hold.
          return { status: 201, body: { id } };
        },
      });
      const { id: feedId } = answer.body as { id: string };
      const feed = await findFeed(deps.database, { ...ref, feedId });
      if (!feed) throw notFound('feed');
      return { ...answer, body: show(deps, tenantId, feed) };
    },
  }),
  route({
    method: 'get',
    path,
    id: 'listFeeds',
    tag,
    summary: 'List the published feeds of a resource',
    scopes,
    params,
    query: z.strictObject(pageQuery),
    answer: { status: 200, about: 'By id; revoked ones are left out.', schema: FeedPage },
    problems: ['not-found'],
    async handle({ caller, params, query }, deps) {
      const ref = { tenantId: caller.tenantId, ...params };
      if (!(await findResource(deps.database, ref))) throw notFound('resource');
      const { after, limit } = query;
      const rows = await listFeeds(deps.database, { ...ref, after, limit });
      const shown = (row: StoredFeed) => show(deps, caller.tenantId, row);
      return { body: pageOf(rows, { limit, keyOf: (row) => row.id, show: shown }) };
    },
  }),
  route({
    method: 'patch',
    path: one,
    id: 'changeFeed',
    tag,
    summary: 'Change a published feed',
    scopes,
    params: oneParams,
    body: FeedPatch,
    bodyExample: { shows: 'reference' },
    answer: { status: 200, about: 'As it is now.', schema: Feed },
    problems: ['not-found', 'invalid-request'],
    handle: async ({ caller, params, body }, deps) => ({
      body: show(deps, caller.tenantId, await edited(deps, { ...params, ...caller }, body)),
    }),
  }),
  route({
    method: 'post',
    path: `${one}/rotate`,
    id: 'rotateFeed',
    tag,
    summary: 'Give a published feed a new address',
    about: 'The old address ends at once: give the new one to the subscriber.',
    scopes,
    params: oneParams,
    body: Empty,
    bodyExample: {},
    answer: { status: 200, about: 'With its new address.', schema: Feed },
    problems: ['not-found'],
    async handle({ caller, params }, deps) {
      const secret = secretOf(deps, caller.tenantId, params.feedId);
      const feed = await edited(deps, { ...params, ...caller }, { secret });
      return { body: show(deps, caller.tenantId, feed) };
    },
  }),
  route({
    method: 'delete',
    path: one,
    id: 'revokeFeed',
    tag,
    summary: 'End a published feed',
    scopes,
    params: oneParams,
    answer: { status: 204, about: 'Its address answers 404 from now on.', schema: null },
    problems: ['not-found'],
    async handle({ caller, params }, deps) {
      await edited(deps, { ...params, ...caller }, { revoke: true });
      return {};
    },
  }),
];

async function edited(
  { database }: ApiDependencies,
  { tenantId, resourceId, feedId }: One & { tenantId: string },
  edit: FeedEdit,
): Promise<StoredFeed> {
  const ref = { tenantId, resourceId, feedId };
  const done = await change(database, (tx) => changeFeed(tx, ref, edit));
  if (done.kind === 'missing') throw notFound('feed');
  if (done.kind === 'no-such-connection') throw noSuchConnection();
  return done.feed;
}

/** 256 random bits: nobody finds an address by trying. */
function secretOf({ vault }: ApiDependencies, tenantId: string, feedId: string) {
  const token = randomBytes(32).toString('base64url');
  return {
    tokenHash: tokenHashOf(token),
    token: new Uint8Array(vault.seal([tenantId, 'feed', feedId], token)),
  };
}

export const tokenHashOf = (token: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createHash('sha256').update(token).digest());

const noSuchConnection = (): Problem =>
  wrong('/connectionIds', 'must be connections of this resource that are not disconnected');

const wrong = (pointer: string, detail: string): Problem =>
  new Problem('invalid-request', {
    detail: `The body is not valid: ${pointer} ${detail}.`,
    more: { errors: [{ in: 'body', pointer, detail }] },
  });

const show = ({ vault, config }: ApiDependencies, tenantId: string, feed: StoredFeed) => ({
  id: feed.id,
  resourceId: feed.resourceId,
  unit: feed.unit,
  subscriber: feed.subscriber,
  platform: feed.platform,
  shows: feed.shows,
  connectionIds: feed.connectionIds,
  url: `${config.publicUrl}/v1/feeds/${vault.open([tenantId, 'feed', feed.id], feed.token)}.ics`,
  createdAt: feed.createdAt.toISOString(),
  rotatedAt: feed.rotatedAt?.toISOString() ?? null,
});
