import { DEFAULT_RESOURCE_SETTINGS } from '../domain/resource.ts';
import type { ResourceSettings } from '../domain/resource.ts';
import type { Database } from './database.ts';
import type { Prisma, Resource } from './generated/client.ts';
import type { Tx } from './transactions.ts';
import { appendEntry, lockResource } from './transactions.ts';

export interface StoredResource {
  id: string;
  name: string;
  timeZone: string;
  capacity: number;
  settings: ResourceSettings;
  createdAt: Date;
  archivedAt: Date | null;
}

export interface ResourceRef {
  tenantId: string;
  resourceId: string;
}

type Values = Pick<StoredResource, 'name' | 'timeZone' | 'capacity' | 'settings'>;

/** Null when the id is taken, be it by an archived one. */
export async function createResource(
  tx: Tx,
  tenantId: string,
  input: Values & { id: string },
): Promise<StoredResource | null> {
  const [row] = await tx.resource.createManyAndReturn({
    data: [{ ...input, tenantId, settings: json(input.settings), seq: 1n }],
    skipDuplicates: true,
  });
  if (!row) return null;
  await enter(tx, row, 'resource.created');
  return resourceOf(row);
}

export async function findResource(
  database: Database,
  { tenantId, resourceId }: ResourceRef,
): Promise<StoredResource | null> {
  const row = await database.prisma.resource.findUnique({
    where: { tenantId_id: { tenantId, id: resourceId } },
  });
  return row && resourceOf(row);
}

export async function listResources(
  database: Database,
  page: { tenantId: string; after: string | undefined; limit: number },
): Promise<StoredResource[]> {
  const rows = await database.prisma.resource.findMany({
    where: { tenantId: page.tenantId, id: { gt: page.after ?? '' } },
    orderBy: { id: 'asc' },
    take: page.limit,
  });
  return rows.map(resourceOf);
}

/** Null when there is none, or when it is archived. `version` of the settings is a trigger's. */
export async function changeResource(
  tx: Tx,
  { tenantId, resourceId }: ResourceRef,
  edit: (now: StoredResource) => Values | Promise<Values>,
): Promise<StoredResource | null> {
  await lockResource(tx, tenantId, resourceId);
  const where = { tenantId_id: { tenantId, id: resourceId } };
  const now = await tx.resource.findUnique({ where });
  if (!now || now.archivedAt) return null;
  const values = await edit(resourceOf(now));
  const row = await tx.resource.update({
    where,
    data: { ...values, settings: json(values.settings), seq: { increment: 1 } },
  });
  if (row.linked && row.capacity > now.capacity)
    await tx.$executeRaw`SELECT take_new_units(${tenantId}, ${resourceId}, ${now.capacity}::integer)`;
  await enter(tx, row, 'resource.changed');
  return resourceOf(row);
}

/** What lies ahead of a resource and holds it to what it is. */
export interface ResourceUse {
  /** Of bookings, blocks and calendars; 0 without any. */
  highestUnit: number;
  bookings: number;
  sessions: number;
  isLinked: boolean;
}

export async function resourceUse(
  tx: Tx,
  { tenantId, resourceId }: ResourceRef,
): Promise<ResourceUse> {
  const [used] = await tx.$queryRaw<ResourceUse[]>`
    SELECT greatest(max(o.unit), (SELECT max(unit) FROM block
          WHERE tenant_id = ${tenantId} AND resource_id = ${resourceId} AND removed_at IS NULL
            AND end_at > clock_timestamp()),
        (SELECT max(unit) FROM connection WHERE tenant_id = ${tenantId}
            AND resource_id = ${resourceId} AND disconnected_at IS NULL), 0) AS "highestUnit",
      count(DISTINCT o.booking_id)::integer AS bookings,
      (SELECT count(*)::integer FROM session WHERE tenant_id = ${tenantId}
          AND resource_id = ${resourceId} AND cancelled_at IS NULL
          AND end_at > clock_timestamp()) AS sessions,
      (SELECT linked FROM resource WHERE tenant_id = ${tenantId} AND id = ${resourceId}) AS "isLinked"
    FROM occupancy o WHERE o.tenant_id = ${tenantId} AND o.resource_id = ${resourceId} AND o.live
      AND upper(o.span) > clock_timestamp()
      AND (o.confirmed_at IS NOT NULL OR o.expires_at > clock_timestamp())`;
  return used!;
}

export type Archived =
  | { kind: 'archived' | 'already-archived' | 'missing' }
  | { kind: 'in-use'; bookings: number; connections: number };

/** Archives what sells nothing any more: no live booking that has not ended, no connection. */
export async function archiveResource(tx: Tx, ref: ResourceRef): Promise<Archived> {
  const { tenantId, resourceId } = ref;
  await lockResource(tx, tenantId, resourceId);
  const where = { tenantId_id: { tenantId, id: resourceId } };
  const now = await tx.resource.findUnique({ where });
  if (!now) return { kind: 'missing' };
  if (now.archivedAt) return { kind: 'already-archived' };
  const [used] = await tx.$queryRaw<{ bookings: number; connections: number }[]>`
    SELECT (SELECT count(DISTINCT booking_id)::integer FROM occupancy
             WHERE tenant_id = ${tenantId} AND resource_id = ${resourceId} AND live
               AND upper(span) > clock_timestamp()
               AND (confirmed_at IS NOT NULL OR expires_at > clock_timestamp())) AS bookings,
           (SELECT count(*)::integer FROM connection
             WHERE tenant_id = ${tenantId} AND resource_id = ${resourceId}
               AND disconnected_at IS NULL) AS connections`;
  if (used && used.bookings + used.connections > 0) return { kind: 'in-use', ...used };
  const row = await tx.resource.update({
    where,
    data: { archivedAt: new Date(), seq: { increment: 1 } },
  });
  await enter(tx, row, 'resource.archived');
  return { kind: 'archived' };
}

/** The next number of a resource's entries; its row stays locked. */
export async function nextResourceSeq(tx: Tx, ref: ResourceRef): Promise<bigint> {
  const { seq } = await tx.resource.update({
    where: { tenantId_id: { tenantId: ref.tenantId, id: ref.resourceId } },
    data: { seq: { increment: 1 } },
    select: { seq: true },
  });
  return seq;
}

const enter = (tx: Tx, row: Resource, type: string): Promise<void> =>
  appendEntry(tx, {
    tenantId: row.tenantId,
    subject: `resource/${row.id}`,
    seq: row.seq,
    type,
    data: { timeZone: row.timeZone, capacity: row.capacity, settings: row.settings },
  });

const resourceOf = (row: Resource): StoredResource => ({
  id: row.id,
  name: row.name,
  timeZone: row.timeZone,
  capacity: row.capacity,
  // A setting that is younger than the row has its default.
  settings: { ...DEFAULT_RESOURCE_SETTINGS, ...(row.settings as Partial<ResourceSettings>) },
  createdAt: row.createdAt,
  archivedAt: row.archivedAt,
});

const json = (settings: ResourceSettings) => settings as unknown as Prisma.InputJsonObject;
