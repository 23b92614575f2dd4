import type { Database } from './database.ts';
import type { Block } from './generated/client.ts';
import type { ResourceRef } from './resources.ts';
import { nextResourceSeq } from './resources.ts';
import type { Tx } from './transactions.ts';
import { appendEntry, lockResource } from './transactions.ts';

export interface NewBlock {
  id: string;
  /** Null closes the whole resource. */
  unit: number | null;
  /** RFC 3339, half-open. */
  startAt: string;
  endAt: string;
}

export type Blocked =
  /** `connections` are to show it now. */
  | { kind: 'blocked'; block: Block; connections: string[] }
  | { kind: 'no-such-resource' }
  | { kind: 'no-such-unit'; capacity: number };

/** Closes a span. Bookings that are there stay; the rest of the span is closed. */
export async function createBlock(tx: Tx, ref: ResourceRef, input: NewBlock): Promise<Blocked> {
  const { tenantId, resourceId } = ref;
  await lockResource(tx, tenantId, resourceId);
  const resource = await tx.resource.findUnique({
    where: { tenantId_id: { tenantId, id: resourceId }, archivedAt: null },
  });
  if (!resource) return { kind: 'no-such-resource' };
  if (input.unit !== null && input.unit > resource.capacity)
    return { kind: 'no-such-unit', capacity: resource.capacity };
  const block = await tx.block.create({ data: { ...input, tenantId, resourceId } });
  await enter(tx, block, 'block.created');
  const [wished] = await tx.$queryRaw<
    Wished[]
  >`SELECT wish_block(${tenantId}, ${block.id}) AS connections`;
  return { kind: 'blocked', block, connections: wished!.connections };
}

interface Wished {
  connections: string[];
}

/** Answers the connections that showed it; null when there is no such block, or it is removed already. */
export async function removeBlock(
  tx: Tx,
  ref: ResourceRef,
  blockId: string,
): Promise<string[] | null> {
  const { tenantId, resourceId } = ref;
  await lockResource(tx, tenantId, resourceId);
  const found = await tx.block.findFirst({
    where: { tenantId, resourceId, id: blockId, removedAt: null },
  });
  if (!found) return null;
  const block = await tx.block.update({
    where: { tenantId_id: { tenantId, id: blockId } },
    data: { removedAt: new Date() },
  });
  await enter(tx, block, 'block.removed');
  const [wished] = await tx.$queryRaw<
    Wished[]
  >`SELECT wish_away(${tenantId}, ${blockId}) AS connections`;
  return wished!.connections;
}

export const listBlocks = (
  database: Database,
  page: ResourceRef & {
    after?: string | undefined;
    limit: number;
    /** RFC 3339: blocks that overlap the time. */
    from?: string | undefined;
    to?: string | undefined;
  },
): Promise<Block[]> =>
  database.prisma.block.findMany({
    where: {
      tenantId: page.tenantId,
      resourceId: page.resourceId,
      removedAt: null,
      id: { gt: page.after ?? '' },
      ...(page.from !== undefined && { endAt: { gt: page.from } }),
      ...(page.to !== undefined && { startAt: { lt: page.to } }),
    },
    orderBy: { id: 'asc' },
    take: page.limit,
  });

/** A block's entries belong to its resource. */
async function enter(tx: Tx, block: Block, type: string): Promise<void> {
  const { tenantId, resourceId, id, unit, startAt, endAt } = block;
  const seq = await nextResourceSeq(tx, { tenantId, resourceId });
  const data = { blockId: id, unit, startAt: startAt.toISOString(), endAt: endAt.toISOString() };
  await appendEntry(tx, { tenantId, subject: `resource/${resourceId}`, seq, type, data });
}
