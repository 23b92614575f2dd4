import type { FeedPlatform } from '../domain/published.ts';
import type { Database } from './database.ts';
import type { Feed } from './generated/client.ts';
import { nextResourceSeq, type ResourceRef } from './resources.ts';
import { appendEntry, lockResource, type Tx } from './transactions.ts';

/** A feed that we publish for one subscriber; its address holds a secret. */
export interface StoredFeed {
  id: string;
  resourceId: string;
  unit: number | null;
  subscriber: string;
  platform: FeedPlatform;
  shows: 'busy' | 'reference';
  /** Connections by which we read what this subscriber says. */
  connectionIds: string[];
  /** Sealed. */
  token: Uint8Array;
  createdAt: Date;
  rotatedAt: Date | null;
}

export type NewFeed = Omit<StoredFeed, 'resourceId' | 'createdAt' | 'rotatedAt'> & {
  tokenHash: Uint8Array<ArrayBuffer>;
  token: Uint8Array<ArrayBuffer>;
};

export type FeedMade =
  | { kind: 'made'; feed: StoredFeed }
  | { kind: 'no-such-resource' | 'no-such-unit' | 'no-such-connection' };

export async function createFeed(tx: Tx, ref: ResourceRef, input: NewFeed): Promise<FeedMade> {
  const { tenantId, resourceId } = ref;
  const { connectionIds, ...values } = input;
  await lockResource(tx, tenantId, resourceId);
  const resource = await tx.resource.findUnique({
    where: { tenantId_id: { tenantId, id: resourceId }, archivedAt: null },
  });
  if (!resource) return { kind: 'no-such-resource' };
  if (input.unit !== null && input.unit > resource.capacity) return { kind: 'no-such-unit' };
  if (!(await areOf(tx, ref, connectionIds))) return { kind: 'no-such-connection' };
  const row = await tx.feed.create({
    data: {
      ...values,
      tenantId,
      resourceId,
      feedConnections: { create: connectionIds.map((connectionId) => ({ connectionId })) },
    },
  });
  await enter(tx, ref, { type: 'feed.created', feedId: row.id });
  return { kind: 'made', feed: feedOf(row, connectionIds) };
}

/** Null when there is none, or when it is revoked. */
export async function findFeed(
  database: Database,
  { tenantId, resourceId, feedId }: ResourceRef & { feedId: string },
): Promise<StoredFeed | null> {
  const row = await database.prisma.feed.findUnique({
    where: { tenantId_id: { tenantId, id: feedId }, resourceId, revokedAt: null },
    include: { feedConnections: true },
  });
  return row && feedOf(row, row.feedConnections.map(idOf));
}

export async function listFeeds(
  database: Database,
  page: ResourceRef & { after: string | undefined; limit: number },
): Promise<StoredFeed[]> {
  const rows = await database.prisma.feed.findMany({
    where: {
      tenantId: page.tenantId,
      resourceId: page.resourceId,
      revokedAt: null,
      id: { gt: page.after ?? '' },
    },
    include: { feedConnections: true },
    orderBy: { id: 'asc' },
    take: page.limit,
  });
  return rows.map((row) => feedOf(row, row.feedConnections.map(idOf)));
}

export interface FeedEdit {
  subscriber?: string | undefined;
  shows?: 'busy' | 'reference' | undefined;
  connectionIds?: string[] | undefined;
  /** A new secret; the one before ends at once. */
  secret?: { tokenHash: Uint8Array<ArrayBuffer>; token: Uint8Array<ArrayBuffer> };
  /** Ends the feed. */
  revoke?: true;
}

export type FeedChanged =
  { kind: 'changed'; feed: StoredFeed } | { kind: 'missing' } | { kind: 'no-such-connection' };

/** Answers the feed as it is now. */
export async function changeFeed(
  tx: Tx,
  ref: ResourceRef & { feedId: string },
  { connectionIds, secret, revoke, ...values }: FeedEdit,
): Promise<FeedChanged> {
  const { tenantId, resourceId, feedId } = ref;
  await lockResource(tx, tenantId, resourceId);
  const where = { tenantId_id: { tenantId, id: feedId }, resourceId, revokedAt: null };
  if (!(await tx.feed.findUnique({ where }))) return { kind: 'missing' };
  if (connectionIds) {
    if (!(await areOf(tx, ref, connectionIds))) return { kind: 'no-such-connection' };
    await tx.feedConnection.deleteMany({ where: { tenantId, feedId } });
    const data = connectionIds.map((connectionId) => ({ tenantId, feedId, connectionId }));
    await tx.feedConnection.createMany({ data });
  }
  const row = await tx.feed.update({
    where,
    data: {
      ...(values.subscriber === undefined ? {} : { subscriber: values.subscriber }),
      ...(values.shows === undefined ? {} : { shows: values.shows }),
      ...(secret ? { ...secret, rotatedAt: new Date() } : {}),
      ...(revoke ? { revokedAt: new Date() } : {}),
    },
    include: { feedConnections: true },
  });
  const type = revoke ? 'feed.revoked' : secret ? 'feed.rotated' : 'feed.changed';
  await enter(tx, ref, { type, feedId });
  return { kind: 'changed', feed: feedOf(row, row.feedConnections.map(idOf)) };
}

/** Whether these connections are all of this resource, and not over. */
async function areOf(
  tx: Tx,
  { tenantId, resourceId }: ResourceRef,
  ids: readonly string[],
): Promise<boolean> {
  const found = await tx.connection.count({
    where: { tenantId, resourceId, id: { in: [...ids] }, disconnectedAt: null },
  });
  return found === ids.length;
}

async function enter(
  tx: Tx,
  ref: ResourceRef,
  { type, feedId }: { type: string; feedId: string },
): Promise<void> {
  const { tenantId, resourceId } = ref;
  const seq = await nextResourceSeq(tx, ref);
  const subject = `resource/${resourceId}`;
  await appendEntry(tx, { tenantId, subject, seq, type, data: { feedId } });
}

const idOf = ({ connectionId }: { connectionId: string }): string => connectionId;

const feedOf = (row: Feed, connectionIds: string[]): StoredFeed => ({
  id: row.id,
  resourceId: row.resourceId,
  unit: row.unit,
  subscriber: row.subscriber,
  platform: row.platform as FeedPlatform,
  shows: row.shows as StoredFeed['shows'],
  connectionIds,
  token: row.token,
  createdAt: row.createdAt,
  rotatedAt: row.rotatedAt,
});
